"""The native runner on this machine, as another way to make the same measurement.

Its output becomes the records of this bench's own workers, whatever machine it ran on. Judges
nothing.
"""

import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from mixnet_android.runner.protocol import parse
from mixnet_android.runner.result import Burst as RunnerBurst
from mixnet_android.runner.result import Model, Result
from mixnet_android.runs.work import files_arguments, refuse_too_many
from mixnet_bench.timing.latency import (
    Burst,
    Canary,
    Launch,
    Plan,
    Timing,
)
from mixnet_common import MixnetError
from mixnet_common.errors import install_hint
from mixnet_common.options import SEEDS
from mixnet_common.readers import read_text
from mixnet_common.temporary import temporary_folder

RUNTIMES = {"litert": "LiteRT", "tflite": "TensorFlow Lite", "onnxruntime": "onnxruntime"}
"""Runtimes by the runner's name for a library's interface."""

LIBRARIES = {
    ".tflite": ("ai_edge_litert", "libLiteRt.so"),
    ".onnx": ("onnxruntime", "capi/libonnxruntime.so.*"),
}
"""An installed package and the library in it, by the file's suffix."""


def installed_library(path: Path) -> Path:
    """The library for this file in an installed package. Raises MixnetError."""
    package, pattern = LIBRARIES[path.suffix]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise MixnetError(f"{package} is not installed", install_hint(package.replace("_", "-")))
    found = sorted(Path(spec.origin).parent.glob(pattern))
    if not found:
        raise MixnetError(f"{package} contains no {pattern} that the runner could open")
    return found[0]


def measure_native(
    plan: Plan, runner: Path, report: Callable[[float], object] = lambda done: None
) -> list[Timing]:
    """Like ``latency.measure``: one process of the runner a launch, which runs all files in turns.

    Raises MixnetError if it fails, UsageError for more files than the runner takes.
    """
    refuse_too_many(plan.paths)
    libraries = [installed_library(path) for path in plan.paths]
    results = []
    for number in range(plan.launches):
        results.append(run_once(plan, runner, libraries, plan.seed + number))
        report((number + 1) / plan.launches)
    return [timing_of(results, index) for index in range(len(plan.paths))]


def run_once(plan: Plan, runner: Path, libraries: Sequence[Path], seed: int) -> Result:
    """One launch. Raises MixnetError if it fails or takes too long."""
    models = ", ".join(dict.fromkeys(map(str, plan.paths)))
    with temporary_folder() as folder:
        output = folder / "result.jsonl"
        limit = plan.timeout_s + 20 * len(plan.paths) * plan.time_share_ms / 1000
        command = [str(runner), *_arguments(plan, libraries, seed), "--output", str(output)]
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MixnetError(f"{runner} cannot be run: {error}") from error
        if not output.is_file():
            raise MixnetError(f"{runner} wrote no result for {models}", "run it directly")
        result = parse(read_text(output))
    if result.end is None or result.end.status != 0:
        reason = "; ".join(result.errors) or "it exited early"
        raise MixnetError(f"{runner} failed on {models}: {reason}")
    return result


def timing_of(results: Sequence[Result], index: int) -> Timing:
    """One model of the runner's results, launch by launch."""
    model = results[0].models[index]
    library = results[0].libraries[model.library]
    return Timing(
        runtime=RUNTIMES[library.api],
        version=library.version or "unknown",
        settings=dict(model.settings),
        launches=tuple(launch_of(result, result.models[index]) for result in results),
    )


def launch_of(result: Result, model: Model) -> Launch:
    """One model in one launch. The lead of a burst is not a sample, nor are its core and start."""
    return Launch(
        load_ms=model.load_ms,
        first_ms=model.first_ms,
        warmup_ms=tuple(each / 1e6 for each in model.warmup_ns),
        affinity=result.cpus,
        bursts=tuple(
            Burst(
                each.round,
                each.turn,
                each.lead_ms,
                each.samples_ms,
                t_ms=tuple(start / 1e6 for start in each.t_ns[1:]),
                cpu=tuple(core for core in each.cpu[1:] if core >= 0),
                cpu_ms=each.cpu_ns / 1e6,
                preempted=each.preempted,
                khz_before=each.khz_before,
                khz_after=each.khz_after,
                canary=_canary(each),
            )
            for each in model.bursts
        ),
    )


def _canary(burst: RunnerBurst) -> Canary | None:
    told = burst.canary
    if told is None:
        return None
    return Canary(
        ms=tuple(ns / 1e6 for ns in told.ns),
        cpu_ms=tuple(ns / 1e6 for ns in told.cpu_ns),
        cpu=told.cpu,
    )


def _arguments(plan: Plan, libraries: Sequence[Path], seed: int) -> list[str]:
    command = [
        "--threads",
        str(plan.threads),
        "--seed",
        str(seed % SEEDS),
        "--warmup",
        str(plan.warmup),
    ]
    command += ["--min-count", str(plan.count_share)]
    command += ["--min-time", f"{plan.time_share_ms / 1000:.6f}"]
    command += ["--burst-ms", f"{plan.burst_ms:g}"]
    if plan.cpus is not None:
        command += ["--cpus", ",".join(map(str, plan.cpus))]
    files = [str(path.absolute()) for path in plan.files]
    command += files_arguments(zip(map(str, libraries), files, strict=True))
    return command
