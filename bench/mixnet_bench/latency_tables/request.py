"""The request for a latency table, and the models that are timed for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from mixnet_bench.latency_tables.blocks import (
    DistinctBlock,
    SpaceBlocks,
    blocks_of,
    distinct_of,
    facts_of,
    key_of,
    network_key,
)
from mixnet_bench.latency_tables.interpolation import chosen_to_time
from mixnet_bench.latency_tables.seams import FEWEST
from mixnet_common import MixnetError, UsageError
from mixnet_export.lowering import Model, Plan, lower
from mixnet_export.writers import Format
from mixnet_networks import Graph, Network
from mixnet_networks.graph.sizes import check_memory_for
from mixnet_networks.searchspace import Genotype, SearchSpace
from mixnet_networks.weights import drawn_weights
from mixnet_quantize.settings import Settings
from mixnet_runtimes.inputs import seeded_input

TRIES = 100
"""Draws for each member that must differ from those before."""


@dataclass(frozen=True)
class TableRequest:
    """The blocks to time, the anchor, the form of the files, and the limits."""

    space: SearchSpace
    anchor: Network
    form: Format
    precision: str = "float32"
    threads: int = 1
    networks: int = 24
    """Members timed whole, for the cost of the seams."""
    seed: int = 0
    passes: int = 10
    budget_s: float | None = None
    interpolate: bool = False
    include: tuple[Network, ...] = ()
    """Networks outside of the space whose blocks are timed too."""

    def __post_init__(self) -> None:
        """Raise UsageError for a space with fewer members than should be timed whole."""
        if self.space.size < self.networks + 1:
            raise UsageError(
                f"{self.space.name} has {self.space.size} members, and {self.networks} of them"
                " would be timed whole: none remain to be predicted",
                f"give fewer --networks (at least {FEWEST}), or a larger space",
            )

    @cached_property
    def blocks(self) -> SpaceBlocks:
        """The space's blocks."""
        return SpaceBlocks(self.space)

    @cached_property
    def distinct(self) -> Mapping[str, DistinctBlock]:
        """All blocks that the table lists, by their keys."""
        return distinct_of(self.blocks, (*self.include,))

    @cached_property
    def timed(self) -> list[str]:
        """Keys of the blocks that are timed; with ``interpolate`` not all of them are."""
        if not self.interpolate:
            return list(self.distinct)
        facts = {key: (block.graph, facts_of(block.graph)) for key, block in self.distinct.items()}
        needed = {key for each in self.include for key in map(key_of, blocks_of(each).values())}
        return [key for key in chosen_to_time(facts) if key not in needed] + sorted(needed)

    @cached_property
    def members(self) -> dict[str, tuple[Genotype, Network]]:
        """The members that are timed whole, by their keys: drawn by ``seed``, none twice."""
        rng = np.random.default_rng([self.seed, 0x7AB1E])
        found: dict[str, tuple[Genotype, Network]] = {}
        for _ in range(self.networks * TRIES):
            genotype = self.space.random(rng)
            network = self.space.network(genotype)
            found.setdefault(network_key(network), (genotype, network))
            if len(found) == self.networks:
                return found
        raise MixnetError(
            f"{self.space.name}: no {self.networks} members that differ were found",
            "give fewer --networks",
        )

    def items(self, plan: Plan) -> dict[str, Callable[[], bytes]]:
        """Everything to be timed beside the anchor, by its key, as what writes its file."""
        graphs = {key: self.distinct[key].graph for key in self.timed}
        graphs |= {key: network.graph for key, (_, network) in self.members.items()}
        graphs |= {network_key(each): each.graph for each in self.include}
        return {key: partial(self.write, graph, plan) for key, graph in graphs.items()}

    def write(self, graph: Graph, plan: Plan) -> bytes:
        """A graph as a file; int8 ranges come from noise, enough to time.

        A block's int8 file takes and gives integers, as the block does within a network.
        """
        check_memory_for(graph)
        lowered = lower(Model(graph, drawn_weights(graph)), plan)
        content = self.form.write(lowered)
        if self.precision == "float32":
            return content
        (entry,) = graph.inputs
        noise = seeded_input(entry.shape, "float32", np.random.default_rng(0))
        samples = iter([self.form.from_nhwc(noise)])
        whole = entry.name == "image" and graph.outputs == ("logits",)
        settings = Settings(float_nodes=lowered.floating, integer_io=not whole)
        return self.form.quantize(content, entry.name, samples, settings)
