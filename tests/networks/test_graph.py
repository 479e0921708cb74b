"""What holds for the graph of any network that the rows can describe."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import MixnetError
from mixnet_networks import Graph, GraphBuilder, load_network, network_names
from mixnet_networks.architecture import Architecture, Head, Preprocessing, Stage, Stem
from mixnet_networks.building.build import build_graph, round_channels
from mixnet_networks.graph.reference import evaluate

ACTIVATIONS = st.sampled_from(["relu", "relu6", "swish"])


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    kernels = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 5, 7]), min_size=1, max_size=3)))
    dilatable = all(kernel % 2 and kernel > 1 for kernel in kernels)
    return Stage(
        out=draw(st.integers(4, 20)),
        kernels=kernels,
        block=draw(st.sampled_from(["inverted-residual", "separable"])),
        blocks=draw(st.integers(1, 2)),
        stride=draw(st.integers(1, 3)),
        expand=draw(st.sampled_from([1.0, 1.5, 2.0, 3.0])),
        expand_groups=draw(st.integers(1, 3)),
        project_groups=draw(st.integers(1, 3)),
        se=draw(st.sampled_from([0.0, 0.25, 0.5])),
        activation=draw(ACTIVATIONS),
        partition=draw(st.sampled_from(["equal", "exponential"])),
        dilated=dilatable and draw(st.booleans()),
        multiplier=draw(st.integers(1, 2)),
        skip=draw(st.booleans()),
    )


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    return Architecture(
        name="random",
        title="Random",
        source="hypothesis",
        stem=Stem(channels=draw(st.integers(8, 12)), activation=draw(ACTIVATIONS)),
        stages=tuple(draw(st.lists(stages(), min_size=1, max_size=3))),
        head=Head(channels=draw(st.sampled_from([0, 9])), activation=draw(ACTIVATIONS)),
        preprocessing=Preprocessing(),
    )


def check_invariants(graph: Graph) -> None:
    names = [node.name for node in graph.nodes]
    assert len(set(names)) == len(names)
    outputs = [output for node in graph.nodes for output in node.outputs]
    assert len(set(outputs)) == len(outputs)
    weights = [name for name, *_ in graph.parameters()]
    assert len(set(weights)) == len(weights)

    known = {tensor.name for tensor in graph.inputs}
    for node in graph.nodes:
        assert known.issuperset(node.inputs), f"{node.name} reads what is not there yet"
        known.update(node.outputs)
    assert known == set(graph.tensors)
    assert all(min(tensor.shape) > 0 for tensor in graph.tensors.values())
    assert set(graph.outputs) <= known

    read = {name for node in graph.nodes for name in node.inputs}
    assert known - read == set(graph.outputs), "something is computed and never used"


@given(architecture=architectures(), resolution=st.integers(1, 11), batch=st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_random_rows_give_a_sound_graph_that_runs(
    architecture: Architecture, resolution: int, batch: int
) -> None:
    graph = build_graph(architecture, classes=3, resolution=resolution, batch=batch)
    check_invariants(graph)
    random = np.random.default_rng(0)
    weights: dict[str, Any] = {
        name: np.abs(random.normal(size=shape)) + 0.1 for name, _, _, shape in graph.parameters()
    }
    image = random.normal(size=(batch, resolution, resolution, 3))

    values = evaluate(graph, weights, {"image": image}, keep=list(graph.tensors))

    assert {name: value.shape for name, value in values.items()} == {
        name: tensor.shape for name, tensor in graph.tensors.items()
    }
    assert np.isfinite(values["logits"]).all()


@pytest.mark.parametrize("name", network_names())
def test_a_shipped_network_gives_a_sound_graph_from_image_to_logits(name: str) -> None:
    graph = load_network(name, batch=2, classes=7).graph

    check_invariants(graph)
    assert [tensor.name for tensor in graph.inputs] == ["image"]
    assert graph.shape("image") == (2, 224, 224, 3)
    assert graph.outputs == ("logits",)
    assert graph.shape("logits") == (2, 7)


def test_names_tell_where_in_the_network_a_layer_is() -> None:
    names = {node.name for node in load_network("mixnet-s").graph.nodes}

    assert {
        "stem.conv",
        "blocks.0.0.depthwise",
        "blocks.3.0.depthwise.norm",
        "blocks.4.2.se.reduce",
        "blocks.9.0.project",
        "blocks.10.1.skip",
        "head.conv.act",
        "head.classifier",
    } <= names


def test_a_skip_joins_equal_shapes_only() -> None:
    graph = load_network("mixnet-s").graph
    skips = [node.name for node in graph.nodes if node.op == "add"]

    # One row of Figure 8 each: no skip where the stride is 2 or the channels change.
    assert skips == [
        "blocks.0.0.skip",
        "blocks.2.0.skip",
        "blocks.4.0.skip",
        "blocks.4.1.skip",
        "blocks.4.2.skip",
        "blocks.6.0.skip",
        "blocks.6.1.skip",
        "blocks.8.0.skip",
        "blocks.8.1.skip",
        "blocks.10.0.skip",
        "blocks.10.1.skip",
    ]


def test_a_row_without_skip_has_none() -> None:
    stage = Stage(out=8, kernels=(3,), blocks=2, skip=False)
    architecture = Architecture(
        "plain", "", "", Stem(channels=8), (stage,), Head(), Preprocessing()
    )

    graph = build_graph(architecture, classes=2, resolution=8)

    assert [node.name for node in graph.nodes if node.op == "add"] == []


def test_squeeze_and_excite_is_reduced_by_the_blocks_input_channels() -> None:
    graph = load_network("mixnet-s").graph

    assert graph.shape("blocks.3.0.se.reduce") == (1, 1, 1, 12)  # half of 24
    assert graph.shape("blocks.3.0.se.expand") == (1, 1, 1, 144)
    assert graph.shape("blocks.5.0.se.reduce") == (1, 1, 1, 10)  # a quarter of 40


@pytest.mark.parametrize(
    ("channels", "multiplier", "rounded"),
    [(24, 1.3, 32), (32, 1.3, 40), (40, 1.3, 56), (80, 1.3, 104), (120, 1.3, 160), (200, 1.3, 264)],
)
def test_mixnet_l_has_the_authors_channels(channels: int, multiplier: float, rounded: int) -> None:
    assert round_channels(channels, multiplier, 8) == rounded


@given(
    channels=st.integers(1, 2000), multiplier=st.floats(0.1, 4), divisor=st.sampled_from([1, 4, 8])
)
def test_rounded_channels_are_multiples_and_never_ten_percent_too_few(
    channels: int, multiplier: float, divisor: int
) -> None:
    rounded = round_channels(channels, multiplier, divisor)

    if multiplier != 1:
        assert rounded % divisor == 0
    assert rounded >= 0.9 * channels * multiplier
    assert rounded <= channels * multiplier + divisor


def test_two_nodes_of_one_name_are_refused() -> None:
    builder = GraphBuilder("g")
    x = builder.input("x", (1, 4, 4, 3))
    builder.add("relu", "same", x)

    with pytest.raises(MixnetError, match="two nodes of g have the name same"):
        builder.add("relu", "same", x)


def test_two_tensors_of_one_name_are_refused() -> None:
    builder = GraphBuilder("g")
    x = builder.input("x", (1, 4, 4, 3))

    with pytest.raises(MixnetError, match="two tensors of g have the name x"):
        builder.add("relu", "a", x, outputs=("x",))


def test_the_graph_knows_who_makes_and_who_reads_a_tensor() -> None:
    builder = GraphBuilder("g")
    x = builder.input("x", (1, 4, 4, 3))
    a = builder.add("relu", "a", x)
    builder.add("add", "b", (a, x))
    graph = builder.build("b")

    assert graph.producer("x") is None
    assert getattr(graph.producer("a"), "name", None) == "a"
    assert [node.name for node in graph.consumers("x")] == ["a", "b"]


def test_several_outputs_are_numbered_after_the_node() -> None:
    builder = GraphBuilder("g")
    node = builder.add_node("split", "parts", builder.input("x", (1, 2, 2, 5)), sizes=(2, 3))

    assert node.outputs == ("parts:0", "parts:1")


def test_a_network_on_a_map_too_small_for_a_valid_window_says_which_node() -> None:
    builder = GraphBuilder("g")
    x = builder.input("x", (1, 4, 4, 3))

    with pytest.raises(MixnetError, match="pool: a 5x5 window does not fit a 4x4 map"):
        builder.add("max_pool", "pool", x, kernel=(5, 5))


@pytest.mark.parametrize("arrays", [{}, {"image": np.zeros((1, 4, 4, 3))}])
def test_the_oracle_names_an_input_that_is_missing_or_misshaped(arrays: dict[str, Any]) -> None:
    graph = load_network("mixnet-s", resolution=8).graph

    with pytest.raises(MixnetError, match="input image"):
        evaluate(graph, {}, arrays)
