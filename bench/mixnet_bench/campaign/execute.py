"""Does the steps of a campaign that are not done yet, one after the other.

A failed step only affects steps that need it. After an interruption, the next call continues with
the interrupted step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixnet_bench.campaign.estimate import Estimate, clock, estimate, read_earlier
from mixnet_bench.campaign.step import Step
from mixnet_bench.campaign.store import Store
from mixnet_common.console import print_bug, say, warn
from mixnet_common.numbers import seconds_in_words
from mixnet_common.system_faults import user_error

DONE = "done"
FOUND = "done before"
TO_DO = "to do"
FAILED = "failed"
NOT_TRIED = "not tried"

Work = Mapping[str, Callable[[Step, Store], Sequence[Any]]]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a step."""

    step: Step
    state: str
    seconds: float | None = None
    estimate: Estimate | None = None
    error: str = ""


def look(steps: Sequence[Step], store: Store) -> list[Outcome]:
    """The finished and the remaining steps, with estimates; does nothing."""
    earlier = read_earlier(store.earlier())
    return [
        Outcome(step, FOUND)
        if store.recall(step) is not None
        else Outcome(step, TO_DO, estimate=estimate(step, earlier))
        for step in steps
    ]


def execute(steps: Sequence[Step], store: Store, work: Work) -> list[Outcome]:
    """Do the steps that are not done. A failure is reported at once, and in the outcome."""
    outcomes: list[Outcome] = []
    missing: set[str] = set()
    for number, (step, seen) in enumerate(zip(steps, look(steps, store), strict=True), 1):
        outcome = seen
        if seen.state == TO_DO:
            outcome = _do(step, store, work, missing, f"{number}/{len(steps)}", seen.estimate)
        if outcome.state in (FAILED, NOT_TRIED):
            missing.add(step.key)
        outcomes.append(outcome)
    return outcomes


def _do(
    step: Step,
    store: Store,
    work: Work,
    missing: set[str],
    number: str,
    expected: Estimate | None,
) -> Outcome:
    lacking = [each.name for each in step.needs if each.key in missing]
    if lacking:
        return Outcome(step, NOT_TRIED, error=f"it needs {', '.join(lacking)}")
    about = "" if expected is None else f" (about {seconds_in_words(expected.seconds)})"
    say(f"[{number}] {step.kind} {step.name}{about}")
    began = clock()
    try:
        targets = work[step.kind](step, store)
        store.save(step, targets, clock() - began)
    except Exception as error:
        return Outcome(step, FAILED, clock() - began, error=report_failure(step, error))
    return Outcome(step, DONE, clock() - began)


def report_failure(step: Step, error: Exception) -> str:
    """Report a failure at once, and return it in words. A bug must not stop the other steps."""
    found = user_error(error)
    if found is None:
        print_bug(error)
        warn(f"{step.kind} {step.name} failed: {type(error).__name__}; please report this")
        return f"{type(error).__name__}: {error}"
    text = f"{found.message}{f' ({found.hint})' if found.hint else ''}"
    warn(f"{step.kind} {step.name} failed: {text}")
    return text
