"""Whether a loss is within a budget, beyond it, or undecided because there are too few images.

The interval decides, not the observed loss: see docs/parity.md.
"""

from dataclasses import dataclass

from mixnet_common import MixnetError
from mixnet_common.intervals import Interval
from mixnet_quantize.parity.intervals import enough, paired_difference, wilson
from mixnet_quantize.parity.tally import Outcome

WITHIN, BEYOND, TOO_FEW = "within", "beyond", "too-few-images"

EXIT_STATUS = {WITHIN: 0, BEYOND: 1, TOO_FEW: 3}


@dataclass(frozen=True)
class Verdict:
    """The gate's answer. Shares run from 0 to 1; a budget of half a point is 0.005."""

    kind: str
    """``within``, ``beyond`` or ``too-few-images``."""
    measure: str
    """``top-1``, or ``agreement`` where there are no labels."""
    budget: float
    loss: float
    interval: Interval
    count: int
    needed: int | None
    """If there are too few images: the number needed; None if no number is enough, since the loss
    is as large as the budget."""

    @property
    def exit_status(self) -> int:
        """0 within the budget, 1 beyond it, 3 for too few images."""
        return EXIT_STATUS[self.kind]


class BeyondBudgetError(MixnetError):
    """The loss is beyond the budget."""


class TooFewImagesError(MixnetError):
    """There are too few images to decide whether the loss is within the budget."""

    exit_status = 3


def judge(outcome: Outcome, budget: float, confidence: float) -> Verdict:
    """Hold the loss of top-1, or without labels of agreement, against ``budget``, 0 to 1."""
    if outcome.top1 is not None:
        measure, loss = "top-1", outcome.top1.loss
        seen, interval = loss.value, loss.interval
    else:
        measure, agreement = "agreement", outcome.agreement
        seen = 1 - agreement.value
        interval = Interval(1 - agreement.interval.high, 1 - agreement.interval.low)
    kind = _kind(interval, budget)
    needed = _needed(outcome, budget, confidence) if kind == TOO_FEW else None
    return Verdict(kind, measure, budget, seen, interval, outcome.count, needed)


def _kind(interval: Interval, budget: float) -> str:
    if interval.high <= budget:
        return WITHIN
    return BEYOND if interval.low > budget else TOO_FEW


def _needed(outcome: Outcome, budget: float, confidence: float) -> int | None:
    count = outcome.count
    if outcome.top1 is not None:
        loss = outcome.top1.loss

        def interval(scale: float, z: float) -> Interval:
            return paired_difference(loss.lost * scale, loss.won * scale, count * scale, z)

    else:
        differ = count - outcome.agreement.hits

        def interval(scale: float, z: float) -> Interval:
            return wilson(differ * scale, count * scale, z)

    return enough(interval, count, budget, confidence)


def describe_verdict(verdict: Verdict) -> str:
    """The verdict in a sentence."""
    low, high = 100 * verdict.interval.low, 100 * verdict.interval.high
    what = f"the loss of {verdict.measure} is {100 * verdict.loss:.2f} points"
    budget = f"the budget of {100 * verdict.budget:g}"
    between = f"({low:.2f} to {high:.2f})"
    end = {
        WITHIN: f"within {budget}",
        BEYOND: f"beyond {budget}",
        TOO_FEW: f"{verdict.count} images are too few to decide about {budget}",
    }
    return f"{what} {between}: {end[verdict.kind]}"


def enforce(verdict: Verdict) -> None:
    """Raise BeyondBudgetError or TooFewImagesError unless the loss is within the budget."""
    if verdict.kind == BEYOND:
        raise BeyondBudgetError(describe_verdict(verdict), hint(verdict))
    if verdict.kind == TOO_FEW:
        raise TooFewImagesError(describe_verdict(verdict), hint(verdict))


def hint(verdict: Verdict) -> str:
    """The remedy if it is undecided whether the loss is within the budget."""
    if verdict.kind == WITHIN:
        return ""
    if verdict.kind == BEYOND:
        return "the worst images show where the files differ"
    if verdict.needed is None:
        return (
            "the measured loss is about as large as the budget, so no number of images can decide"
        )
    return f"about {verdict.needed} images are needed, if the others behave like these"
