"""Kernel groups merged by padding small kernels with zeros: the same values from fewer groups."""

from typing import Any

import pytest
from both_formats import one_node
from hypothesis import given, settings
from hypothesis import strategies as st
from lowered import assert_unchanged, assert_written_unchanged, operators

from mixnet_export.lowering import Model
from mixnet_export.lowering.choice import MERGES
from mixnet_export.lowering.groups import expand_groups
from mixnet_export.lowering.merging import merge_kernels
from mixnet_networks.architecture.partition import PARTITIONS

Kernels = tuple[tuple[int, int], ...]


def mixed(kernels: Kernels, size: int, channels: tuple[int, ...] = (), **attributes: Any) -> Model:
    """A single mixed depthwise convolution on a square map."""
    channels = channels or tuple(range(2, 2 + len(kernels)))
    dilations = attributes.pop("dilations", ((1, 1),) * len(kernels))
    return one_node(
        "mixed_depthwise_conv2d",
        (1, size, size, sum(channels)),
        channels=channels,
        kernels=kernels,
        dilations=dilations,
        **attributes,
    )


def square(*sizes: int) -> Kernels:
    return tuple((size, size) for size in sizes)


def merged(model: Model, merge: str) -> Model:
    return merge_kernels(model, lambda node: MERGES[merge](len(node.attributes["kernels"])))


def kernels_of(model: Model) -> Any:
    (node,) = model.graph.nodes
    return node.attributes.get("kernels", node.attributes.get("kernel"))


# Which groups


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("merge", MERGES)
def test_a_way_to_merge_uses_every_group_once(merge: str, count: int) -> None:
    sizes = MERGES[merge](count)

    assert sum(sizes) == count
    assert all(size > 0 for size in sizes)


@pytest.mark.parametrize(
    ("merge", "kernels"),
    [
        ("none", square(3, 5, 7, 9, 11)),
        ("smallest", square(5, 7, 9, 11)),
        ("pairs", square(5, 9, 11)),
        ("all-but-largest", square(9, 11)),
        ("all", (11, 11)),
    ],
)
def test_merged_groups_get_their_largest_kernel(merge: str, kernels: Any) -> None:
    before = mixed(square(3, 5, 7, 9, 11), 9)
    after = merged(before, merge)

    assert kernels_of(after) == kernels
    assert_unchanged(before, after)


def test_a_single_group_that_is_left_is_a_plain_depthwise_convolution() -> None:
    assert operators(merged(mixed(square(3, 5), 9), "all")) == ["depthwise_conv2d"]


# The same values


@settings(max_examples=120, deadline=None)
@given(
    kernels=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5).map(
        tuple
    ),
    size=st.integers(1, 12),
    stride=st.integers(1, 3),
    multiplier=st.integers(1, 2),
    bias=st.booleans(),
    activation=st.sampled_from((None, "relu")),
    merge=st.sampled_from(sorted(MERGES)),
)
def test_every_way_to_merge_any_groups_equals_them(
    kernels: Kernels, size: int, stride: int, merge: str, **attributes: Any
) -> None:
    """Odd and even kernels, of which many cannot be merged; the answer is right all the same."""
    before = mixed(kernels, size, strides=(stride, stride), **attributes)

    assert_unchanged(before, merged(before, merge))


@settings(max_examples=40, deadline=None)
@given(
    kernels=st.lists(st.sampled_from((3, 5, 7, 9)), min_size=2, max_size=4).map(sorted),
    partition=st.sampled_from(sorted(PARTITIONS)),
    size=st.integers(2, 12),
    stride=st.integers(1, 2),
    merge=st.sampled_from(sorted(set(MERGES) - {"none"})),
)
def test_odd_kernels_are_merged_at_both_strides_whatever_the_map(
    kernels: list[int], partition: str, size: int, stride: int, merge: str
) -> None:
    channels = PARTITIONS[partition](20, len(kernels))
    before = mixed(square(*kernels), size, channels, strides=(stride, stride), bias=True)
    after = merged(before, merge)

    sizes = MERGES[merge](len(kernels))
    assert sum(role.endswith("kernel") for role in after.graph.nodes[0].parameters) == len(sizes)
    assert_unchanged(before, after)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("merge", MERGES)
def test_merged_groups_are_written_as_the_oracle_computes_them(
    merge: str, size: int, stride: int
) -> None:
    before = mixed(square(3, 5, 7), size, (5, 3, 4), strides=(stride, stride), multiplier=2)

    assert_written_unchanged(before, expand_groups(merged(before, merge)))


# What must stay


def stays(model: Model) -> bool:
    after = merged(model, "all")
    assert_unchanged(model, after)
    return kernels_of(after) == kernels_of(model)


def test_kernels_of_one_tap_shift_at_stride_2_on_even_maps_so_they_stay() -> None:
    """SAME would pad the 3x3 kernel only after the map, and read its middle tap one further on."""
    assert stays(mixed(square(1, 3), 8, strides=(2, 2)))
    assert not stays(mixed(square(1, 3), 7, strides=(2, 2)))
    assert not stays(mixed(square(1, 3), 8))


def test_even_and_odd_kernels_have_different_centres_so_they_stay() -> None:
    assert stays(mixed(square(2, 3), 7))
    assert stays(mixed(((2, 3), (3, 3)), 7))
    assert not stays(mixed(square(2, 4), 7))


def test_dilated_groups_stay() -> None:
    assert stays(mixed(square(3, 3), 9, dilations=((1, 1), (2, 2))))


def test_groups_without_same_padding_stay() -> None:
    assert stays(mixed(square(3, 3), 9, padding="valid"))
    assert stays(mixed(square(3, 3), 9, padding=((1, 2), (0, 1))))


def test_groups_that_are_not_to_be_merged_stay() -> None:
    model = mixed(square(3, 5), 9)

    assert kernels_of(merged(model, "none")) == kernels_of(model)


def test_other_operators_stay() -> None:
    model = one_node("depthwise_conv2d", (1, 7, 7, 4), kernel=(3, 3))

    assert operators(merge_kernels(model, lambda node: (2,))) == ["depthwise_conv2d"]
