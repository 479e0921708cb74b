"""What steers a terminal or turns a line is shown in a report, even if no reader had removed it."""

import csv
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # for made_up_results

from made_up_results import save_all

from mixnet_bench.report.load import load_results
from mixnet_bench.report.record import Results
from mixnet_bench.report.text import render_csv, render_markdown

EVIL = "_a\x1b]0;x\x07b\u202ec\u2066\u200e\u2028\x9b1m\rd"
SHOWN = r"_a\x1b]0;x\x07b\u202ec\u2066\u200e\u2028\x9b1m\rd"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Everything that a report shows, each of its words an evil one."""
    found = load_results([save_all(tmp_path_factory.mktemp("results"))])
    latencies = tuple(
        replace(
            each,
            file=replace(each.file, name=EVIL, network=EVIL, precision=EVIL, lowering=EVIL),
            device=replace(each.device, name=EVIL, pinned=EVIL),
            runtime=EVIL,
            verdict=EVIL,
            reasons=(EVIL,),
            conditions={EVIL: EVIL},
            categories={f"depthwise 3×3 {EVIL}": 10.0, **each.categories},
        )
        for each in found.latencies
    )
    counts = tuple(
        replace(each, file=replace(each.file, name=EVIL), kinds={EVIL: 1}, reasons={EVIL: EVIL})
        for each in found.counts
    )
    parities = tuple(replace(each, first=EVIL, second=EVIL) for each in found.parities)
    return Results(latencies, counts, found.papers, parities)


def drawn(content: str) -> bool:
    return content.replace("\n", "").replace("\t", "").isprintable()


def test_the_page_and_its_figures_show_it(results: Results) -> None:
    from mixnet_bench.report.page import render_page

    page = render_page(results, EVIL)
    assert drawn(page)
    assert f"<title>{SHOWN}</title>" in page
    assert page.count(SHOWN) > 20
    assert page.count("<svg ") > 4


def test_markdown_shows_it(results: Results) -> None:
    text = render_markdown(results, EVIL)
    assert drawn(text)
    assert text.startswith(r"# \_a\\x1b\]0;x\\x07b\\u202ec")


def test_a_csv_shows_it_and_computes_nothing(results: Results) -> None:
    names = ("=1+1", "+1+1", "-1+1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "-5", "+1.5", EVIL)
    latency = results.latencies[0]
    files = [replace(latency.file, name=each) for each in names]
    text = render_csv(Results(tuple(replace(latency, file=each) for each in files)))
    assert drawn(text)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [each["file"] for each in rows] == [
        "'=1+1", "'+1+1", "'-1+1", "'@x", r"'\t=1", r"'\r=1", r"'\n=1", "'＝1", "-5", "+1.5", SHOWN,
    ]  # fmt: skip
    assert {float(each["median_ms"]) for each in rows} == {latency.median_ms}


def test_drawings_show_it() -> None:
    from mixnet_bench.report import drawing
    from mixnet_bench.report.axes import Axis
    from mixnet_bench.report.planes import ModelPoint
    from mixnet_common.intervals import Estimate

    words = ("one", EVIL, EVIL)
    points = [ModelPoint(EVIL, 1.0, 70.0), ModelPoint("MixNet", 2.0, 75.0)]
    axis, planes = Axis(0, 2), (Axis(0, 3), Axis(60, 80))
    lines = {EVIL: [[1.0, 2.0]], "b": [[2.0, 3.0]]}
    draw: list[Callable[[], str]] = [
        lambda: drawing.draw_plane(words, points, planes, EVIL, "MixNet"),
        lambda: drawing.draw_distributions(words, {EVIL: [1.0, 2.0]}, axis),
        lambda: drawing.draw_time_line(words, lines, lines, axis),
        lambda: drawing.draw_courses(words, {EVIL: [(0.0, 1.0), (1.0, 2.0)]}, {EVIL: 0.5}, axis),
        lambda: drawing.draw_stacks(words, {EVIL: {"3": 1.0, EVIL: 2.0}}, axis),
        lambda: drawing.draw_ratios(words, {EVIL: Estimate(0.5, None)}, axis),
    ]
    for each in draw:
        svg = each()
        assert drawn(svg)
        assert svg.count(SHOWN[:10]) > 2  # title, words, and a label, which may be cut
