"""The Pareto front: networks for which no other is as fast and has a better score.

Pure; of equal networks the first is used.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Rated(Protocol):
    """Something with a latency, where less is better, and a score, where more is."""

    @property
    def latency(self) -> float:
        """Less is better."""

    @property
    def score(self) -> float | None:
        """More is better; None for one that could not be scored."""


Kind = TypeVar("Kind", bound=Rated)


def beats(first: Rated, second: Rated) -> bool:
    """Whether the first dominates the second: as fast, and scored as high."""
    if first.score is None or second.score is None:
        return second.score is None
    return first.latency <= second.latency and first.score >= second.score


def with_one_more(front: Sequence[Kind], one: Kind) -> list[Kind]:
    """A front, from the fastest to the slowest, after one more was found."""
    if one.score is None or any(beats(each, one) for each in front):
        return list(front)
    kept = [each for each in front if not beats(one, each)]
    return sorted([*kept, one], key=lambda each: each.latency)


def front_of(all_of_them: Sequence[Kind]) -> list[Kind]:
    """The front of all, from the fastest to the slowest.

    >>> from types import SimpleNamespace as Made
    >>> made = [Made(latency=x, score=y) for x, y in ((1, 1), (2, 1), (2, 3), (3, 2), (4, None))]
    >>> [(each.latency, each.score) for each in front_of(made)]
    [(1, 1), (2, 3)]
    """
    found: list[Kind] = []
    for each in all_of_them:
        found = with_one_more(found, each)
    return found
