"""Whether one file is faster than another: the ratio, its interval, and the detectable difference.

The launch is the unit. A launch of both files gives one ratio; only the spread of these ratios
between launches shows the uncertainty of their mean, so the interval is Student's. Pure functions;
nothing is measured and no sample is dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_bench.stats.detection import detectable
from mixnet_bench.stats.samples import Floats, Launches, median
from mixnet_bench.stats.turns import Turns, ratios_of
from mixnet_common.intervals import Estimate, Interval, exp_of, student_bound

CONFIDENCE = 0.99
"""Equal files are called different once in a hundred comparisons; with 95 % it were one in 20."""

LEAST_LAUNCHES = 3
"""Fewer launches say next to nothing about the difference between launches."""

FASTER, SLOWER = "faster", "slower"
UNDETECTED = "no detectable difference"
NO_CONCLUSION = "no conclusion"


@dataclass(frozen=True)
class Comparison:
    """A file's time over another's, with its interval at the given confidence.

    ``smallest_difference`` is a share (0.03 is 3 %): of differences so large, such a measurement
    finds nine in ten. ``launches`` counts what the interval rests on. Interval and smallest
    difference are None where launches are too few for them. ``by_cpu``: CPU times were compared.
    """

    ratio: float
    interval: Interval | None
    smallest_difference: float | None
    launches: int
    by_cpu: bool = False

    @property
    def conclusion(self) -> str:
        """``faster``, ``slower``, ``no detectable difference`` or ``no conclusion``."""
        if self.interval is None:
            return NO_CONCLUSION
        if self.interval.high < 1:
            return FASTER
        return SLOWER if self.interval.low > 1 else UNDETECTED


@dataclass(frozen=True)
class _Difference:
    """A difference of logarithms, its standard error, and that one's degrees of freedom."""

    value: float
    error: float
    freedom: float


def compare_turns(
    target: Turns, other: Turns, threads: int, confidence: float = CONFIDENCE
) -> Comparison:
    """Compare two files that took turns; by time, or by CPU time where other programs interfere.

    Raises ValueError if launches or rounds don't match.
    """
    found = ratios_of(target, other, threads)
    return compare_paired(found.log_ratios, confidence, by_cpu=found.by_cpu)


def compare_paired(
    log_ratios: Sequence[float], confidence: float = CONFIDENCE, by_cpu: bool = False
) -> Comparison:
    """Compare files that ran side by side, from the logarithm of their ratio in each launch."""
    values, count = np.asarray(log_ratios, dtype=np.float64), len(log_ratios)
    mean = float(values.mean())
    if count < LEAST_LAUNCHES:
        return Comparison(math.exp(mean), None, None, count, by_cpu)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    return _conclude(_Difference(mean, error, count - 1), confidence, count, by_cpu)


def compare_unpaired(
    target: Launches, other: Launches, confidence: float = CONFIDENCE
) -> Comparison:
    """Compare the samples of files of two separate measurements, by Welch's approximation.

    What differed between the two measurements as a whole is not in the interval: nothing in their
    samples tells of it.
    """
    both = [
        np.array([math.log(median(launch)) for launch in launches]) for launches in (target, other)
    ]
    count = min(len(each) for each in both)
    difference = float(both[0].mean() - both[1].mean())
    if count < LEAST_LAUNCHES:
        return Comparison(math.exp(difference), None, None, count)
    return _conclude(_welch(*both), confidence, count)


def _welch(first: Floats, second: Floats) -> _Difference:
    """The difference of two means whose spreads differ (Welch 1947)."""
    parts = [(float(each.var(ddof=1)) / len(each), len(each) - 1) for each in (first, second)]
    squares = sum(part**2 / freedom for part, freedom in parts)
    total = sum(part for part, _ in parts)
    freedom = total**2 / squares if squares else float(min(freedom for _, freedom in parts))
    return _Difference(float(first.mean() - second.mean()), math.sqrt(total), freedom)


def _conclude(
    found: _Difference, confidence: float, launches: int, by_cpu: bool = False
) -> Comparison:
    half = student_bound(found.freedom, confidence) * found.error
    interval = Interval(found.value - half, found.value + half)
    ratio = exp_of(Estimate(found.value, interval))
    smallest = math.expm1(detectable(round(found.freedom, 2), confidence) * found.error)
    return Comparison(ratio.value, ratio.interval, smallest, launches, by_cpu)
