"""Equalisation: the same results bit for bit, where activations allow it, and evener ranges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import Graph, GraphBuilder, load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.activations.observe import observe
from mixnet_quantize.corrections.equalise import equalise
from mixnet_quantize.sensitivity import layer_differences

Array = NDArray[Any]

RELU = """
title = "A little MixNet without swish"
source = "a test"
resolution = 32
classes = 20
stem = { channels = 16 }
head = { channels = 64 }
stages = [
  { out = 16, kernels = [3] },
  { out = 24, kernels = [3, 5], expand = 3, expand_groups = 2, project_groups = 2, stride = 2 },
  { out = 24, kernels = [3, 5, 7], expand = 6, se = 0.5 },
]
"""


@pytest.fixture(scope="session", params=["reference", "xnnpack"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A network with ReLU alone, as written and as run."""
    path = tmp_path_factory.mktemp("network") / "relu.toml"
    path.write_text(RELU)
    network = load_network(str(path))
    return lower(Model(network.graph, seeded_weights(network)), request.param)


def images(count: int, size: int = 32) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(5)
    return [random.normal(size=(1, size, size, 3)).astype(np.float32) for _ in range(count)]


def unbalanced(model: Model, seed: int = 0) -> dict[str, Array]:
    """The same network with channels made up to eight times larger or smaller between layers."""
    random = np.random.default_rng(seed)
    weights = dict(model.weights)
    for before, after in (("stem.conv", "blocks.0.0.depthwise"),):
        scales = 2.0 ** random.integers(-4, 4, 16)
        weights[f"{before}.kernel"] = weights[f"{before}.kernel"] * scales
        weights[f"{before}.bias"] = weights[f"{before}.bias"] * scales
        weights[f"{after}.kernel"] = weights[f"{after}.kernel"] / scales[:, None]
    scales = 2.0 ** random.integers(-4, 4, 64)
    for role in ("kernel", "bias"):
        weights[f"head.conv.{role}"] = weights[f"head.conv.{role}"] * scales
    weights["head.classifier.kernel"] = weights["head.classifier.kernel"] / scales[:, None]
    return {name: array.astype(np.float32) for name, array in weights.items()}


def test_results_are_equal_bit_for_bit(model: Model) -> None:
    equal = equalise(model.graph, model.weights)
    (image,) = images(1)
    before, after = (
        evaluate(model.graph, dict(weights), {"image": image})["logits"]
        for weights in (model.weights, equal.weights)
    )

    assert before.std() > 1e-2 * np.abs(before).max()
    assert np.array_equal(before, after)
    changed = [
        name
        for name in equal.weights
        if not np.array_equal(equal.weights[name], model.weights[name])
    ]
    assert len(changed) > 8
    assert len(equal.pairs) > 8


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_any_imbalance_leaves_the_results_equal(seed: int) -> None:
    graph = chain("relu")
    weights = random_weights(graph, seed)
    x = np.random.default_rng(seed).normal(size=(1, 5, 5, 4)).astype(np.float32)
    before = evaluate(graph, weights, {"x": x})
    after = evaluate(graph, equalise(graph, weights).weights, {"x": x})

    assert np.array_equal(before["last"], after["last"])


def chain(activation: str | None) -> Graph:
    """conv, activation, a split, depthwise and plain branches, concat, grouped conv, conv."""
    builder = GraphBuilder("chain")
    tensor = builder.input("x", (1, 5, 5, 4))
    tensor = builder.add("conv2d", "first", tensor, filters=8, kernel=(3, 3), bias=True)
    if activation:
        tensor = builder.add(activation, "act", tensor)
    node = builder.add_node("split", "split", tensor, sizes=(2, 6))
    left = builder.add("depthwise_conv2d", "left", node.outputs[0], kernel=(3, 3), multiplier=3)
    tensor = builder.add("concat", "concat", (left, node.outputs[1]))
    tensor = builder.add("conv2d", "grouped", tensor, filters=6, kernel=(1, 1), groups=2)
    tensor = builder.add("max_pool", "pool", tensor, kernel=(2, 2))
    builder.add("conv2d", "last", tensor, filters=3, kernel=(1, 1))
    return builder.build("last")


