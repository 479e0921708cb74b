"""The verdicts on a latency, in order of severity, and the caveats that lead to them. Pure.

A cause takes precedence over its symptoms: programs that occupy the cores make an interval wide,
and so does drift, so a wide interval makes a measurement ``too-short`` only if no cause is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Verdicts on a latency, the most severe first. docs/trust.md explains each word."""

    EMULATED = "emulated"
    VOID = "void"
    DIFFERS = "differs"
    UNDELEGATED = "undelegated"
    THROTTLED = "throttled"
    WRONG_CORES = "wrong-cores"
    CONTENDED = "contended"
    TOO_SHORT = "too-short"
    DRIFTING = "drifting"
    UNSAMPLED = "unsampled"
    VALID = "valid"

    @property
    def severity(self) -> int:
        """The place in the order: 0 is the gravest."""
        return _ORDER[self]


_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}

MEANINGLESS = (Verdict.EMULATED, Verdict.VOID)
"""Verdicts after which the times say nothing at all."""


@dataclass(frozen=True)
class Caveat:
    """A reason not to trust a latency: the verdict that it speaks for, and a sentence.

    A ``symptom`` is seen in the samples, and may be another caveat's doing: it decides the verdict
    only where there is no cause, and its ``remedy``, what to do about it, is then left out.
    """

    verdict: Verdict
    sentence: str
    symptom: bool = False
    remedy: str = ""


class Conclusion(NamedTuple):
    """The verdict of all caveats together, and a sentence for each, the gravest first."""

    verdict: Verdict
    reasons: tuple[str, ...]


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that outweighs the others; ``valid`` where there is none.

    >>> gravest([Verdict.CONTENDED, Verdict.VALID, Verdict.THROTTLED]).value
    'throttled'
    """
    return min(verdicts, key=lambda each: each.severity, default=Verdict.VALID)


def verdict_of(caveats: Iterable[Caveat]) -> Conclusion:
    """The verdict of caveats, and their reasons: causes, the most severe first, then symptoms.

    >>> wide = Caveat(Verdict.TOO_SHORT, "wide", symptom=True, remedy="raise --launches")
    >>> verdict_of([wide]).reasons
    ('wide: raise --launches',)
    >>> verdict_of([wide, Caveat(Verdict.DRIFTING, "slower and slower")]).reasons
    ('slower and slower', 'wide')
    """
    ordered = sorted(caveats, key=lambda each: (each.symptom, each.verdict.severity))
    if not ordered:
        return Conclusion(Verdict.VALID, ())
    word = ordered[0].verdict
    return Conclusion(word, tuple(_reason(each, word) for each in ordered))


def _reason(caveat: Caveat, word: Verdict) -> str:
    tell = caveat.remedy and (not caveat.symptom or caveat.verdict == word)
    return f"{caveat.sentence}: {caveat.remedy}" if tell else caveat.sentence
