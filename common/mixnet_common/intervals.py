"""A mean or a ratio with its confidence interval: the one statistic behind "how much faster".

Student's interval of independent values, one from each launch. It is valid from two values on,
where a bootstrap is far too narrow.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from statistics import fmean, stdev

from mixnet_common.memory import check_room

SCIPY_BYTES = 200 * 2**20
"""Address space needed to load SciPy. With less, its OpenBLAS waits for buffers forever."""

SHOWN_IN_TENTHS = 1.2
"""Factors of speed from here on have one decimal, smaller ones two."""

CONFIDENCE = 0.95
"""Default confidence level of intervals."""


@dataclass(frozen=True)
class Interval:
    """A lower and an upper bound, in the unit of the value they enclose."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A value and its interval; None if it comes from a single value, whose spread is unknown."""

    value: float
    interval: Interval | None


def speed_in_words(times: Estimate, than: str) -> str:
    """The speed against ``than`` of something whose time over that of ``than`` is ``times``.

    >>> speed_in_words(Estimate(0.692, Interval(0.64, 0.748)), "a.tflite")
    '1.4× faster than a.tflite (ratio 0.64–0.75)'
    >>> speed_in_words(Estimate(1.04, None), "it"), speed_in_words(Estimate(2.0, None), "it")
    ('1.04× slower than it', '2.0× slower than it')
    >>> speed_in_words(Estimate(0.98, Interval(0.95, 1.01)), "it")
    'not measurably faster or slower than it (ratio 0.95–1.01)'
    """
    found = times.value
    low, high = (found, found) if times.interval is None else astuple(times.interval)
    bounds = "" if times.interval is None else f" (ratio {low:.2f}–{high:.2f})"
    if low <= 1 <= high:
        return f"not measurably faster or slower than {than}{bounds}"
    factor, word = (1 / found, "faster") if found < 1 else (found, "slower")
    return f"{factor:.{1 if factor >= SHOWN_IN_TENTHS else 2}f}× {word} than {than}{bounds}"


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
    """Between minus and plus this many standard errors is ``confidence`` of Student's t.

    >>> round(student_bound(4), 3), round(student_bound(9, 0.99), 3)
    (2.776, 3.25)
    """
    check_room(SCIPY_BYTES)
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(freedom, (1 + confidence) / 2))
