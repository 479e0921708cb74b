"""The drawings of a report, as SVG elements in the page's colours.

Each function takes plain numbers and axes, which are shared between related drawings, and returns
an element; the page writes its title above it.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING

from mixnet_bench.report.axes import Axis, axis_of
from mixnet_bench.report.frame import (
    LINE,
    TOP,
    Area,
    colour_of,
    dash_of,
    height_below,
    legend,
    legend_height,
    plane_area,
    row_labels,
    row_y,
    rows_area,
    ticks_below,
    ticks_left,
)
from mixnet_bench.report.placing import Box, Point, place_labels
from mixnet_bench.report.svg import (
    INK,
    QUIET,
    SERIES,
    TEXT,
    bar,
    dot,
    drawing,
    line,
    path,
    text,
    width_of_text,
)
from mixnet_common.intervals import Estimate

if TYPE_CHECKING:
    from mixnet_bench.report.planes import ModelPoint

Words = tuple[str, str, str]
"""A drawing's name, which is unique in its page, its title, and what it shows in a sentence."""

Lines = Mapping[str, Sequence[Sequence[float]]]
"""Values, launch by launch, by a file's label."""

ABOVE = TOP + LINE
"""Room for the name of a vertical axis."""


def draw_plane(
    words: Words, points: "Sequence[ModelPoint]", axes: tuple[Axis, Axis], unit: str, joined: str
) -> str:
    """Accuracy over cost: a dot and a label for each model; those named like ``joined``, a line."""
    area = plane_area(240, *axes, top=ABOVE)
    own = sorted((each for each in points if each.model.startswith(joined)), key=lambda p: p.cost)
    others = [each for each in points if each not in own]
    spots = [area.at(each.cost, each.top1) for each in own]
    parts = [*ticks_left(area, "top-1, %"), *ticks_below(area, unit)]
    parts.append(path([spots], SERIES[0], 1.6))
    parts += [dot(area.at(each.cost, each.top1), QUIET) for each in others]
    parts += [dot(each, SERIES[0], 4) for each in spots]
    parts += _point_labels(area, [*own, *others], len(own))
    return drawing(*words, area.bottom + height_below(unit), parts)


def _point_labels(area: Area, points: "Sequence[ModelPoint]", joined: int) -> list[str]:
    """The models' names beside their points, where there is room; the first are joined."""
    at = [(area.x(each.cost), -area.y(each.top1)) for each in points]  # placing counts upwards
    sizes = [(width_of_text(each.model) + 2, TEXT) for each in points]
    frame = Box(area.left, -area.bottom, area.right, -area.top)
    places = place_labels(at, sizes, frame, at[:joined])
    return [
        text(point.model, ((box.x0 + box.x1) / 2, -box.y0 - 2), anchor="middle")
        for point, box in zip(points, places, strict=True)
        if box is not None
    ]


def draw_distributions(words: Words, rows: Mapping[str, Sequence[float]], across: Axis) -> str:
    """A row for each file: from the 5th to the 95th percentile, the middle half, the median."""
    area = rows_area(len(rows), across)
    unit = "milliseconds: 5 to 95 %, middle half, median"
    parts = [*ticks_below(area, unit), *row_labels(area, list(rows))]
    for index, samples in enumerate(rows.values()):
        y = row_y(area, index)
        low, first, middle, third, high = map(area.x, _percentiles(samples))
        parts.append(line((low, y), (high, y), QUIET, 1.4))
        parts.append(bar((first, y - 4), max(2.0, third - first), 8, SERIES[0]))
        parts.append(line((middle, y - 7), (middle, y + 7), INK, 2))
    return drawing(*words, area.bottom + height_below(unit), parts)


def _percentiles(samples: Sequence[float]) -> list[float]:
    """The 5th, 25th, 50th, 75th and 95th."""
    if len(samples) == 1:
        return [samples[0]] * 5
    found = quantiles(samples, n=20, method="inclusive")
    return [found[index] for index in (0, 4, 9, 14, 18)]


def draw_time_line(words: Words, files: Lines, clocks: Lines, up: Axis) -> str:
    """Samples in their order, a colour for each file; a gap between launches.

    Below them the clocks under these samples, where they are known.
    """
    longest = max((_length(each) for each in files.values()), default=1)
    across = Axis(0, max(1, longest - 1))
    area = plane_area(150, across, up, top=ABOVE)
    parts = [*ticks_left(area, "milliseconds"), *_launches(area, files)]
    if clocks:
        known = [x for own in clocks.values() for launch in own for x in launch]
        below = plane_area(60, across, axis_of(known, least=0), top=area.bottom + 2 * LINE)
        parts += ticks_left(below, "MHz")
        parts += _launches(below, {label: clocks.get(label, ()) for label in files})
        area = below
    unit = "sample; a gap between launches"
    parts += ticks_below(area, unit)
    bottom = area.bottom + height_below(unit)
    entries = [(label, colour_of(index)) for index, label in enumerate(files)]
    return drawing(*words, bottom + legend_height(entries), [*parts, *legend(entries, bottom)])


