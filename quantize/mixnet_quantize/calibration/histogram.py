"""Statistics of a tensor's values over any number of images: extremes and a histogram.

Apart from two numbers per image, memory does not grow with the number of values, and neither their
order nor their batches change the counts. It decides nothing; ``range_rules`` does.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = 2048
"""Bins on each side of zero. The largest value lies in the outer half of them, so a bin is at most
a thousandth of it, an eighth of a step of 256 levels."""

PORTION = 1 << 16
"""Values counted at once: what fits into a processor's cache."""

_LEAST_EXPONENT = -100
"""Values below 2^-100 share the bins around zero: their inverse has no float32."""


class Histogram:
    """Least and greatest value, zeros, and counts of the other values in bins of equal width.

    A bin's width is a power of two and its edges are multiples of it. When a value lies beyond the
    last bin, neighbours are merged and the width doubles, as often as is needed.
    """

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf
        self.extremes: list[tuple[float, float]] = []
        """The least and the greatest value of each array, in the order in which they came."""
        self.zeros = 0
        self.width = 0.0
        """0 as long as there was nothing but zeros."""
        self.counts = np.zeros(2 * HALF, np.int64)
        """Bin ``i`` goes from ``(i - HALF) · width`` to ``(i + 1 - HALF) · width``."""

    @property
    def size(self) -> int:
        """The number of values."""
        return self.zeros + int(self.counts.sum())

    def add(self, values: NDArray[Any]) -> None:
        """Count the values of an array of any shape. Raises ValueError if one is not finite."""
        reach = self.stretch(values)
        zeros = values.size - int(np.count_nonzero(values))
        self.zeros += zeros
        if reach:
            self._widen(reach)
            self._count(values.reshape(-1))
            self.counts[HALF] -= zeros

    def stretch(self, values: NDArray[Any]) -> float:
        """Note the extremes alone; the largest magnitude among the values.

        Raises ValueError if one is not finite.
        """
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("a value is not finite")
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.extremes.append((low, high))
        return max(-low, high)

    def _widen(self, reach: float) -> None:
        """Merge bins until a value as large as ``reach`` has one."""
        _, exponent = math.frexp(reach)  # reach < 2 ** exponent
        needed = math.ldexp(1 / HALF, max(exponent, _LEAST_EXPONENT))
        self.width = self.width or needed
        while self.width < needed:
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.pad(pairs, HALF // 2)
            self.width *= 2

    def _count(self, values: NDArray[Any]) -> None:
        for start in range(0, values.size, PORTION):
            places = values[start : start + PORTION] * np.float32(1 / self.width)  # exact
            np.floor(places, out=places)
            bins = places.astype(np.int64)
            bins += HALF
            self.counts += np.bincount(bins, minlength=2 * HALF)
