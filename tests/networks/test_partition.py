from collections.abc import Callable
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_networks.architecture.partition import (
    PARTITIONS,
    equal_partition,
    exponential_partition,
)


@pytest.mark.parametrize(
    ("channels", "groups", "parts"),
    [
        (32, 4, (8, 8, 8, 8)),
        (10, 3, (4, 3, 3)),
        (11, 3, (5, 3, 3)),
        (5, 5, (1,) * 5),
        (7, 1, (7,)),
    ],
)
def test_an_equal_partition_gives_what_is_left_over_to_the_first_group(
    channels: int, groups: int, parts: tuple[int, ...]
) -> None:
    assert equal_partition(channels, groups) == parts


@pytest.mark.parametrize(
    ("channels", "groups", "parts"),
    [
        (32, 4, (16, 8, 4, 4)),  # the example of Section 3.2
        (10, 3, (5, 2, 3)),
        (7, 1, (7,)),
        (64, 2, (32, 32)),
    ],
)
def test_an_exponential_partition_halves_from_group_to_group(
    channels: int, groups: int, parts: tuple[int, ...]
) -> None:
    assert exponential_partition(channels, groups) == parts


@pytest.mark.parametrize("partition", PARTITIONS.values(), ids=PARTITIONS)
@given(groups=st.integers(1, 16), surplus=st.integers(0, 500))
def test_the_parts_of_any_partition_sum_to_the_channels(
    partition: Callable[[int, int], tuple[int, ...]], groups: int, surplus: int
) -> None:
    parts = partition(groups + surplus, groups)

    assert len(parts) == groups
    assert sum(parts) == groups + surplus


@given(groups=st.integers(1, 16), surplus=st.integers(0, 500))
def test_equal_parts_differ_only_in_the_first(groups: int, surplus: int) -> None:
    first, *rest = equal_partition(groups + surplus, groups)

    assert len(set(rest)) <= 1
    assert all(first >= part >= 1 for part in rest)
    assert first - (rest or [first])[0] < groups


@given(power=st.integers(4, 10), groups=st.integers(2, 4))
def test_exponential_parts_of_a_power_of_two_are_powers_of_two(power: int, groups: int) -> None:
    assert all(log2(part).is_integer() for part in exponential_partition(2**power, groups))
