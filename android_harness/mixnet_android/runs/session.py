"""One launch of the runner on a phone: files there, run, results and outputs back, nothing left.

Joins the store, the detached run and the runner's protocol. It chooses no phone, reads no
conditions and judges no timing.
"""

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.parsers import Cluster, clean
from mixnet_android.phone import store
from mixnet_android.runner.protocol import MOST_MODELS, parse, parse_progress, salvage
from mixnet_android.runner.result import Result
from mixnet_android.runs.detached import (
    GONE,
    Run,
    RunKilled,
    discard,
    run_to_end,
)
from mixnet_common import MixnetError, UsageError
from mixnet_common.cpu_lists import parse_cpus
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.options import SEEDS

RESULT = "result.jsonl"
MOST_OUTPUT_BYTES = 256 * 2**20
MAYBE_FULL = "its storage may be full: mixnet-bench devices tells what is free"
PLATFORM = "[ -e /system/bin/linker64 ] && echo android || echo linux"
ABIS = {"arm64-v8a": "arm64", "x86_64": "x86_64"}


class RunnerError(MixnetError):
    """The runner could not do something on the phone: a library, a model or an input is why."""


@dataclass(frozen=True)
class Work:
    """What a launch does: ``models`` and, for each, the ``libraries`` that run it, on this machine.

    Raises UsageError for more models than the runner takes.

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
    """By model, files that it expects beside it, by the relative paths that it names."""
    inputs: Mapping[int, tuple[Path, ...]] = field(default_factory=dict)
    """By model, files with the raw bytes of all its inputs; the runner makes up the others'."""

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
class Trace:
    """What ONNX Runtime's profiler wrote: every node's times, and the graph that it ran."""

    times: bytes
    graph: bytes


@dataclass(frozen=True)
class Launched:
    """What came back: the runner's result, and raw outputs by model and output number."""

    result: Result
    outputs: Mapping[tuple[int, int], bytes]
    text: str
    """The result as the runner wrote it."""
    traces: Mapping[int, Trace] = field(default_factory=dict)
    """By model, of those whose runtime writes its profile into a file."""


@dataclass(frozen=True)
class Installed:
    """Where on the phone the files of some work lie; ``pushed_bytes`` were not there before."""

    runner: str
    models: tuple[str, ...]
    libraries: tuple[str, ...]
    pushed_bytes: int
    inputs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def platform_of(phone: Phone, abis: Sequence[str]) -> str:
    """System and processor in one word, like ``android-arm64``. Raises MixnetError for others."""
    system = phone.shell(PLATFORM).text.strip()
    processor = next((ABIS[abi] for abi in abis if abi in ABIS), None)
    if processor is None:
        raise MixnetError(
            f"phone {phone.serial} runs {', '.join(abis) or 'nothing that it tells'}",
            f"there are runtimes for {' and '.join(ABIS)}",
        )
    return f"{'android' if system == 'android' else 'linux'}-{processor}"


def choose_cpus(text: str | None, clusters: Sequence[Cluster]) -> tuple[int, ...] | None:
    """CPUs from ``big`` (the fastest cluster), ``little`` (the slowest) or ``0,2-4``; or None.

    Raises UsageError where the phone has no such CPUs, or does not tell its clusters.
    """
    if text is None:
        return None
    if text in ("big", "little"):
        ordered = sorted(clusters, key=_speed)
        if not ordered or len({_speed(each) for each in ordered}) < 2:
            raise UsageError(
                f"--pin {text}: the phone tells of no faster and slower CPUs",
                "name CPUs like 4-7; mixnet-bench devices lists clusters",
            )
        return tuple(sorted(ordered[-1 if text == "big" else 0].cpus))
    cpus = parse_cpus(text, "write big, little, or CPUs like 4-7")
    known = {cpu for cluster in clusters for cpu in cluster.cpus}
    if known and not set(cpus) <= known:
        missing = ", ".join(map(str, sorted(set(cpus) - known)))
        raise UsageError(
            f"--pin {text}: the phone has no CPU {missing}",
            f"it has {', '.join(map(str, sorted(known)))}",
        )
    return cpus


def _speed(cluster: Cluster) -> tuple[int, int]:
    return cluster.capacity or 0, cluster.max_khz or 0


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
    command += files_arguments(files, installed.inputs)
    return command


def files_arguments(
    files: Iterable[tuple[str, str]], inputs: Mapping[int, Sequence[str]] | None = None
) -> Iterator[str]:
    """The runner's words for ``(library, model)`` pairs; a library is named where it changes.

    ``inputs`` are files of a model's inputs, by the model's number.

    >>> list(files_arguments([("t.so", "a"), ("t.so", "b")]))
    ['--library', 't.so', '--model', 'a', '--model', 'b']
    """
    latest = None
    for number, (library, model) in enumerate(files):
        if library != latest:
            yield from ("--library", library)
        yield from ("--model", model)
        for file in (inputs or {}).get(number, ()):
            yield from ("--input", file)
        latest = library


def refuse_too_many(models: Sequence[Path]) -> None:
    """Raise UsageError where one launch of the runner cannot take them all."""
    if len(models) > MOST_MODELS:
        raise UsageError(
            f"{len(models)} files are too many for one run: the runner takes {MOST_MODELS}",
            "time fewer at once; name the same first file each time to compare their ratios",
        )


