"""From a file to a measured plan: times, decisions and their text."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixnet_common.hashing import sha256_of
from mixnet_export.optimize.decisions import Decisions, Measured, decide, format_decisions
from mixnet_export.optimize.measuring import Timer, check_runtime, host_timer, pair_groups, timed
from mixnet_export.optimize.pairs import Pair
from mixnet_runtimes.targets import Target, find_target

Groups = Sequence[Sequence[Pair]]

Tracked = Callable[[Groups], Iterable[Sequence[Pair]]]
"""Shows how far it is; one that shows nothing is ``iter``."""


@dataclass(frozen=True)
class MeasuredPlan:
    """What was measured, what it decides, and the text that says so."""

    measured: tuple[Measured, ...]
    decisions: Decisions
    text: str


def plan_here(path: Path, runtime: str | None, tracked: Tracked = iter) -> MeasuredPlan:
    """Measure on this machine, with one thread.

    Raises UsageError where this machine's runtime is not like the one asked for.
    """
    target = target_for(path, runtime)
    conditions = f"{check_runtime(path, target)}, 1 thread"
    return plan_with(path, target, host_timer(path.suffix), conditions, tracked)


def plan_with(
    path: Path, target: Target, timer: Timer, conditions: str, tracked: Tracked = iter
) -> MeasuredPlan:
    """Measure with somebody's timer, such as a phone's."""
    measured = tuple(timed(group, timer) for group in tracked(pair_groups(path, target)))
    decisions = decide(measured, conditions, target.name, sha256_of(path))
    return MeasuredPlan(measured, decisions, format_decisions(decisions, measured))


def target_for(path: Path, runtime: str | None) -> Target:
    """The target that is named, or the newest for the file's format."""
    return find_target(runtime, path.suffix.lower().removeprefix("."))
