"""From a file to a measured plan: times, decisions and their text."""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mixnet_common import UsageError
from mixnet_common.hashing import sha256_of
from mixnet_export.optimize.decisions import Decisions, Measured, decide, format_decisions
from mixnet_export.optimize.measuring import Timer, check_runtime, host_timer, pair_groups, timed
from mixnet_export.optimize.pairs import Pair
from mixnet_runtimes.targets import Target, find_target

Groups = Sequence[Sequence[Pair]]

Tracked = Callable[[Groups], Iterable[Sequence[Pair]]]
"""Shows how far it is; one that shows nothing is ``iter``."""


PHONE_TIMER = "mixnet_bench.tuning.phone:timer_on"
"""The provider of a phone's timer: above this package, so named, and imported on request."""


class LentTimer(Protocol):
    """A timer, and the conditions under which it times."""

    def launches(self, contents: Sequence[bytes]) -> Any:
        """Times of the contents of files, in turns, launch by launch."""

    def conditions(self, content: bytes) -> str:
        """The conditions of such a file's times, the runtime first."""

    def target(self, content: bytes) -> Target | None:
        """The runtime there; None if its version is none that is known."""


@dataclass(frozen=True)
class MeasuredPlan:
    """The measurements, the decisions, and the text of the plan."""

    measured: tuple[Measured, ...]
    decisions: Decisions
    text: str


def plan_here(path: Path, runtime: str | None, tracked: Tracked = iter) -> MeasuredPlan:
    """Measure on this machine, with one thread.

    Raises UsageError if this machine's runtime is unlike the requested one.
    """
    target = target_for(path, runtime)
    conditions = f"{check_runtime(path, target)}, 1 thread"
    return plan_with(path, target, host_timer(path.suffix), conditions, tracked)


def plan_on_phone(
    path: Path, runtime: str | None, on: str, allow_emulated: bool, tracked: Tracked = iter
) -> MeasuredPlan:
    """Measure on a phone, ``adb`` or ``adb:SERIAL``, with one thread.

    Raises UsageError if its runtime is unlike the requested one, MixnetError as the phone.
    """
    lend: Callable[..., AbstractContextManager[LentTimer]] = pkgutil.resolve_name(PHONE_TIMER)
    with lend(on, path.suffix.lower(), 1, allow_emulated=allow_emulated) as timer:
        return plan_by(path, timer, runtime, tracked)


def plan_by(
    path: Path, timer: LentTimer, runtime: str | None = None, tracked: Tracked = iter
) -> MeasuredPlan:
    """Measure with a lent timer, for the runtime that it has.

    Raises UsageError if its version is unknown, or unlike the requested one.
    """
    content = path.read_bytes()
    target, conditions = timer.target(content), timer.conditions(content)
    if target is None:
        raise UsageError(f"{conditions}: no rules are known for its version")
    if runtime is not None and not target.is_like(target_for(path, runtime)):
        raise UsageError(
            f"{conditions}: its measurements are not valid for {runtime}",
            f"omit --for, or give --for {target.name}",
        )
    return plan_with(path, target, timer.launches, conditions, tracked)


def plan_with(
    path: Path, target: Target, timer: Timer, conditions: str, tracked: Tracked = iter
) -> MeasuredPlan:
    """Measure with a given timer, such as a phone's."""
    measured = tuple(timed(group, timer) for group in tracked(pair_groups(path, target)))
    decisions = decide(measured, conditions, target.name, sha256_of(path))
    return MeasuredPlan(measured, decisions, format_decisions(decisions, measured))


def target_for(path: Path, runtime: str | None) -> Target:
    """The target that is named, or the newest for the file's format."""
    return find_target(runtime, path.suffix.lower().removeprefix("."))
