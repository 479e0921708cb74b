"""Whether a measurement can be trusted: enough samples, no drift, no other programs on the cores.

Judges from the samples alone and gives reasons; ``circumstances`` judges other information. It
flags and counts; it never drops a sample and never changes a number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.stats.samples import Floats, Launches, median, percentile, pooled
from mixnet_bench.stats.trends import kendall_tau, theil_sen_slope
from mixnet_common.intervals import Interval


@dataclass(frozen=True)
class Thresholds:
    """The limits of a ``valid`` measurement; every limit is conservative."""

    samples: int = 100
    """Below this a p90 rests on fewer than ten samples."""
    launches: int = 3
    """Below this the difference between launches cannot be seen."""
    seconds: float = 1.0
    """Below this, clocks and caches have not settled."""
    interval_width: float = 0.10
    """Width of the median's interval over the median: MLPerf asks runs to repeat within 5 %."""
    drift: float = 0.05
    """Change from the first to the last third of a launch, or from the first to the last launch."""
    drift_agreement: float = 0.8
    """Kendall's tau of the launches' medians in order, from which a drift across them counts."""
    drift_launches: int = 4
    """Below this many launches an order among them is chance."""
    outlier_share: float = 0.10
    """Share of flagged samples; a quiet machine stays well below."""
    tail: float = 1.5
    """p90 over the median within a launch, the median launch's; an idle core stays below 1.1."""
    launch_spread: float = 1.25
    """Slowest over fastest launch's median; the same file differs by up to 1.1 between launches."""


THRESHOLDS = Thresholds()

QUIET = "close other programs, or --pin it to idle CPUs"
"""Remedy for other programs."""

OUTLIER_SCORE = 3.5
"""Modified Z-score from which a sample is flagged (Iglewicz and Hoaglin 1993)."""

LEAST_DEVIATION = 0.01
"""The MAD is taken as at least this share of the median: the clock's own grain flags nothing."""


def outliers(samples: Floats) -> npt.NDArray[np.bool_]:
    """The samples far from the median, by the modified Z-score 0.6745 (x - median) / MAD.

    MAD is the median absolute deviation; 0.6745 makes it comparable with a standard deviation.
    """
    middle = median(samples)
    deviation = max(median(np.abs(samples - middle)), LEAST_DEVIATION * abs(middle))
    if deviation == 0:
        return np.zeros(len(samples), dtype=np.bool_)
    return np.asarray(0.6745 * np.abs(samples - middle) / deviation > OUTLIER_SCORE)


def count_outliers(launches: Launches) -> int:
    """Number of samples far from their own launch's median."""
    return sum(int(outliers(launch).sum()) for launch in launches)


def drift_within(launches: Launches) -> float:
    """Slow-down from a launch's first third to its last: 0.1 is 10 %; the median launch.

    Launches of fewer than three samples say nothing; with none left, 0.
    """
    thirds = [np.array_split(launch, 3) for launch in launches if len(launch) >= 3]
    changes = [median(last) / median(first) - 1 for first, _, last in thirds]
    return median(np.array(changes)) if changes else 0.0


def drift_across(launches: Launches) -> float:
    """Slow-down from the first launch to the last, on the Theil–Sen line of the medians.

    Theil–Sen: the slope is the median of the slopes between all pairs, so one odd launch does not
    make a drift.
    """
    medians = _medians(launches)
    return theil_sen_slope(medians) * (len(medians) - 1) / median(medians)


def agreement_across(launches: Launches) -> float:
    """Kendall's tau of the launches' medians with their order: 1 when each is slower, -1 faster."""
    return kendall_tau(_medians(launches))


def _medians(launches: Launches) -> Floats:
    return np.array([median(launch) for launch in launches])


def judge(
    launches: Launches, median_interval: Interval | None = None, limits: Thresholds = THRESHOLDS
) -> list[Caveat]:
    """Judge samples in milliseconds: every caveat, none where they can be trusted."""
    return [
        *_contended(launches, limits),
        *_drifting(launches, limits),
        *_too_short(launches, median_interval, limits),
    ]


def _too_short(launches: Launches, width: Interval | None, limits: Thresholds) -> Iterator[Caveat]:
    samples = pooled(launches)
    seconds = float(samples.sum()) / 1000
    if len(samples) < limits.samples:
        yield Caveat(
            Verdict.TOO_SHORT,
            f"{len(samples)} samples, at least {limits.samples} are needed: raise --min-count",
        )
    if len(launches) < limits.launches:
        yield Caveat(
            Verdict.TOO_SHORT,
            f"launches: {len(launches)}, at least {limits.launches} are needed: raise --launches",
        )
    if seconds < limits.seconds:
        yield Caveat(
            Verdict.TOO_SHORT,
            f"{seconds:.2f} s of inference, {limits.seconds:g} s are needed: raise --min-time",
        )
    if width is not None and width.high - width.low > limits.interval_width * median(samples):
        share = (width.high - width.low) / median(samples)
        yield Caveat(
            Verdict.TOO_SHORT,
            f"the interval of the median is {share:.0%} of the median wide, and the limit is "
            f"{limits.interval_width:.0%}",
            symptom=True,
            remedy="raise --launches",
        )


def _drifting(launches: Launches, limits: Thresholds) -> Iterator[Caveat]:
    within, across = drift_within(launches), drift_across(launches)
    if abs(within) > limits.drift:
        yield Caveat(
            Verdict.DRIFTING,
            f"within a launch it becomes {_faster_or_slower(within)}: "
            "raise --warmup, or let the machine cool down",
        )
    if (
        len(launches) >= limits.drift_launches
        and abs(across) > limits.drift
        and abs(agreement_across(launches)) >= limits.drift_agreement
    ):
        yield Caveat(
            Verdict.DRIFTING,
            f"from launch to launch it becomes {_faster_or_slower(across)}: "
            "wait until the machine is stable, then run the command again",
        )


def _contended(launches: Launches, limits: Thresholds) -> Iterator[Caveat]:
    share = count_outliers(launches) / sum(len(launch) for launch in launches)
    medians = [median(launch) for launch in launches]
    tails = [percentile(launch, 90) / median(launch) for launch in launches]
    tail = median(np.array(tails))
    spread = max(medians) / min(medians)
    found = []
    if share > limits.outlier_share:
        found.append(f"{share:.0%} of the samples are outliers")
    if tail > limits.tail:
        found.append(f"within a launch p90 is {tail:.2f} times the median")
    if spread > limits.launch_spread:
        found.append(f"the slowest launch took {spread:.2f} times the fastest")
    for sentence in found:
        yield Caveat(Verdict.CONTENDED, sentence, symptom=True, remedy=QUIET)


def _faster_or_slower(change: float) -> str:
    return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'}"
