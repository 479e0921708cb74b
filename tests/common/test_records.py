import math
from dataclasses import dataclass

import pytest

from mixnet_common import UsageError
from mixnet_common.records import (
    checked,
    file_name,
    flag,
    integer,
    line,
    list_of,
    number,
    one_of,
    read_record,
    text,
)

WORDS = ("rows", "grid")


@dataclass(frozen=True)
class Example:
    name: str = checked(text)
    count: int = checked(integer(1, 9), 1)
    share: float = checked(number(0, 1), 0.5)
    tiling: str = checked(one_of(WORDS), "rows")
    on: bool = checked(flag, False)
    title: str = checked(line, "x")
    file: str = checked(file_name, "x")
    each: tuple[str, ...] = checked(list_of(one_of(WORDS), 1, 3, unique=True), factory=tuple)


def refused(table):
    with pytest.raises(UsageError) as caught:
        read_record(Example, table, "here")
    assert caught.value.message.startswith("here: ")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300
    return caught.value


def test_a_table_becomes_a_record_with_defaults_for_what_it_lacks():
    found = read_record(Example, {"name": "a", "share": 1, "each": ["grid", "rows"]}, "here")
    assert found == Example("a", share=1.0, each=("grid", "rows"))
    assert isinstance(found.share, float)


@pytest.mark.parametrize("table", [None, 3, "x", [], [["name", "a"]]])
def test_what_is_no_table_is_refused(table):
    assert "must be a table" in refused(table).message


def test_a_missing_key_is_named():
    assert refused({}).message == "here: the key 'name' is missing"


def test_an_unknown_key_is_answered_with_the_nearest():
    found = refused({"name": "a", "cuont": 3})
    assert found.message == "here: unknown key 'cuont'"
    assert found.hint == "did you mean count?"


def test_an_unknown_word_is_answered_with_the_nearest():
    found = refused({"name": "a", "tiling": "row"})
    assert found.message == "here: 'tiling' must be one of rows, grid, not 'row'"
    assert found.hint == "did you mean rows?"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 3}, {"count": 0}, {"count": 10**400}, {"count": 1.0}, {"count": True},
        {"share": math.nan}, {"share": math.inf}, {"share": "1"}, {"share": False},
        {"tiling": []}, {"tiling": "x" * 5000}, {"on": 1}, {"title": ""}, {"title": "a\nb"},
        {"title": "\u202e"}, {"file": "../a"}, {"file": ".a"}, {"file": "a\0"}, {"each": []},
        {"each": "rows"}, {"each": ["rows", "rows"]}, {"each": ["rows"] * 4}, {"each": ["x"]},
        {"\x1b[31m" + "x" * 5000: 1},
    ],
)  # fmt: skip
def test_a_value_that_does_not_pass_is_shown_with_what_would(wrong):
    assert next(iter(wrong))[:4].strip("\x1b") in refused({"name": "a", **wrong}).message
