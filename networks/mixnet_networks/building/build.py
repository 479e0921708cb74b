"""From an architecture's rows to a graph, in the form in which the authors define the network.

Mixed and grouped convolutions stay single nodes here; lowerings decide how a runtime computes them.
Weights are not needed here.
"""

from mixnet_common import UsageError
from mixnet_common.numbers import seconds_in_words
from mixnet_networks.architecture import Architecture, Head, Stage, Stem
from mixnet_networks.building.blocks import BLOCK_BUILDERS
from mixnet_networks.building.parts import Parts, round_channels
from mixnet_networks.graph import Graph, Shape

INPUT = "image"
OUTPUT = "logits"

MOST_NODES = 10_000
"""Operators of a network; the largest published here has 827."""

WEIGHTS_S_PER_NODE, LOWERING_S_PER_PAIR = 13e-3, 3e-6
"""Seconds on one x86-64 core: of drawing weights, a node; of lowerings, for each pair of nodes."""

__all__ = [
    "INPUT",
    "OUTPUT",
    "block_of",
    "build_block",
    "build_graph",
    "build_head",
    "build_stem",
    "round_channels",
]


def block_of(name: str) -> str:
    """The block that a node belongs to, by its name: ``stem``, ``blocks.4.1`` or ``head``.

    >>> block_of("blocks.4.1.depthwise.k5"), block_of("head.conv")
    ('blocks.4.1', 'head')
    """
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[0] == "blocks" else parts[0]


def build_graph(
    architecture: Architecture,
    *,
    classes: int,
    resolution: int,
    multiplier: float = 1.0,
    batch: int = 1,
    in_channels: int = 3,
    name: str = "",
) -> Graph:
    """The graph of an architecture, from an image to logits.

    The image is (batch, resolution, resolution, in_channels).

    ``multiplier`` applies on top of the architecture's own. Raises MixnetError if the
    resolution is too small for the network or its channels don't divide, UsageError if it has
    too many operators.
    """
    return _Builder(architecture, multiplier, name or architecture.name).build(
        classes, (batch, resolution, resolution, in_channels)
    )


def build_stem(architecture: Architecture, image: Shape) -> Graph:
    """The first block alone, from an image. Raises as ``build_graph``."""
    builder = _Builder(architecture, 1.0, architecture.name)
    return builder.graph.build(builder.stem(builder.graph.input(INPUT, image), architecture.stem))


def build_block(architecture: Architecture, stage: Stage, stride: int, shape: Shape) -> Graph:
    """A block of a row alone, on a map of this shape. Raises as ``build_graph``.

    Kinds of block that read more than one map are not for this.
    """
    builder = _Builder(architecture, 1.0, architecture.name)
    x = builder.graph.input("map", shape)
    y = BLOCK_BUILDERS[stage.block](builder, "blocks.0.0", x, stage, stride)
    return builder.graph.build(y)


def build_head(architecture: Architecture, shape: Shape, classes: int) -> Graph:
    """The last block alone, from a map of this shape to logits. Raises as ``build_graph``."""
    builder = _Builder(architecture, 1.0, architecture.name)
    return builder.end(builder.graph.input("map", shape), classes)


class _Builder(Parts):
    def build(self, classes: int, image: Shape) -> Graph:
        x = self.graph.input(INPUT, image)
        x = self.stem(x, self.architecture.stem)
        for row, stage in enumerate(self.architecture.stages):
            for index in range(stage.blocks):
                stride, before = 1 if index else stage.stride, self.graph.length
                y = BLOCK_BUILDERS[stage.block](self, f"blocks.{row}.{index}", x, stage, stride)
                self.before, x = x, y
                if index < 2:  # the others are like the second
                    length = self.graph.length - before
                    self.check_length(length * (stage.blocks - index - 1) if index else 0)
        return self.end(x, classes)

    def end(self, x: str, classes: int) -> Graph:
        """The graph with head, pooling and classifier behind a map."""
        x = self.head(x, self.architecture.head)
        x = self.graph.add("global_mean", "head.pool", x)
        self.graph.add("dense", "head.classifier", x, units=classes, outputs=(OUTPUT,))
        return self.graph.build(OUTPUT)

    def check_length(self, more: int) -> None:
        """Raise UsageError if there are too many operators with so many ``more``."""
        nodes = self.graph.length + more
        if nodes > MOST_NODES:
            seconds = WEIGHTS_S_PER_NODE * nodes + LOWERING_S_PER_PAIR * nodes**2
            raise UsageError(
                f"{self.graph.name} would have {nodes:,} operators or more, and its export would"
                f" take {seconds_in_words(seconds)}",
                f"at most {MOST_NODES:,}: give it fewer or shorter blocks",
            )

    def stem(self, x: str, stem: Stem) -> str:
        channels, more = self.scale(stem.channels), {}
        if stem.padding:
            more["padding"] = stem.padding
        x = self.conv("stem.conv", x, channels, stem.kernel, stem.stride, **more)
        x = self.norm("stem.conv", x, stem.activation)
        return self.pool("stem.pool", x, "max_pool", stem.pool, 2) if stem.pool else x

    def head(self, x: str, head: Head) -> str:
        if head.before_pool:
            return self.activate("head.act", x, head.before_pool)
        if not head.channels:
            return x
        scales = {"never": False, "up": self.multiplier > 1, "always": True}[head.scaling]
        channels = self.scale(head.channels) if scales else head.channels
        x = self.conv("head.conv", x, channels)
        return self.norm("head.conv", x, head.activation)
