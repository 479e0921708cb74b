"""The counts of our networks for the comparison with the paper. Judges nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from mixnet_networks import Network
from mixnet_networks.paper import Subject


@dataclass(frozen=True)
class Layer:
    """One depthwise layer alone: its number from 1, its stride, and what it has and costs."""

    number: int
    stride: int
    params: int
    macs: int


@dataclass(frozen=True)
class Ours:
    """Our counts of a network for one image."""

    params: int
    macs: int
    batch_norm_elements: int
    classes: int = 0
    multiplier: float = 1.0
    layers: tuple[Layer, ...] = field(default=(), repr=False)
    """Its depthwise layers."""


CountNetwork = Callable[[Subject], Ours | None]
"""None if this version has no network of that name."""

QUANTITIES: dict[str, Callable[[Ours], float]] = {
    "params": lambda ours: ours.params,
    "macs": lambda ours: ours.macs,
    "classes": lambda ours: ours.classes,
    "multiplier": lambda ours: ours.multiplier,
    "depthwise_layers": lambda ours: len(ours.layers),
    "depthwise_params": lambda ours: sum(layer.params for layer in ours.layers),
    "depthwise_macs": lambda ours: sum(layer.macs for layer in ours.layers),
}
"""The quantities of claims, and how they follow from a count."""


@cache
def count_ours(subject: Subject) -> Ours | None:
    """Count one of our networks at its own resolution."""
    from mixnet_networks import load_network, network_names
    from mixnet_networks.architecture.aliases import MARK
    from mixnet_networks.paper.tables import passing_network

    if subject.network.partition(MARK)[0] in network_names():
        return count_network(load_network(subject.network, classes=subject.classes))
    with passing_network(subject.network) as path:
        return count_network(load_network(path, classes=subject.classes)) if path else None


def count_network(network: Network) -> Ours:
    """The counts of a network for the comparison."""
    from mixnet_bench.counting.describe import batch_norm_elements
    from mixnet_bench.counting.graph import count_graph
    from mixnet_networks.graph.operators import macs, parameter_count
    from mixnet_networks.searchspace import depthwise_nodes

    graph, count = network.graph, count_graph(network.graph)
    layers = (
        Layer(number, node.attributes["strides"][0], parameter_count([node]), macs(node, graph))
        for number, node in enumerate(depthwise_nodes(graph), 1)
    )
    return Ours(
        count.params,
        count.macs or 0,  # a graph's are always known
        batch_norm_elements(count),
        network.classes,
        network.architecture.channel_multiplier,
        tuple(layers),
    )


def candidates() -> int:
    """MDConv candidates at each layer of our search space."""
    from mixnet_networks.searchspace import CANDIDATES

    return len(CANDIDATES)
