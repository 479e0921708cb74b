"""``--against``: the conclusion of comparing measured files with a baseline.

The baseline is a file that ran side by side with them, or a saved result of an earlier run under
the same conditions. Uses the results of ``mixnet-bench latency``; measures nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixnet_bench.results.latency import ComparisonResult, Foreseen, LatencyResult
from mixnet_bench.results.reading import read_latencies
from mixnet_bench.results.turns import launches_of, turns_in
from mixnet_bench.results.verdict import MEANINGLESS, Verdict
from mixnet_bench.stats.comparison import (
    CONFIDENCE,
    NO_CONCLUSION,
    UNDETECTED,
    Comparison,
    compare_turns,
    compare_unpaired,
)
from mixnet_bench.stats.detection import POWER
from mixnet_common import MixnetError, UsageError
from mixnet_common.documents import read_document
from mixnet_common.printable import shown
from mixnet_common.readers import show
from mixnet_common.result import encode

ALIKE = (
    "target",
    "emulated",
    "fixed_performance",
    "task_profile",
    "threads",
    "settings.pin",
    "settings.warmup",
    "settings.burst_ms",
    "settings.sustained",
    "machine.cpu",
    "machine.architecture",
    "machine.cores",
    "machine.os",
    "machine.governor",
    "device.serial",
    "device.build",
    "given",
    "half_precision",
)
"""Keys that must be equal to compare separate runs; runtimes and files may differ."""

PHONES_ONLY = ("emulated", "fixed_performance", "device")
"""Keys that only phones' results have, and that may be unknown before measuring."""

HINT = "save one with mixnet-bench latency -o FILE"


def compare_side_by_side(targets: Sequence[LatencyResult]) -> list[ComparisonResult | None]:
    """All targets but the last against the last, beside which they ran."""
    *compared, baseline = targets
    found: list[ComparisonResult | None] = []
    for target in compared:
        comparison = compare_turns(turns_in(target), turns_in(baseline), target.threads)
        words = (target.verdict, baseline.verdict)
        reason = next((f"it is {word}" for word in words if word in MEANINGLESS), "")
        found.append(_describe(baseline, comparison, reason, side_by_side=True))
    return [*found, None]


def compare_with_saved(
    targets: Sequence[LatencyResult], saved: Sequence[LatencyResult]
) -> list[ComparisonResult]:
    """All targets against a saved result's; where conditions differ, nothing is concluded."""
    found = []
    for target in targets:
        baseline = choose_baseline(saved, target.name)
        unlike = _unlike(baseline, target)
        comparison = compare_unpaired(launches_of(target), launches_of(baseline))
        words = (target.verdict, baseline.verdict)
        reason = next((f"a verdict is {word}" for word in words if word != Verdict.VALID), "")
        if unlike:
            reason = f"the runs had different conditions: {'; '.join(unlike)}"
        found.append(_describe(baseline, comparison, reason, side_by_side=False))
    return found


def check_foreseen(foreseen: Sequence[Foreseen], saved: Sequence[LatencyResult]) -> None:
    """Compare what is known before measuring with a saved result. Raises as ``check_alike``."""
    for target in foreseen:
        check_alike(choose_baseline(saved, target.name), target)


def read_result(path: Path) -> list[LatencyResult]:
    """The targets of a saved result. Raises UsageError if it is another file, or unreadable."""
    targets = read_latencies(read_document(path, HINT), path, HINT)
    if not targets:
        raise UsageError(f"{show(path)} contains no results", HINT)
    return targets


def choose_baseline(saved: Sequence[LatencyResult], name: str) -> LatencyResult:
    """The baseline among saved targets: the only one, or the only one of this name."""
    if len(saved) == 1:
        return saved[0]
    named = [each for each in saved if each.name == name]
    if len(named) != 1:
        raise UsageError(
            f"--against: {len(named)} of the saved results are called {name}",
            f"save one file alone; there are {', '.join(each.name for each in saved)}",
        )
    return named[0]


def check_alike(saved: LatencyResult, target: LatencyResult | Foreseen) -> None:
    """Raise MixnetError if the runs differ in anything that both report."""
    unlike = _unlike(saved, target)
    if unlike:
        raise MixnetError(
            f"--against: the runs cannot be compared: {'; '.join(unlike)}",
            "measure both files side by side: --against FILE",
        )


def _unlike(saved: LatencyResult, target: LatencyResult | Foreseen) -> list[str]:
    return [
        f"{key} {_shown(old)} then, {_shown(new)} now"
        for key in ALIKE
        for old, new in [(_at(saved, key), _at(target, key))]
        if old is not _MISSING and new is not _MISSING and old != new
    ]


def _shown(value: Any) -> str:
    """A value as JSON has it: lists, no tuples."""
    return shown(json.loads(json.dumps(encode(value))))


def sentence(name: str, found: ComparisonResult, baseline: str = "") -> str:
    """The conclusion of a file's comparison, in a line; ``baseline`` replaces its name."""
    start = f"{name} against {baseline or found.name}"
    if found.conclusion == NO_CONCLUSION or found.interval is None:
        return f"{start}: no conclusion, {found.reason}"
    low, high = found.interval
    what = "ratio of CPU times, other programs held the cores," if found.by != "time" else "ratio"
    numbers = f"{what} {found.ratio:.3f} ({CONFIDENCE:.0%}: {low:.3f}–{high:.3f})"
    if found.conclusion == UNDETECTED and found.smallest_difference is not None:
        return (
            f"{start}: no detectable difference, {numbers}; one of "
            f"{found.smallest_difference:.1%} would have been detected in {POWER:.0%} of runs"
        )
    return f"{start}: {found.conclusion}, {numbers}"


def _describe(
    baseline: LatencyResult, found: Comparison, reason: str, *, side_by_side: bool
) -> ComparisonResult:
    if found.interval is None and not reason:
        reason = f"launches: {found.launches} are too few"
    return ComparisonResult(
        name=baseline.name,
        sha256=baseline.sha256,
        side_by_side=side_by_side,
        ratio=found.ratio,
        interval=None if found.interval is None else (found.interval.low, found.interval.high),
        confidence=CONFIDENCE,
        smallest_difference=found.smallest_difference,
        power=POWER,
        by="cpu time" if found.by_cpu else "time",
        launches=found.launches,
        conclusion=NO_CONCLUSION if reason else found.conclusion,
        reason=reason or None,
    )


_MISSING = object()


def _at(target: LatencyResult | Foreseen, key: str) -> Any:
    """The value at a path of fields; _MISSING where the result does not have it."""
    first = key.partition(".")[0]
    if first == "task_profile":  # what has none ran without one
        return getattr(target, first, None)
    if first in PHONES_ONLY and getattr(target, first, None) is None:
        return _MISSING
    value: Any = target
    for name in key.split("."):
        value = getattr(value, name)
    return value
