"""A large depthwise convolution as a sum of small ones: nothing changes but the operators."""

import math
from typing import Any

import pytest
from both_formats import one_node, random_weights
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lowered import assert_unchanged, assert_written_unchanged, delegation, operators

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_export.lowering.taps import MOST_TAPS, TILINGS
from mixnet_export.lowering.tiling import tile_depthwise
from mixnet_networks import GraphBuilder, Node
from mixnet_networks.graph.operators import macs

NAMES = st.sampled_from(sorted(TILINGS))
PAIRS = st.tuples(st.integers(0, 4), st.integers(0, 4))
PADDINGS = st.one_of(st.just("same"), st.just("same"), st.just("valid"), st.tuples(PAIRS, PAIRS))
MAPS = st.tuples(st.integers(1, 3), st.integers(1, 15), st.integers(1, 15), st.integers(3, 5))
KERNELS = st.tuples(st.integers(1, 13), st.integers(1, 13)).filter(lambda k: k[0] * k[1] > 25)
STRIDES = st.sampled_from(((1, 1), (2, 2), (3, 3), (1, 2), (3, 1)))


@st.composite
def convolutions(draw: st.DrawFn) -> Model:
    """A single large depthwise convolution of any kind that fits its map."""
    attributes = {
        "kernel": draw(KERNELS),
        "strides": draw(STRIDES),
        "padding": draw(PADDINGS),
        "multiplier": draw(st.integers(1, 2)),
        "bias": draw(st.booleans()),
        "activation": draw(st.sampled_from((None, "relu", "relu6"))),
    }
    try:
        return one_node("depthwise_conv2d", draw(MAPS), **attributes)
    except MixnetError:  # no window of this size fits the map
        assume(False)
        raise


def taps(node: Node) -> int:
    """Taps of a depthwise convolution's kernel; none for any other node."""
    return math.prod(node.attributes["kernel"]) if node.op == "depthwise_conv2d" else 0


@pytest.mark.parametrize("name", TILINGS)
def test_taps_that_only_meet_padding_are_left_out(name: str) -> None:
    model = one_node("depthwise_conv2d", (1, 2, 2, 3), kernel=(9, 9))
    tiled = tile_depthwise(model, lambda node: name)
    assert [node.attributes["kernel"] for node in tiled.graph.nodes] == [(3, 3)]
    assert_unchanged(model, tiled)


@settings(max_examples=150, deadline=None)
@given(convolutions(), NAMES)
def test_every_tiling_of_any_depthwise_convolution_equals_it(model: Model, name: str) -> None:
    tiled = tile_depthwise(model, lambda node: name)

    assert "depthwise_conv2d" in operators(tiled)
    assert all(taps(node) <= MOST_TAPS for node in tiled.graph.nodes)
    assert_unchanged(model, tiled)


@settings(max_examples=40, deadline=None)
@given(convolutions(), NAMES)
def test_every_tiling_is_written_as_the_oracle_computes_it(model: Model, name: str) -> None:
    assert_written_unchanged(model, tile_depthwise(model, lambda node: name))


def tiled(name: str, size: int, **attributes: Any) -> tuple[Model, Model]:
    """A convolution on a square map of 4 channels, whole and in pieces."""
    model = one_node("depthwise_conv2d", (1, size, size, 4), bias=True, **attributes)
    return model, tile_depthwise(model, lambda node: name)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TILINGS)
def test_a_kernel_may_be_larger_than_its_map(name: str, size: int, stride: int) -> None:
    for kernel in ((7, 7), (11, 11), (6, 13)):
        before, after = tiled(name, size, kernel=kernel, strides=(stride, stride))
        assert_unchanged(before, after)
        assert_written_unchanged(before, after)


@pytest.mark.parametrize("name", TILINGS)
def test_a_large_kernel_becomes_several_small_ones(name: str) -> None:
    _, after = tiled(name, 14, kernel=(9, 9))
    taps = [node.parameters["kernel"][:2] for node in after.graph.nodes if node.parameters]

    assert len(taps) > 1
    assert all(height * width <= MOST_TAPS for height, width in taps)
    assert sum(height * width for height, width in taps) == 81


