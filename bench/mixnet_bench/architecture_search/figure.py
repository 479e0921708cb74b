"""The front as a picture: every candidate's score over its latency, the front joined, the limit.

Plain SVG, which needs no library. Nothing here knows what was searched.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mixnet_bench.report.placing import Point
from mixnet_common.printable import printable

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 88, 700, 44, 384
MARGIN = 0.04
"""Of the range of an axis, left free at both ends."""

TICKS = 6
MOST_POINTS = 5000
"""Drawn of the candidates: of more, every second, third …"""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
.title { font-weight: 600 }
.grid { stroke: #d1d9e0 }
.limit { stroke: #8c959f; stroke-dasharray: 4 4 }
.candidate { fill: #8c959f; fill-opacity: 0.5 }
.front { fill: #2f6f9f }
.line { fill: none; stroke: #2f6f9f; stroke-width: 1.6 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .limit { stroke: #656c76 }
  .front { fill: #4a90c2 }
  .line { stroke: #4a90c2 }
}
"""


@dataclass(frozen=True)
class FrontFigure:
    """What is drawn: points are a latency and a score, and a limit is a latency."""

    title: str
    across: str
    up: str
    candidates: Sequence[Point]
    front: Sequence[Point]
    limit: float | None = None


@dataclass(frozen=True)
class Axis:
    """A range of values along a line of the picture."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def draw_front(figure: FrontFigure) -> str:
    """The picture as an SVG document."""
    points = [*figure.candidates, *figure.front]
    limits = [] if figure.limit is None else [figure.limit]
    across = axis([x for x, _ in points] + limits, LEFT, RIGHT)
    up = axis([y for _, y in points], BOTTOM, TOP)
    title = escape(printable(figure.title))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">{title}</text>',
        *_scales(across, up, figure),
        *_points(across, up, figure),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    """The range that holds all values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    spread = (high - low) or abs(high) or 1.0
    return Axis(low - MARGIN * spread, high + MARGIN * spread, start, end)


def ticks(low: float, high: float) -> list[float]:
    """Round values between two: at most ``TICKS``, or one more.

    >>> ticks(0.13, 0.91)
    [0.2, 0.4, 0.6, 0.8]
    """
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def tick_label(value: float) -> str:
    """A tick's value, in millions where it is as large.

    >>> tick_label(0.2), tick_label(250_000_000.0)
    ('0.2', '250M')
    """
    return f"{value / 1e6:,.6g}M" if abs(value) >= 1e6 else f"{value:,.6g}"


def _scales(across: Axis, up: Axis, figure: FrontFigure) -> Iterator[str]:
    for value in ticks(up.low, up.high):
        y = up.at(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}"/>'
        yield _text(tick_label(value), LEFT - 8, y + 4, "end")
    for value in ticks(across.low, across.high):
        x = across.at(value)
        yield f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}"/>'
        yield _text(tick_label(value), x, BOTTOM + 18, "middle")
    yield _text(figure.across, (LEFT + RIGHT) / 2, HEIGHT - 14, "middle", "quiet")
    yield (
        f'<text class="quiet" text-anchor="middle" transform="translate(16 {(TOP + BOTTOM) / 2})'
        f' rotate(-90)">{escape(printable(figure.up))}</text>'
    )
    if figure.limit is not None:
        x = across.at(figure.limit)
        yield f'<line class="limit" x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}"/>'


def _points(across: Axis, up: Axis, figure: FrontFigure) -> Iterator[str]:
    every = -(-len(figure.candidates) // MOST_POINTS) or 1
    for x, y in figure.candidates[::every]:
        yield f'<circle class="candidate" cx="{across.at(x)}" cy="{up.at(y)}" r="2"/>'
    places = [(across.at(x), up.at(y)) for x, y in figure.front]
    corners = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline class="line" points="{corners}"/>'
    for x, y in places:
        yield f'<circle class="front" cx="{x}" cy="{y}" r="4"/>'


def _text(text: str, x: float, y: float, anchor: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x}" y="{y}" text-anchor="{anchor}">{escape(printable(text))}</text>'