def _length(launches: Sequence[Sequence[float]]) -> int:
    return sum(map(len, launches)) + len(launches) - 1


def _launches(area: Area, files: Lines) -> list[str]:
    found = []
    for index, launches in enumerate(files.values()):
        pieces: list[list[Point]] = []
        start = 0
        for launch in launches:
            pieces += _pieces(area, start, launch)
            start += len(launch) + 1
        if pieces:
            found.append(path(pieces, colour_of(index), 1.2, dash_of(index)))
    return found


FINE = 300
"""Points of a launch that can be distinguished; of more, only extremes of groups are drawn."""


def _pieces(area: Area, start: int, values: Sequence[float]) -> list[list[Point]]:
    """A launch as lines, with gaps where values are unknown."""
    pieces: list[list[Point]] = [[]]
    for index in _extremes(values):
        value = values[index]
        if math.isfinite(value):
            pieces[-1].append(area.at(start + index, value))
        elif pieces[-1]:
            pieces.append([])
    return [each for each in pieces if each]


def _extremes(values: Sequence[float]) -> Sequence[int]:
    """The drawn ones of very many values: the smallest and the largest of each group."""
    if len(values) <= FINE:
        return range(len(values))
    size = math.ceil(2 * len(values) / FINE)
    groups = [range(each, min(each + size, len(values))) for each in range(0, len(values), size)]
    return sorted({pick(group, key=values.__getitem__) for group in groups for pick in (min, max)})


Course = Sequence[tuple[float, float]]


def draw_courses(
    words: Words, files: Mapping[str, Course], throttled_s: Mapping[str, float], up: Axis
) -> str:
    """Milliseconds over seconds, a colour for each file; a line where one slowed down for good."""
    across = axis_of([each[0] for course in files.values() for each in course], least=0)
    area = plane_area(180, across, up, top=ABOVE)
    unit = "seconds; dotted: slower from here on"
    parts = [*ticks_left(area, "milliseconds"), *ticks_below(area, unit)]
    for index, (label, course) in enumerate(files.items()):
        colour = colour_of(index)
        parts.append(path([[area.at(*each) for each in course]], colour, 1.6, dash_of(index)))
        if label in throttled_s:
            x = area.x(throttled_s[label])
            parts.append(line((x, area.top), (x, area.bottom), colour, 1.4, "2 3"))
    bottom = area.bottom + height_below(unit)
    entries = [(label, colour_of(index)) for index, label in enumerate(files)]
    return drawing(*words, bottom + legend_height(entries), [*parts, *legend(entries, bottom)])


COLOUR_OF = {"3": 0, "5": 1, "7": 2, "9": 3, "11": 4, "4": 5, "2": 6}
"""The same colour for the same kernel in every figure, by its larger side."""


def draw_stacks(words: Words, rows: Mapping[str, Mapping[str, float]], across: Axis) -> str:
    """A bar for each file, made of its parts."""
    named = {part for row in rows.values() for part in row}
    colours = {
        part: SERIES[COLOUR_OF.get(part, len(SERIES) - 1)]
        for part in sorted(named, key=lambda part: (len(part), part))
    }
    area = rows_area(len(rows), across)
    unit = "milliseconds"
    parts = [*ticks_below(area, unit), *row_labels(area, list(rows))]
    for index, row in enumerate(rows.values()):
        start, y = 0.0, row_y(area, index)
        for part, colour in colours.items():
            end = start + row.get(part, 0.0)
            parts.append(bar((area.x(start), y - 6), area.x(end) - area.x(start), 12, colour))
            start = end
    bottom = area.bottom + height_below(unit)
    entries = [(f"{part}×{part}" if part.isdigit() else part, c) for part, c in colours.items()]
    return drawing(*words, bottom + legend_height(entries), [*parts, *legend(entries, bottom)])


def draw_ratios(words: Words, rows: Mapping[str, Estimate], across: Axis) -> str:
    """A dot for each ratio with its interval, and a line from 1, where nothing is gained."""
    area = rows_area(len(rows), across)
    unit = "ratio, 95 % interval; left of 1 is faster"
    parts = [*ticks_below(area, unit), *row_labels(area, list(rows))]
    parts.append(line((area.x(1), area.top), (area.x(1), area.bottom), INK, 1))
    for index, found in enumerate(rows.values()):
        ratio, bounds = found.value, found.interval
        y, colour = row_y(area, index), SERIES[0] if ratio <= 1 else SERIES[1]
        parts.append(line((area.x(1), y), (area.x(ratio), y), colour, 2))
        for end in () if bounds is None else (bounds.low, bounds.high):
            parts.append(line((area.x(end), y - 6), (area.x(end), y + 6), colour, 1.6))
        parts.append(dot((area.x(ratio), y), colour, 4))
    return drawing(*words, area.bottom + height_below(unit), parts)
