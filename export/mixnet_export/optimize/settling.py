"""Finds the rewritings that pass verification; those that fail are undone.

A verification names the single rewritings that differ. If it cannot, because a file crashes its
runtime or differs only as a whole, they are found by bisection. If the file fails without any
rewriting, no rewriting is the cause.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mixnet_common import MixnetError, UsageError
from mixnet_export.optimize.attempt import UnprovenError
from mixnet_export.optimize.decisions import Decisions

Result = TypeVar("Result")


@dataclass(frozen=True)
class Trial(Generic[Result]):
    """An attempt: which rewritings decisions allow, and whether they pass verification."""

    keys: Callable[[Decisions], Sequence[str]]
    """The rewritings, by their names in a plan."""
    prove: Callable[[Decisions], Result]
    """Raises MixnetError if they are not equal."""


def settle(trial: Trial[Result], decisions: Decisions) -> Result:
    """The file with all rewritings that pass verification.

    Raises MixnetError if the file fails without any of them.
    """
    while True:
        try:
            return trial.prove(decisions)
        except UsageError:
            raise
        except UnprovenError as error:
            failed = error.failed
        except MixnetError as error:
            failed = _culprits(trial, decisions, error)
        decisions = decisions.without(failed)


def _culprits(trial: Trial[Result], decisions: Decisions, error: MixnetError) -> dict[str, str]:
    """The rewritings that fail beside those that do not, and how. Raises the error without any."""
    keys = list(dict.fromkeys(trial.keys(decisions)))
    if not keys or _failure(trial, decisions, []) is not None:
        raise error
    kept: list[str] = []
    failed: dict[str, str] = {}
    pending = [keys] if len(keys) == 1 else _halves(keys)
    while pending:
        part = [key for key in pending.pop(0) if key not in failed]
        why = _failure(trial, decisions, [*kept, *part]) if part else None
        if why is None:
            kept += part
        elif isinstance(why, UnprovenError) and set(why.failed) & set(part):
            failed |= {key: words for key, words in why.failed.items() if key in part}
            pending.insert(0, part)
        elif len(part) > 1:
            pending[:0] = _halves(part)
        else:
            failed[part[0]] = why.message
    if not failed:
        raise error
    return failed


def _failure(trial: Trial[Result], decisions: Decisions, keys: Sequence[str]) -> MixnetError | None:
    """The failure of a file with only these rewritings; None if there is none."""
    try:
        trial.prove(replace(decisions, only=frozenset(keys)))
    except UsageError:
        raise
    except MixnetError as error:
        return error
    return None


def _halves(keys: list[str]) -> list[list[str]]:
    middle = len(keys) // 2
    return [keys[:middle], keys[middle:]]
