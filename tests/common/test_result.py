"""Records of results: written as they are, read strictly, refused with the key and the value."""

from typing import Annotated, Any

import pytest
from msgspec import Meta

from mixnet_common.json_object import WrongValueError
from mixnet_common.result import (
    Count,
    Milliseconds,
    Place,
    ResultRecord,
    Shape,
    Span,
    Threads,
    check_ordered,
    decode,
    encode,
    known_as,
)


class Part(ResultRecord):
    count: Count
    load_ms: Span


class Whole(ResultRecord):
    name: str
    samples_ms: Annotated[tuple[Milliseconds, ...], Meta(min_length=1)]
    interval: tuple[Milliseconds, Milliseconds]
    launches: tuple[Part, ...]
    flag: bool = known_as(False)
    threads: Threads = known_as(1)
    path: Place = known_as("")
    shapes: dict[str, Shape] = known_as({})
    rare: int | None = None

    def __post_init__(self) -> None:
        check_ordered(self.interval, "interval")


FITTING = {
    "name": "a",
    "samples_ms": [1, 2.5],
    "interval": [1, 2],
    "launches": [{"count": 1, "load_ms": 1}],
}


def test_a_record_is_written_with_all_but_rare_keys_and_read_again() -> None:
    record = decode(Whole, FITTING)
    written = encode(record)
    assert list(written) == [
        "name", "samples_ms", "interval", "launches", "flag", "threads", "path", "shapes",
    ]  # fmt: skip
    assert decode(Whole, written) == record
    with pytest.raises(AttributeError):
        record.name = "b"  # type: ignore[misc]


def test_keys_that_are_not_known_are_left_out() -> None:
    assert decode(Whole, {**FITTING, "of a later version": 1}) == decode(Whole, FITTING)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": 3}, "name is not text: 3"),
        ({"samples_ms": []}, "samples_ms is empty"),
        ({"samples_ms": [1, True]}, "samples_ms[1] is not a number: True"),
        ({"samples_ms": [0]}, "samples_ms[0] is out of range: 0, must be at least 1e-06"),
        ({"samples_ms": [float("nan")]}, "samples_ms[0] is out of range: nan"),
        ({"samples_ms": [10**400]}, "samples_ms[0] is out of range"),
        ({"interval": [1]}, "interval does not have two numbers"),
        ({"interval": [2, 1]}, "interval has its end before its start"),
        ({"launches": 3}, "launches is not a list"),
        ({"launches": [3]}, "launches[0] is not an object"),
        (
            {"launches": [{"count": 1.5, "load_ms": 1}]},
            "launches[0].count is not a whole number: 1.5",
        ),
        ({"launches": [{"coun": 1, "load_ms": 1}]}, "launches[0] has no count; did you mean"),
        ({"flag": 1}, "flag is not true or false: 1"),
        ({"fag": True}, "unknown key 'fag': did you mean flag?"),
        ({"threads": 10**30}, "threads is out of range: 1000"),
        ({"path": "a\0"}, "path is not a path"),
        ({"shapes": []}, "shapes is not an object"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_key(
    change: dict[str, Any], words: str
) -> None:
    with pytest.raises(WrongValueError) as caught:
        decode(Whole, {**FITTING, **change})
    assert str(caught.value).startswith(words)


def test_a_key_that_is_right_is_not_taken_for_a_misspelled_one() -> None:
    class Anchored(ResultRecord):
        anchor: str
        anchor_m: float

    with pytest.raises(WrongValueError, match=r"^it has no anchor$"):
        decode(Anchored, {"anchor_m": 1.0})
    with pytest.raises(WrongValueError, match="did you mean anchor where it says 'anchr'"):
        decode(Anchored, {"anchor_m": 1.0, "anchr": "a"})


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(WrongValueError, match="it is not an object"):
        decode(Whole, [1])
