"""Matplotlib's SVG made fit for a page: colours that follow light and dark, ids of its own, titles.

Figures are drawn in the stand-in colours below, which become CSS variables here. Text stays text,
and none of it is taken for a formula.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from mixnet_common.printable import printable

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

INK, QUIET, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#050501", "#050502", "#050503", "#050504", "#050505", "#050506", "#050507", "#050508")

COLOURS = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
    **{colour: f"var(--s{index})" for index, colour in enumerate(SERIES, 1)},
}
"""Stand-ins, which no one else would draw in, and the page's own colours."""

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mixnet-mobile",
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


@contextmanager
def canvas(height: float, width: float = 4.7) -> Iterator[tuple[Any, Any]]:
    """A figure of so many inches and its axes; nothing of it outlives the block."""
    with canvas_rows(height, (1,), width) as (figure, axes):
        yield figure, axes[0]


@contextmanager
def canvas_rows(
    height: float, rows: Sequence[int], width: float = 4.7
) -> Iterator[tuple[Any, list[Any]]]:
    """The same with axes one below the other, so high as ``rows`` says; the first as ``height``."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(width, height * sum(rows) / rows[0]), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(len(rows), 1, sharex=True, height_ratios=rows, squeeze=False)
        yield figure, list(axes[:, 0])


def render(figure: Any, name: str, title: str, description: str) -> str:
    """The figure as an SVG element for a page; ``name`` keeps its ids apart from all others."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return for_page(buffer.getvalue(), name, title, description)


def for_page(svg: str, name: str, title: str, description: str) -> str:
    """An SVG document as an element with the page's colours, its own ids, title and description."""
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    for child in root.findall(f"{{{SVG}}}metadata"):
        root.remove(child)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            element.set(key, _attribute(key, value, name))
    _entitle(root, name, title, description)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{{{XLINK}}}href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    value = re.sub(r"url\(#([^)]*)\)", lambda found: f"url(#{name}-{found[1]})", value)
    for stand_in, colour in COLOURS.items():
        value = value.replace(stand_in, colour)
    return value


def _entitle(root: ElementTree.Element, name: str, title: str, description: str) -> None:
    """What a screen reader says; sizes are the page's to choose."""
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-description")
    for tag, content in (("desc", description), ("title", title)):
        element = ElementTree.Element(f"{{{SVG}}}{tag}")
        element.text = printable(content)
        element.set("id", f"{name}-{'title' if tag == 'title' else 'description'}")
        root.insert(0, element)
