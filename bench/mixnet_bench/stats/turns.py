"""Two files that took turns: the ratio of their times, launch by launch.

In each round of a launch every file runs a burst. A disturbance of a round, or of a whole launch,
slows both files and cancels out of the ratio.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_bench.stats.samples import Floats, median
from mixnet_bench.stats.summary import Level, level
from mixnet_common.contention import needs_cpu_time
from mixnet_common.intervals import CONFIDENCE, ratio_of

TIME, CPU_TIME = "time", "cpu time"


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


@dataclass(frozen=True)
class RoundRatios:
    """The logarithms of two files' ratios, round by round in each launch.

    ``by_cpu``: they are of CPU times.
    """

    launches: tuple[Floats, ...]
    by_cpu: bool = False

    @property
    def by(self) -> str:
        """The compared quantity: ``time`` or ``cpu time``."""
        return CPU_TIME if self.by_cpu else TIME

    @property
    def log_ratios(self) -> list[float]:
        """A value for each launch: the median of its rounds."""
        return [median(launch) for launch in self.launches]


def ratios_of(target: Turns, other: Turns, threads: int) -> RoundRatios:
    """A file's times over another's; CPU times where other programs interfere.

    Raises ValueError if launches or rounds don't match.
    """
    by_cpu = _by_cpu([*target, *other], threads)
    pairs = zip(target, other, strict=True)
    return RoundRatios(tuple(round_ratios(*pair, by_cpu=by_cpu) for pair in pairs), by_cpu)


def ratio(found: RoundRatios, confidence: float = CONFIDENCE, seed: int = 0) -> Level:
    """The geometric mean of the launches' ratios, with Student's interval over launches.

    For a single launch the interval is a bootstrap of its rounds: it does not include what
    another launch would give.
    """
    if len(found.launches) == 1:
        return level([np.exp(found.launches[0])], 50, confidence, seed)
    several = ratio_of(found.log_ratios, confidence)
    assert several.interval is not None
    return Level(several.value, several.interval)


def _by_cpu(turns: Turns, threads: int) -> bool:
    """Whether CPU times are compared; never where one of them is unknown."""
    bursts = [turn for launch in turns for turn in launch]
    wall = sum(turn.lead_ms + float(turn.samples_ms.sum()) for turn in bursts)
    is_known = all(turn.cpu_ms for turn in bursts)
    return is_known and needs_cpu_time(wall, sum(turn.cpu_ms or 0 for turn in bursts), threads)


def round_ratios(turns: Sequence[Turn], others: Sequence[Turn], by_cpu: bool = False) -> Floats:
    """For each round of one launch, the logarithm of the files' ratio of burst medians.

    >>> round_ratios([Turn(np.array([2.0, 2.0, 9.0]), 5.0)], [Turn(np.array([1.0]), 5.0)]).round(3)
    array([0.693])
    """

    def level(turn: Turn) -> float:
        return turn.cpu_each_ms if by_cpu else median(turn.samples_ms)

    pairs = zip(turns, others, strict=True)
    return np.array([math.log(level(turn) / level(other)) for turn, other in pairs])
