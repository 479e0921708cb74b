"""What a timing says, as JSON and as a table: intervals, ratios, verdicts, and every raw sample.

Pure apart from ``identify``, which reads a file; measures nothing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_android.conditions import Doubt
from mixnet_bench.circumstances import doubts_of_bursts
from mixnet_bench.latency import Launch, Plan, Timing, turns_of
from mixnet_bench.stats.samples import median
from mixnet_bench.stats.summary import summarize
from mixnet_bench.stats.turns import TIME, ratio, ratios_of
from mixnet_bench.sustained import course_of, describe_course, doubts_of_course
from mixnet_bench.verdict import count_outliers, gravest, judge
from mixnet_common.intervals import Interval
from mixnet_common.numbers import three_digit_range, three_digits
from mixnet_runtimes.model_files import identity_of

COLUMNS = ("milliseconds", "median", "95 %", "p90", "first", "ratio", "95 %", "verdict")


def identify(path: Path) -> dict[str, Any]:
    """A file's name, place, hash and size, with the weights beside it.

    Raises UsageError where one cannot be read, MixnetError where one is missing.
    """
    return {"name": path.name, "path": str(path), **identity_of(path).to_json()}


def identify_all(plan: Plan) -> list[dict[str, Any]]:
    """What ``identify`` finds of every file of the plan, and how it is run."""
    described = [each.describe() for each in plan.models] or [{} for _ in plan.paths]
    return [{**identify(path), **each} for path, each in zip(plan.paths, described, strict=True)]


def describe(
    plan: Plan,
    files: Sequence[dict[str, Any]],
    timings: Sequence[Timing],
    machine: dict[str, Any],
) -> list[dict[str, Any]]:
    """One JSON object a target, from what ``identify`` and ``measure`` found.

    docs/json.md explains every key.
    """
    if plan.sustained:
        return [
            _describe_sustained(plan, file, timing, machine)
            for file, timing in zip(files, timings, strict=True)
        ]
    targets = [
        _describe_target(plan, file, timing, _describe_samples(plan, timing, timings[0]), machine)
        for file, timing in zip(files, timings, strict=True)
    ]
    for target, timing in zip(targets, timings, strict=True):
        add_doubts(target, doubts_of_bursts(timing.launches, plan.cpus))
    return targets


def add_doubts(target: dict[str, Any], found: Iterable[Doubt]) -> None:
    """Join further doubts to a target's own, in front; the gravest is the word."""
    doubts = list(found)
    target["verdict"] = gravest([target["verdict"], *(each.verdict for each in doubts)])
    target["reasons"] = [*(each.sentence for each in doubts), *target["reasons"]]


def _describe_target(
    plan: Plan,
    file: dict[str, Any],
    timing: Timing,
    summary: dict[str, Any],
    machine: dict[str, Any],
) -> dict[str, Any]:
    return {
        **file,
        **_describe_timing(timing),
        **summary,
        "threads": plan.threads,
        "settings": {**_describe_plan(plan), "runtime": timing.settings},
        "machine": machine,
    }


def _describe_sustained(
    plan: Plan, file: dict[str, Any], timing: Timing, machine: dict[str, Any]
) -> dict[str, Any]:
    """The samples of a sustained run are judged by its course: that it drifts is no doubt."""
    (launch,) = timing.launches
    course = course_of(launch.t_ms, launch.samples_ms)
    summary = {
        **_describe_samples(plan, timing, timing),
        "verdict": "valid",
        "reasons": [],
        "sustained": describe_course(course),
    }
    target = _describe_target(plan, file, timing, summary, machine)
    add_doubts(target, [*doubts_of_course(course), *doubts_of_bursts([launch], plan.cpus)])
    return target


def table_rows(targets: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows of the table, below ``COLUMNS``, from the JSON objects."""
    return [
        (
            target["name"],
            three_digits(target["median_ms"]),
            three_digit_range(target["median_ms_interval"]),
            three_digits(target["p90_ms"]),
            three_digits(target["first_ms"]),
            three_digits(target["ratio_to_first"]["value"]),
            three_digit_range(target["ratio_to_first"]["interval"]),
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
                "t_ms": list(burst.t_ms),
                "cpu": list(burst.cpu),
                "cpu_ms": burst.cpu_ms,
                "preempted": burst.preempted,
                "khz_before": {str(core): khz for core, khz in burst.khz_before.items()},
                "khz_after": {str(core): khz for core, khz in burst.khz_after.items()},
            }
            for burst in launch.bursts
        ],
    }


def _describe_samples(plan: Plan, timing: Timing, first: Timing) -> dict[str, Any]:
    launches = [launch.samples_ms for launch in timing.launches]
    summary = summarize(launches, seed=plan.seed)
    verdict = judge(launches, summary.median.interval)
    return {
        "median_ms": summary.median.value,
        "median_ms_interval": _pair(summary.median.interval),
        "p90_ms": summary.p90.value,
        "p90_ms_interval": _pair(summary.p90.interval),
        "ratio_to_first": _describe_ratio(plan, timing, first),
        "outliers": count_outliers(launches),
        "verdict": verdict.word,
        "reasons": list(verdict.reasons),
    }


def _describe_ratio(plan: Plan, timing: Timing, first: Timing) -> dict[str, Any]:
    """A file's time over the first one's, from the turns that they took."""
    if timing is first:
        return {"value": 1.0, "interval": [1.0, 1.0], "by": TIME}
    rounds = ratios_of(turns_of(timing), turns_of(first), plan.threads)
    found = ratio(rounds, seed=plan.seed)
    return {"value": found.value, "interval": _pair(found.interval), "by": rounds.by}


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
        "sustained": plan.sustained,
    }


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]
