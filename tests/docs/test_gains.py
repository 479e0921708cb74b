"""README's picture is drawn from figures that stand in the pages' tables."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def program() -> Any:
    spec = spec_from_file_location("draw_gains", DOCS / "draw_gains.py")
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_picture_is_what_the_program_draws() -> None:
    drawn = program()
    written = (DOCS / "gains.svg").read_text(encoding="utf-8")
    assert written == drawn.render(drawn.read()), "run: python docs/draw_gains.py"
    ElementTree.fromstring(written)


@pytest.mark.parametrize("group", program().read()["groups"], ids=lambda group: str(group["page"]))
def test_every_figure_stands_in_the_table_of_its_page(group: dict[str, Any]) -> None:
    page = (DOCS / group["page"]).read_text(encoding="utf-8")
    rows = [line.replace("*", "").replace(" – ", "–") for line in page.splitlines()]
    for bar in group["bars"]:
        low, high = bar["interval"]
        figure = f"{bar['ratio']:.2f} ({low:.2f}–{high:.2f})"
        name = re.split(r"[ ,]", bar["name"])[0]
        assert any(name in row and figure in row for row in rows), bar["name"]


def test_faster_is_one_over_the_share_of_the_time() -> None:
    assert program().faster(0.25) == 4.0


def test_the_factors_in_the_readme_are_those_of_the_picture() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    paragraph = readme.partition("**How much faster?**")[2].partition("\n")[0]
    bars = [bar for group in program().read()["groups"] for bar in group["bars"]]
    drawn = {f"{program().faster(bar['ratio']):.1f}×" for bar in bars}
    shown = re.findall(r"\d\.\d×", paragraph)

    assert len(shown) == 4
    assert set(shown) <= drawn
