"""A lowering changes how a network is computed, never what: held against the oracle."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from both_formats import (
    Array,
    assert_both_formats_equal_the_oracle,
    load_narrow,
    one_node,
    oracle,
    random_inputs,
    random_weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from quick import NETWORKS, quick_first

from mixnet_common import UsageError
from mixnet_export.lowering import OPTIONS, PLANS, Choice, Model, Plan, lower
from mixnet_export.lowering.fold import fold_batch_norm, fuse_activations
from mixnet_export.lowering.groups import expand_groups
from mixnet_networks import GraphBuilder, load_network, network_names
from mixnet_networks.architecture import Architecture, Head, Preprocessing, Stage, Stem
from mixnet_networks.graph.operators import OPERATORS, macs, parameter_count
from mixnet_networks.images.picture import picture_input
from mixnet_networks.network import Network
from mixnet_networks.weights import seeded_weights

ROUNDING = 1e-6
"""What storing folded weights as float32 may change, relative to the largest value."""


def assert_equal_on_the_oracle(
    before: Model,
    after: Model,
    tolerance: float = ROUNDING,
    inputs: dict[str, Array] | None = None,
) -> None:
    inputs = inputs or random_inputs(before.graph)
    expected, found = oracle(before, inputs), oracle(after, inputs)
    for old, new in zip(before.graph.outputs, after.graph.outputs, strict=True):
        largest = np.abs(expected[old]).max()
        assert expected[old].std() > 1e-3 * largest, "degenerate"
        np.testing.assert_allclose(found[new], expected[old], atol=tolerance * largest, rtol=0)


# Every lowering


@pytest.mark.parametrize("lowering", PLANS)
@pytest.mark.parametrize("name", quick_first(network_names(), NETWORKS))
def test_every_lowering_of_every_network_equals_the_network(name: str, lowering: str) -> None:
    """On the picture: seeded weights keep activations sane on it, and blow up on noise."""
    model, image = drawn(name)

    assert_equal_on_the_oracle(model, lower(model, lowering), 2e-5, {"image": image})


@lru_cache(maxsize=1)
def drawn(name: str) -> tuple[Model, Array]:
    """A small network with seeded weights, and the picture for it."""
    network = load_narrow(name, resolution=64, classes=20)
    image = picture_input(network.resolution, network.architecture.preprocessing)
    return Model(network.graph, seeded_weights(network)), image


@pytest.mark.parametrize("lowering", PLANS)
@pytest.mark.parametrize("name", network_names())
def test_every_lowering_leaves_only_what_the_writers_can_write(name: str, lowering: str) -> None:
    lowered = lower(without_values(load_narrow(name)), lowering).graph

    assert not [node.name for node in lowered.nodes if OPERATORS[node.op].composite]
    assert not [node.name for node in lowered.nodes if node.op == "batch_norm"]


@pytest.mark.parametrize("lowering", PLANS)
@pytest.mark.parametrize("name", network_names())
def test_every_lowering_keeps_the_names_and_shapes_of_inputs_and_outputs(
    name: str, lowering: str
) -> None:
    model = without_values(load_narrow(name))
    lowered = lower(model, lowering).graph

    assert lowered.inputs == model.graph.inputs
    assert lowered.outputs == model.graph.outputs
    assert lowered.shape("logits") == model.graph.shape("logits")


def test_a_misspelt_lowering_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown lowering 'refrence'") as caught:
        lower(without_values(load_network("mixnet-s")), "refrence")
    assert caught.value.hint == "did you mean reference?"


def without_values(network: Network) -> Model:
    """A network whose weights are all ones, for questions that do not depend on them."""
    shapes = network.graph.parameters()
    return Model(network.graph, {name: np.ones(shape, np.float32) for name, _, _, shape in shapes})


CHANNELS = st.integers(4, 12)


def has_odd_kernels(architecture: Architecture) -> bool:
    """Symmetric padding takes no others."""
    return all(kernel % 2 for stage in architecture.stages for kernel in stage.kernels)


STAGES = st.builds(
    Stage,
    out=CHANNELS,
    kernels=st.lists(st.sampled_from((1, 2, 3, 5, 7)), min_size=1, max_size=3).map(tuple),
    block=st.sampled_from(("inverted-residual", "separable")),
    blocks=st.integers(1, 2),
    stride=st.integers(1, 2),
    expand=st.sampled_from((1.0, 2.0, 3.0)),
    expand_groups=st.integers(1, 2),
    project_groups=st.integers(1, 2),
    se=st.sampled_from((0.0, 0.5)),
    activation=st.sampled_from(("relu", "relu6", "swish")),
    partition=st.sampled_from(("equal", "exponential")),
    multiplier=st.integers(1, 2),
    skip=st.booleans(),
)
ARCHITECTURES = st.builds(
    Architecture,
    name=st.just("drawn"),
    title=st.just("drawn"),
    source=st.just("a test"),
    stem=st.builds(Stem, channels=st.integers(8, 12), stride=st.integers(1, 2)),
    stages=st.lists(STAGES, min_size=1, max_size=3).map(tuple),
    head=st.builds(Head, channels=st.sampled_from((0, 10))),
    preprocessing=st.just(Preprocessing()),
    padding=st.sampled_from(("same", "same", "symmetric")),
).filter(lambda drawn: drawn.padding == "same" or has_odd_kernels(drawn))


@settings(max_examples=20, deadline=None)
@given(ARCHITECTURES, st.integers(13, 20), st.sampled_from(sorted(PLANS)))
def test_any_architecture_survives_every_lowering(
    architecture: Architecture, resolution: int, lowering: str
) -> None:
    graph = Network(architecture, 7, resolution).graph
    model = Model(graph, random_weights(graph))

    assert_equal_on_the_oracle(model, lower(model, lowering), tolerance=1e-5)


CHOICES = st.fixed_dictionaries({key: st.sampled_from(words) for key, words in OPTIONS.items()})


@settings(max_examples=25, deadline=None)
@given(ARCHITECTURES, st.integers(13, 20), CHOICES)
def test_any_architecture_survives_every_combination_of_choices(
    architecture: Architecture, resolution: int, choice: dict[str, str]
) -> None:
    graph = Network(architecture, 7, resolution).graph
    model = Model(graph, random_weights(graph))
    lowered = lower(model, Plan("drawn", Choice(**choice)))

    assert not [node.name for node in lowered.graph.nodes if OPERATORS[node.op].composite]
    assert_equal_on_the_oracle(model, lowered, tolerance=1e-5)


@settings(max_examples=6, deadline=None)
@given(ARCHITECTURES, st.integers(13, 20))
def test_any_architecture_is_written_as_the_oracle_computes_it(
    architecture: Architecture, resolution: int
) -> None:
    graph = Network(architecture, 7, resolution).graph
    model = lower(Model(graph, random_weights(graph)))

    assert_both_formats_equal_the_oracle(model, tolerance=1e-4)


# Folding

SHAPE = (1, 7, 9, 7)
FOLDED: list[tuple[str, dict[str, Any]]] = [
    ("conv2d", {"filters": 6, "kernel": (3, 3)}),
    ("conv2d", {"filters": 14, "kernel": (1, 1), "groups": 7, "bias": True}),
    ("depthwise_conv2d", {"kernel": (3, 3), "strides": (2, 2)}),
    ("depthwise_conv2d", {"kernel": (3, 3), "multiplier": 3, "bias": True}),
    ("grouped_conv2d", {"channels": (4, 3), "filters": (3, 2), "kernel": (1, 1)}),
    ("grouped_conv2d", {"channels": (5, 2), "filters": (1, 4), "kernel": (1, 1), "bias": True}),
    (
        "mixed_depthwise_conv2d",
        {"channels": (4, 3), "kernels": ((3, 3), (5, 5)), "dilations": ((1, 1), (1, 1))},
    ),
    (
        "mixed_depthwise_conv2d",
        {
            "channels": (1, 4, 2),
            "kernels": ((3, 3), (3, 3), (2, 2)),
            "dilations": ((1, 1), (2, 2), (1, 1)),
            "multiplier": 2,
            "bias": True,
        },
    ),
]


def followed_by(op: str, attributes: dict[str, Any], *later: tuple[str, dict[str, Any]]) -> Model:
    """An operator called ``node`` and others behind it, one after the other."""
    builder = GraphBuilder("tiny")
    x = builder.add(op, "node", builder.input("x", SHAPE), **attributes)
    for index, (name, more) in enumerate(later):
        x = builder.add(name, f"later{index}", x, **more)
    graph = builder.build(x)
    return Model(graph, random_weights(graph))


NORM = ("batch_norm", {"epsilon": 1e-3})


def operators(model: Model) -> list[str]:
    return [node.op for node in model.graph.nodes]


@pytest.mark.parametrize(("op", "attributes"), FOLDED)
def test_batch_norm_is_folded_into_every_kind_of_convolution(
    op: str, attributes: dict[str, Any]
) -> None:
    model = followed_by(op, attributes, NORM)
    folded = fold_batch_norm(model)

    assert operators(folded) == [op]
    assert_equal_on_the_oracle(model, folded)


@pytest.mark.parametrize(("op", "attributes"), FOLDED[4:])
def test_a_composite_convolution_equals_its_split_and_concat(
    op: str, attributes: dict[str, Any]
) -> None:
    model = followed_by(op, attributes)
    expanded = expand_groups(model)

    assert operators(expanded)[0] == "split"
    assert operators(expanded)[-1] == "concat"
    assert_equal_on_the_oracle(model, expanded)


def test_a_batch_norm_behind_a_dense_layer_is_folded() -> None:
    pooled: tuple[str, dict[str, Any]] = ("global_mean", {})
    model = followed_by("relu", {}, pooled, ("dense", {"units": 4}), NORM)
    folded = fold_batch_norm(model)

    assert operators(folded) == ["relu", "global_mean", "dense"]
    assert_equal_on_the_oracle(model, folded)


def test_a_batch_norm_behind_an_activation_stays() -> None:
    model = followed_by("conv2d", {"filters": 4, "kernel": (1, 1), "activation": "relu"}, NORM)

    assert operators(fold_batch_norm(model)) == ["conv2d", "batch_norm"]
    assert_both_formats_equal_the_oracle(fold_batch_norm(model))


def test_a_batch_norm_whose_input_is_read_elsewhere_stays() -> None:
    builder = GraphBuilder("tiny")
    x = builder.add("conv2d", "conv", builder.input("x", SHAPE), filters=7, kernel=(1, 1))
    y = builder.add("batch_norm", "norm", x, epsilon=1e-3)
    graph = builder.build(builder.add("add", "sum", (x, y)))
    model = Model(graph, random_weights(graph))

    assert operators(fold_batch_norm(model)) == ["conv2d", "batch_norm", "add"]
    assert_equal_on_the_oracle(model, fold_batch_norm(model))


def test_a_batch_norm_behind_an_output_of_the_graph_stays() -> None:
    builder = GraphBuilder("tiny")
    x = builder.add("conv2d", "conv", builder.input("x", SHAPE), filters=7, kernel=(1, 1))
    graph = builder.build(x, builder.add("batch_norm", "norm", x, epsilon=1e-3))
    model = Model(graph, random_weights(graph))

    assert operators(fold_batch_norm(model)) == ["conv2d", "batch_norm"]
    assert_equal_on_the_oracle(model, fold_batch_norm(model))


def test_two_batch_norms_in_a_row_are_folded_one_at_a_time() -> None:
    model = followed_by("conv2d", {"filters": 4, "kernel": (3, 3)}, NORM, NORM)

    assert operators(fold_batch_norm(model)) == ["conv2d", "batch_norm"]
    assert_equal_on_the_oracle(model, fold_batch_norm(model))


@pytest.mark.parametrize("activation", ["relu", "relu6"])
@pytest.mark.parametrize(("op", "attributes"), FOLDED)
def test_an_activation_is_carried_by_the_convolution_before_it(
    op: str, attributes: dict[str, Any], activation: str
) -> None:
    model = followed_by(op, attributes, (activation, {}))
    fused = fuse_activations(model)

    assert operators(fused) == [op]
    assert_equal_on_the_oracle(model, fused)
    assert_equal_on_the_oracle(model, expand_groups(fused))


@pytest.mark.parametrize("activation", ["swish", "sigmoid"])
def test_an_activation_that_no_operator_carries_stays(activation: str) -> None:
    model = followed_by("conv2d", {"filters": 4, "kernel": (1, 1)}, (activation, {}))

    assert operators(fuse_activations(model)) == ["conv2d", activation]


def test_of_two_activations_only_the_first_is_carried() -> None:
    model = followed_by("conv2d", {"filters": 4, "kernel": (1, 1)}, ("relu", {}), ("relu6", {}))

    assert operators(fuse_activations(model)) == ["conv2d", "relu6"]
    assert_equal_on_the_oracle(model, fuse_activations(model))


def test_lowering_leaves_the_model_it_was_given_alone() -> None:
    model = followed_by(*FOLDED[-1], NORM)
    before = {name: array.copy() for name, array in model.weights.items()}
    lower(model)

    assert operators(model) == ["mixed_depthwise_conv2d", "batch_norm"]
    for name, array in before.items():
        np.testing.assert_array_equal(model.weights[name], array)


# The literal form of the paper


def test_the_reference_form_writes_a_mixed_convolution_as_the_paper_draws_it() -> None:
    model = lower(without_values(load_network("mixnet-s")), "reference")
    names = [node.name for node in model.graph.nodes if node.name.startswith("blocks.9.0.depth")]

    kernels = [f"blocks.9.0.depthwise.k{k}" for k in (3, 5, 7, 9, 11)]
    assert names == [
        "blocks.9.0.depthwise.split",
        *kernels,
        "blocks.9.0.depthwise",
        "blocks.9.0.depthwise.act",
    ]


STORED = {"mixnet-s": 4_118_510, "mixnet-m": 4_993_526, "mixnet-l": 7_302_116}


@pytest.mark.parametrize("name", STORED)
def test_the_reference_form_stores_no_batch_norm_and_computes_no_more(name: str) -> None:
    model = without_values(load_network(name))
    lowered = lower(model, "reference").graph

    assert parameter_count(lowered.nodes) == STORED[name]
    assert sum(macs(node, lowered) for node in lowered.nodes) == sum(
        macs(node, model.graph) for node in model.graph.nodes
    )


@pytest.mark.parametrize("form", ["tflite", "onnx"])
@pytest.mark.parametrize("name", STORED)
def test_a_file_in_the_reference_form_holds_what_the_network_has(
    name: str, form: str, tmp_path: Path, written: Callable[[str, str], bytes]
) -> None:
    from mixnet_bench.counting.file import count_file

    network = load_network(name)
    path = tmp_path / f"{name}.{form}"
    path.write_bytes(written(name, form))
    count = count_file(path)

    assert count.params == STORED[name]
    assert count.macs == sum(macs(node, network.graph) for node in network.graph.nodes)


def test_an_unfolded_batch_norm_is_still_written_right() -> None:
    assert_both_formats_equal_the_oracle(one_node("batch_norm", SHAPE, epsilon=1e-3))
