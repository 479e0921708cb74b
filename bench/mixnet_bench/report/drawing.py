"""The drawings themselves, by matplotlib, in the page's stand-in colours (see ``svg``).

Each takes plain numbers and gives an SVG element, whose title the page writes above it. Nothing
here knows what was measured.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixnet_bench.report.placing import Box, place_labels
from mixnet_bench.report.svg import GRID, INK, QUIET, SERIES, canvas, canvas_rows, render
from mixnet_common.printable import printable

if TYPE_CHECKING:
    from mixnet_bench.report.figures import Point

LABEL_SIZE = 8.5
CHARACTER = 0.56
"""A character's width over its height, in most fonts without serifs."""

ROW_INCHES = 0.24
LINE = 60
"""Characters of an axis' name on one line."""


def draw_plane(
    name: str,
    title: str,
    description: str,
    points: "Sequence[Point]",
    unit: str,
    highlighted: str,
) -> str:
    """Accuracy over cost: a dot and a label for each model, the highlighted ones joined."""
    with canvas(3.6) as (figure, axes):
        own = sorted(
            (each for each in points if each.model.startswith(highlighted)),
            key=lambda each: each.cost,
        )
        others = [each for each in points if each not in own]
        axes.plot(*_coordinates(others), "o", color=QUIET, markersize=4)
        axes.plot(*_coordinates(own), "o-", color=SERIES[0], markersize=5, linewidth=1.4)
        axes.margins(y=0.12)
        axes.set_xlabel(textwrap.fill(printable(unit), LINE))
        axes.set_ylabel("top-1, %")
        axes.set_xlim(0, 1.08 * max(each.cost for each in points))
        figure.canvas.draw()  # settles where everything is
        figure.set_layout_engine("none")
        _label_points(axes, [*own, *others], len(own))
        return render(figure, name, title, description)


def _coordinates(points: "Sequence[Point]") -> tuple[list[float], list[float]]:
    return [each.cost for each in points], [each.top1 for each in points]


def _label_points(axes: Any, points: "Sequence[Point]", joined: int) -> None:
    """Write the models' names beside their points, where there is room; the first are joined."""
    scale = 72 / axes.figure.dpi
    at = [tuple(each) for each in axes.transData.transform([(p.cost, p.top1) for p in points])]
    at = [(x * scale, y * scale) for x, y in at]
    sizes = [(len(p.model) * LABEL_SIZE * CHARACTER + 2, LABEL_SIZE * 1.2) for p in points]
    frame = Box(*(edge * scale for edge in axes.get_window_extent().extents))
    places = place_labels(at, sizes, frame, at[:joined])
    for point, (x, y), box in zip(points, at, places, strict=True):
        if box is None:
            continue
        axes.annotate(
            printable(point.model),
            (point.cost, point.top1),
            ((box.x0 + box.x1) / 2 - x, box.y0 - y + 1.5),
            textcoords="offset points",
            ha="center",
            fontsize=LABEL_SIZE,
        )


def draw_distributions(
    name: str, title: str, description: str, rows: Mapping[str, Sequence[float]]
) -> str:
    """A row for each file: from the 5th to the 95th percentile, the middle half, the median."""
    with canvas(_height(len(rows))) as (figure, axes):
        for index, samples in enumerate(rows.values()):
            low, first, middle, third, high = np.percentile(samples, (5, 25, 50, 75, 95))
            axes.hlines(index, low, high, color=QUIET, linewidth=1)
            axes.hlines(index, first, third, color=SERIES[0], linewidth=6)
            axes.plot([middle], [index], "|", color=INK, markersize=9, markeredgewidth=1.6)
        _name_rows(axes, list(rows))
        _scale_rows(axes, [value for samples in rows.values() for value in samples])
        axes.set_xlabel("milliseconds: 5 to 95 %, middle half, median")
        return render(figure, name, title, description)


WIDE = 30
"""Ratio of the largest to the smallest sample from which the axis is logarithmic."""


def _scale_rows(axes: Any, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) / min(values) > WIDE:
        from matplotlib.ticker import LogLocator, ScalarFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter("")
    else:
        axes.set_xlim(left=0)


Lines = Mapping[str, Sequence[Sequence[float]]]
"""By a file's label: values, launch by launch."""


def draw_time_line(name: str, title: str, description: str, files: Lines, clocks: Lines) -> str:
    """Samples in their order, a colour for each file; a gap between launches.

    Below them the clocks under these samples, where they are known.
    """
    with canvas_rows(2.8, (3, 1) if clocks else (1,)) as (figure, axes):
        above, *below = axes
        _draw_launches(above, files)
        above.set_ylabel("milliseconds")
        for each in below:
            _draw_launches(each, {label: clocks.get(label, ()) for label in files})
            each.set_ylabel("MHz")
        axes[-1].set_xlabel("sample; a gap between launches")
        entries = above.get_legend_handles_labels()
        figure.legend(*entries, loc="outside lower left", ncols=min(2, len(files)))
        return render(figure, name, title, description)


