"""Labels of points placed so that none lies on another. Pure; knows nothing of what is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass


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
        """Whether it lies wholly inside."""
        return (
            other.x0 <= self.x0
            and self.x1 <= other.x1
            and other.y0 <= self.y0
            and self.y1 <= other.y1
        )


Point = tuple[float, float]

PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Where a label may stand, seen from its point; the first that is free is taken."""

DISTANCES = (5.0, 11.0, 18.0, 26.0)


def place_labels(points: Sequence[Point], sizes: Sequence[Point], frame: Box) -> list[Box | None]:
    """A place for each point's label, of the given width and height; None where none is free.

    All are in the same unit, points of print. Labels keep off each other, off every point, and
    within the frame.
    """
    taken = [Box(x - 3, y - 3, x + 3, y + 3) for x, y in points]
    places: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        found = _first_free(point, size, frame, taken)
        places.append(found)
        if found is not None:
            taken.append(found)
    return places


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
