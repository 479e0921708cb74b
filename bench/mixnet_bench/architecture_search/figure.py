"""The figure of a search as a separate file: the drawing of reports, with their colours."""

from mixnet_bench.report.front import FrontFigure, draw_front

STYLE = """<style>
svg { --ink: #1b1f24; --quiet: #59636e; --line: #d5dae0; --s1: #0b62c4; background: #ffffff }
text { font-family: system-ui, sans-serif }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e8ebee; --quiet: #a3adb8; --line: #3a424b; --s1: #6cb0ff; background: #14171a }
}
</style>"""
"""The colours of reports."""


def front_file(figure: FrontFigure) -> str:
    """The picture as an SVG document."""
    opening = '<svg xmlns="http://www.w3.org/2000/svg" '
    drawn = draw_front(figure).replace("<svg ", opening, 1)
    return drawn.replace("</desc>", f"</desc>{STYLE}", 1) + "\n"
