"""The search space of Section 4.1: at every layer of a backbone, an MDConv of one to five groups.

Names and builds its members and computes their costs; searches nothing. A member is written
``mobilenet-v2:groups=12345123451234512``, one digit per layer. The paper also searched expansion,
channels and depth, in ranges that it does not state, so these are the backbone's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_common import UsageError
from mixnet_networks.architecture.aliases import MARK
from mixnet_networks.architecture.variants import depthwise_layers, groups_change, mdconv_name
from mixnet_networks.graph import Graph, Node
from mixnet_networks.graph.operators import macs, parameter_count
from mixnet_networks.network import load_network

BACKBONE = "mobilenet-v2"
CANDIDATES = (1, 2, 3, 4, 5)
"""Numbers of groups; kernels as in ``variants.mdconv_kernels``, channels divided equally."""


@dataclass(frozen=True)
class CandidateCost:
    """The depthwise convolution of one layer, counted from 1, with its cost for one image."""

    layer: int
    candidate: str
    params: int
    macs: int


def layer_count(backbone: str = BACKBONE) -> int:
    """Layers at which there is a choice."""
    return len(depthwise_layers(load_network(backbone).architecture))


def size(backbone: str = BACKBONE) -> int:
    """How many members there are.

    >>> size() == 5**17
    True
    """
    return int(len(CANDIDATES) ** layer_count(backbone))


def member(groups: Sequence[int], backbone: str = BACKBONE) -> str:
    """The name of the member with these numbers of groups, layer by layer.

    Raises UsageError for a number that is not a candidate; ``load_network`` for too few or too
    many.

    >>> member([1] * 16 + [5])
    'mobilenet-v2:groups=11111111111111115'
    """
    strange = [each for each in groups if each not in CANDIDATES]
    if strange:
        raise UsageError(f"{strange[0]} groups are not a candidate", "they have 1 to 5 groups")
    return f"{backbone}{MARK}{groups_change(groups)}"


def candidate_costs(backbone: str = BACKBONE, resolution: int | None = None) -> list[CandidateCost]:
    """The cost of every candidate at every layer; a member costs their sum and the common rest."""
    costs = []
    for groups in CANDIDATES:
        name = member([groups] * layer_count(backbone), backbone)
        graph = load_network(name, resolution=resolution).graph
        costs += [
            CandidateCost(layer, mdconv_name(groups), parameter_count([node]), macs(node, graph))
            for layer, node in enumerate(depthwise_nodes(graph), 1)
        ]
    return sorted(costs, key=lambda cost: (cost.layer, len(cost.candidate)))


def depthwise_nodes(graph: Graph) -> list[Node]:
    """The (mixed) depthwise convolutions of a backbone, in order."""
    return [node for node in graph.nodes if "depthwise" in node.op]


def cost(groups: Sequence[int], backbone: str = BACKBONE) -> tuple[int, int]:
    """Parameters and multiply-adds of a member as a whole network."""
    graph = load_network(member(groups, backbone)).graph
    return parameter_count(graph.nodes), sum(macs(node, graph) for node in graph.nodes)
