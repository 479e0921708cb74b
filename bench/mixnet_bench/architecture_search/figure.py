"""The figure of a search: score over latency of every candidate, with the front and the limit.

Drawn like the figures of reports, as a separate file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_bench.report.axes import Axis
from mixnet_bench.report.frame import height_below, plane_area, ticks_below, ticks_left
from mixnet_bench.report.placing import Point
from mixnet_bench.report.svg import INK, QUIET, SERIES, dot, drawing, line, path

HEIGHT = 230.0
TOP = 24.0
MARGIN = 0.05
"""Fraction of an axis's range left free at both ends."""

MOST_POINTS = 5000
"""Drawn of the candidates: of more, every second, third …"""

STYLE = """<style>
svg { --ink: #1b1f24; --quiet: #59636e; --line: #d5dae0; --s1: #0b62c4; background: #ffffff }
text { font-family: system-ui, sans-serif }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e8ebee; --quiet: #a3adb8; --line: #3a424b; --s1: #6cb0ff; background: #14171a }
}
</style>"""
"""The colours of reports."""


@dataclass(frozen=True)
class FrontFigure:
    """The content of the figure: points are latency and score, the limit is a latency."""

    title: str
    across: str
    up: str
    candidates: Sequence[Point]
    front: Sequence[Point]
    limit: float | None = None


def draw_front(figure: FrontFigure) -> str:
    """The picture as an SVG document."""
    unit, name = _unit([y for _, y in figure.candidates], figure.up)
    candidates, front = (
        [(x, y / unit) for x, y in each] for each in (figure.candidates, figure.front)
    )
    limits = [] if figure.limit is None else [figure.limit]
    across = _axis([x for x, _ in candidates] + limits)
    area = plane_area(HEIGHT, across, _axis([y for _, y in candidates]), top=TOP)
    every = -(-len(candidates) // MOST_POINTS) or 1
    parts = [
        STYLE,
        *ticks_below(area, figure.across),
        *ticks_left(area, name),
        *(line((area.x(x), area.top), (area.x(x), area.bottom), INK, 1, "4 3") for x in limits),
        *(dot(area.at(*each), QUIET, 1.2) for each in candidates[::every]),
        path([[area.at(*each) for each in front]], SERIES[0], 1.4),
        *(dot(area.at(*each), SERIES[0], 3) for each in front),
    ]
    words = (
        f"{len(figure.candidates):,} candidates and the {len(front):,} of the front,"
        f" {figure.up} over {figure.across}"
    )
    bottom = area.bottom + height_below(figure.across)
    drawn = drawing("front", figure.title, words, bottom, parts)
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def _unit(values: Sequence[float], name: str) -> tuple[float, str]:
    """Divisor of large values, and the axis' name."""
    large = max(map(abs, values), default=0.0) >= 1e6
    return (1e6, f"{name}, millions") if large else (1.0, name)


def _axis(values: Sequence[float]) -> Axis:
    """The range that holds all values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    spread = (high - low) or abs(high) or 1.0
    return Axis(low - MARGIN * spread, high + MARGIN * spread)
