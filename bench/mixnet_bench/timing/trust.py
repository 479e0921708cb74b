"""The effect of ``--against``, ``--sustained`` and ``--strict`` on a measurement and its results.

Refuses requests before the first inference if possible; measures and prints nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.results.verdict import Verdict
from mixnet_bench.targets import model_file
from mixnet_bench.timing.against import (
    check_foreseen,
    choose_baseline,
    compare_side_by_side,
    compare_with_saved,
    read_result,
)
from mixnet_bench.timing.host import NO_COMPARISON, Comparer
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.sustained import parse_duration
from mixnet_common import MixnetError, UsageError

SUSTAINED_BURST_MS = 500.0
"""Between two bursts clocks are read, which takes microseconds: nothing cools down meanwhile."""


def extend(plan: Plan, against: str | None, sustained: str | None) -> tuple[Plan, Comparer]:
    """The plan with additional requests, and additions to its results.

    Raises UsageError if the two exclude each other or a baseline can't be read.
    """
    if sustained is not None:
        if against is not None or len(plan.paths) != 1:
            raise UsageError(
                "--sustained measures one file at a time",
                "run the command once per file, with a cool device",
            )
        return sustain(plan, parse_duration(sustained)), NO_COMPARISON
    if against is None:
        return plan, NO_COMPARISON
    if Path(against).suffix != ".json":
        return replace(plan, paths=(*plan.paths, model_file(against))), Comparer(
            compare_side_by_side
        )
    saved = read_result(Path(against))
    for path in plan.paths:
        choose_baseline(saved, path.name)
    return plan, Comparer(
        compare=partial(compare_with_saved, saved=saved),
        check=partial(check_foreseen, saved=saved),
        reads=(Path(against),),
    )


def sustain(plan: Plan, seconds: float) -> Plan:
    """One launch that runs on and on, without a warm-up: the burst is what it begins with."""
    return replace(
        plan,
        launches=1,
        min_count=1,
        min_time_s=seconds,
        warmup=0,
        burst_ms=SUSTAINED_BURST_MS,
        sustained=True,
    )


def demand_valid(targets: Sequence[LatencyResult] | Sequence[ProgramResult]) -> None:
    """Raise MixnetError unless every verdict is ``valid``."""
    doubted = [f"{each.name} ({each.verdict})" for each in targets if each.verdict != Verdict.VALID]
    if doubted:
        raise MixnetError(
            f"--strict: verdicts that are not valid: {', '.join(doubted)}",
            "the warnings above give reasons and remedies; docs/trust.md explains the verdicts",
        )
