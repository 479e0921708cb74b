"""What the samples of files that ran side by side say: medians, p90 and ratios, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_bench.stats.bootstrap import interval, pick_launches, resample_percentiles
from mixnet_bench.stats.samples import Launches, median, percentile, pooled
from mixnet_common.intervals import Interval


@dataclass(frozen=True)
class Summary:
    """What the samples of one target say, in their own unit, with 95 % intervals.

    ``ratio`` is this target's median divided by the first target's.
    """

    median: float
    median_interval: Interval
    p90: float
    p90_interval: Interval
    ratio: float
    ratio_interval: Interval


def summarize(targets: Sequence[Launches], seed: int = 0) -> list[Summary]:
    """Median and p90 of each target, and its ratio to the first one, paired by launch.

    Every target has the same number of launches, and a launch's targets ran side by side: a
    replicate takes the same launches for all of them, so that what slowed a whole launch cancels
    out in the ratio.
    """
    picks = pick_launches(len(targets[0]), seed)
    # Each target draws its own blocks: with a common seed, equal files would have a ratio of
    # exactly 1 and no interval.
    replicates = [
        resample_percentiles(launches, picks, (50, 90), seed + 1 + index)
        for index, launches in enumerate(targets)
    ]
    first = median(pooled(targets[0]))
    return [
        Summary(
            median=median(pooled(launches)),
            median_interval=interval(drawn[:, 0]),
            p90=percentile(pooled(launches), 90),
            p90_interval=interval(drawn[:, 1]),
            ratio=median(pooled(launches)) / first,
            ratio_interval=(
                Interval(1.0, 1.0) if index == 0 else interval(drawn[:, 0] / replicates[0][:, 0])
            ),
        )
        for index, (launches, drawn) in enumerate(zip(targets, replicates, strict=True))
    ]
