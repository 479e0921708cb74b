"""Finds what can be rewritten and proven: rewritings whose proof fails are left as they were.

A proof names rewritings that differ, each alone. Where it cannot, as of a file that crashes its
runtime or differs only as a whole, halves are tried. What fails with nothing rewritten at all is
no rewriting's fault.
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
    """What is tried: which rewritings decisions allow, and whether those are proven."""

    keys: Callable[[Decisions], Sequence[str]]
    """The rewritings, by their names in a plan."""
    prove: Callable[[Decisions], Result]
    """Raises MixnetError where they are not equal."""


def settle(trial: Trial[Result], decisions: Decisions) -> Result:
    """What is made of all rewritings that are proven equal.

    Raises MixnetError where the file fails with none of them.
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
    """How a file fails with these rewritings alone; None where it does not."""
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
