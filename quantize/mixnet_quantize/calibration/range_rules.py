"""From a histogram to the range of the 256 levels: one pure function per rule.

Each returns the limits before zero is included. Values beyond a limit are clipped; ``mse`` weighs
clipping against the rounding of all other values. Nothing here runs a network.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mixnet_quantize.calibration.histogram import HALF, Histogram
from mixnet_quantize.settings import Settings

Range = tuple[float, float]

STEPS = 255
IMAGES_LEFT_OUT = 0.01
"""For ``per-image``: fraction of images whose extremes are excluded at each end, rounded up."""

ENOUGH_IMAGES = 20
"""For ``per-image``: with fewer images, outliers cannot be identified."""

CANDIDATES = 256
"""How many places are tried for each end of a range."""


def min_max(histogram: Histogram, settings: Settings) -> Range:
    """The least and the greatest value."""
    return histogram.low, histogram.high


def percentile(histogram: Histogram, settings: Settings) -> Range:
    """The two values beyond which all but ``settings.percentile`` percent of all values are."""
    part = settings.percentile / 100
    return quantile(histogram, 1 - part), quantile(histogram, part)


def quantile(histogram: Histogram, part: float) -> float:
    """The value below which a fraction of all values is, assuming even spread within a bin.

    >>> histogram = Histogram()
    >>> histogram.add(np.arange(100, dtype=np.float32))
    >>> round(quantile(histogram, 0.5)), quantile(histogram, 0.0), quantile(histogram, 1.0)
    (49, 0.0, 99.0)
    """
    counts = histogram.counts.copy()
    counts[HALF] += histogram.zeros
    up_to = np.cumsum(counts)
    wanted = part * up_to[-1]
    place = int(np.searchsorted(up_to, wanted))
    missing = (up_to[place] - wanted) / max(int(counts[place]), 1)
    found = (place + 1 - HALF - missing) * histogram.width
    return float(np.clip(found, histogram.low, histogram.high))


def per_image(histogram: Histogram, settings: Settings) -> Range:
    """The extremes of all images but the few that reach farthest, at each end.

    An image that alone sets a range is so left out, also in tensors of few values, where the
    percentile of all values keeps it. Among fewer than ``ENOUGH_IMAGES`` none can be called odd;
    then it is the percentile.
    """
    if len(histogram.extremes) < ENOUGH_IMAGES:
        return percentile(histogram, settings)
    lows, highs = np.sort(np.array(histogram.extremes), axis=0).T
    left_out = math.ceil(IMAGES_LEFT_OUT * len(lows))
    return float(lows[left_out]), float(highs[len(highs) - 1 - left_out])


def mse(histogram: Histogram, settings: Settings) -> Range:
    """The range with the least mean squared error of its 256 levels.

    The error of a value inside is that of rounding, step² / 12 on average; that of a value beyond
    an end, the square of its distance to it. Zeros are exact. All pairs of ends from a grid are
    compared, the extremes among them.
    """
    values, counts = _centres(histogram)
    lows = np.linspace(0, min(histogram.low, 0), CANDIDATES) if histogram.low < 0 else np.zeros(1)
    highs = (
        np.linspace(0, max(histogram.high, 0), CANDIDATES) if histogram.high > 0 else np.zeros(1)
    )
    cut_low, lost_low = _beyond(-values[::-1], counts[::-1], -lows)
    cut_high, lost_high = _beyond(values, counts, highs)
    steps = (highs[None, :] - lows[:, None]) / STEPS
    inside = counts.sum() - cut_low[:, None] - cut_high[None, :]
    errors = inside * steps**2 / 12 + lost_low[:, None] + lost_high[None, :]
    low, high = np.unravel_index(np.argmin(errors), errors.shape)
    return float(lows[low]), float(highs[high])


def _centres(histogram: Histogram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle of each bin, never beyond the extremes, and its count."""
    middles = (np.arange(-HALF, HALF) + 0.5) * histogram.width
    return np.clip(middles, histogram.low, histogram.high), histogram.counts.astype(float)


def _beyond(
    values: NDArray[np.float64], counts: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The number of sorted values beyond each limit, and the sum of squared distances.

    >>> _beyond(np.array([1.0, 2.0, 4.0]), np.array([5.0, 3.0, 1.0]), np.array([2.0, 1.0]))
    (array([1., 4.]), array([ 4., 12.]))
    """
    first = np.searchsorted(values, ends, side="right")
    sums = [
        np.append(np.cumsum((counts * values**power)[::-1])[::-1], 0.0)[first]
        for power in (0, 1, 2)
    ]
    squares = sums[2] - 2 * ends * sums[1] + ends**2 * sums[0]
    return sums[0], np.maximum(squares, 0)


RULES: Mapping[str, Callable[[Histogram, Settings], Range]] = {
    "min-max": min_max,
    "percentile": percentile,
    "mse": mse,
    "per-image": per_image,
}
"""Rules by the name in ``Settings.ranges``."""


def with_zero(found: Range) -> Range:
    """A range that has zero in it, as 8-bit types need it, and some extent.

    From no extent at all a quantizer makes a scale so small that XNNPACK refuses the file.

    >>> with_zero((2.0, 5.0)), with_zero((-3.0, -1.0)), with_zero((0.0, 0.0))
    ((0.0, 5.0), (-3.0, 0.0), (0.0, 1.0))
    """
    low, high = min(found[0], 0.0), max(found[1], 0.0)
    return (low, high) if low < high else (0.0, 1.0)
