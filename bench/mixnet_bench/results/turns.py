"""The samples of a result, by launch and burst, in the form that the statistics use. Pure."""

from collections.abc import Sequence

import numpy as np

from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.stats.samples import Floats
from mixnet_bench.stats.turns import Turn


def launches_of(target: LatencyResult) -> list[Floats]:
    """The samples, launch by launch."""
    return _cut(np.asarray(target.samples_ms, dtype=np.float64), target.counts)


def turns_in(target: LatencyResult) -> list[list[Turn]]:
    """The bursts of every launch."""
    found = []
    for samples, launch in zip(launches_of(target), target.launches, strict=True):
        cut = _cut(samples, [burst.count for burst in launch.bursts])
        pairs = zip(cut, launch.bursts, strict=True)
        found.append([Turn(each, burst.lead_ms or 0.0, burst.cpu_ms) for each, burst in pairs])
    return found


def _cut(samples: Floats, counts: Sequence[int]) -> list[Floats]:
    return np.split(samples, np.cumsum(counts)[:-1])
