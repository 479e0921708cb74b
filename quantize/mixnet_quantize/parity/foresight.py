"""The smallest loss that a number of images can determine, computed before they are run. Pure."""

from math import ceil

from mixnet_quantize.parity.intervals import paired_difference, quantile, wilson


def foretell(images: int, labelled: bool, budget: float | None, confidence: float) -> str:
    """The best resolution of this number of images, as a sentence; ``budget`` is in points.

    It is the interval of a comparison without differences: any difference makes it wider.

    >>> foretell(60, True, 0.5, 0.95).partition(";")[0]
    '60 images can determine a loss of top-1 to within ±6.0 points at best'
    >>> foretell(60, True, 0.5, 0.95).partition("; ")[2]
    'a budget of 0.5 points needs at least 765'
    """
    points = 100 * _bound(images, labelled, confidence)
    what = "a loss of top-1 to within ±" if labelled else "a disagreement to within "
    words = f"{images:,} images can determine {what}{points:.1f} points at best"
    if budget is None or budget <= 0 or points <= budget:
        return words
    needed = _needed(budget, confidence)
    return f"{words}; a budget of {budget:g} points needs at least {needed:,}"


def _bound(images: int, labelled: bool, confidence: float) -> float:
    """The upper end of the interval where nothing differs."""
    z = quantile(confidence)
    interval = paired_difference(0, 0, images, z) if labelled else wilson(0, images, z)
    return interval.high


def _needed(budget: float, confidence: float) -> int:
    """The fewest images whose interval is within the budget if nothing differs.

    Both intervals end at z² / (n + z²) there.
    """
    z2 = quantile(confidence) ** 2
    return ceil(z2 * (100 / budget - 1))
