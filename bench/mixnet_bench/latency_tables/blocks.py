"""The distinct blocks of search spaces and networks, as listed in a latency table.

A block is identified by a hash of its computation and shapes, whatever network contains it. A
network's head counts as two blocks, its convolution and the rest, as in other tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mixnet_bench.tuning.blocks import block_graphs, signature
from mixnet_common.hashing import sha256
from mixnet_networks import Graph, Network
from mixnet_networks.building.build import block_of
from mixnet_networks.graph.operators import macs
from mixnet_networks.searchspace import Genotype, SearchSpace
from mixnet_networks.searchspace.places import Place, Places

HEAD = {"head.conv": "head conv", "head.logits": "head logits"}


@dataclass
class DistinctBlock:
    """A block, and the places where it may stand."""

    key: str
    graph: Graph
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BlockFacts:
    """The description of a block, from its graph."""

    kernels: tuple[int, ...]
    middle: int
    stride: int
    skip: bool
    se: bool
    swish: bool
    macs: int


def part_of(name: str) -> str:
    """The part of a network that a node belongs to: its block, and of the head one of two.

    >>> part_of("blocks.4.1.expand"), part_of("head.conv.act"), part_of("head.pool")
    ('blocks.4.1', 'head.conv', 'head.logits')
    """
    block = block_of(name)
    if block != "head":
        return block
    return "head.conv" if name.startswith("head.conv") else "head.logits"


def key_of(graph: Graph) -> str:
    """The identity of a block."""
    return sha256(signature(graph))[:16]


def blocks_of(network: Network) -> dict[str, Graph]:
    """A network's blocks by their names, in order."""
    return block_graphs(network.graph, part_of)


def network_key(network: Network) -> str:
    """The identity of a whole network."""
    return sha256("\n".join(map(key_of, blocks_of(network).values())))[:16]


class SpaceBlocks:
    """The blocks of a space: which stand at a place with which choices."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.places = Places(space)
        self.keys: dict[Place, dict[Genotype, tuple[str, ...]]] = {}
        self.distinct: dict[str, DistinctBlock] = {}
        for place in self.places.all:
            self.keys[place] = {
                indices: self._enter(place, self.places.graph(place, indices))
                for indices in self.places.variants(place)
            }

    def of(self, genotype: Genotype) -> list[str]:
        """The keys of a member's blocks, in order."""
        return [key for place, of in self.keys.items() for key in of[place.of(genotype)]]

    def _enter(self, place: Place, graph: Graph) -> tuple[str, ...]:
        """Note a block; the head's two parts."""
        keys = []
        for part, each in block_graphs(graph, part_of).items():
            key = key_of(each)
            block = self.distinct.setdefault(key, DistinctBlock(key, each))
            name = HEAD.get(part, place.name)
            if name not in block.places:
                block.places.append(name)
            keys.append(key)
        return tuple(keys)


def distinct_of(space: SpaceBlocks, networks: Iterable[Network]) -> dict[str, DistinctBlock]:
    """The blocks of a space, and of networks beside it."""
    found = dict(space.distinct)
    for network in networks:
        for name, graph in blocks_of(network).items():
            key = key_of(graph)
            block = found.setdefault(key, DistinctBlock(key, graph))
            if key not in space.distinct:
                block.places.append(f"{network.name} {name}")
    return found


def facts_of(graph: Graph) -> BlockFacts:
    """The description of a block."""
    depthwise = [node for node in graph.nodes if "depthwise" in node.op]
    kernels: tuple[int, ...] = ()
    middle = 0
    if depthwise:
        attributes = depthwise[0].attributes
        found = attributes.get("kernels") or (attributes["kernel"],)
        kernels = tuple(kernel[0] for kernel in found)
        middle = graph.shape(depthwise[0].outputs[0])[3]
    strides = [node.attributes.get("strides", (1, 1))[0] for node in graph.nodes]
    entry = graph.inputs[0].name
    return BlockFacts(
        kernels,
        middle,
        max(strides),
        any(node.op == "add" and entry in node.inputs for node in graph.nodes),
        any(node.name.rpartition(".")[0].endswith(".se") for node in graph.nodes),
        any(node.op == "swish" for node in graph.nodes),
        sum(macs(node, graph) for node in graph.nodes),
    )


def label_of(graph: Graph, facts: BlockFacts) -> str:
    """A block in words: maps, kernels and what is special."""
    parts = [f"{_size(graph.inputs[0].shape)} to {_size(graph.shape(graph.outputs[0]))}"]
    if facts.kernels:
        sizes = ", ".join(map(str, facts.kernels))
        parts.append(f"kernel{'s' if len(facts.kernels) > 1 else ''} {sizes} of {facts.middle}")
    parts += [f"stride {facts.stride}"] if facts.stride > 1 else []
    parts += ["se"] if facts.se else []
    return ", ".join(parts)


def _size(shape: tuple[int, ...]) -> str:
    """The size of a map or of logits.

    >>> _size((1, 14, 14, 64)), _size((1, 1000))
    ('14x14x64', '1000')
    """
    return "x".join(map(str, shape[1:]))


def missing_keys(keys: Iterable[str], table: Mapping[str, object]) -> list[str]:
    """The blocks that a table lacks, each once."""
    return [key for key in dict.fromkeys(keys) if key not in table]
