"""The sustained speed of a device: the burst, the plateau, and the change between them.

Pure functions of samples with their times. The rule is simple and not affected by a temporary
disturbance; it finds one decrease in speed, and no recovery.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixnet_bench.results.latency import SustainedResult, Window
from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.stats.samples import Floats, median
from mixnet_common import UsageError

WINDOWS = 120
"""Number of windows into which the time is divided, none shorter than ``LEAST_WINDOW_S``."""

LEAST_WINDOW_S = 1.0
BURST_SHARE, PLATEAU_SHARE = 0.05, 1 / 3
"""Shares of the windows: the first ones (at least three) are the burst, the last the plateau."""

SLOWED = 0.05
NOISES = 3.0
"""Slower than the burst by this share, or by this many times the windows' noise if that is more."""

PERSISTENT = 0.9
"""Share of all later windows that must be slow too; or it was a disturbance."""

LEAST_WINDOWS = 20
"""Fewer say little of a course: the burst would be a seventh of it."""

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_S = 3000.0
"""Until then every device reaches its plateau; a fast file has millions of samples."""


@dataclass(frozen=True)
class Course:
    """Medians by window, and what they say; times are since the first sample.

    ``throttled_after_s`` is the start of the first window from which on it was slow, or None.
    """

    starts_s: tuple[float, ...]
    medians_ms: tuple[float, ...]
    duration_s: float
    burst_ms: float
    plateau_ms: float
    throttled_after_s: float | None

    @property
    def slowdown(self) -> float:
        """The plateau's time over the burst's."""
        return self.plateau_ms / self.burst_ms


def parse_duration(text: str) -> float:
    """Seconds from ``90``, ``90s``, ``10m`` or ``0.5h``. Raises UsageError for anything else.

    >>> parse_duration("10m")
    600.0
    """
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)", text.strip())
    seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(
            f"--sustained {text} is not a duration",
            f"give 90s or 10m; the maximum is {LONGEST_S / 60:g}m",
        )
    return seconds


def course_of(t_ms: Floats, samples_ms: Floats) -> Course:
    """The course of samples that began at ``t_ms``, both in milliseconds.

    Raises ValueError if there are none, or not as many times as samples.
    """
    if len(samples_ms) == 0 or len(t_ms) != len(samples_ms):
        raise ValueError(f"{len(t_ms)} times for {len(samples_ms)} samples")
    seconds = (t_ms - t_ms[0]) / 1000
    duration = float(seconds[-1] + samples_ms[-1] / 1000)
    starts, medians = _windows(seconds, samples_ms, max(LEAST_WINDOW_S, duration / WINDOWS))
    first = max(3, round(BURST_SHARE * len(medians)))
    last = max(1, round(PLATEAU_SHARE * len(medians)))
    burst, plateau = median(medians[:first]), median(medians[-last:])
    limit = burst * (1 + max(SLOWED, NOISES * _noise(medians)))
    return Course(
        tuple(starts.tolist()),
        tuple(medians.tolist()),
        duration,
        burst,
        plateau,
        _slow_from(starts, medians > limit) if plateau > limit else None,
    )


def caveats_of_course(course: Course) -> Iterator[Caveat]:
    """Whether it slowed down permanently, and whether it was long enough to decide."""
    if course.throttled_after_s is not None:
        yield Caveat(
            Verdict.THROTTLED,
            f"after {course.throttled_after_s:.0f} s it slowed down, in the end to "
            f"{course.slowdown:.2f} times the initial latency: expect the plateau",
        )
    if len(course.medians_ms) < LEAST_WINDOWS:
        yield Caveat(
            Verdict.TOO_SHORT,
            f"{course.duration_s:.0f} s show no plateau: phones take minutes to get hot, "
            "try --sustained 10m",
        )


def describe_course(course: Course) -> SustainedResult:
    """The course as a record."""
    return SustainedResult(
        duration_s=course.duration_s,
        burst_ms=course.burst_ms,
        plateau_ms=course.plateau_ms,
        plateau_over_burst=course.slowdown,
        throttled_after_s=course.throttled_after_s,
        windows=tuple(
            Window(start_s=start, median_ms=value)
            for start, value in zip(course.starts_s, course.medians_ms, strict=True)
        ),
    )


def _windows(seconds: Floats, samples_ms: Floats, width_s: float) -> tuple[Floats, Floats]:
    """Starts and medians of all windows in which a sample began."""
    numbers = np.floor(seconds / width_s).astype(np.int64)
    present, firsts = np.unique(numbers, return_index=True)
    medians = np.array([median(each) for each in np.split(samples_ms, firsts[1:])])
    return np.asarray(present * width_s, dtype=np.float64), medians


def _noise(medians: Floats) -> float:
    """The windows' standard deviation over their median, from neighbours: steps don't count.

    1.4826 times the median absolute deviation estimates a normal standard deviation; a difference
    of two has sqrt(2) of it.
    """
    if len(medians) < 2:
        return 0.0
    return 1.4826 * median(np.abs(np.diff(medians))) / 2**0.5 / median(medians)


def _slow_from(starts: Floats, slow: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    """The start of the first slow window of which nearly all later ones are slow too."""
    later = np.cumsum(slow[::-1])[::-1] / np.arange(len(slow), 0, -1)
    found = np.flatnonzero(slow & (later >= PERSISTENT))
    return float(starts[found[0]]) if len(found) else None
