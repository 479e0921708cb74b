"""A network's blocks as separate small models, and which of them are equal.

A block has one input tensor from the network and one output. Nothing here is timed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixnet_export.lowering import Model
from mixnet_networks import Graph, Tensor
from mixnet_networks.building.build import block_of

PartOf = Callable[[str], str]


@dataclass(frozen=True)
class Block:
    """A block of a network: its names in it (equal blocks share one entry), and its model."""

    names: tuple[str, ...]
    model: Model


def distinct_blocks(model: Model) -> list[Block]:
    """The blocks of a model that has not been lowered, each with all its equals, in order.

    Blocks are equal where they compute the same on the same shapes, whatever their weights.
    """
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(block_of(node.name) for node in model.graph.nodes):
        found.setdefault(signature(_block_graph(model.graph, name)), []).append(name)
    return [Block(tuple(names), _block_model(model, names[0])) for names in found.values()]


def block_graphs(graph: Graph, part_of: PartOf = block_of) -> dict[str, Graph]:
    """Every block of a network as a separate graph, by its name, in order.

    ``part_of`` says which part a node belongs to, by its name, where it is not to be the block.
    """
    names = dict.fromkeys(part_of(node.name) for node in graph.nodes)
    return {name: _block_graph(graph, name, part_of) for name in names}


def signature(graph: Graph) -> str:
    """A graph's computation as text: equal for equal work, whatever the block's name."""
    block, entry = block_of(graph.nodes[0].name), graph.inputs[0].name

    def plain(name: str) -> str:
        return "input" if name == entry else name.removeprefix(f"{block}.")

    nodes = [
        [
            node.op,
            [plain(name) for name in node.inputs],
            [plain(name) for name in node.outputs],
            _plain(node.attributes),
            _plain(node.parameters),
        ]
        for node in graph.nodes
    ]
    shapes = {plain(name): tensor.shape for name, tensor in graph.tensors.items()}
    return json.dumps([nodes, shapes], sort_keys=True)


def _plain(values: Any) -> Any:
    return sorted((str(key), str(value)) for key, value in values.items())


def _block_model(model: Model, name: str) -> Model:
    graph = _block_graph(model.graph, name)
    names = (parameter for parameter, *_ in graph.parameters())
    return Model(graph, {parameter: model.weights[parameter] for parameter in names})


def _block_graph(graph: Graph, name: str, part_of: PartOf = block_of) -> Graph:
    nodes = tuple(node for node in graph.nodes if part_of(node.name) == name)
    made = {tensor for node in nodes for tensor in node.outputs}
    read = dict.fromkeys(tensor for node in nodes for tensor in node.inputs if tensor not in made)
    outside = {
        tensor for node in graph.nodes if part_of(node.name) != name for tensor in node.inputs
    }
    outputs = tuple(
        tensor
        for node in nodes
        for tensor in node.outputs
        if tensor in outside or tensor in graph.outputs
    )
    inputs = tuple(Tensor(tensor, graph.shape(tensor)) for tensor in read)
    tensors = {tensor: graph.tensors[tensor] for tensor in (*read, *made)}
    return Graph(name, inputs, outputs, nodes, tensors)
