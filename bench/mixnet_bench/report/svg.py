"""SVG elements for a page, as text: light and dark colours, unique ids, titles.

All colours are CSS variables of the page. Texts are escaped, and their control characters and
direction marks are made visible.
"""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from mixnet_bench.report.placing import Point
from mixnet_common.printable import printable

INK, QUIET, GRID = "var(--ink)", "var(--quiet)", "var(--line)"
SERIES = tuple(f"var(--s{number})" for number in range(1, 9))

WIDTH = 400.0
"""Width of every drawing in its own units, about its pixels on phones and desktops."""

TEXT = 12.0
CHARACTER = 0.56
"""A character's width over its height, in most fonts without serifs."""


def width_of_text(text: str, size: float = TEXT) -> float:
    """About how wide a text is."""
    return len(text) * size * CHARACTER


def line(start: Point, end: Point, colour: str, width: float = 1.0, dash: str = "") -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = start, end
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{dashes}'
        f' style="stroke: {colour}; stroke-width: {width:g}"/>'
    )


def path(pieces: Iterable[Sequence[Point]], colour: str, width: float, dash: str = "") -> str:
    """One line in segments, with gaps between them."""
    drawn = " ".join(
        "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in [piece[0], *piece])  # a point is drawn too
        for piece in pieces
        if piece
    )
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    style = f"fill: none; stroke: {colour}; stroke-width: {width:g}; stroke-linecap: round"
    return f'<path d="{drawn}"{dashes} style="{style}"/>'


def dot(at: Point, colour: str, radius: float = 3.5) -> str:
    """A filled circle."""
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:g}" style="fill: {colour}"/>'


def bar(corner: Point, width: float, height: float, colour: str) -> str:
    """A filled rectangle; ``corner`` is its upper left one."""
    return (
        f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{max(0.0, width):.1f}"'
        f' height="{height:.1f}" style="fill: {colour}"/>'
    )


def text(
    content: str, at: Point, *, colour: str = INK, anchor: str = "start", size: float = TEXT
) -> str:
    """A line of text on its base line."""
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size:g}"'
        f' style="fill: {colour}">{escape(printable(content))}</text>'
    )


def drawing(name: str, title: str, description: str, height: float, parts: Iterable[str]) -> str:
    """The whole element; ``name`` keeps its ids apart from all others of a page."""
    ids = quoteattr(f"{name}-title {name}-description")
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-labelledby={ids}>'
        f"<title id={quoteattr(f'{name}-title')}>{escape(printable(title))}</title>"
        f"<desc id={quoteattr(f'{name}-description')}>{escape(printable(description))}</desc>"
        f"{''.join(parts)}</svg>"
    )
