"""docs/paper.md against the software: its variants can be loaded, its Python gives what it says."""

import re
from pathlib import Path

import pytest

from mixnet_networks import load_network
from mixnet_networks.architecture.variants import parse_change
from mixnet_networks.paper import table_names
from mixnet_networks.searchspace import member, size

PAGE = (Path(__file__).parents[2] / "docs" / "paper.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"\bmobilenet-v2:[\w=+.,$]*\w", PAGE)))
NAMES = [name for name in NAMES if "$" not in name]  # the loop's


@pytest.mark.parametrize("name", NAMES)
def test_a_variant_on_the_page_is_a_network(name: str) -> None:
    assert load_network(name).graph.nodes


def test_every_change_of_the_table_can_be_made() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ", PAGE.partition("## Variants")[2], re.M)
    assert len(rows) == 8
    for change in rows:
        assert load_network(f"mobilenet-v2:{change}").name.endswith(change)


def test_the_six_spellings_of_the_page_are_one_to_six_groups() -> None:
    named = re.search(r"((?:`mdconv\d+`(?:, | are ))+)one to six groups", PAGE)
    assert named is not None
    spellings = re.findall(r"`(\w+)`", named[1])
    assert [len(parse_change(each).convolution.kernels) for each in spellings] == [1, 2, 3, 4, 5, 6]


def test_the_table_of_names_is_complete() -> None:
    assert re.findall(r"^\| `((?:table|figure|text)\d?)` \| ", PAGE, re.M) == table_names()


def test_the_search_space_is_as_large_as_the_page_says() -> None:
    assert f"size()  # {size()}:" in PAGE
    assert f"# '{member([1] * 16 + [5])}'" in PAGE