def _draw_launches(axes: Any, files: Lines) -> None:
    for index, (label, launches) in enumerate(files.items()):
        line = [value for launch in launches for value in (*launch, float("nan"))]
        style = "-" if index < len(SERIES) else "--"
        axes.plot(line, style, color=_colour(index), linewidth=1, label=_legend_label(label))
    axes.set_ylim(bottom=0)


def draw_courses(
    name: str,
    title: str,
    description: str,
    files: Mapping[str, Sequence[tuple[float, float]]],
    throttled_s: Mapping[str, float],
) -> str:
    """Milliseconds over seconds, a colour for each file; a line where one slowed down for good."""
    with canvas(2.8) as (figure, axes):
        for index, (label, course) in enumerate(files.items()):
            seconds, milliseconds = zip(*course, strict=True)
            colour = _colour(index)
            entry = _legend_label(label)
            axes.plot(seconds, milliseconds, color=colour, linewidth=1.4, label=entry)
            if label in throttled_s:
                axes.axvline(throttled_s[label], color=colour, linewidth=1, linestyle=":")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("milliseconds")
        axes.set_xlabel("seconds; dotted: slower from here on")
        _legend_below(figure, min(2, len(files)))
        return render(figure, name, title, description)


def _colour(index: int) -> str:
    return SERIES[index % len(SERIES)]


COLOUR_OF = {"3": 0, "5": 1, "7": 2, "9": 3, "11": 4, "4": 5, "2": 6}
"""The same colour for the same kernel in every figure, by its larger side."""


def draw_stacks(
    name: str, title: str, description: str, rows: Mapping[str, Mapping[str, float]]
) -> str:
    """A bar for each file, made of its parts."""
    parts = sorted(
        {part for row in rows.values() for part in row}, key=lambda part: (len(part), part)
    )
    with canvas(_height(len(rows)) + 0.3) as (figure, axes):
        starts = np.zeros(len(rows))
        for part in parts:
            widths = np.array([row.get(part, 0.0) for row in rows.values()])
            colour = SERIES[COLOUR_OF.get(part, len(SERIES) - 1)]
            entry = _legend_label(part)
            axes.barh(range(len(rows)), widths, left=starts, color=colour, label=entry)
            starts += widths
        _name_rows(axes, list(rows))
        axes.set_xlabel("milliseconds")
        _legend_below(figure, min(5, len(parts)))
        return render(figure, name, title, description)


def draw_ratios(name: str, title: str, description: str, rows: Mapping[str, float]) -> str:
    """A dot for each ratio, and a line from 1, where nothing is gained."""
    with canvas(_height(len(rows))) as (figure, axes):
        axes.axvline(1, color=INK, linewidth=1)
        for index, ratio in enumerate(rows.values()):
            colour = SERIES[0] if ratio <= 1 else SERIES[1]
            axes.hlines(index, min(1, ratio), max(1, ratio), color=colour, linewidth=2)
            axes.plot([ratio], [index], "o", color=colour, markersize=5)
        _name_rows(axes, list(rows))
        axes.set_xlim(0, 1.1 * max(1, *rows.values()))
        axes.set_xlabel("ratio of medians; left of 1 is faster")
        return render(figure, name, title, description)


def _height(rows: int) -> float:
    return 0.7 + ROW_INCHES * max(2, rows)


LONGEST_NAME = 38


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    """Names at the rows, the first on top."""
    axes.set_yticks(range(len(names)), list(map(_shortened, names)), fontsize=LABEL_SIZE)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _shortened(name: str) -> str:
    """A long name without its middle: what sets siblings apart stands at the ends.

    >>> _shortened("mixnet-s 64 classes 96 pixels tflite float32 default")
    'mixnet-s 64…ls tflite float32 default'
    """
    text = printable(name)
    if len(text) <= LONGEST_NAME:
        return text
    start = (LONGEST_NAME - 1) // 3  # siblings differ at their ends: format, precision, lowering
    return f"{text[:start].rstrip()}…{text[start + 1 - LONGEST_NAME :].lstrip()}"


def _legend_below(figure: Any, columns: int) -> None:
    figure.legend(loc="outside lower left", ncols=columns)


def _legend_label(label: str) -> str:
    """A label that can be drawn; matplotlib leaves those with a leading underscore out."""
    text = printable(label)
    return f" {text}" if text.startswith("_") else text
