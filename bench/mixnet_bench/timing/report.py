"""A timing as records and as a table: intervals, ratios, verdicts, every raw sample.

Pure apart from ``identify``, which reads a file; measures nothing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mixnet_bench.results.file_run import DataFile, FileRun, Given
from mixnet_bench.results.latency import (
    BurstResult,
    CanaryResult,
    LatencyResult,
    LaunchResult,
    Machine,
    Ratio,
    Settings,
)
from mixnet_bench.results.program import ProgramRatio
from mixnet_bench.results.verdict import Caveat, verdict_of
from mixnet_bench.stats.samples import median
from mixnet_bench.stats.summary import summarize
from mixnet_bench.stats.turns import TIME, ratio, ratios_of
from mixnet_bench.timing.circumstances import caveats_of_bursts
from mixnet_bench.timing.latency import (
    Burst,
    Canary,
    Launch,
    Plan,
    Timing,
    turns_of,
)
from mixnet_bench.timing.sustained import (
    caveats_of_course,
    course_of,
    describe_course,
)
from mixnet_bench.timing.verdict import (
    count_outliers,
    judge,
)
from mixnet_common.intervals import Interval
from mixnet_common.numbers import three_digit_range, three_digits
from mixnet_common.result import decode, values_of
from mixnet_runtimes import Prepared
from mixnet_runtimes.model_files import identity_of
from mixnet_runtimes.tflite.half_precision import half_precision_of, host_features

COLUMNS = (
    "milliseconds", "median", "95 %", "p90", "p99", "first", "MB peak", "ratio", "95 %", "verdict",
)  # fmt: skip

UNKNOWN = "–"


def identify(
    path: Path, model: Prepared | None = None, features: Iterable[str] | None = None
) -> FileRun:
    """A file's name, place, hash and size, with the weights beside it, and how it is run.

    ``features`` are those of the processor that runs it; None for this machine's.

    Raises UsageError if one cannot be read, MixnetError if one is missing.
    """
    found = identity_of(path)
    data = tuple(
        DataFile(name=each.name, sha256=each.sha256, size_bytes=each.size_bytes)
        for each in found.data
    )
    return FileRun(
        name=path.name,
        path=str(path),
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        data_files=data or None,
        shapes=None if model is None else {each.name: tuple(each.shape) for each in model.inputs},
        signature=None if model is None else model.signature,
        given=Given() if model is None else decode(Given, dict(model.given)),
        rewritten=None if model is None else model.is_rewritten,
        half_precision=half_precision_of(
            path,
            host_features() if features is None else features,
            forced=model is not None and model.fp16,
        ),
    )


def identify_all(plan: Plan, features: Iterable[str] | None = None) -> list[FileRun]:
    """The result of ``identify`` for every file of the plan."""
    models: Sequence[Prepared | None] = plan.models or [None for _ in plan.paths]
    pairs = zip(plan.paths, models, strict=True)
    return [identify(path, model, features) for path, model in pairs]


def describe_timings(
    plan: Plan,
    files: Sequence[FileRun],
    timings: Sequence[Timing],
    machine: Machine,
    caveats: Sequence[Iterable[Caveat]] = (),
) -> list[LatencyResult]:
    """One record a target, from what ``identify`` and ``measure`` found.

    ``caveats`` are those of each target that its timing does not contain.
    """
    return [
        _describe_target(plan, file, timing, timings[0], machine, more)
        for file, timing, more in zip(files, timings, caveats or [()] * len(files), strict=True)
    ]


def _describe_target(
    plan: Plan,
    file: FileRun,
    timing: Timing,
    first: Timing,
    machine: Machine,
    more: Iterable[Caveat],
) -> LatencyResult:
    launches = [launch.samples_ms for launch in timing.launches]
    summary = summarize(launches, seed=plan.seed)
    course = None
    caveats = [*more, *caveats_of_bursts(timing.launches, plan.cpus)]
    if plan.sustained:  # judged by its course: that it drifts is what it is run for
        course = course_of(timing.launches[0].t_ms, launches[0])
        caveats += caveats_of_course(course)
    else:
        caveats += judge(launches, summary.median.interval)
    verdict, reasons = verdict_of(caveats)
    return LatencyResult(
        **values_of(file),
        runtime=timing.runtime,
        runtime_version=timing.version,
        target="host",
        samples_ms=tuple(sample for launch in launches for sample in launch.tolist()),
        launches=tuple(map(_describe_launch, timing.launches)),
        p99_ms=None if summary.p99 is None else summary.p99.value,
        p99_ms_interval=None if summary.p99 is None else _pair(summary.p99.interval),
        memory_peak_bytes=_memory_of(timing.launches),
        first_ms=median(np.array([launch.first_ms for launch in timing.launches])),
        median_ms=summary.median.value,
        median_ms_interval=_pair(summary.median.interval),
        p90_ms=summary.p90.value,
        p90_ms_interval=_pair(summary.p90.interval),
        ratio_to_first=_describe_ratio(plan, timing, first),
        outliers=count_outliers(launches),
        verdict=verdict,
        reasons=reasons,
        sustained=None if course is None else describe_course(course),
        threads=plan.threads,
        settings=describe_plan(plan, timing),
        machine=machine,
    )


def _memory_of(launches: Sequence[Launch]) -> int | None:
    """The median of the launches' peaks; None if the system reports none."""
    peaks = [each.memory_peak_bytes for each in launches if each.memory_peak_bytes is not None]
    return round(median(np.array(peaks, np.float64))) if peaks else None


