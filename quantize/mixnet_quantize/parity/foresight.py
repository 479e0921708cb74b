"""What a number of images can show at best, told before the work. Pure."""

from math import ceil

from mixnet_quantize.parity.intervals import paired_difference, quantile, wilson


def foretell(images: int, labelled: bool, budget: float | None, confidence: float) -> str:
    """The narrowest answer of this number of images, in a sentence; ``budget`` is in points.

    It is the interval of a comparison in which nothing differs: any difference makes it wider.

    >>> foretell(60, True, 0.5, 0.95)
    '60 images can show a loss of top-1 to ±6.0 points at best; a budget of 0.5 needs 765 or more'
    """
    points = 100 * _bound(images, labelled, confidence)
    what = f"a loss of top-1 to ±{points:.1f}" if labelled else f"a disagreement above {points:.1f}"
    words = f"{images:,} images can show {what} points at best"
    if budget is None or budget <= 0 or points <= budget:
        return words
    needed = _needed(budget, confidence)
    return f"{words}; a budget of {budget:g} needs {needed:,} or more"


def _bound(images: int, labelled: bool, confidence: float) -> float:
    """The upper end of the interval where nothing differs."""
    z = quantile(confidence)
    interval = paired_difference(0, 0, images, z) if labelled else wilson(0, images, z)
    return interval.high


def _needed(budget: float, confidence: float) -> int:
    """The fewest images whose interval lies within the budget where nothing differs.

    Both intervals end at z² / (n + z²) there.
    """
    z2 = quantile(confidence) ** 2
    return ceil(z2 * (100 / budget - 1))
