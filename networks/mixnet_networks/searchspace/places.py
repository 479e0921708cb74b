"""The blocks of a search space: their positions, the choices that each depends on, their graphs.

A block's cost depends only on its own choices and on the widths before and after it, so a space of
10^12 members has a few hundred blocks. Nothing here is timed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from mixnet_networks.architecture import Stage
from mixnet_networks.building.build import (
    block_of,
    build_block,
    build_head,
    build_stem,
    round_channels,
)
from mixnet_networks.graph import Graph, Shape
from mixnet_networks.network import Network
from mixnet_networks.searchspace.space import Genotype, SearchSpace, single_rows


@dataclass(frozen=True)
class Place:
    """The position of a block: ``stem``, ``layer 7`` (from 1) or ``head``.

    ``positions`` are those of a genotype on whose indices the block depends.
    """

    name: str
    layer: int
    """From 1; 0 is the stem, one more than there are layers the head."""
    positions: tuple[int, ...]

    def of(self, genotype: Genotype) -> Genotype:
        """The indices of a member that matter here."""
        return tuple(genotype[position] for position in self.positions)


class Places:
    """All places of a space, and the graph of each block that may stand there."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._rows = single_rows(space.backbone.stages)
        self._stages = [
            number
            for number, stage in enumerate(space.backbone.stages)
            for _ in range(stage.blocks)
        ]

    @cached_property
    def all(self) -> tuple[Place, ...]:
        """From the stem to the head."""
        layers = range(1, len(self._rows) + 1)
        last = self._widths([self._stages[-1]])
        return (
            Place("stem", 0, ()),
            *(Place(f"layer {layer}", layer, self._positions(layer)) for layer in layers),
            Place("head", len(self._rows) + 1, last),
        )

    def variants(self, place: Place) -> Iterator[Genotype]:
        """Every combination of indices that matter at a place."""
        choices = self.space.choices
        return product(*(range(choices[position]) for position in place.positions))

    def graph(self, place: Place, indices: Genotype) -> Graph:
        """The block that stands at a place with these indices, alone.

        Raises UsageError if it cannot be built, as with fewer channels than groups.
        """
        architecture = self.space.backbone
        if place.layer == 0:
            size = self.space.resolution
            return build_stem(architecture, (1, size, size, 3))
        chosen = dict(zip(place.positions, indices, strict=True))
        if place.layer > len(self._rows):
            return build_head(architecture, self._shape(place.layer, chosen), self.space.classes)
        row = self._row(place.layer, chosen)
        return build_block(architecture, row, row.stride, self._shape(place.layer, chosen))

    def _positions(self, layer: int) -> tuple[int, ...]:
        """Positions of the widths before and after the layer, and of its own choices."""
        stages = sorted({self._before(layer), self._stages[layer - 1]} - {-1})
        own = (at for at, each in enumerate(self.space.positions) if each.layer == layer)
        return (*self._widths(stages), *own)

    def _widths(self, stages: list[int]) -> tuple[int, ...]:
        return tuple(
            at
            for at, each in enumerate(self.space.positions)
            if each.layer is None and each.stage in stages
        )

    def _before(self, layer: int) -> int:
        """The stage whose channels come into a layer; -1 for the stem's."""
        return self._stages[layer - 2] if layer > 1 else -1

    def _row(self, layer: int, chosen: dict[int, int]) -> Stage:
        options = self.space.options[self._stages[layer - 1]]
        values = {
            what: getattr(options, what)[0]
            for what in ("groups", "expand", "se")
            if getattr(options, what)
        }
        for position, index in chosen.items():
            each = self.space.positions[position]
            if each.layer == layer:
                values[each.what] = each.options[index]
        return self.space.row(
            self._rows[layer - 1], width=self._width(self._stages[layer - 1], chosen), **values
        )

    def _width(self, stage: int, chosen: dict[int, int]) -> float | None:
        for position, index in chosen.items():
            each = self.space.positions[position]
            if each.layer is None and each.stage == stage:
                return each.options[index]
        widths = self.space.options[stage].width
        return widths[0] if widths else None

    def _shape(self, layer: int, chosen: dict[int, int]) -> Shape:
        """Shape of a layer's input."""
        before, architecture = self._before(layer), self.space.backbone
        shape = self._maps[layer - 1]
        if before < 0:
            return shape
        width = self._width(before, chosen)
        row = architecture.stages[before]
        channels = row.out if width is None else self.space.channels(row, width)
        scaled = round_channels(
            channels, architecture.channel_multiplier, architecture.channel_divisor
        )
        return (*shape[:3], scaled)

    @cached_property
    def _maps(self) -> list[Shape]:
        """The maps that come into the backbone's layers and its head."""
        space = self.space
        graph = Network(space.backbone, space.classes, space.resolution).graph
        found: dict[str, Shape] = {}
        for node in graph.nodes:
            outside = (each for each in node.inputs if not each.startswith(block_of(node.name)))
            for tensor in outside:
                found.setdefault(block_of(node.name), graph.shape(tensor))
        return [shape for block, shape in found.items() if block != "stem"]
