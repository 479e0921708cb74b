"""A mean or a ratio with its confidence interval: the one statistic behind "how much faster".

Student's interval, of values that are independent: one from each launch. It is right for two values
already, where a bootstrap is far too narrow, and it knows nothing of what the values are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev

from mixnet_common.memory import check_room

SCIPY_BYTES = 200 * 2**20
"""Of address space that loading SciPy takes. With less, its OpenBLAS waits for buffers for ever."""

CONFIDENCE = 0.95
"""Of intervals, unless another is asked for."""


@dataclass(frozen=True)
class Interval:
    """A lower and an upper bound, in the unit of the value they enclose."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A value and the interval around it; None where a single value says nothing of its spread."""

    value: float
    interval: Interval | None


def mean_of(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean of independent values, with Student's interval.

    >>> found = mean_of([1.0, 2.0, 3.0]).interval
    >>> round(found.low, 3), round(found.high, 3)
    (-0.484, 4.484)
    """
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(mean, None)
    half = student_bound(len(values) - 1, confidence) * stdev(values) / math.sqrt(len(values))
    return Estimate(mean, Interval(mean - half, mean + half))


def ratio_of(log_ratios: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The geometric mean of ratios, given as natural logarithms, with Student's interval of these.

    >>> round(ratio_of([math.log(0.5), math.log(2), 0.0]).value, 3)
    1.0
    """
    return exp_of(mean_of(log_ratios, confidence))


def exp_of(estimate: Estimate) -> Estimate:
    """An estimate of a logarithm as that of the number itself."""
    bounds = estimate.interval
    return Estimate(
        math.exp(estimate.value),
        None if bounds is None else Interval(math.exp(bounds.low), math.exp(bounds.high)),
    )


@lru_cache(maxsize=256)
def student_bound(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Between minus and plus this many standard errors lies ``confidence`` of Student's t.

    >>> round(student_bound(4), 3), round(student_bound(9, 0.99), 3)
    (2.776, 3.25)
    """
    check_room(SCIPY_BYTES)
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(freedom, (1 + confidence) / 2))
