"""Intervals for proportions and for the difference of two paired ones; how many images suffice.

Pure functions of counts. Proportions are from 0 to 1.
"""

from collections.abc import Callable
from math import sqrt

from mixnet_common.intervals import Interval

POWER = 0.8
"""``enough`` aims at a clear verdict in four runs of five."""

MOST = 10**8
"""Images beyond which ``enough`` gives up."""


def quantile(confidence: float) -> float:
    """How many standard deviations around a normal mean hold ``confidence`` of it.

    >>> round(quantile(0.95), 4)
    1.96
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + confidence) / 2))


def wilson(hits: float, count: float, z: float) -> Interval:
    """Wilson's (1927) score interval of ``hits`` in ``count``: all p with |hits - np| <= z sd(p).

    Both are rounded: a planned number of images need not be whole.

    By hand, 0 of 10 with z = 2: 100 p² <= 4 · 10 p (1 - p), so p <= 40 / 140.

    >>> round(wilson(0, 10, 2).high, 4), round(40 / 140, 4)
    (0.2857, 0.2857)
    """
    from scipy.stats import binomtest, norm

    confidence = 1 - 2 * float(norm.sf(z))
    found = binomtest(round(hits), round(count)).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


def paired_difference(lost: float, won: float, count: float, z: float) -> Interval:
    """Tango's (1998) score interval of (lost - won) / count, where both are of the same images.

    ``lost`` images only the first has right, ``won`` only the second; those that both or neither
    have right are the rest of ``count``. All differences that ``score`` holds against the counts
    with no more than ``z``: it exists where nothing was lost or won too, unlike Wald's.

    By hand, 0 lost and 0 won of 96 with z = 2: the variance is d (1 - d) / 96, so d is bounded by
    96 d = 4 (1 - d).

    >>> found = paired_difference(0, 0, 96, 2)
    >>> round(found.low, 6), round(found.high, 6)
    (-0.04, 0.04)
    """
    seen = (lost - won) / count
    return Interval(
        _boundary(lambda value: score(lost, won, count, value) <= z, seen, -1.0),
        _boundary(lambda value: score(lost, won, count, value) >= -z, seen, 1.0),
    )


def score(lost: float, won: float, count: float, difference: float) -> float:
    """Standard deviations by which lost - won exceeds what ``difference`` lets expect.

    The variance is that of the likeliest proportions with this difference. At 0 it is McNemar's
    statistic.

    >>> score(lost=9, won=7, count=100, difference=0)
    0.5
    """
    gap = lost - won - count * difference
    # The likeliest proportion of won images, q, is the larger root of a q² + b q + c = 0.
    a = 2 * count
    b = (2 * count - lost + won) * difference - lost - won
    c = -won * difference * (1 - difference)
    q = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = count * (2 * q + difference * (1 - difference))
    if variance <= 0:
        return 0.0 if gap == 0 else (float("inf") if gap > 0 else float("-inf"))
    return gap / sqrt(variance)


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p-value: as many of lost + won tosses of a coin as uneven as these.

    By hand, 1 lost and 5 won: 2 · (1 + 6) / 64.

    >>> mcnemar(1, 5), mcnemar(0, 0)
    (0.21875, 1.0)
    """
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0


def enough(
    interval: Callable[[float, float], Interval], count: int, budget: float, confidence: float
) -> int | None:
    """The number of images that determines whether a loss is within the budget or beyond it.

    ``interval(scale, z)`` is that of the same counts times ``scale``. If more images go as these
    did, the verdict is then clear in four runs of five: the interval, wider by what chance adds to
    it, no longer holds the budget. None if no affordable number would do, since the loss is as
    large as the budget.
    """
    z = quantile(confidence) + quantile(2 * POWER - 1)

    def decides(images: int) -> bool:
        found = interval(images / count, z)
        return found.high <= budget or found.low > budget

    if not decides(MOST):
        return None
    low, high = 0, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def _boundary(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """The boundary of ``holds`` between ``inside`` and ``outside``, to twelve digits."""
    if holds(outside):
        return outside
    while abs(outside - inside) > 1e-12:
        middle = (inside + outside) / 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside
