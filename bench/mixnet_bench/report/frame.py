"""The frame of a drawing: axes with ticks and names, rows with labels, a legend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mixnet_bench.report.axes import Axis
from mixnet_bench.report.labels import shortened
from mixnet_bench.report.placing import Point
from mixnet_bench.report.svg import (
    CHARACTER,
    GRID,
    INK,
    QUIET,
    SERIES,
    TEXT,
    WIDTH,
    bar,
    line,
    text,
    width_of_text,
)
from mixnet_common.printable import printable

LEFT, RIGHT, TOP = 44.0, 14.0, 8.0
LINE = 16.0
"""Height of a line of text."""

ROW = 38.0
"""Height of a row: its label, and below it what is drawn."""

MOST_DIGITS = 9
"""Digits that are added to the texts at ticks until they differ."""

TICK = 11.0
"""Height of the values at ticks."""


@dataclass(frozen=True)
class Area:
    """The rectangle in which values are drawn."""

    left: float
    top: float
    right: float
    bottom: float
    across: Axis
    up: Axis

    def x(self, value: float) -> float:
        """Position of a value on the horizontal axis."""
        return self.left + self.across.place(value) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Position of a value on the vertical axis."""
        return self.bottom - self.up.place(value) * (self.bottom - self.top)

    def at(self, across: float, up: float) -> Point:
        """Position of a pair of values."""
        return self.x(across), self.y(up)


def plane_area(height: float, across: Axis, up: Axis, top: float = TOP) -> Area:
    """An area with room for ticks at its left; ``height`` is the area's own."""
    return Area(LEFT, top, WIDTH - RIGHT, top + height, across, up)


def with_room(area: Area) -> Area:
    """The area with its left side moved so that the texts of ``ticks_left`` fit beside it."""
    widest = max((len(words) for _, words in _labelled(area.up.ticks)), default=0)
    return replace(area, left=max(area.left, 8 + widest * TICK * CHARACTER))


def rows_area(rows: int, across: Axis) -> Area:
    """An area of rows over the whole width, each with its label above it."""
    margin = RIGHT
    return Area(margin, TOP, WIDTH - margin, TOP + ROW * rows + 2, across, Axis(0, 1))


def row_y(area: Area, index: int) -> float:
    """The middle of what is drawn in a row."""
    return area.top + ROW * index + LINE + 7


def ticks_below(area: Area, name: str) -> Iterator[str]:
    """Grid lines of the horizontal axis, their values below the area, and its name."""
    for value, words in _labelled(area.across.ticks):
        x = area.x(value)
        yield line((x, area.top), (x, area.bottom), GRID, 0.8)
        yield text(words, (x, area.bottom + 14), colour=QUIET, anchor="middle", size=TICK)
    for number, each in enumerate(folded(name)):
        at = (WIDTH / 2, area.bottom + 14 + LINE * (number + 1))
        yield text(each, at, colour=QUIET, anchor="middle")


def height_below(name: str) -> float:
    """The space that ``ticks_below`` needs."""
    return 14 + LINE * len(folded(name)) + 6


def ticks_left(area: Area, name: str) -> Iterator[str]:
    """Grid lines of the vertical axis, their values left of the area; its name above it."""
    for value, words in _labelled(area.up.ticks):
        y = area.y(value)
        yield line((area.left, y), (area.right, y), GRID, 0.8)
        yield text(words, (area.left - 6, y + 4), colour=QUIET, anchor="end", size=TICK)
    yield text(name, (2, area.top - 8), colour=QUIET)


def _labelled(ticks: Sequence[float]) -> list[tuple[float, str]]:
    """Values with their texts, which have as many digits as tell the values apart.

    >>> _labelled([1000, 2000]), _labelled([1000, 1000.5])
    ([(1000, '1,000'), (2000, '2,000')], [(1000, '1,000.0'), (1000.5, '1,000.5')])
    >>> _labelled([0.2, 0.3]), _labelled([0.7000001, 0.7000002])
    ([(0.2, '0.2'), (0.3, '0.3')], [(0.7000001, '0.7000001'), (0.7000002, '0.7000002')])
    """
    for digits in range(MOST_DIGITS):
        texts = [_shown(value, digits) for value in ticks]
        if len(set(texts)) == len(texts):
            break
    return list(zip(ticks, texts, strict=True))


def _shown(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}" if abs(value) >= 1000 else f"{value:.{6 + digits}g}"


def row_labels(area: Area, labels: Sequence[str]) -> Iterator[str]:
    """A label above each row."""
    most = int((area.right - area.left) / (TEXT * CHARACTER))
    for index, each in enumerate(shortened(labels, most)):
        yield text(each, (area.left, area.top + ROW * index + TEXT))


def folded(words: str, width: float = WIDTH - 2 * RIGHT) -> list[str]:
    """A text in lines that fit, broken between words."""
    import textwrap

    most = int(width / (TEXT * CHARACTER))
    return textwrap.wrap(printable(words), most, break_long_words=False) or [""]


def colour_of(index: int) -> str:
    """The colour of a file among several."""
    return SERIES[index % len(SERIES)]


def dash_of(index: int) -> str:
    """Dashes of a line, if there are more files than colours."""
    return "" if index < len(SERIES) else "5 3"


def legend(entries: Sequence[tuple[str, str]], top: float) -> Iterator[str]:
    """Labels with their colours, line by line."""
    for (label, colour), (x, row) in zip(entries, _placed(entries), strict=True):
        y = top + LINE * row
        yield bar((x, y + 3), 12, 10, colour)
        yield text(_fitting(label), (x + 17, y + 12), colour=INK)


def legend_height(entries: Sequence[tuple[str, str]]) -> float:
    """The space that ``legend`` needs."""
    return LINE * (1 + max((row for _, row in _placed(entries)), default=-1)) + 4


def _fitting(label: str) -> str:
    return shortened([label], int((WIDTH - 3 * RIGHT) / (TEXT * CHARACTER)))[0]


def _placed(entries: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
    """Position and line of each entry."""
    found: list[tuple[float, int]] = []
    x, row = RIGHT, 0
    for label, _ in entries:
        width = 17 + width_of_text(_fitting(label)) + 14
        if x > RIGHT and x + width > WIDTH:
            x, row = RIGHT, row + 1
        found.append((x, row))
        x += width
    return found