@pytest.mark.parametrize("name", TILINGS)
def test_no_tiling_computes_more(name: str) -> None:
    before, after = tiled(name, 9, kernel=(11, 9), strides=(2, 2))
    costs = [sum(macs(node, each.graph) for node in each.graph.nodes) for each in (before, after)]

    assert costs[0] == costs[1] > 0


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [7, 14])
@pytest.mark.parametrize("kernel", [(7, 7), (9, 9), (11, 11), (13, 13), (5, 9), (8, 12)])
def test_nested_pieces_need_only_additions_and_run_in_one_partition(
    kernel: tuple[int, int], size: int, stride: int
) -> None:
    before, after = tiled("nested", size, kernel=kernel, strides=(stride, stride))
    found = delegation(after)

    assert set(operators(after)) == {"depthwise_conv2d", "add"}
    assert (found.partitions, found.outside) == (1, 0)
    assert_written_unchanged(before, after)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", ["rows", "grid", "polyphase"])
def test_the_other_tilings_run_in_one_partition_too(name: str, stride: int) -> None:
    _, after = tiled(name, 14, kernel=(9, 9), strides=(stride, stride))
    found = delegation(after)

    assert (found.partitions, found.outside) == (1, 0)


def test_polyphase_needs_neither_padding_nor_slices_at_stride_1() -> None:
    _, after = tiled("polyphase", 14, kernel=(9, 9))

    assert set(operators(after)) == {"depthwise_conv2d", "add"}


def test_what_needs_padding_is_padded_once() -> None:
    _, after = tiled("grid", 14, kernel=(11, 11), strides=(2, 2))

    assert operators(after).count("pad") == 1


def test_without_padding_the_pieces_are_cut_from_the_input_itself() -> None:
    before, after = tiled("rows", 14, kernel=(7, 7), padding="valid")

    assert "pad" not in operators(after)
    assert_unchanged(before, after)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_the_activation_comes_after_the_last_addition(activation: str) -> None:
    _, after = tiled("nested", 9, kernel=(9, 9), activation=activation)
    carried = [node.attributes["activation"] for node in after.graph.nodes]

    assert carried == [None] * (len(carried) - 1) + [activation]
    assert after.graph.nodes[-1].name == "node"


@pytest.mark.parametrize(
    "attributes",
    [{"kernel": (5, 5)}, {"kernel": (1, 25)}, {"kernel": (6, 6), "dilations": (2, 2)}],
)
def test_small_and_dilated_kernels_stay_whole(attributes: dict[str, Any]) -> None:
    _, after = tiled("nested", 14, **attributes)

    assert operators(after) == ["depthwise_conv2d"]


def test_a_convolution_that_is_to_stay_whole_does() -> None:
    _, after = tiled("direct", 14, kernel=(9, 9))

    assert operators(after) == ["depthwise_conv2d"]


def test_each_convolution_is_tiled_as_is_said_of_it() -> None:
    builder = GraphBuilder("two")
    x = builder.add("depthwise_conv2d", "first", builder.input("x", (1, 8, 8, 4)), kernel=(7, 7))
    graph = builder.build(builder.add("depthwise_conv2d", "second", x, kernel=(7, 7)))
    model = Model(graph, random_weights(graph))
    said = {"first": "direct", "second": "nested"}
    after = tile_depthwise(model, lambda node: said[node.name])

    pieces = [f"second.piece{index}" for index in range(3)]
    names = [node.name for node in after.graph.nodes]
    assert names == ["first", *pieces, "second.sum1", "second"]
    assert_unchanged(model, after)


def test_pieces_and_their_sums_can_be_asked_to_stay_in_float32() -> None:
    model = one_node("depthwise_conv2d", (1, 14, 14, 4), bias=True, kernel=(9, 9))
    pieces = [f"node.piece{index}" for index in range(5)]

    assert tile_depthwise(model, lambda node: "nested").floating == ()
    after = tile_depthwise(model, lambda node: "nested", lambda node: True)
    assert after.floating == (*pieces, "node.sum1", "node.sum2", "node.sum3", "node")
    assert set(after.floating) == {node.name for node in after.graph.nodes}


def test_a_kernel_of_which_one_piece_is_left_is_no_sum_to_keep_in_float32() -> None:
    model = one_node("depthwise_conv2d", (1, 2, 2, 4), bias=True, kernel=(9, 9))

    assert tile_depthwise(model, lambda node: "nested", lambda node: True).floating == ()


def test_later_passes_keep_what_is_to_stay_in_float32() -> None:
    model = one_node("depthwise_conv2d", (1, 14, 14, 4), bias=True, kernel=(9, 9))
    tiled_model = tile_depthwise(model, lambda node: "nested", lambda node: True)

    assert tile_depthwise(tiled_model, lambda node: "nested").floating == tiled_model.floating
