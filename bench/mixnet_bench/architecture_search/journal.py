"""``candidates.jsonl``: all candidates so far, so that an interrupted search can continue.

The first line identifies the search, each other line is a candidate. Lines are appended whole; an
incomplete last line is removed. A file of another search is refused and never changed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

from mixnet_bench.results.search import SearchTrial
from mixnet_common import MixnetError, UsageError
from mixnet_common.json_object import WrongValueError
from mixnet_common.locks import take
from mixnet_common.readers import opened, parse_json, show
from mixnet_common.result import decode, encode

KIND, VERSION = "mixnet-search", 1

LONGEST_LINE = 100_000
"""Bytes; a candidate of 200 positions has a hundredth of it."""

Key = Mapping[str, Any]
"""The identity of a search: JSON values, by names for messages."""


class Journal:
    """An open file of candidates."""

    def __init__(self, path: Path, file: RawIOBase, trials: list[SearchTrial]) -> None:
        self.path = path
        self.trials = trials
        """Those of earlier runs."""
        self._file = file

    def append(self, trial: SearchTrial) -> None:
        """Hand one line to the system. Raises MixnetError if the disk refuses."""
        with _explained(self.path):
            _write(self._file, _line(encode(trial)))


@contextmanager
def opened_journal(path: Path, key: Key) -> Iterator[Journal]:
    """The file, made if missing, with its candidates read.

    Raises UsageError if it is another search's or no such file, MixnetError if it is damaged,
    in use, or cannot be read or written.
    """
    header = _line({"kind": KIND, "version": VERSION, **key})
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        file = path.open("r+b", buffering=0)
    with file:
        if not take(path, file.fileno()):
            raise MixnetError(
                f"{show(path)} is in use by another search",
                "wait until it ends, or use another folder with -o",
            )
        with opened(path) as source:
            length, trials = _replay(path, source, header)
        with _explained(path):
            file.truncate(length)
            file.seek(length)
            if not length:
                _write(file, header)
        yield Journal(path, file, trials)


def _line(content: Any) -> bytes:
    return (json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _write(file: RawIOBase, data: bytes) -> None:
    while data:
        data = data[file.write(data) or 0 :]


def _replay(path: Path, source: BufferedReader, header: bytes) -> tuple[int, list[SearchTrial]]:
    """The length of the complete lines, and the candidates in them."""
    first = source.readline(LONGEST_LINE)
    if first != header:
        if header.startswith(first):  # cut off, or empty
            return 0, []
        raise _of_another(path, first, header)
    length, trials = len(header), list[SearchTrial]()
    while (line := source.readline(LONGEST_LINE)).endswith(b"\n"):
        try:
            trial = decode(SearchTrial, parse_json(line, ""))
            if trial.number != len(trials):
                raise WrongValueError(f"number is {trial.number}, and {len(trials)} comes next")
        except (WrongValueError, UsageError) as error:
            raise _damaged(path, len(trials) + 2, str(error)) from error
        trials.append(trial)
        length += len(line)
    if len(line) == LONGEST_LINE or source.read(1):
        raise _damaged(path, len(trials) + 2, "it is too long")
    return length, trials


def _damaged(path: Path, line: int, why: str) -> MixnetError:
    return MixnetError(
        f"{show(path)} is damaged in line {line}: {why.strip()}",
        "remove that line and all after it, and run the search again: it continues from there",
    )


def _of_another(path: Path, found: bytes, header: bytes) -> UsageError:
    """The error that names the differing parts of the key, or says that this is another file."""
    try:
        theirs, ours = parse_json(found, ""), json.loads(header)
        if theirs["kind"] != KIND:
            raise ValueError(theirs["kind"])
        other = [name for name in ours if theirs.get(name) != ours[name]]
    except (ValueError, KeyError, TypeError, UsageError):
        return UsageError(
            f"{show(path)} does not contain the candidates of a search",
            "use another folder with -o",
        )
    return UsageError(
        f"{show(path)} belongs to another search; differences: {', '.join(other)}",
        "use another folder with -o, or remove this one",
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MixnetError(
            f"cannot write {show(path)}: {error.strerror or error}",
            "free some space, or use another folder; the candidates in it are not lost",
        ) from error
