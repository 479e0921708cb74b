"""A drawing of a search's front: scores over latency, the front joined, the limit dashed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_bench.report.axes import Axis
from mixnet_bench.report.frame import height_below, plane_area, ticks_below, ticks_left, with_room
from mixnet_bench.report.placing import Point
from mixnet_bench.report.svg import INK, QUIET, SERIES, dot, drawing, line, path

HEIGHT = 230.0
TOP = 24.0
MARGIN = 0.05
"""Fraction of an axis's range left free at both ends."""

EQUAL, TINY = 1e-9, 1e-12
"""Values that differ by less than this share of the largest, or at all by less, share a place."""

MOST_POINTS = 5000
"""Maximum of drawn candidates: of more, every second, third … is drawn"""


@dataclass(frozen=True)
class FrontFigure:
    """The content of the figure: points are latency and score, the limit is a latency."""

    title: str
    across: str
    up: str
    candidates: Sequence[Point]
    front: Sequence[Point]
    limit: float | None = None

    @property
    def words(self) -> str:
        """Description of the picture."""
        shown = f"the {len(self.front):,} of the front, {self.up} over {self.across}"
        return f"{len(self.candidates):,} candidates and {shown}" if self.candidates else shown


def draw_front(figure: FrontFigure, name: str = "front") -> str:
    """The picture as an element of a page; ``name`` keeps its ids apart from others."""
    unit, up = _unit([y for _, y in (*figure.candidates, *figure.front)], figure.up)
    candidates, front = (
        [(x, y / unit) for x, y in each] for each in (figure.candidates, figure.front)
    )
    limits = [] if figure.limit is None else [figure.limit]
    shown = candidates + front
    across = _axis([x for x, _ in shown] + limits)
    area = with_room(plane_area(HEIGHT, across, _axis([y for _, y in shown]), top=TOP))
    every = -(-len(candidates) // MOST_POINTS) or 1
    parts = [
        *ticks_below(area, figure.across),
        *ticks_left(area, up),
        *(line((area.x(x), area.top), (area.x(x), area.bottom), INK, 1, "4 3") for x in limits),
        *(dot(area.at(*each), QUIET, 1.2) for each in candidates[::every]),
        path([[area.at(*each) for each in front]], SERIES[0], 1.4),
        *(dot(area.at(*each), SERIES[0], 3) for each in front),
    ]
    bottom = area.bottom + height_below(figure.across)
    return drawing(name, figure.title, figure.words, bottom, parts)


def _unit(values: Sequence[float], name: str) -> tuple[float, str]:
    """Divisor of large values, and the axis' name."""
    large = max(map(abs, values), default=0.0) >= 1e6
    return (1e6, f"{name}, millions") if large else (1.0, name)


def _axis(values: Sequence[float]) -> Axis:
    """The range of all values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    spread = high - low if high - low > EQUAL * largest else largest
    spread = spread if spread > TINY else 1.0
    return Axis(low - MARGIN * spread, high + MARGIN * spread)
