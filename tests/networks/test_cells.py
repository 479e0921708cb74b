"""Cells, bottlenecks and shuffles: what their rows become, and which rows are refused."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_networks import Graph, Network, load_network
from mixnet_networks.architecture.cells import MOST_NODES, OPERATIONS
from mixnet_networks.graph.reference import channel_shuffle, evaluate

Array = NDArray[np.float64]
WriteToml = Callable[..., str]
Draw = Callable[[Graph], dict[str, Array]]

CELL = """
source = "a test"
resolution = 32
classes = 5
epsilon = 1e-3
stem = { channels = 6 }
stages = [
  { block = "cell", cell = "mine", out = 4 },
  { block = "cell", cell = "mine", stride = 2, out = 8 },
  { block = "cell", cell = "mine", out = 8, blocks = 2 },
]
head = { before_pool = "relu" }

[cells.mine]
nodes = [["sep3", 0, "max3", 1], ["same", 1, "dil3", 2], ["avg3", 1, "avg3", 1]]
concat = [2, 3, 4]
"""


@pytest.fixture
def network(write_toml: WriteToml) -> Network:
    return load_network(write_toml(CELL))


def inputs_of(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in graph.nodes}


def test_a_cell_has_its_nodes_channels_times_the_nodes_it_joins(network: Network) -> None:
    graph = network.graph

    assert graph.shape("blocks.0.0.concat") == (1, 16, 16, 12)
    assert graph.shape("blocks.1.0.concat") == (1, 8, 8, 24)
    assert graph.shape("blocks.2.1.concat") == (1, 8, 8, 24)


def test_a_cell_reads_the_last_block_and_the_one_before(network: Network) -> None:
    inputs = inputs_of(network.graph)

    assert inputs["blocks.2.1.last"] == ("blocks.2.0.concat.act",)
    assert inputs["blocks.2.1.previous"] == ("blocks.1.0.concat.act",)


def test_what_is_larger_than_the_last_blocks_output_is_halved(network: Network) -> None:
    inputs = inputs_of(network.graph)

    assert inputs["blocks.2.0.previous"] == (
        "blocks.2.0.previous.0.norm",
        "blocks.2.0.previous.1.norm",
    )
    assert inputs["blocks.2.0.previous.shifted"] == ("blocks.0.0.concat.act",)


def test_the_first_cell_reads_the_stem_twice(network: Network) -> None:
    inputs = inputs_of(network.graph)

    assert inputs["blocks.0.0.last"] == ("stem.conv.act",)
    assert inputs["blocks.0.0.node2.a.0.depthwise"] == ("stem.conv.act",)
    assert "blocks.0.0.previous" not in inputs


def test_a_tensor_is_activated_and_pooled_once_however_many_want_it(network: Network) -> None:
    graph = network.graph
    relus = [node.inputs for node in graph.nodes if node.op == "relu"]

    assert len(relus) == len(set(relus))
    assert inputs_of(graph)["blocks.2.0.node4"] == ("blocks.2.0.node4.a.avg_pool",) * 2


def test_only_what_comes_from_outside_a_cell_has_its_stride(network: Network) -> None:
    strides = {
        node.name: node.attributes["strides"]
        for node in network.graph.nodes
        if node.name.startswith("blocks.1.0") and "strides" in node.attributes
    }

    assert {name for name, stride in strides.items() if stride == (2, 2)} == {
        "blocks.1.0.node2.a.0.depthwise",
        "blocks.1.0.node2.b.max_pool",
        "blocks.1.0.node3.a.0",
        "blocks.1.0.node3.a.1",
        "blocks.1.0.node4.a.avg_pool",
    }


@pytest.mark.parametrize("resolution", [16, 18, 30])
def test_halving_loses_no_pixel_at_even_and_odd_sizes(
    write_toml: WriteToml, random_weights: Draw, resolution: int
) -> None:
    """Against the halves written out: even rows and columns, then odd ones, zeros behind."""
    graph = load_network(write_toml(CELL), resolution=resolution).graph
    weights = random_weights(graph)
    name = "blocks.1.0.node3.a"
    image = np.random.default_rng(0).normal(size=graph.shape("image"))
    source = graph.producer(f"{name}.0")
    assert source is not None
    values = evaluate(
        graph, dict(weights), {"image": image}, keep=[source.inputs[0], f"{name}.0", f"{name}.1"]
    )
    x = values[source.inputs[0]]
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))

    for index in (0, 1):
        kernel = weights[f"{name}.{index}.kernel"][0, 0]
        size = -(-x.shape[1] // 2)
        expected = padded[:, index::2, index::2][:, :size, :size] @ kernel
        np.testing.assert_allclose(values[f"{name}.{index}"], expected)


# Each wrong change to CELL, and what the message must say.
WRONG: dict[str, tuple[str, str, str]] = {
    "no cells": ("[cells.mine]", "[cells.yours]", ", stage 0: 'cell' must name one of the file's"),
    "unknown operation": ('"sep3", 0', '"sep4", 0', ", cell mine, node 2: unknown operation"),
    "a list for a word": ('"sep3", 0', '["sep3"], 0', ", cell mine, node 2: unknown operation"),
    "its own output": ('"sep3", 0', '"sep3", 2', ", cell mine, node 2: an input must be a whole"),
    "true for an input": ('"sep3", 0', '"sep3", true', ", cell mine, node 2: an input must be"),
    "half a node": (', "dil3", 2]', "]", ", cell mine, node 3: must be two operations"),
    "unknown node joined": ("[2, 3, 4]", "[2, 5]", ", cell mine: 'concat': an input must be"),
    "nothing joined": ("[2, 3, 4]", "[]", ", cell mine: 'concat' must be a list"),
    "unknown key": ("concat =", "concate =", ", cell mine: must have the keys 'nodes' and"),
    "kernels": (
        '"mine", out = 4',
        '"mine", out = 4, kernels = [3]',
        ", stage 0: 'kernels' does not apply",
    ),
    "no name": ('cell = "mine", out = 4', "out = 4", ", stage 0: the key 'cell' is missing"),
    "no nodes": ("nodes = [[", "nodes = []\nrest = [[", ", cell mine: must have the keys"),
    "too many nodes": (
        "nodes = [",
        "nodes = [" + '["same", 0, "same", 1],' * MOST_NODES,
        f", cell mine: 'nodes' must be a list of 1 to {MOST_NODES} rows",
    ),
}


@pytest.mark.parametrize(("before", "after", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_cell_is_refused_with_file_cell_and_node(
    write_toml: WriteToml, before: str, after: str, message: str
) -> None:
    assert CELL.count(before) == 1
    path = write_toml(CELL.replace(before, after))

    with pytest.raises(UsageError) as caught:
        load_network(path)

    assert caught.value.message.startswith(path + message)


def test_a_misspelt_operation_is_answered_with_the_nearest(write_toml: WriteToml) -> None:
    with pytest.raises(UsageError) as caught:
        load_network(write_toml(CELL.replace('"dil3"', '"dill3"')))

    assert caught.value.hint == "did you mean dil3?"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_every_operation_fits_any_node_at_any_stride(
    write_toml: WriteToml, operation: str, stride: int
) -> None:
    text = CELL.replace('"dil3", 2', f'"{operation}", 1').replace(
        "stride = 2", f"stride = {stride}"
    )
    graph = load_network(write_toml(text)).graph

    assert graph.shape("logits") == (1, 5)


@pytest.mark.parametrize(
    ("block", "key"),
    [("bottleneck", "se = 0.5"), ("shuffle", "expand = 6"), ("separable", "se = 0.5")],
)
def test_a_kind_of_block_takes_no_key_of_another(
    write_toml: WriteToml, block: str, key: str
) -> None:
    row = f'{{ block = "{block}", out = 8, kernels = [3], {key} }}'
    path = write_toml(f'source = "t"\nstem = {{ channels = 8 }}\nstages = [{row}]')

    with pytest.raises(UsageError, match=f"does not apply to a block of kind {block}") as caught:
        load_network(path)
    assert "kernels" in caught.value.hint


@pytest.mark.parametrize("row", ['block = "bottleneck", middle = 8', "expand = 6"])
def test_kernels_are_named_where_they_are_missing(write_toml: WriteToml, row: str) -> None:
    path = write_toml(f'source = "t"\nstem = {{ channels = 8 }}\nstages = [{{ out = 8, {row} }}]')

    with pytest.raises(UsageError, match="stage 0: the key 'kernels' is missing"):
        load_network(path)


# Bottlenecks and shuffles


def strides_of(graph: Graph, ends: str) -> list[Any]:
    return [node.attributes["strides"] for node in graph.nodes if node.name.endswith(ends)]


def test_a_bottleneck_has_its_stride_and_its_shortcut_in_the_first_block() -> None:
    graph = load_network("resnet-152").graph

    assert len(strides_of(graph, ".conv")) == 1 + 3 + 8 + 36 + 3
    assert strides_of(graph, ".shortcut") == [(1, 1), (2, 2), (2, 2), (2, 2)]
    assert strides_of(graph, ".0.reduce") == [(1, 1), (2, 2), (2, 2), (2, 2)]
    assert graph.shape("stem.pool") == (1, 56, 56, 64)
    assert graph.shape("head.pool") == (1, 2048)


def test_channels_are_dealt_out_one_group_after_the_other() -> None:
    x = np.arange(12.0).reshape(1, 1, 2, 6)

    y = channel_shuffle([x], {"groups": 2}, {})
    assert np.asarray(y)[0, 0].tolist() == [[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]]


def test_half_of_a_shuffle_blocks_channels_pass_untouched(
    random_weights: Draw, write_toml: WriteToml
) -> None:
    row = '{ block = "shuffle", kernels = [3], stride = 2, blocks = 2, out = 8 }'
    path = write_toml(f'source = "t"\nstem = {{ channels = 6 }}\nstages = [{row}]')
    graph = load_network(path, resolution=16).graph
    image = np.random.default_rng(0).normal(size=graph.shape("image"))
    values = evaluate(
        graph,
        dict(random_weights(graph)),
        {"image": image},
        keep=["blocks.0.0.shuffle", "blocks.0.1.shuffle"],
    )
    before, after = values["blocks.0.0.shuffle"], values["blocks.0.1.shuffle"]

    assert np.array_equal(after[..., 0::2], before[..., :4])
    assert not np.allclose(after[..., 1::2], before[..., 4:])


def test_the_reductions_of_fbnet_a_shuffle_between_the_groups() -> None:
    inputs = inputs_of(load_network("fbnet-a").graph)

    assert inputs["blocks.8.0.depthwise"] == ("blocks.8.0.shuffle",)
    assert sum(name.endswith(".shuffle") for name in inputs) == 3