def launch(
    phone: Phone,
    name: str,
    work: Work,
    installed: Installed,
    on_progress: Callable[[float, str], object] = lambda done, stage: None,
    on_lost: Callable[[], None] = lambda: None,
) -> Launched:
    """Run the work once, as the run ``name``, and bring back what it found.

    A run of this name that the phone has already is picked up. Raises MixnetError, with the
    runner's own words, where it failed or ended early; nothing of it stays on the phone then,
    unless it is the phone that went away.
    """

    def report(line: str) -> None:
        if found := parse_progress(line + "\n"):
            on_progress(found.done, found.stage)

    run = run_to_end(
        phone,
        name,
        arguments(work, installed),
        limit_s=work.longest_s + 60,
        on_progress=report,
        on_lost=on_lost,
        tell_rest=_tell_rest,
    )
    try:
        found = _bring_back(phone, work, run)
    except GONE:
        raise
    except MixnetError:
        discard(run)  # or the same would be found again
        raise
    run.remove()
    return found


def _bring_back(phone: Phone, work: Work, run: Run) -> Launched:
    with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
        text = _fetch_result(phone, run.folder, Path(folder))
        result = parse(text)
        _check(phone, work, result)
        outputs = _fetch_outputs(phone, run.folder, result, Path(folder)) if work.outputs else {}
        traces = {
            number: _fetch_trace(phone, run.folder, number, model.profile_file, Path(folder))
            for number, model in result.models.items()
            if model.profile_file is not None
        }
    return Launched(result, outputs, text, traces)


def _tell_rest(run: Run) -> str:
    """How much a runner had measured that did not live to its end; nothing where nobody knows."""
    try:
        with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
            part = _fetch(run.phone, run.folder, f"{RESULT}.part", Path(folder), MOST_OUTPUT_BYTES)
        models = salvage(part.decode("utf-8", errors="replace")).models.values()
    except MixnetError:
        return ""
    counts = [len(model.samples_ms) for model in models]
    timed = f"{sum(counts)} inferences of {sum(map(bool, counts))} files"
    return f"it had timed {timed if any(counts) else 'nothing'} until then"


def _fetch_result(phone: Phone, folder: str, into: Path) -> str:
    """The runner's result; where it wrote none, the error that its stderr tells."""
    if phone.shell(f"[ -f {folder}/{RESULT} ]").status != 0:
        said = clean(phone.shell(f"tail -n 1 {folder}/stderr").text, 300)
        raise RunKilled(
            f"phone {phone.serial}: the runner wrote no result: {said or 'no word'}",
            "" if said and "cannot be written" not in said else MAYBE_FULL,
        )
    content = _fetch(phone, folder, RESULT, into, MOST_OUTPUT_BYTES)
    return content.decode("utf-8", errors="replace")


def _check(phone: Phone, work: Work, result: Result) -> None:
    """Raise unless the runner did all that was asked."""
    if result.errors:
        raise RunnerError(f"phone {phone.serial}: {result.errors[0]}")
    if result.end is None or result.end.reason != "complete":
        reason = "nobody knows why" if result.end is None else result.end.reason
        raise MixnetError(
            f"phone {phone.serial}: the runner ended early ({reason})",
            "ask for less at once" if reason == "max-time" else "run it again",
        )
    told = {number for number, model in result.models.items() if model.samples_ms}
    if told != set(range(len(work.models))):
        raise MixnetError(
            f"phone {phone.serial}: the runner's result tells samples of {len(told)} files, and "
            f"{len(work.models)} were to be timed",
            "build and push the runner of this version: mixnet-bench devices build-runner",
        )


def _fetch_outputs(
    phone: Phone, folder: str, result: Result, into: Path
) -> dict[tuple[int, int], bytes]:
    found = {}
    for number, model in result.models.items():
        for output in model.output_files:
            size = output.tensor.size_bytes
            if size > MOST_OUTPUT_BYTES:
                raise MixnetError(f"{output.tensor.name} is too large to be brought back")
            found[number, output.index] = _fetch(phone, folder, output.path, into, size)
    return found


def _fetch_trace(phone: Phone, folder: str, number: int, times: str, into: Path) -> Trace:
    graph = f"{RESULT}.profile{number}.onnx"
    if phone.shell(f"[ -f {folder}/{graph} ]").status != 0:
        raise MixnetError(
            f"phone {phone.serial}: the runner did not keep the graph that was profiled",
            "build and push the runner of this version: mixnet-bench devices build-runner",
        )
    return Trace(*(_fetch(phone, folder, name, into, MOST_OUTPUT_BYTES) for name in (times, graph)))


def _fetch(phone: Phone, folder: str, path: str, into: Path, most_bytes: int) -> bytes:
    """A file that the runner says it wrote; only in the run's folder, whatever it says."""
    name = path.rpartition("/")[2]
    if not re.fullmatch(
        r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", name
    ):  # not . or .., which are folders
        raise MixnetError(f"phone {phone.serial}: an output has the name {clean(name, 80)!r}")
    target = into / f"fetched-{name}"
    phone.pull(f"{folder}/{name}", target, most_bytes)
    if not target.is_file() or target.stat().st_size > most_bytes:
        raise MixnetError(
            f"phone {phone.serial}: {name} is no file of at most {most_bytes} bytes", "run it again"
        )
    return target.read_bytes()


def digest_of(work: Work, hashes: Sequence[str]) -> str:
    """A hash of everything that a launch's result depends on, apart from the phone.

    ``hashes`` are those of the files. The same work, asked for again, has the same.
    """
    what = [list(hashes), work.threads, work.cpus, work.warmup, work.min_count, work.min_time_s]
    what += [work.burst_ms, work.seed, work.outputs, work.profile]
    return sha256(json.dumps(what))
