"""Whether one file is faster than another: the ratio, its interval, and what could not be seen.

The launch is the unit. A launch in which both files ran gives one ratio; the spread of these ratios
from launch to launch is all that tells how far their mean can be trusted, so the interval is
Student's, which is honest for a handful of launches where a percentile bootstrap is too narrow.
Pure functions; nothing is measured and no sample is dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mixnet_bench.stats.bootstrap import resample_percentiles
from mixnet_bench.stats.samples import Floats, Launches, median
from mixnet_common.intervals import Interval

CONFIDENCE = 0.99
"""Equal files are called different once in a hundred comparisons; with 95 % it were one in 20."""

POWER = 0.9
"""How often the smallest detectable difference is detected."""

LEAST_LAUNCHES = 3
"""Fewer launches say next to nothing about the difference between launches."""

STARVED = 0.10
"""Share of the time without a core, from which a measurement is of the other programs too."""

WITHIN_REPLICATES = 200
ANGLES = 20_001

FASTER, SLOWER = "faster", "slower"
UNDETECTED = "no detectable difference"
NO_CONCLUSION = "no conclusion"


@dataclass(frozen=True)
class Comparison:
    """A file's time over another's, with the interval in which it lies at ``CONFIDENCE``.

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


def compare_paired(launches: Launches, seed: int = 0) -> Comparison:
    """Compare files that ran side by side, from what ``round_ratios`` gives for each launch.

    A launch's ratio is the median of its rounds': what slowed a round, or a whole launch, slowed
    both files and cancels out.
    """
    ratios = np.array([median(launch) for launch in launches])
    count = len(ratios)
    if count < LEAST_LAUNCHES:
        return _conclude(float(ratios.mean()), math.nan, 0, count)
    # The spread between launches holds that within them. Where few launches agree by chance, what
    # the rounds within them leave open is the least that can be said.
    within = np.array([_variance_of_median(launch, seed) for launch in launches])
    variance = max(float(ratios.var(ddof=1)), float(within.mean()))
    return _conclude(float(ratios.mean()), math.sqrt(variance / count), count - 1, count)


@dataclass(frozen=True)
class Turn:
    """A burst: its samples and the inference that opened it, in milliseconds.

    ``cpu_ms`` is the time that all threads had on a core during all of these; None if unknown.
    """

    samples_ms: Floats
    lead_ms: float
    cpu_ms: float | None = None

    @property
    def cpu_each_ms(self) -> float:
        """CPU time of one inference."""
        return (self.cpu_ms or 0.0) / (1 + len(self.samples_ms))


Turns = Sequence[Sequence[Turn]]
"""A file's bursts, launch by launch, one a round."""


def compare_turns(target: Turns, other: Turns, threads: int, seed: int = 0) -> Comparison:
    """Compare two files that took turns; by time, or by CPU time where other programs interfere.

    Raises ValueError where launches or rounds don't match.
    """
    by_cpu = needs_cpu_time([*target, *other], threads)
    pairs = zip(target, other, strict=True)
    found = compare_paired([round_ratios(*pair, by_cpu=by_cpu) for pair in pairs], seed)
    return replace(found, by_cpu=by_cpu)


def needs_cpu_time(turns: Turns, threads: int) -> bool:
    """Whether CPU time must stand in for time: one thread, often without a core.

    How long it waits for a core is the other programs' doing, and drowns everything else; with a
    core of its own, a thread's CPU time is its latency. Of several threads this can't be said.
    """
    bursts = [turn for launch in turns for turn in launch]
    if threads != 1 or not all(turn.cpu_ms for turn in bursts):
        return False
    wall = sum(turn.lead_ms + float(turn.samples_ms.sum()) for turn in bursts)
    return sum(turn.cpu_ms or 0 for turn in bursts) < (1 - STARVED) * wall


def round_ratios(turns: Sequence[Turn], others: Sequence[Turn], by_cpu: bool = False) -> Floats:
    """For each round of one launch, the logarithm of the files' ratio of burst medians.

    >>> round_ratios([Turn(np.array([2.0, 2.0, 9.0]), 5.0)], [Turn(np.array([1.0]), 5.0)]).round(3)
    array([0.693])
    """

    def level(turn: Turn) -> float:
        return turn.cpu_each_ms if by_cpu else median(turn.samples_ms)

    pairs = zip(turns, others, strict=True)
    return np.array([math.log(level(turn) / level(other)) for turn, other in pairs])


