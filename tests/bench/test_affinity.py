"""CPU lists as text, and pinning where it exists and where it does not."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.affinity import can_pin, check_cpus, current_cpus, parse_cpus, pin
from mixnet_common import UsageError

linux_only = pytest.mark.skipif(not can_pin(), reason="only Linux can pin")


def test_ranges_and_single_cpus_are_sorted_without_repeats() -> None:
    assert parse_cpus("4,0-2, 1") == (0, 1, 2, 4)


@given(st.sets(st.integers(0, 500), min_size=1))
def test_a_list_of_cpus_is_read_as_it_was_written(cpus: set[int]) -> None:
    assert set(parse_cpus(",".join(map(str, cpus)))) == cpus


@pytest.mark.parametrize("text", ["", "a", "1,", "-1", "1-", "1-2-3", "big", "1,3-1", "0-99999"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--pin") as caught:
        parse_cpus(text)
    assert "0,2-4" in caught.value.hint


def test_a_system_that_cannot_pin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert current_cpus() is None
    with pytest.raises(UsageError, match="operating system"):
        check_cpus((0,))


@linux_only
def test_a_cpu_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(UsageError, match="99999") as caught:
        check_cpus((99999,))
    assert "available" in caught.value.hint


@linux_only
def test_pinning_is_read_back() -> None:
    before = current_cpus()
    assert before is not None
    try:
        pin(before[:1])
        assert current_cpus() == before[:1]
    finally:
        pin_back = set(before)
        os.sched_setaffinity(0, pin_back)