def names_apart(targets: Sequence[LatencyResult]) -> list[str]:
    """The files' names; different files of one name with their paths as given."""
    paths: dict[str, set[str]] = {}
    for target in targets:
        paths.setdefault(target.shown_name, set()).add(target.path or "")
    return [
        target.shown_name.replace(target.name, target.path, 1)
        if target.path and len(paths[target.shown_name]) > 1
        else target.shown_name
        for target in targets
    ]


def table_rows(targets: Sequence[LatencyResult]) -> list[tuple[str, ...]]:
    """The rows of the table, below ``COLUMNS``."""
    return [
        (
            name,
            three_digits(target.median_ms),
            three_digit_range(target.median_ms_interval),
            three_digits(target.p90_ms),
            UNKNOWN if target.p99_ms is None else three_digits(target.p99_ms),
            three_digits(target.first_ms),
            _megabytes(target.memory_peak_bytes),
            *ratio_cells(target.ratio_to_first),
            target.verdict,
        )
        for name, target in zip(names_apart(targets), targets, strict=True)
    ]


def _megabytes(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count / 1e6:.1f}"


def ratio_cells(found: Ratio | ProgramRatio | None) -> tuple[str, str]:
    """A ratio and its interval, as far as they are known."""
    if found is None:
        return UNKNOWN, UNKNOWN
    return three_digits(found.value), three_digit_range(found.interval)


def _describe_launch(launch: Launch) -> LaunchResult:
    return LaunchResult(
        load_ms=launch.load_ms,
        first_ms=launch.first_ms,
        warmup_ms=launch.warmup_ms,
        count=len(launch.samples_ms),
        median_ms=median(launch.samples_ms),
        affinity=launch.affinity,
        bursts=tuple(map(_describe_burst, launch.bursts)),
    )


def _describe_burst(burst: Burst) -> BurstResult:
    return BurstResult(
        round=burst.round,
        turn=burst.turn,
        lead_ms=burst.lead_ms,
        count=len(burst.samples_ms),
        t_ms=burst.t_ms,
        cpu=burst.cpu,
        cpu_ms=burst.cpu_ms,
        preempted=burst.preempted,
        khz_before={str(core): khz for core, khz in burst.khz_before.items()},
        khz_after={str(core): khz for core, khz in burst.khz_after.items()},
        canary=_describe_canary(burst.canary),
    )


def _describe_canary(canary: Canary | None) -> CanaryResult | None:
    if canary is None:
        return None
    return CanaryResult(ms=canary.ms, cpu_ms=canary.cpu_ms, cpu=canary.cpu)


def _describe_ratio(plan: Plan, timing: Timing, first: Timing) -> Ratio:
    """A file's time over the first one's, from the turns that they took."""
    if timing is first:
        return Ratio(value=1.0, interval=(1.0, 1.0), by=TIME)
    rounds = ratios_of(turns_of(timing), turns_of(first), plan.threads)
    found = ratio(rounds, seed=plan.seed)
    return Ratio(value=found.value, interval=_pair(found.interval), by=rounds.by)


def describe_plan(plan: Plan, timing: Timing | None = None) -> Settings:
    """How the plan's files are timed, and the settings of the runtime."""
    return Settings(
        threads=plan.threads,
        launches=plan.launches,
        min_count=plan.min_count,
        min_time_s=plan.min_time_s,
        warmup=plan.warmup,
        seed=plan.seed,
        pin=plan.cpus,
        burst_ms=plan.burst_ms,
        timeout_s=plan.timeout_s,
        sustained=plan.sustained,
        runtime={} if timing is None else dict(timing.settings),
    )


def _pair(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
