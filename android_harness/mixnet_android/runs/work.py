"""The content of one launch of the runner: its files on the phone, and its command line.

It starts nothing; ``session`` does.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.phone import store
from mixnet_android.runner.protocol import MOST_MODELS
from mixnet_common import UsageError
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.options import SEEDS

RESULT = "result.jsonl"
PROFILED = 'settaskprofile $$ "$1" >/dev/null; shift; exec "$@"'


@dataclass(frozen=True)
class Work:
    """The work of a launch: ``models`` and, for each, the local ``libraries`` that run it.

    Raises UsageError for more models than the runner accepts.

    ``min_count`` and ``min_time_s`` are for each model and this one launch; ``cpus`` is None for
    threads that go where the phone puts them.
    """

    runner: Path
    models: tuple[Path, ...]
    libraries: tuple[Path, ...]
    threads: int
    cpus: tuple[int, ...] | None
    warmup: int
    min_count: int
    min_time_s: float
    burst_ms: float
    seed: int
    outputs: bool
    limit_s: int | None = None
    """The longest it may take, if that is not to follow from the minimum times."""
    profile: int = 0
    """Inferences of each model under its runtime's profiler, after the timing."""
    data: Mapping[int, Mapping[str, Path]] = field(default_factory=dict)
    """By model, the files that it expects beside it, by their relative paths."""
    inputs: Mapping[int, tuple[Path, ...]] = field(default_factory=dict)
    """By model, files with the raw bytes of all its inputs; the runner generates the others'."""
    fp16: frozenset[int] = frozenset()
    """The models, in float32, that are computed in float16."""
    titles: tuple[str, ...] = ()
    """Descriptions of the libraries for messages."""
    task_profile: str | None = None
    """Android's task profile for the runner; the phone has settaskprofile then."""

    def __post_init__(self) -> None:
        refuse_too_many(self.models)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the phone needs, in a fixed order."""
        beside = [each for _, found in sorted(self.data.items()) for each in found.values()]
        inputs = [each for _, found in sorted(self.inputs.items()) for each in found]
        return (self.runner, *self.libraries, *self.models, *beside, *inputs)

    @property
    def longest_s(self) -> int:
        """When the runner is ended: an hour beyond the minimum times, each with as much in leads.

        A safety net for what hangs or cannot be done, wide enough for slow files.
        """
        return self.limit_s or 3600 + math.ceil(2 * len(self.models) * self.min_time_s)


@dataclass(frozen=True)
class Installed:
    """Paths of some work's files on the phone; ``pushed_bytes`` were not there before."""

    runner: str
    models: tuple[str, ...]
    libraries: tuple[str, ...]
    pushed_bytes: int
    inputs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def install(phone: Phone, work: Work, say: Callable[[str], None] = lambda text: None) -> Installed:
    """Put everything that the work needs on the phone; what is there already is not sent again."""
    store.check_executable(phone)
    places: dict[tuple[Path, str], str] = {}
    pushed = 0

    def put(file: Path, folder: str = "", name: str = "") -> str:
        nonlocal pushed
        if (file, folder) not in places:
            say(f"{file.name} to {phone.serial}")
            stored = store.put(phone, file, folder, name)
            places[file, folder] = stored.path
            pushed += stored.size_bytes if stored.pushed else 0
        return places[file, folder]

    return Installed(
        runner=put(work.runner),
        libraries=tuple([put(each) for each in work.libraries]),
        models=tuple([_put_model(put, work, number) for number in range(len(work.models))]),
        inputs={number: tuple(map(put, files)) for number, files in work.inputs.items()},
        pushed_bytes=pushed,
    )


def _put_model(put: Callable[..., str], work: Work, number: int) -> str:
    """Put a model and what it expects beside it into one folder, of all their contents."""
    model, data = work.models[number], work.data.get(number, {})
    if not data:
        return put(model)
    hashes = [sha256_of(model), *(f"{name}\0{sha256_of(file)}" for name, file in data.items())]
    folder = sha256("\n".join(hashes))
    for name, file in data.items():
        put(file, folder, name)
    return put(model, folder)


def arguments(work: Work, installed: Installed) -> list[str]:
    """The runner's command line; its files stand in the run's folder."""
    command = [installed.runner, "--threads", str(work.threads), "--seed", str(work.seed % SEEDS)]
    command += ["--warmup", str(work.warmup), "--min-count", str(work.min_count)]
    command += ["--min-time", f"{work.min_time_s:.6f}", "--burst-ms", f"{work.burst_ms:g}"]
    command += ["--max-time", str(work.longest_s), "--progress", "progress", "-o", RESULT]
    if work.cpus is not None:
        command += ["--cpus", ",".join(map(str, work.cpus))]
    if work.outputs:
        command += ["--outputs", "."]
    if work.profile:
        command += ["--profile", str(work.profile)]
    files = zip(installed.libraries, installed.models, strict=True)
    command += files_arguments(files, installed.inputs, work.fp16)
    if work.task_profile is not None:
        # The shell puts itself into the profile and then becomes the runner.
        return ["sh", "-c", PROFILED, "sh", work.task_profile, *command]
    return command


def files_arguments(
    files: Iterable[tuple[str, str]],
    inputs: Mapping[int, Sequence[str]] | None = None,
    fp16: Collection[int] = (),
) -> Iterator[str]:
    """The runner's words for ``(library, model)`` pairs; a library is named where it changes.

    ``inputs`` are files of a model's inputs, by the model's number; ``fp16`` are models that are
    computed in float16.

    >>> list(files_arguments([("t.so", "a"), ("t.so", "b")]))
    ['--library', 't.so', '--model', 'a', '--model', 'b']
    """
    latest = None
    for number, (library, model) in enumerate(files):
        if library != latest:
            yield from ("--library", library)
        yield from ("--model", model)
        if number in fp16:
            yield "--fp16"
        for file in (inputs or {}).get(number, ()):
            yield from ("--input", file)
        latest = library


def refuse_too_many(models: Sequence[Path]) -> None:
    """Raise UsageError if one launch of the runner cannot take them all."""
    if len(models) > MOST_MODELS:
        raise UsageError(
            f"{len(models)} files are too many for one run; the runner accepts {MOST_MODELS}",
            "measure fewer at once, with the same first file each time to compare ratios",
        )


def digest_of(work: Work, hashes: Sequence[str]) -> str:
    """A hash of everything that a launch's result depends on, apart from the phone.

    ``hashes`` are those of the files. The same work, asked for again, has the same.
    """
    what = [list(hashes), work.threads, work.cpus, work.warmup, work.min_count, work.min_time_s]
    what += [work.burst_ms, work.seed, work.outputs, work.profile]
    if work.fp16:
        what.append(["fp16", *sorted(work.fp16)])
    what += [] if work.task_profile is None else [work.task_profile]
    return sha256(json.dumps(what))
