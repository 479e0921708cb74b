"""Draws README's picture, docs/gains.svg, from docs/results/gains.toml.

Run it in the checkout: python docs/draw_gains.py. It needs no library beyond Python's.
"""

import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "results" / "gains.toml"
PICTURE = FOLDER / "gains.svg"

WIDTH, LEFT, RIGHT = 760, 330, 690
ROW, TITLE, MARGIN = 24, 34, 12
MOST = 9.0
"""Times faster at the right edge."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
.title { font-weight: 600 }
.bar { fill: #2f6f9f }
.line { stroke: #1f2328 }
.even { stroke: #8c959f; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .bar { fill: #4a90c2 }
  .line { stroke: #e6edf3 }
  .even { stroke: #656c76 }
}
"""


def read() -> dict[str, Any]:
    """The figures."""
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def faster(ratio: float) -> float:
    """A share of the time as times faster."""
    return 1 / ratio


def place(times: float) -> float:
    """Where a number of times lies: 0 at the left end of the bars."""
    return LEFT + (RIGHT - LEFT) * times / MOST


def render(figures: dict[str, Any]) -> str:
    """The picture as SVG."""
    body, y = [], MARGIN + 8
    for group in figures["groups"]:
        y += TITLE
        body.append(
            f'<text class="title" x="{MARGIN}" y="{y - 10}">{escape(group["title"])}</text>'
        )
        for bar in group["bars"]:
            body += _bar(bar, y)
            y += ROW
    y += TITLE
    body.append(f'<text class="quiet" x="{MARGIN}" y="{y - 10}">{escape(figures["where"])}</text>')
    even = place(1)
    line = f'<line class="even" x1="{even:.1f}" y1="{MARGIN}" x2="{even:.1f}" y2="{y - TITLE}"/>'
    body.append(f'<text class="quiet" x="{even + 4:.1f}" y="{MARGIN + 6}">1× (as fast)</text>')
    label = "How many times faster, with 95 % intervals"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}"'
        f' height="{y}" role="img" aria-label="{label}">\n<style>{STYLE}</style>\n'
        + "\n".join([line, *body])
        + "\n</svg>\n"
    )


def _bar(bar: dict[str, Any], y: float) -> Iterator[str]:
    times = faster(bar["ratio"])
    high, low = (faster(each) for each in bar["interval"])
    middle = y + ROW / 2
    yield (
        f'<text x="{MARGIN}" y="{middle + 4}">{escape(bar["name"])}'
        f' <tspan class="quiet">/ {escape(bar["against"])}</tspan></text>'
    )
    yield (
        f'<rect class="bar" x="{LEFT}" y="{y + 5}" width="{place(times) - LEFT:.1f}"'
        f' height="{ROW - 10}" rx="2"/>'
    )
    yield (
        f'<line class="line" x1="{place(low):.1f}" y1="{middle}" x2="{place(high):.1f}"'
        f' y2="{middle}"/>'
    )
    x = place(max(times, high)) + 8
    yield f'<text x="{x:.1f}" y="{middle + 4}">{times:.1f}×</text>'


if __name__ == "__main__":
    PICTURE.write_text(render(read()), encoding="utf-8")
