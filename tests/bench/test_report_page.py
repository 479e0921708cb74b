"""The report's page: read as HTML, and opened in headless Chromium at two widths."""

import html
import json
import re
import shutil
import subprocess
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path

import markupsafe
import pytest
from click.testing import CliRunner

sys.path.append(str(Path(__file__).parent))  # for made_up_results

from made_up_results import HOSTILE, latency, save, save_all

from mixnet_bench.cli import main
from mixnet_bench.report.axes import Axis
from mixnet_bench.report.drawing import draw_time_line
from mixnet_bench.report.front import FrontFigure, draw_front
from mixnet_bench.report.html import asset
from mixnet_bench.report.svg import drawing

VOID = {"meta", "link", "img", "br", "hr", "input"}
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Outline(HTMLParser):
    """What a page is made of; complains of elements that are closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for key, value in attrs if key == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of everything, hostile names included."""
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    save_all(folder / "results")
    paper = CliRunner().invoke(main, ["paper", "table2", "--json"])
    (folder / "results" / "paper.json").write_text(paper.stdout, encoding="utf-8")
    arguments = ["report", str(folder / "results"), "-o", str(path), "--title", f"A {HOSTILE}"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def outline(page: Path) -> Outline:
    found = Outline()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_every_element_is_closed_and_every_id_is_unique(outline: Outline) -> None:
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


def test_what_refers_to_an_id_refers_to_one_that_is_there(outline: Outline) -> None:
    named = {
        each
        for key, value in outline.attributes
        if key in ("aria-labelledby", "href", "xlink:href") and value
        for each in value.split()
    }
    internal = {each.removeprefix("#") for each in named if not each.startswith("data:")}
    assert internal
    assert internal <= set(outline.ids)


def test_nothing_is_fetched(page: Path, outline: Outline) -> None:
    assert not {"img", "iframe", "object", "embed", "video"} & set(outline.tags)
    assert outline.tags.count("script") == 1
    sources = [value for key, value in outline.attributes if key in ("src", "href")]
    assert all(value and value.startswith(("#", "data:")) for value in sources)
    assert "default-src 'none'" in page.read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import", page.read_text(encoding="utf-8"))


def test_hostile_names_are_text_everywhere(page: Path, outline: Outline) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert str(markupsafe.escape(HOSTILE)) in text
    handlers = [key for key, _ in outline.attributes if key.startswith("on")]
    assert handlers == []


def test_every_figure_has_a_title_and_words(page: Path, outline: Outline) -> None:
    text = page.read_text(encoding="utf-8")
    drawings = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(drawings) == outline.tags.count("figure") > 8
    for each in drawings:
        assert 'role="img"' in each
        assert re.search(r"<title[^>]*>[^<]{5,}</title>", each)
        assert re.search(r"<desc[^>]*>[^<]{20,}</desc>", each)


def test_figures_follow_the_pages_colours(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    inside = "".join(re.findall(r"<svg .*?</svg>", text, re.DOTALL))
    assert "var(--ink)" in inside
    assert not re.search(r"(fill|stroke)(: |=\")#", inside)


def test_emulated_results_are_marked_in_every_heading_about_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"<(?:h3|figcaption)>([^<]*)<", text)
    about = [title for title in titles if "Emulator" in title]
    assert len(about) >= 4
    assert all("EMULATED" in title for title in about)


def test_a_drawings_texts_are_escaped_and_its_ids_are_its_own() -> None:
    made = drawing("one", 'A "title" & <b>', "Words", 100, [])
    assert 'id="one-title"' in made
    assert 'aria-labelledby="one-title one-description"' in made
    assert "&amp; &lt;b&gt;" in made


@pytest.mark.parametrize(
    "front",
    [
        [(5e-324, 5e-324), (1e-323, 1e-323)],
        [(1.0, -3.0), (1.0 + 2.3e-16, -2.9999999)],
        [(0.5, 7.0), (0.5, 7.0)],
        [(0.0, 0.0)],
        [(1e9, 1e18), (0.0, -1e18)],
        [(0.1, 1e6 + 1e-9), (0.2, 1e6)],
    ],
    ids=str,
)
def test_a_front_of_nearly_equal_or_far_values_is_drawn_within_its_frame(
    front: list[tuple[float, float]],
) -> None:
    svg = draw_front(FrontFigure("front", "ms", "score", (), front))
    places = [float(each) for each in re.findall(r' (?:cx|x|x1|x2)="(\S+?)"', svg)]
    assert len(places) > 4
    assert all(0 <= each <= 400 for each in places)
    for anchor in ("middle", "end"):
        found = re.findall(rf'text-anchor="{anchor}"[^>]*>(-?[\d.,]+)<', svg)
        assert len(set(found)) == len(found) > 1
    ends = re.findall(r'<text x="(\S+?)"[^>]*text-anchor="end"[^>]*>([^<]+)<', svg)
    assert all(float(x) > 5 * len(words) for x, words in ends)


def test_ids_are_made_of_no_text_from_results(tmp_path: Path) -> None:
    ms = {"mixnet-s": 10.0, "mixnet-m": 20.0}
    targets = [latency(name, "tf\\1", "int8 \\x", "C:\\own", ms[name]) for name in ms]
    path = tmp_path / "report.html"
    arguments = ["report", str(save(tmp_path / "a.json", *targets)), "-o", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    found = Outline()
    found.feed(path.read_text(encoding="utf-8"))
    assert {"plane0-0-title", "spread0-0-title"} <= set(found.ids)
    assert not any("\\" in each or " " in each for each in found.ids)


def test_a_clock_has_its_files_colour_where_another_files_is_unknown() -> None:
    files = {"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]}
    words = ("one", "A title", "Words")
    drawn = draw_time_line(words, files, {"b": [[1800.0, 1200.0]]}, Axis(0, 2))
    assert drawn.count("var(--s2)") == drawn.count("var(--s1)") + 1


def test_a_page_needs_no_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # an import of it fails
    path = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["report", str(save_all(tmp_path)), "-o", str(path)])
    assert result.exit_code == 0, result.output
    assert path.read_text(encoding="utf-8").count("<svg ") > 5


# In a browser

PROBE = """<!DOCTYPE html><meta charset="utf-8"><iframe src="report.html"
 style="width:{width}px;height:3000px;border:0"></iframe><pre id="found"></pre><script>
function brokenWords(page) {{
  const found = [];
  for (const cell of page.querySelectorAll("td, th")) {{
    const walker = page.createTreeWalker(cell, 4);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      for (const word of node.data.matchAll(/\\S+/g)) {{
        const range = page.createRange();
        range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
        if (word[0].length < 20 && range.getClientRects().length > 1) found.push(word[0]);
      }}
  }}
  return found;
}}
const KEYS = ["median, ms", "verdict", "ratio", "conclusion"];
function hiddenVerdicts(page, width) {{
  const found = [];
  for (const table of page.querySelectorAll("table"))
    Array.from(table.tHead.rows[0].cells).forEach((head, index) => {{
      const name = head.textContent, first = Array.from(table.tHead.rows[0].cells).findIndex(
        (each) => each.textContent === name);
      if (!KEYS.includes(name) || first !== index) return;
      for (const row of table.tBodies[0].rows) {{
        const box = row.cells[index].getBoundingClientRect();
        if (box.right > width || box.left < row.cells[0].getBoundingClientRect().right - 1)
          found.push(table.closest("div").ariaLabel + ": " + name);
      }}
    }});
  return found;
}}
function looseColumns(page, view) {{
  return Array.from(page.querySelectorAll("tr > :first-child")).filter(
    (cell) => view.getComputedStyle(cell).position !== "sticky").length;
}}
document.querySelector("iframe").addEventListener("load", (event) => {{
  const view = event.target.contentWindow, page = view.document;
  const table = page.querySelector("table"), button = table.querySelectorAll("thead button")[1];
  const values = () => Array.from(table.tBodies[0].rows, (row) => row.cells[1].dataset.value);
  for (const each of page.querySelectorAll("details")) each.open = true;
  button.focus();
  const focused = page.activeElement === button;
  button.click(); const up = values(); const sorted = button.parentElement.ariaSort;
  button.click(); const down = values();
  const small = Array.from(page.querySelectorAll("svg text"),
    (text) => [text.getScreenCTM(), parseFloat(view.getComputedStyle(text).fontSize)]
  ).map(([matrix, size]) => size * Math.hypot(matrix.a, matrix.b));
  document.getElementById("found").textContent = JSON.stringify({{
    inner: view.innerWidth, room: page.documentElement.clientWidth,
    scroll: page.documentElement.scrollWidth, focused, up, down, sorted,
    broken: brokenWords(page), hidden: hiddenVerdicts(page, {width}),
    loose: looseColumns(page, view),
    scripts: page.scripts.length, images: page.images.length, smallest: Math.min(...small)}});
}});
</script>"""


@pytest.fixture(params=[390, 1440], ids=["phone", "desk"])
def opened(page: Path, request: pytest.FixtureRequest) -> tuple[dict[str, object], str]:
    """What a browser says of the page at a width, and what its console did."""
    if CHROMIUM is None:
        warnings.warn("NO CHROMIUM HERE: the report's page was not opened", stacklevel=1)
        pytest.skip("NO CHROMIUM HERE: the report's page was not opened; apt install chromium")
    probe = page.with_name(f"probe{request.param}.html")
    probe.write_text(PROBE.format(width=request.param), encoding="utf-8")
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        f"--user-data-dir={page.parent / 'browser'}",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
        "--window-size=1600,1000",
        "--dump-dom",
        probe.as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True
    )
    found = re.search(r'<pre id="found">(\{.*?\})</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), done.stderr


def test_a_browser_shows_the_page_without_a_defect(opened: tuple[dict[str, object], str]) -> None:
    found, console = opened
    assert "CONSOLE" not in console
    assert found["scroll"] == found["room"], "the page is wider than the window"
    assert float(str(found["room"])) > float(str(found["inner"])) - 20  # a scroll bar
    assert (found["scripts"], found["images"]) == (1, 0)
    assert float(str(found["smallest"])) > 8, "a figure's text is too small to be read"
    assert found["broken"] == [], "cells that break a word"
    assert found["hidden"] == [], "verdicts that one has to scroll to"
    assert found["loose"] == 0, "first columns that scroll away"


PAIRS = [
    (text, ground)
    for text in ("--ink", "--quiet", "--good", "--bad", "--link")
    for ground in ("--paper", "--soft")
]
"""What is written in which colour on which."""


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG's contrast ratio, 1 to 21."""
    darker, lighter = sorted(map(luminance, (first, second)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_have_a_contrast_of_4_5_in_both_themes(theme: str) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    light, dark = (
        dict(re.findall(r"(--\w+): (#[0-9a-f]{6})", part))
        for part in asset("style.css").split("prefers-color-scheme: dark")
    )
    colours = {"light": light, "dark": light | dark}[theme]
    used = set(re.findall(r"(?<!-)color: var\((--\w+)\)", asset("style.css")))
    assert used == {text for text, _ in PAIRS}
    measured = {pair: contrast(*(colours[name] for name in pair)) for pair in PAIRS}
    assert min(measured.values()) >= 4.5, measured
    drawn = {name: contrast(colours[name], colours["--paper"]) for name in colours if "--s" in name}
    drawn.pop("--soft")
    assert min(drawn.values()) >= 3, drawn  # lines and bars


def test_a_table_is_sorted_up_then_down(opened: tuple[dict[str, object], str]) -> None:
    found, _ = opened
    assert found["focused"] is True
    assert found["sorted"] == "ascending"
    for key, reverse in (("up", False), ("down", True)):
        values = found[key]
        assert isinstance(values, list)
        known = [float(value) for value in values if value is not None]
        assert len(known) > 3
        assert known == sorted(known, reverse=reverse)
        assert all(value is None for value in values[len(known) :])
