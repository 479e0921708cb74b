"""Limits on the size of a network, computed from its graph before any array is made.

The limits are those of files and runtimes: larger networks could not be written or run. The error
states the size, and what takes most of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mixnet_common import UsageError
from mixnet_common.memory import check_memory
from mixnet_common.numbers import bytes_in_words, seconds_in_words
from mixnet_networks.graph import Graph, Node
from mixnet_networks.graph.operators import macs

FLOAT_BYTES = 4

MOST_WEIGHT_BYTES = 2**31
"""Limit of all weights in float32: that of a FlatBuffer and a protobuf."""

MOST_ELEMENTS = 2**31 - 1
"""Limit of one tensor: runtimes count elements in 32 bits."""

MOST_MACS = 10**14
"""Multiply-adds of one inference, which then takes an hour of one core."""

MACS_PER_S = 25e9
"""Approximate rate of a core: MixNet-S has 239M and takes 10 ms."""


@dataclass(frozen=True)
class Size:
    """The size of a graph, and its largest parts."""

    weight_bytes: int
    """In float32."""
    heaviest: Node
    """The node with the most weights."""
    heaviest_bytes: int
    largest: str
    """The tensor with the most elements."""
    largest_elements: int
    macs: int


def size_of(graph: Graph) -> Size:
    """The size of a graph."""
    weights = {node.name: _weight_bytes(node) for node in graph.nodes}
    heaviest = max(graph.nodes, key=lambda node: weights[node.name])
    elements = {name: math.prod(tensor.shape) for name, tensor in graph.tensors.items()}
    largest = max(elements, key=elements.__getitem__)
    return Size(
        sum(weights.values()),
        heaviest,
        weights[heaviest.name],
        largest,
        elements[largest],
        sum(macs(node, graph) for node in graph.nodes),
    )


def check_size(name: str, size: Size, asked: Mapping[str, float]) -> None:
    """Raise UsageError if nothing could hold or run a graph of this name and size.

    ``asked`` are the numbers by which the network was sized, by their names; those that may be to
    blame are named.
    """
    if size.weight_bytes > MOST_WEIGHT_BYTES:
        raise UsageError(
            f"{_named(name, asked, ('classes', 'multiplier'))}: {weights_in_words(size)}",
            f"a file can contain at most {bytes_in_words(MOST_WEIGHT_BYTES)} of weights",
        )
    if size.largest_elements > MOST_ELEMENTS:
        raise UsageError(
            f"{_named(name, asked, ('resolution', 'batch', 'multiplier'))}: {maps_in_words(size)}",
            f"a runtime supports at most {bytes_in_words(FLOAT_BYTES * MOST_ELEMENTS)} per tensor",
        )
    if size.macs > MOST_MACS:
        raise UsageError(
            f"{_named(name, asked, tuple(asked))}: one inference would take"
            f" {seconds_in_words(size.macs / MACS_PER_S)}",
            f"it has {size.macs:.1e} multiply-adds, and the limit is {MOST_MACS:.0e}",
        )


def check_memory_for(graph: Graph, element_bytes: int = FLOAT_BYTES) -> None:
    """Raise UsageError if running the graph needs more memory than available.

    At least its weights and one node's tensors are needed, with ``element_bytes`` per element.
    """
    weights = sum(math.prod(shape) for _, _, _, shape in graph.parameters())
    maps = max(
        sum(math.prod(graph.shape(name)) for name in {*node.inputs, *node.outputs})
        for node in graph.nodes
    )
    check_memory(
        element_bytes * (weights + maps),
        f"running {graph.name}",
        "choose a smaller resolution, batch, multiplier or number of classes",
    )


def weights_in_words(size: Size) -> str:
    """The size of the weights in words."""
    if 2 * size.heaviest_bytes >= size.weight_bytes:
        name = "the classifier" if _is_classifier(size.heaviest) else size.heaviest.name
        return f"{name} alone would take {bytes_in_words(size.heaviest_bytes)}"
    return f"the weights would take {bytes_in_words(size.weight_bytes)}"


def maps_in_words(size: Size) -> str:
    """The size of the largest tensor in words."""
    return f"{size.largest} alone would take {bytes_in_words(FLOAT_BYTES * size.largest_elements)}"


def plain(number: float) -> str:
    """A number as a message shows it."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,g}"


def _weight_bytes(node: Node) -> int:
    return FLOAT_BYTES * sum(math.prod(shape) for shape in node.parameters.values())


def _is_classifier(node: Node) -> bool:
    return node.op == "dense"


def _named(network: str, asked: Mapping[str, float], blamed: tuple[str, ...]) -> str:
    """The numbers that may be to blame, else the network."""
    named = [f"{name} {plain(asked[name])}" for name in blamed if name in asked]
    return ", ".join(named) or network
