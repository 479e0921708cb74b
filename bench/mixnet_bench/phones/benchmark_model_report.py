"""The measurements of LiteRT's own ``benchmark_model`` on a phone, as JSON and as a table.

Pure. The program saves no samples, so a file's time is the mean of its launches' means, and drift
or outliers within a launch cannot be detected: the verdict says so, and is never ``valid``.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from mixnet_android.phone.conditions import Conditions, Cooled
from mixnet_android.phone.device import State
from mixnet_android.phone.records import conditions_record, device_record
from mixnet_android.runs.benchmark_model import NAME, Report
from mixnet_bench.phones.caveats import caveats_of_run, caveats_of_start
from mixnet_bench.phones.report import LABEL, caveats_of_emulation
from mixnet_bench.results.file_run import FileRun
from mixnet_bench.results.program import ProgramRatio, ProgramResult, ProgramSettings, launch_record
from mixnet_bench.results.verdict import Caveat, Verdict, verdict_of
from mixnet_bench.stats.comparison import LEAST_LAUNCHES
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.report import UNKNOWN, ratio_cells
from mixnet_bench.timing.verdict import THRESHOLDS
from mixnet_common.intervals import Estimate, mean_of, ratio_of
from mixnet_common.numbers import three_digit_range, three_digits
from mixnet_common.result import values_of

COLUMNS = ("milliseconds", "mean", "95 %", "first", "ratio", "95 %", "verdict")
UNSAMPLED = Caveat(
    Verdict.UNSAMPLED,
    f"{NAME} saves no samples: drift and outliers within a launch cannot be detected",
    symptom=True,
)


Reports = Sequence[Report]
"""The reports of one file, by launch."""


@dataclass(frozen=True)
class ProgramMeasurement:
    """Everything that came of measuring on one phone; ``reports`` by file, then by launch."""

    serial: str
    state: State
    platform: str
    program_sha256: str
    cooled: Cooled
    after: Conditions
    reports: tuple[tuple[Report, ...], ...]
    fixed_performance: bool


def describe_program_results(
    plan: Plan, files: Sequence[FileRun], measured: ProgramMeasurement
) -> list[ProgramResult]:
    """One record a file; docs/json.md explains every key."""
    first = measured.reports[0]
    return [
        _describe(plan, file, reports, first, measured)
        for file, reports in zip(files, measured.reports, strict=True)
    ]


def _describe(
    plan: Plan, file: FileRun, reports: Reports, first: Reports, measured: ProgramMeasurement
) -> ProgramResult:
    mean = mean_of([report.timed.mean_ms for report in reports])
    firsts = [report.first_ms for report in reports if report.first_ms is not None]
    verdict, reasons = verdict_of([*_caveats_of_phone(measured), *_caveats(reports)])
    return ProgramResult(
        **values_of(file),
        target=f"adb:{measured.serial}",
        label=LABEL,
        emulated=bool(measured.state.product.emulated),
        fixed_performance=measured.fixed_performance,
        runner=NAME,
        runner_sha256=measured.program_sha256,
        mean_ms=mean.value,
        mean_ms_interval=_bounds(mean, len(reports)),
        first_ms=median(firsts) if firsts else None,
        init_ms=median(report.init_ms for report in reports),
        ratio_to_first=_ratio(reports, first),
        verdict=verdict,
        reasons=reasons,
        launches=tuple(map(launch_record, reports)),
        device=device_record(measured.serial, measured.state),
        conditions=conditions_record(measured.cooled, measured.after),
        threads=plan.threads,
        settings=ProgramSettings(
            launches=plan.launches,
            min_count=plan.min_count,
            min_time_s=plan.min_time_s,
            warmup=plan.warmup,
            seed=plan.seed,
            pin=plan.cpus,
        ),
    )


def _ratio(reports: Reports, others: Reports) -> ProgramRatio:
    logs = [
        math.log(report.timed.mean_ms / other.timed.mean_ms)
        for report, other in zip(reports, others, strict=True)
    ]
    ratio = ratio_of(logs)
    return ProgramRatio(value=ratio.value, interval=_bounds(ratio, len(reports)))


def program_rows(targets: Sequence[ProgramResult]) -> list[tuple[str, ...]]:
    """The rows of the table, below ``COLUMNS``."""
    return [
        (
            target.name,
            three_digits(target.mean_ms),
            three_digit_range(target.mean_ms_interval),
            UNKNOWN if target.first_ms is None else three_digits(target.first_ms),
            *ratio_cells(target.ratio_to_first),
            target.verdict,
        )
        for target in targets
    ]


def _bounds(found: Estimate, launches: int) -> tuple[float, float] | None:
    """An estimate's interval; None of fewer than three launches."""
    if found.interval is None or launches < LEAST_LAUNCHES:
        return None
    return found.interval.low, found.interval.high


def _caveats_of_phone(measured: ProgramMeasurement) -> Iterator[Caveat]:
    yield from caveats_of_emulation(measured.state)
    yield from caveats_of_run(
        measured.cooled.conditions,
        measured.after,
        fixed_performance=measured.fixed_performance,
    )
    yield from caveats_of_start(measured.cooled)


def _caveats(reports: Reports) -> Iterator[Caveat]:
    """From the launches' own figures, by the limits that hold for samples too."""
    yield UNSAMPLED
    count = sum(report.timed.count for report in reports)
    if count < THRESHOLDS.samples:
        yield Caveat(
            Verdict.TOO_SHORT, f"{count} inferences, at least {THRESHOLDS.samples} are needed"
        )
    if len(reports) < THRESHOLDS.launches:
        yield Caveat(
            Verdict.TOO_SHORT,
            f"launches: {len(reports)}, at least {THRESHOLDS.launches} are needed",
        )
    means = [report.timed.mean_ms for report in reports]
    if max(means) > THRESHOLDS.launch_spread * min(means):
        yield Caveat(
            Verdict.CONTENDED,
            f"the slowest launch took {max(means) / min(means):.2f} times the fastest",
            symptom=True,
        )
    if any(report.delegated == "none" for report in reports):
        yield Caveat(
            Verdict.UNDELEGATED,
            f"{reports[0].delegate} runs no operator of this network, which makes it two to four"
            " times slower",
        )
