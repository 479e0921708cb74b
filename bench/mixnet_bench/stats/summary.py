"""The summary of a file's samples: its median and its 90th percentile, with intervals."""

import math
from dataclasses import dataclass

from mixnet_bench.stats.bootstrap import bootstrap_interval
from mixnet_bench.stats.samples import Floats, Launches, percentile
from mixnet_common.intervals import CONFIDENCE, Interval, ratio_of

ENOUGH_FOR_P99 = 100
"""Samples of a launch: with fewer, its 99th percentile would be its slowest sample."""


@dataclass(frozen=True)
class Level:
    """A percentile of a file's samples and its interval, in the samples' unit."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Summary:
    """The summary of one file's samples."""

    median: Level
    p90: Level
    p99: Level | None
    """None if a launch has fewer than ``ENOUGH_FOR_P99`` samples."""


def summarize(launches: Launches, confidence: float = CONFIDENCE, seed: int = 0) -> Summary:
    """A file's median and p90. ``seed`` is of the bootstrap that a single launch needs."""
    median, p90 = (level(launches, percent, confidence, seed) for percent in (50, 90))
    enough = min(map(len, launches)) >= ENOUGH_FOR_P99
    return Summary(median, p90, level(launches, 99, confidence, seed) if enough else None)


def level(
    launches: Launches, percent: float, confidence: float = CONFIDENCE, seed: int = 0
) -> Level:
    """The geometric mean of the launches' percentiles, with Student's interval over launches.

    For a single launch the interval is a bootstrap of its samples: it does not include what
    another launch would give.

    >>> import numpy as np
    >>> level([np.array([8.0, 9.0, 90.0]), np.array([4.0])], 50).value
    6.0
    """
    values = [percentile(launch, percent) for launch in launches]
    if len(values) > 1:
        found = ratio_of([math.log(value) for value in values], confidence)
        assert found.interval is not None
        return Level(found.value, found.interval)
    return _of_one_launch(launches[0], percent, confidence, seed)


def _of_one_launch(samples: Floats, percent: float, confidence: float, seed: int) -> Level:
    interval = bootstrap_interval(samples, percent, confidence, seed)
    return Level(percentile(samples, percent), interval)