def compare_unpaired(targets: Launches, others: Launches, seed: int = 0) -> Comparison:
    """Compare the samples of files of two separate measurements, by Welch's approximation.

    What differed between the two measurements as a whole is not in the interval: nothing in their
    samples tells of it.
    """
    both = [[np.log(launch) for launch in launches] for launches in (targets, others)]
    medians = [np.array([median(launch) for launch in launches]) for launches in both]
    difference = float(medians[0].mean() - medians[1].mean())
    count = min(len(each) for each in medians)
    if count < LEAST_LAUNCHES:
        return _conclude(difference, math.nan, 0, count)
    parts = [
        _variance_of_mean(values, launches, seed + number)
        for number, (values, launches) in enumerate(zip(medians, both, strict=True))
    ]
    squares = sum(part**2 / (len(each) - 1) for part, each in zip(parts, medians, strict=True))
    freedom = sum(parts) ** 2 / squares if squares else float(count - 1)
    return _conclude(difference, math.sqrt(sum(parts)), freedom, count)


def student_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t distribution, right to five digits between 0.001 and 0.999.

    With t = sqrt(freedom) * tan(angle) the density over the angle is proportional to
    cos(angle) ** (freedom - 1), which is summed over a fine grid.

    >>> round(student_quantile(0.975, 4), 3), round(student_quantile(0.995, 9), 3)
    (2.776, 3.25)
    """
    angles = np.linspace(-math.pi / 2, math.pi / 2, ANGLES)
    density = np.cos(angles).clip(0) ** (freedom - 1)
    steps = (density[1:] + density[:-1]) / 2
    share = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    return math.sqrt(freedom) * math.tan(float(np.interp(probability, share, angles)))


def detection_rate(errors: float, freedom: float) -> float:
    """How often a true difference of so many standard errors is detected, on its own side.

    The statistic follows the noncentral t distribution: a normal one around ``errors`` over the
    estimated error w (in true errors), whose density is like w ** (freedom - 1) *
    exp(-freedom * w ** 2 / 2). Summed over a grid of w.
    """
    bound = student_quantile((1 + CONFIDENCE) / 2, freedom)
    w = np.linspace(0, 1 + 6 / math.sqrt(freedom), 601)[1:]
    logs = (freedom - 1) * np.log(w) - freedom * w**2 / 2
    weights = np.exp(logs - logs.max())
    rates = [0.5 * math.erfc((bound * each - errors) / math.sqrt(2)) for each in w]
    return float(np.average(rates, weights=weights))


@lru_cache(maxsize=64)
def detectable(freedom: float) -> float:
    """The difference, in standard errors, that is detected with the probability ``POWER``."""
    low, high = 0.0, 2.0
    while detection_rate(high, freedom) < POWER:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        if detection_rate(middle, freedom) < POWER:
            low = middle
        else:
            high = middle
    return high


def _conclude(log_ratio: float, error: float, freedom: float, launches: int) -> Comparison:
    """From the mean of the logarithms and its standard error; no interval where that is nan."""
    ratio = math.exp(log_ratio)
    if math.isnan(error):
        return Comparison(ratio, None, None, launches)
    half = student_quantile((1 + CONFIDENCE) / 2, freedom) * error
    return Comparison(
        ratio,
        Interval(math.exp(log_ratio - half), math.exp(log_ratio + half)),
        math.expm1(detectable(freedom) * error),
        launches,
    )


def _variance_of_mean(medians: Floats, launches: Launches, seed: int) -> float:
    within = np.array([_variance_of_median(launch, seed) for launch in launches])
    return max(float(medians.var(ddof=1)), float(within.mean())) / len(medians)


def _variance_of_median(values: Floats, seed: int) -> float:
    """Of the median of values in the order they were taken, by a bootstrap of blocks of them."""
    picks = np.zeros((WITHIN_REPLICATES, 1), dtype=np.int64)
    return float(resample_percentiles([values], picks, (50,), seed).var())
