"""Grouped convolutions as a split, as one convolution in groups, or with block-diagonal weights."""

from typing import Any

import numpy as np
import pytest
from both_formats import one_node
from hypothesis import given, settings
from hypothesis import strategies as st
from lowered import assert_unchanged, assert_written_unchanged, delegation, operators

from mixnet_export.lowering import Model
from mixnet_export.lowering.groups import dense_kernel, expand_groups, join_groups
from mixnet_networks.graph.operators import macs, parameter_count

FORMS = ("split", "slices", "grouped", "dense")


def formed(model: Model, form: str) -> Model:
    """Without a composite operator left."""
    joined = join_groups(model, lambda node: "split" if form == "slices" else form)
    return expand_groups(joined, lambda node: form)


def grouped(channels: tuple[int, ...], filters: tuple[int, ...], **attributes: Any) -> Model:
    shape = (1, 7, 6, sum(channels))
    attributes = {"kernel": (1, 1), "bias": True} | attributes
    return one_node("grouped_conv2d", shape, channels=channels, filters=filters, **attributes)


EQUAL = grouped((4, 4), (3, 3))
UNEQUAL = grouped((5, 2, 2), (1, 3, 2))
SIZES = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=7)


@settings(max_examples=80, deadline=None)
@given(
    sizes=SIZES,
    kernel=st.sampled_from(((1, 1), (1, 1), (3, 3), (2, 3))),
    stride=st.integers(1, 2),
    padding=st.sampled_from(("same", "valid")),
    bias=st.booleans(),
    activation=st.sampled_from((None, "relu6")),
    form=st.sampled_from(FORMS),
)
def test_every_form_of_any_groups_equals_them(
    sizes: list[tuple[int, int]], stride: int, form: str, **attributes: Any
) -> None:
    channels, filters = zip(*sizes, strict=True)
    model = grouped(channels, filters, strides=(stride, stride), **attributes)

    assert_unchanged(model, formed(model, form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
def test_every_form_is_written_as_the_oracle_computes_it(model: Model, form: str) -> None:
    assert_written_unchanged(model, formed(model, form))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("split", ["split", "conv2d", "conv2d", "concat"]),
        ("slices", ["slice", "slice", "conv2d", "conv2d", "concat"]),
        ("grouped", ["conv2d"]),
        ("dense", ["conv2d"]),
    ],
)
def test_a_form_is_made_of_these_operators(form: str, expected: list[str]) -> None:
    assert operators(formed(EQUAL, form)) == expected


def cost(model: Model) -> tuple[int, int]:
    nodes = model.graph.nodes
    return sum(macs(node, model.graph) for node in nodes), parameter_count(nodes)


@pytest.mark.parametrize("form", ["split", "slices", "grouped"])
def test_only_the_dense_form_computes_and_stores_more(form: str) -> None:
    assert cost(formed(EQUAL, form)) == cost(EQUAL)
    assert cost(formed(EQUAL, "dense"))[0] == 2 * cost(EQUAL)[0]


def test_unequal_groups_are_one_convolution_only_with_zeros() -> None:
    (node,) = formed(UNEQUAL, "grouped").graph.nodes

    assert node.attributes["groups"] == 1
    assert node.parameters["kernel"] == (1, 1, 9, 6)


def test_equal_groups_stay_groups() -> None:
    (node,) = formed(EQUAL, "grouped").graph.nodes

    assert (node.name, node.attributes["groups"]) == ("node", 2)
    assert node.parameters["kernel"] == (1, 1, 4, 6)


def test_a_dense_kernel_is_block_diagonal() -> None:
    kernels = [np.full((1, 1, 2, 1), 1.0), np.full((1, 1, 1, 2), 2.0)]

    assert dense_kernel(kernels)[0, 0].tolist() == [[1, 0, 0], [1, 0, 0], [0, 2, 2]]


@pytest.mark.parametrize("groups", [2, 5, 7])
@pytest.mark.parametrize("form", ["slices", "grouped", "dense"])
def test_every_form_but_the_literal_runs_in_one_partition(form: str, groups: int) -> None:
    model = grouped((3, *(2,) * (groups - 1)), (2,) * groups)
    found = delegation(formed(model, form))

    assert (found.partitions, found.outside) == (1, 0)


def test_seven_slices_of_a_mixed_convolution_run_in_one_partition() -> None:
    model = one_node(
        "mixed_depthwise_conv2d",
        (1, 7, 7, 14),
        channels=(2,) * 7,
        kernels=((3, 3),) * 7,
        dilations=((1, 1),) * 7,
    )
    after = formed(model, "slices")
    found = delegation(after)

    assert (found.partitions, found.outside) == (1, 0)
    assert_written_unchanged(model, after)
