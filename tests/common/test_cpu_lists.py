import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_common.cpu_lists import MOST_CPU, parse_cpus, parse_kernel_cpus


def test_ranges_and_single_cpus_are_sorted_without_repeats():
    assert parse_cpus("4,0-2, 1") == (0, 1, 2, 4)


@given(st.sets(st.integers(0, MOST_CPU), min_size=1))
def test_a_list_of_cpus_is_read_as_it_was_written(cpus):
    assert set(parse_cpus(",".join(map(str, cpus)))) == cpus
    assert set(parse_kernel_cpus(" ".join(map(str, cpus)))) == cpus


@pytest.mark.parametrize(
    "text",
    ["", "a", "1,", "-1", "1-", "1-2-3", "big", "1,3-1", "0-99999", "0-1024", "²", "9" * 400],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="--pin") as caught:
        parse_cpus(text)
    assert "0,2-4" in caught.value.hint
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", ["", "big", "3-1", "0-99999999", "1-2-3"])
def test_the_kernels_words_that_name_no_cpus_are_left_out(text):
    assert parse_kernel_cpus(f"{text} 5") == (5,)
