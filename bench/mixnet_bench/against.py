"""``--against``: adds to measured targets what a comparison with a baseline concludes.

The baseline is a file that ran side by side with them, or a saved result of an earlier run under
like conditions. Works on the JSON objects of ``mixnet-bench latency``; measures nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_bench.stats.comparison import (
    CONFIDENCE,
    NO_CONCLUSION,
    UNDETECTED,
    Comparison,
    compare_turns,
    compare_unpaired,
)
from mixnet_bench.stats.detection import POWER
from mixnet_bench.stats.samples import Floats
from mixnet_bench.stats.turns import Turn
from mixnet_common import MixnetError, UsageError
from mixnet_common.documents import read_document, read_targets
from mixnet_common.json_object import LEAST_MS, MOST_MS, JsonObject, WrongValueError
from mixnet_common.printable import shown
from mixnet_common.readers import show

MEANINGLESS = ("emulated", "void")
"""Verdicts after which nothing is concluded, not even from files that ran side by side."""

ALIKE = (
    "target",
    "emulated",
    "fixed_performance",
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
)
"""What must be equal before separate runs are compared; runtimes and files are what may differ."""

ABSENT: Mapping[str, Any] = {"given": {}}
"""What it means that an older result lacks a key."""

NEEDED = ("name", "verdict", "samples_ms", "launches", "target", "threads", "settings", "machine")


def add_comparisons(targets: Sequence[dict[str, Any]]) -> None:
    """Compare all targets but the last with the last, beside which they ran."""
    *compared, baseline = targets
    for target in compared:
        found = compare_turns(turns_in(target), turns_in(baseline), target["threads"])
        words = (target["verdict"], baseline["verdict"])
        reason = next((f"it is {word}" for word in words if word in MEANINGLESS), "")
        target["against"] = _describe(baseline, found, reason, side_by_side=True)


def add_saved_comparisons(
    targets: Sequence[dict[str, Any]], saved: Sequence[Mapping[str, Any]]
) -> None:
    """Compare all targets with a saved result's; where conditions differ, nothing is concluded."""
    for target in targets:
        baseline = choose(saved, target["name"])
        unlike = _unlike(baseline, target)
        found = compare_unpaired(_launches(target), _launches(baseline))
        words = (target["verdict"], baseline["verdict"])
        reason = next((f"a verdict is {word}" for word in words if word != "valid"), "")
        if unlike:
            reason = f"the runs were unlike: {'; '.join(unlike)}"
        target["against"] = _describe(baseline, found, reason, side_by_side=False)


def check_foreseen(
    foreseen: Sequence[Mapping[str, Any]], saved: Sequence[Mapping[str, Any]]
) -> None:
    """Hold what is known before measuring against a saved result's. Raises as ``check_alike``."""
    for target in foreseen:
        check_alike(choose(saved, target["name"]), target)


def read_result(path: Path) -> list[dict[str, Any]]:
    """The targets of a saved result. Raises UsageError where it is none of ours, or unreadable."""
    hint = "save one with mixnet-bench latency -o FILE"
    document = read_document(path, hint)
    read_targets(document, path, hint, check_saved)
    targets: list[dict[str, Any]] = document["targets"]
    if not targets:
        raise UsageError(f"{show(path)} holds no results", hint)
    return targets


def choose(saved: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The baseline among saved targets: the only one, or the only one of this name."""
    if len(saved) == 1:
        return saved[0]
    named = [each for each in saved if each["name"] == name]
    if len(named) != 1:
        raise UsageError(
            f"--against: {len(named)} of the saved results are called {name}",
            f"save one file alone; there are {', '.join(str(each['name']) for each in saved)}",
        )
    return named[0]


def check_alike(saved: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """Raise MixnetError where the runs are unlike in anything that both tell."""
    unlike = _unlike(saved, target)
    if unlike:
        raise MixnetError(
            f"--against: the runs can't be compared: {'; '.join(unlike)}",
            "measure both files in one run: --against FILE, side by side",
        )


def _unlike(saved: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {shown(old)} then, {shown(new)} now"
        for key in ALIKE
        for absent in [ABSENT.get(key, _MISSING)]
        for old, new in [(_at(saved, key, absent), _at(target, key, absent))]
        if old is not _MISSING and new is not _MISSING and old != new
    ]


def sentence(target: Mapping[str, Any]) -> str:
    """What the comparison concludes, in a line."""
    found = target["against"]
    start = f"{target['name']} against {found['name']}"
    if found["conclusion"] == NO_CONCLUSION:
        return f"{start}: no conclusion, {found['reason']}"
    low, high = found["interval"]
    what = (
        "ratio of CPU times, other programs held the cores," if found["by"] != "time" else "ratio"
    )
    numbers = f"{what} {found['ratio']:.3f} ({CONFIDENCE:.0%}: {low:.3f}–{high:.3f})"
    if found["conclusion"] == UNDETECTED:
        return (
            f"{start}: no detectable difference, {numbers}; one of "
            f"{found['smallest_difference']:.1%} would have been seen {POWER:.0%} of the time"
        )
    return f"{start}: {found['conclusion']}, {numbers}"


def _describe(
    baseline: Mapping[str, Any], found: Comparison, reason: str, *, side_by_side: bool
) -> dict[str, Any]:
    if found.interval is None and not reason:
        reason = f"launches: {found.launches} are too few"
    return {
        "name": baseline["name"],
        "sha256": baseline.get("sha256"),
        "side_by_side": side_by_side,
        "ratio": found.ratio,
        "interval": None if found.interval is None else [found.interval.low, found.interval.high],
        "confidence": CONFIDENCE,
        "smallest_difference": found.smallest_difference,
        "power": POWER,
        "by": "cpu time" if found.by_cpu else "time",
        "launches": found.launches,
        "conclusion": NO_CONCLUSION if reason else found.conclusion,
        "reason": reason or None,
    }


_MISSING = object()


def _at(target: Mapping[str, Any], key: str, absent: Any) -> Any:
    value: Any = target
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return absent
        value = value[name]
    return value


def check_saved(target: JsonObject) -> None:
    """Raise WrongValueError unless it is a timing whose numbers can be compared."""
    for key in NEEDED:
        if not target.has(key):
            raise WrongValueError(f"it has no {key}: it is no result of mixnet-bench latency")
    for key in ("name", "verdict", "target"):
        target.text(key)
    if target.has("path"):
        target.path("path")
    for key in ("settings", "machine", "device"):
        target.at(key)
    samples = target.numbers("samples_ms", LEAST_MS, MOST_MS)
    counts = [launch.whole("count", 1) for launch in target.objects("launches")]
    if sum(counts) != len(samples) or not samples:
        raise WrongValueError(
            f"launches count {sum(counts)} samples, and samples_ms has {len(samples)}"
        )


def _launches(target: Mapping[str, Any]) -> list[Floats]:
    """The samples, launch by launch."""
    samples = np.asarray(target["samples_ms"], dtype=np.float64)
    return _cut(samples, [launch["count"] for launch in target["launches"]])


def turns_in(target: Mapping[str, Any]) -> list[list[Turn]]:
    """The bursts of every launch."""
    found = []
    for samples, launch in zip(_launches(target), target["launches"], strict=True):
        bursts = launch["bursts"]
        cut = _cut(samples, [burst["count"] for burst in bursts])
        pairs = zip(cut, bursts, strict=True)
        found.append([Turn(each, burst["lead_ms"], burst["cpu_ms"]) for each, burst in pairs])
    return found


def _cut(samples: Floats, counts: Sequence[int]) -> list[Floats]:
    return np.split(samples, np.cumsum(counts)[:-1])
