import json

import pytest

from mixnet_common import UsageError
from mixnet_common.documents import read_document, read_targets
from mixnet_common.json_object import JsonObject, WrongValueError

NUMBERS = {
    "null": None, "text": "x", "flag": True, "list": [1], "tiny": 5e-324, "negative tiny": -5e-324,
    "huge": 1e300, "huge whole": 10**39,
}  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("method", ["number", "milliseconds", "whole"])
def test_what_is_no_number_or_of_no_such_size_is_named_by_its_key(value, method):
    inner = JsonObject({"a": [{"b": value}]}).objects("a")[0]
    with pytest.raises(WrongValueError, match=r"^a\[0\]\.b is (no|out of)"):
        getattr(inner, method)("b")


@pytest.mark.parametrize("value", [-1, 0, 1e-7, 1.1e9])
def test_times_that_nothing_takes_are_out_of_range(value):
    with pytest.raises(WrongValueError, match="out of range"):
        JsonObject({"a": value}).milliseconds("a")


def test_a_count_is_a_whole_number():
    with pytest.raises(WrongValueError, match=r"not a whole number: 3\.0"):
        JsonObject({"a": 3.0}).whole("a")
    assert JsonObject({"a": 3}).whole("a") == 3


def test_what_can_be_is_given_as_it_is():
    found = JsonObject({"a": 0, "b": [1, 2.5], "c": "x\x1b y", "d": None, "e": "a  b/c"})
    assert found.number("a") == 0
    assert found.numbers("b") == [1, 2.5]
    assert found.interval("b") == (1, 2.5)
    assert found.text("c") == r"x\x1b y"
    assert found.maybe("d") is None
    assert found.path("e") == "a  b/c"


@pytest.mark.parametrize("value", ["a\0b", "a" * 5000, 3, None])
def test_what_no_file_system_takes_is_no_path(value):
    with pytest.raises(WrongValueError, match="a is not a path"):
        JsonObject({"a": value}).path("a")


@pytest.mark.parametrize(
    "content", [[], {}, {"targets": 3, "format": 1}, {"targets": []}, {"targets": [], "format": 2},
                {"targets": [], "format": True}, {"targets": [], "format": "1" * 5000}],
)  # fmt: skip
def test_what_is_no_document_of_ours_is_refused(content, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"a\.json (contains no results|has format)") as caught:
        read_document(path, "give another")
    assert len(caught.value.message) < 300


def test_a_wrong_value_is_named_with_its_file_and_target(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"format": 1, "targets": [{"n": 1}, {"n": -1}]}))
    with pytest.raises(UsageError, match=r"a\.json: targets\[1\]: n is out of range: -1"):
        read_targets(read_document(path, ""), path, "", lambda target: target.whole("n"))
