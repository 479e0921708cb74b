"""Places labels of points so that they do not overlap. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Box:
    """A rectangle; left and bottom, right and top."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two have area in common."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )

    def within(self, other: "Box") -> bool:
        """Whether it is completely inside."""
        return (
            other.x0 <= self.x0
            and self.x1 <= other.x1
            and other.y0 <= self.y0
            and self.y1 <= other.y1
        )


Point = tuple[float, float]

PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Possible positions of a label relative to its point; the first free one is used."""

DISTANCES = (5.0, 11.0, 18.0, 26.0)


STEP = 2.0
"""Distance between the positions by which a line is left free."""


def place_labels(
    points: Sequence[Point], sizes: Sequence[Point], frame: Box, line: Sequence[Point] = ()
) -> list[Box | None]:
    """A place for each point's label, of the given width and height; None if none is free.

    All are in the same unit, points of print. Labels keep off each other, off every point and the
    line through the points of ``line``, and within the frame.
    """
    taken = [_around(point, 3) for point in points]
    taken += [_around(spot, STEP / 2) for spot in _spots(line)]
    places: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        found = _first_free(point, size, frame, taken)
        places.append(found)
        if found is not None:
            taken.append(found)
    return places


def _around(point: Point, reach: float) -> Box:
    x, y = point
    return Box(x - reach, y - reach, x + reach, y + reach)


def _spots(line: Sequence[Point]) -> Iterator[Point]:
    """Spots of a line through points, about ``STEP`` from each other."""
    for (x0, y0), (x1, y1) in pairwise(line):
        count = math.ceil(math.hypot(x1 - x0, y1 - y0) / STEP)
        for index in range(count):
            share = index / count
            yield x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _first_free(point: Point, size: Point, frame: Box, taken: Sequence[Box]) -> Box | None:
    for distance in DISTANCES:
        for across, up in PLACES:
            box = _box(point, size, across * distance, up * distance, across, up)
            if box.within(frame) and not any(box.overlaps(each) for each in taken):
                return box
    return None


def _box(point: Point, size: Point, dx: float, dy: float, across: int, up: int) -> Box:
    """The label's rectangle, beside, above or below the point."""
    width, height = size
    left = point[0] + dx - width * (1 - across) / 2
    bottom = point[1] + dy - height * (1 - up) / 2
    return Box(left, bottom, left + width, bottom + height)
