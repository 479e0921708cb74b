"""What LiteRT's own ``benchmark_model`` measured on a phone, as JSON and as a table.

Pure. The program keeps no samples, so a file's time is the mean of its launches' means, and drift
or outliers within a launch cannot be seen: the verdict says so, and never ``valid``.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from mixnet_android.benchmark_model import NAME, Report
from mixnet_android.conditions import Conditions, Cooled, Doubt, doubts, doubts_of_start
from mixnet_android.device import State
from mixnet_bench.latency import Plan
from mixnet_bench.phone_report import EMULATED, LABEL, describe_conditions, describe_device
from mixnet_bench.stats.comparison import LEAST_LAUNCHES
from mixnet_bench.verdict import THRESHOLDS
from mixnet_common.intervals import Estimate, mean_of, ratio_of
from mixnet_common.numbers import three_digit_range, three_digits

COLUMNS = ("milliseconds", "mean", "95 %", "first", "ratio", "95 %", "verdict")
UNSAMPLED = Doubt(
    "unsampled", f"{NAME} keeps no samples: drift and outliers within a launch cannot be seen"
)


@dataclass(frozen=True)
class Measured:
    """Everything that came of measuring on one phone; ``reports`` by file, then by launch."""

    serial: str
    state: State
    platform: str
    program_sha256: str
    cooled: Cooled
    after: Conditions
    reports: tuple[tuple[Report, ...], ...]
    fixed_performance: bool


def describe(
    plan: Plan, files: Sequence[dict[str, Any]], measured: Measured
) -> list[dict[str, Any]]:
    """One JSON object a file; docs/json.md explains every key."""
    first = measured.reports[0]
    return [
        {
            **file,
            **_describe_times(reports, first),
            **_describe_verdict(reports, measured),
            "target": f"adb:{measured.serial}",
            "label": LABEL,
            "emulated": bool(measured.state.product.emulated),
            "fixed_performance": measured.fixed_performance,
            "runner": NAME,
            "runner_sha256": measured.program_sha256,
            "device": describe_device(measured.serial, measured.state),
            "conditions": {
                "waited_to_cool_s": measured.cooled.waited_s,
                "before": describe_conditions(measured.cooled.conditions),
                "after": describe_conditions(measured.after),
            },
            "threads": plan.threads,
            "settings": {
                "launches": plan.launches,
                "min_count": plan.min_count,
                "min_time_s": plan.min_time_s,
                "warmup": plan.warmup,
                "seed": plan.seed,
                "pin": None if plan.cpus is None else list(plan.cpus),
            },
        }
        for file, reports in zip(files, measured.reports, strict=True)
    ]


def rows(targets: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows of the table, below ``COLUMNS``, from the JSON objects."""
    return [
        (
            target["name"],
            three_digits(target["mean_ms"]),
            three_digit_range(target["mean_ms_interval"]),
            three_digits(target["first_ms"]),
            three_digits(target["ratio_to_first"]["value"]),
            three_digit_range(target["ratio_to_first"]["interval"]),
            target["verdict"],
        )
        for target in targets
    ]


def _describe_times(reports: Sequence[Report], others: Sequence[Report]) -> dict[str, Any]:
    means = [report.timed.mean_ms for report in reports]
    logs = [
        math.log(report.timed.mean_ms / other.timed.mean_ms)
        for report, other in zip(reports, others, strict=True)
    ]
    firsts = [report.first_ms for report in reports if report.first_ms is not None]
    mean, ratio = mean_of(means), ratio_of(logs)
    return {
        "mean_ms": mean.value,
        "mean_ms_interval": _bounds(mean, len(reports)),
        "first_ms": median(firsts) if firsts else None,
        "init_ms": median(report.init_ms for report in reports),
        "ratio_to_first": {
            "value": ratio.value,
            "interval": _bounds(ratio, len(reports)),
        },
        "launches": [asdict(report) for report in reports],
    }


def _bounds(found: Estimate, launches: int) -> list[float] | None:
    """An estimate's interval; None of fewer than three launches."""
    if found.interval is None or launches < LEAST_LAUNCHES:
        return None
    return [found.interval.low, found.interval.high]


def _describe_verdict(reports: Sequence[Report], measured: Measured) -> dict[str, Any]:
    found = [
        *([Doubt("emulated", EMULATED)] if measured.state.product.emulated else []),
        *doubts(
            measured.cooled.conditions,
            measured.after,
            fixed_performance=measured.fixed_performance,
        ),
        *doubts_of_start(measured.cooled),
        *_doubts(reports),
        UNSAMPLED,
    ]
    return {"verdict": found[0].verdict, "reasons": [each.sentence for each in found]}


def _doubts(reports: Sequence[Report]) -> Iterator[Doubt]:
    """From the launches' own figures, by the limits that hold for samples too."""
    count = sum(report.timed.count for report in reports)
    if count < THRESHOLDS.samples:
        yield Doubt("too-short", f"{count} inferences, {THRESHOLDS.samples} are wanted")
    if len(reports) < THRESHOLDS.launches:
        yield Doubt("too-short", f"launches: {len(reports)}, {THRESHOLDS.launches} are wanted")
    means = [report.timed.mean_ms for report in reports]
    if max(means) > THRESHOLDS.launch_spread * min(means):
        yield Doubt(
            "contended", f"the slowest launch took {max(means) / min(means):.2f} times the fastest"
        )
    if any(report.delegated == "none" for report in reports):
        yield Doubt(
            "undelegated",
            f"{reports[0].delegate} took nothing of this network: it ran two to four times slower",
        )