def random_weights(graph: Graph, seed: int) -> dict[str, Array]:
    """Weights whose output channels differ in size by up to a thousand times."""
    random = np.random.default_rng(seed)
    return {
        name: (random.normal(size=shape) * 10 ** random.uniform(-1.5, 1.5, shape[-1])).astype("f4")
        for name, _, _, shape in graph.parameters()
    }


@pytest.mark.parametrize(
    ("activation", "moves"),
    [(None, True), ("relu", True), ("relu6", False), ("swish", False), ("sigmoid", False)],
)
def test_scales_move_only_through_activations_that_let_them(
    activation: str | None, moves: bool
) -> None:
    graph = chain(activation)
    pairs = equalise(graph, random_weights(graph, 0)).pairs

    assert (("first", "left") in pairs) is moves
    assert (("first", "grouped") in pairs) is moves
    assert ("left", "grouped") in pairs
    assert ("grouped", "last") in pairs


def test_neighbours_meet_at_the_same_range() -> None:
    """Two layers: each channel's largest weights before and behind are equal but for rounding."""
    builder = GraphBuilder("two")
    tensor = builder.input("x", (1, 5, 5, 4))
    tensor = builder.add("conv2d", "first", tensor, filters=8, kernel=(3, 3), activation="relu")
    builder.add("conv2d", "second", tensor, filters=5, kernel=(1, 1))
    graph = builder.build("second")
    weights = equalise(graph, random_weights(graph, 3)).weights
    before = np.abs(weights["first.kernel"]).max(axis=(0, 1, 2))
    behind = np.abs(weights["second.kernel"]).max(axis=(0, 1, 3))

    assert np.abs(np.log2(before / behind)).max() <= 1 + 1e-6  # half a step on each side


def test_inputs_and_outputs_of_the_network_keep_their_scale() -> None:
    builder = GraphBuilder("one")
    tensor = builder.input("x", (1, 5, 5, 4))
    builder.add("conv2d", "only", tensor, filters=8, kernel=(3, 3))
    graph = builder.build("only")
    weights = random_weights(graph, 0)
    equal = equalise(graph, weights)

    assert equal.pairs == ()
    assert np.array_equal(equal.weights["only.kernel"], weights["only.kernel"])


@pytest.mark.parametrize("form", FORMATS)
def test_an_unbalanced_network_gets_its_int8_accuracy_back(form: str, model: Model) -> None:
    uneven = unbalanced(model)
    equal = equalise(model.graph, uneven).weights
    bad, better = (logits_db(form, Model(model.graph, weights)) for weights in (uneven, equal))

    assert better > bad + 2


def logits_db(form: str, model: Model) -> float:
    kind = FORMATS[form]
    exact = kind.write(model)
    pictures = images(6)
    rounded = kind.quantize(exact, "image", (kind.from_nhwc(each) for each in pictures))
    errors = layer_differences(observe(exact, form), observe(rounded, form), pictures)
    return next(each.db for each in errors if each.name == "logits")


def test_measured_maxima_even_out_activations() -> None:
    graph = chain("relu")
    weights = random_weights(graph, 1)
    x = np.random.default_rng(2).normal(size=(1, 5, 5, 4)).astype(np.float32)
    maxima = np.abs(evaluate(graph, weights, {"x": x}, keep=["first"])["first"]).max(axis=(0, 1, 2))
    equal = equalise(graph, weights, {"first": maxima}).weights
    after = np.abs(evaluate(graph, equal, {"x": x}, keep=["first"])["first"]).max(axis=(0, 1, 2))

    assert after.max() / after.min() < 0.2 * maxima.max() / maxima.min()
