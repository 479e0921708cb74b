"""The state file of a comparison: its finished images, so that an interrupted one can continue.

The first line identifies the comparison; a line about a machine gives the origin of the records
after it; each other line is one image's record. Lines are only appended, and an incomplete last one
is removed; a file of another comparison, or of another kind, is refused and never changed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.json_object import WrongValueError
from mixnet_common.locks import take
from mixnet_common.readers import opened as opened_file
from mixnet_common.readers import parse_json, show
from mixnet_quantize.parity.machine_kind import MachineKind
from mixnet_quantize.parity.machine_kind import from_json as kind_from_json
from mixnet_quantize.parity.record import Bounds, Record, from_line, to_line

KIND = "mixnet-parity-state"
VERSION = 1

LONGEST_LINE = 10_000
"""Bytes of a record's line; none has a tenth of it."""

LONGEST = 100_000
"""Bytes by which another comparison's header may be longer than ours."""

MACHINE = "machine"
"""The key of a line about a machine; no record has it."""

Key = Mapping[str, Any]
"""The identity of a comparison: JSON values, by names for messages."""


class State:
    """An open state file. ``append`` adds records and passes them to the system in one call."""

    def __init__(self, path: Path, file: RawIOBase, kind: MachineKind | None) -> None:
        self.path = path
        self.kind = kind
        """Kind of the machine of the last records; None if the file does not have it."""
        self._file = file

    def append(self, records: Iterable[Record], kind: MachineKind | None = None) -> None:
        """Write records, and of which kind of machine they are where that is another than before.

        Raises MixnetError if the disk refuses; what is there stays usable.
        """
        text = "".join(f"{to_line(record)}\n" for record in records)
        if text and kind is not None and kind != self.kind:
            text = json.dumps({MACHINE: kind.to_json()}, separators=(",", ":")) + "\n" + text
            self.kind = kind
        with _explained(self.path):
            _write(self._file, text.encode())


@contextmanager
def opened(path: Path, key: Key, bounds: Bounds, add: Callable[[Record], None]) -> Iterator[State]:
    """A state file, made if missing; ``add`` is called with every record that it holds already.

    Raises UsageError if it is of another comparison or no state file, MixnetError if it is
    damaged or cannot be read or written.
    """
    header = _header(key)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch()
        file = path.open("r+b", buffering=0)
    with file:
        if not take(path, file.fileno()):
            raise MixnetError(
                f"{show(path)} is in use by another process",
                "wait until it ends, or give another state file",
            )
        with _explained(path):
            length, kind = _replay(path, header, bounds, add)
            file.truncate(length)
            file.seek(length)
            if not length:
                _write(file, header)
        yield State(path, file, kind)


def _write(file: RawIOBase, data: bytes) -> None:
    """All of it: without a buffer nothing is left to be written when the file is closed."""
    while data:
        data = data[file.write(data) or 0 :]


def _header(key: Key) -> bytes:
    return (json.dumps({"kind": KIND, "version": VERSION, **key}, sort_keys=True) + "\n").encode()


def _replay(
    path: Path, header: bytes, bounds: Bounds, add: Callable[[Record], None]
) -> tuple[int, MachineKind | None]:
    """Hand out the whole records; how much of the file is whole, and the last machine's kind.

    A torn last line is not, and neither is a torn header.
    """
    with opened_file(path) as file:
        found = file.readline(len(header) + LONGEST)
        if header != found:
            if header.startswith(found):
                return 0, None
            raise _of_another(path, found, header)
        whole, torn, kind = len(header), False, None
        for line in _lines(file):
            if torn:
                raise _damaged(path, whole)
            try:
                text = line.decode() if line.endswith(b"\n") else ""
                if text.startswith(_MACHINE_LINE):
                    kind = _kind(text)
                else:
                    add(from_line(text, bounds))
            except WrongValueError as error:
                raise _damaged(path, whole, str(error)) from error
            except ValueError:
                torn = True
            else:
                whole += len(line)
        return whole, kind


_MACHINE_LINE = f'{{"{MACHINE}":'


def _kind(line: str) -> MachineKind:
    """The kind in a line. Raises ValueError if it is half a line, WrongValueError for damage."""
    try:
        found = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return kind_from_json(found[MACHINE])


def _lines(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only a part, without its end."""
    while line := file.readline(LONGEST_LINE):
        more = line
        while len(more) == LONGEST_LINE and not more.endswith(b"\n"):
            more = file.readline(LONGEST_LINE)
        yield line


def _damaged(path: Path, byte: int, why: str = "") -> MixnetError:
    return MixnetError(
        f"{show(path)} is damaged at byte {byte}{why and f': {why}'}",
        "remove it and run the comparison again",
    )


def _of_another(path: Path, found: bytes, header: bytes) -> UsageError:
    """The error that names the differing parts of the key, or says that this is no state file."""
    try:
        theirs, ours = parse_json(found, ""), json.loads(header)
        if theirs["kind"] != KIND:
            raise ValueError(theirs["kind"])
        other = [name for name in ours if theirs.get(name) != ours[name]]
    except (ValueError, KeyError, TypeError, UsageError):
        return UsageError(f"{show(path)} is not a state file", "give another file, or a new one")
    return UsageError(
        f"{show(path)} belongs to another comparison; differences: {', '.join(other)}",
        "give a new file, or remove this one",
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MixnetError(
            f"cannot write the state file {show(path)}: {error.strerror or error}",
            "free some space, or choose another location; saved results are not lost",
        ) from error
