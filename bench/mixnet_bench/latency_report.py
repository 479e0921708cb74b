"""What a timing says, as JSON and as a table: intervals, ratios, verdicts, and every raw sample.

Pure apart from ``identify``, which reads a file; measures nothing.
"""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_bench.latency import Launch, Plan, Timing
from mixnet_bench.statistics import Interval, Launches, Summary, median, summarize
from mixnet_bench.verdict import count_outliers, judge
from mixnet_common import MixnetError

COLUMNS = ("milliseconds", "median", "95 %", "p90", "first", "ratio", "95 %", "verdict")


def identify(path: Path) -> dict[str, Any]:
    """A file's name, place, hash and size. Raises MixnetError where it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MixnetError(f"cannot read {path}: {error.strerror or error}") from error
    return {
        "name": path.name,
        "path": str(path),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }


def describe(
    plan: Plan,
    files: Sequence[dict[str, Any]],
    timings: Sequence[Timing],
    machine: dict[str, Any],
) -> list[dict[str, Any]]:
    """One JSON object a target, from what ``identify`` and ``measure`` found.

    docs/json.md explains every key.
    """
    samples = [[launch.samples_ms for launch in timing.launches] for timing in timings]
    summaries = summarize(samples, plan.seed)
    return [
        {
            **file,
            **_describe_timing(timing),
            **_describe_summary(launches, summary),
            "threads": plan.threads,
            "settings": {**_describe_plan(plan), "runtime": timing.settings},
            "machine": machine,
        }
        for file, timing, launches, summary in zip(files, timings, samples, summaries, strict=True)
    ]


def table_rows(targets: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows of the table, below ``COLUMNS``, from the JSON objects."""
    return [
        (
            target["name"],
            _digits(target["median_ms"]),
            _range(target["median_ms_interval"]),
            _digits(target["p90_ms"]),
            _digits(target["first_ms"]),
            _digits(target["ratio_to_first"]["value"]),
            _range(target["ratio_to_first"]["interval"]),
            target["verdict"],
        )
        for target in targets
    ]


def _describe_timing(timing: Timing) -> dict[str, Any]:
    return {
        "runtime": timing.runtime,
        "runtime_version": timing.version,
        "target": "host",
        "samples_ms": [
            sample for launch in timing.launches for sample in launch.samples_ms.tolist()
        ],
        "launches": [_describe_launch(launch) for launch in timing.launches],
        "first_ms": median(np.array([launch.first_ms for launch in timing.launches])),
    }


def _describe_launch(launch: Launch) -> dict[str, Any]:
    return {
        "load_ms": launch.load_ms,
        "first_ms": launch.first_ms,
        "warmup_ms": list(launch.warmup_ms),
        "count": len(launch.samples_ms),
        "median_ms": median(launch.samples_ms),
        "affinity": None if launch.affinity is None else list(launch.affinity),
        "bursts": [
            {
                "round": burst.round,
                "turn": burst.turn,
                "lead_ms": burst.lead_ms,
                "count": len(burst.samples_ms),
            }
            for burst in launch.bursts
        ],
    }


def _describe_summary(launches: Launches, summary: Summary) -> dict[str, Any]:
    verdict = judge(launches, summary.median_interval)
    return {
        "median_ms": summary.median,
        "median_ms_interval": _pair(summary.median_interval),
        "p90_ms": summary.p90,
        "p90_ms_interval": _pair(summary.p90_interval),
        "ratio_to_first": {"value": summary.ratio, "interval": _pair(summary.ratio_interval)},
        "outliers": count_outliers(launches),
        "verdict": verdict.word,
        "reasons": list(verdict.reasons),
    }


def _describe_plan(plan: Plan) -> dict[str, Any]:
    return {
        "threads": plan.threads,
        "launches": plan.launches,
        "min_count": plan.min_count,
        "min_time_s": plan.min_time_s,
        "warmup": plan.warmup,
        "seed": plan.seed,
        "pin": None if plan.cpus is None else list(plan.cpus),
        "burst_ms": plan.burst_ms,
        "timeout_s": plan.timeout_s,
    }


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _range(bounds: Sequence[float]) -> str:
    return "–".join(_digits(bound) for bound in bounds)


def _digits(value: float) -> str:
    """Three significant digits and never an exponent; more than any launch repeats.

    >>> _digits(28.534), _digits(0.98512), _digits(1234.5)
    ('28.5', '0.985', '1234')
    """
    magnitude = math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.{max(0, 2 - magnitude)}f}"
