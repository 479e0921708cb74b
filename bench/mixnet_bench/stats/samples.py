"""Samples that come in launches, their medians and percentiles. No sample is ever dropped."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Launches = Sequence[Floats]
"""The samples of one target, one 1-D array a launch, in the order in which they were taken."""


def median(samples: Floats) -> float:
    """The middle sample, or the mean of the two middle ones.

    >>> median(np.array([3.0, 1.0, 2.0, 10.0]))
    2.5
    """
    ordered = np.sort(samples)  # several times as fast as np.quantile, for bursts of a few
    middle = len(ordered) // 2
    return float(ordered[middle] + ordered[(len(ordered) - 1) // 2]) / 2


def percentile(samples: Floats, percent: float) -> float:
    """The value below which ``percent`` of the samples are, interpolated linearly.

    Definition 7 of Hyndman and Fan (1996), numpy's default: with the n samples sorted and counted
    from 0, the value at position (n - 1) * percent / 100.

    >>> percentile(np.array([10.0, 20.0, 30.0]), 90)
    28.0
    """
    return float(np.quantile(samples, percent / 100, method="linear"))


def pooled(launches: Launches) -> Floats:
    """All samples of all launches in one array, in order."""
    return np.concatenate([np.asarray(launch, dtype=np.float64) for launch in launches])
