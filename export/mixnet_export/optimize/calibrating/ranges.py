"""Ranges of sums of tiles, and the order in which tiles are added. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
LOWEST, HIGHEST = -128, 127

MARGIN = 0.05
"""Fraction by which a range is widened at both ends, for other images."""

FINEST = 1 / 32
"""Finest useful scale, relative to the output's, to which the sum is rounded."""


@dataclass
class Extent:
    """The range of values."""

    low: float = 0.0
    """Zero is always inside."""
    high: float = 0.0

    def take_in(self, values: NDArray[np.float32]) -> None:
        """Reach as far as these values."""
        self.low = min(self.low, float(values.min(initial=0)))
        self.high = max(self.high, float(values.max(initial=0)))

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def scale(self, output_scale: float) -> tuple[float, int]:
        """Scale and zero point of int8.

        >>> Extent(-1.0, 1.0).scale(0.01)
        (0.008627450980392158, 0)
        >>> Extent(0.0, 0.0).scale(0.32)
        (0.01, 0)
        """
        widened = self.width * (1 + 2 * MARGIN)
        scale = max(widened / LEVELS, output_scale * FINEST)
        middle = (self.low + self.high) / 2
        zero = round((LOWEST + HIGHEST) / 2 - middle / scale)
        return scale, min(max(zero, LOWEST), HIGHEST)


@dataclass
class Extents:
    """The ranges of tiles' results and their sums, in one order."""

    order: tuple[int, ...]
    found: list[Extent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found = [Extent() for _ in range(2 * len(self.order) - 2)]

    def take_in(self, tiles: Sequence[NDArray[np.float32]], bias: NDArray[np.float32]) -> None:
        """Reach as far as the results of all tiles, which have no bias, and their sums.

        The last tile in the order has the bias.
        """
        ordered = [tiles[number] for number in self.order]
        ordered[-1] = ordered[-1] + bias
        for extent, values in zip(self.found, ordered, strict=False):
            extent.take_in(values)
        total = ordered[0]
        for extent, values in zip(self.found[len(ordered) :], ordered[1:-1], strict=True):
            total = total + values
            extent.take_in(total)

    def scales(self, output_scale: float) -> tuple[tuple[float, int], ...]:
        """Scales of each tile in order, and then of each sum but the last."""
        return tuple(extent.scale(output_scale) for extent in self.found)


def order_of(extents: Sequence[Extent]) -> tuple[int, ...]:
    """Tiles that reach less far first, so that few sums have coarse steps.

    >>> order_of([Extent(-4, 4), Extent(0, 1), Extent(-1, 1)])
    (1, 2, 0)
    """
    return tuple(sorted(range(len(extents)), key=lambda number: extents[number].width))
