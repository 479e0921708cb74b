"""From an architecture's rows to a graph, in the form in which the authors define the network.

Mixed and grouped convolutions stay single nodes here; how a runtime is to compute them is decided
by the lowerings. Nothing here knows weights.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mixnet_networks.architecture import Architecture, Head, Stage
from mixnet_networks.graph import Graph, GraphBuilder, Shape
from mixnet_networks.padding import Pair
from mixnet_networks.partition import PARTITIONS, equal_partition

INPUT = "image"
OUTPUT = "logits"


def block_of(name: str) -> str:
    """The block that a node belongs to, by its name: ``stem``, ``blocks.4.1`` or ``head``.

    >>> block_of("blocks.4.1.depthwise.k5"), block_of("head.conv")
    ('blocks.4.1', 'head')
    """
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[0] == "blocks" else parts[0]


def round_channels(channels: int, multiplier: float, divisor: int) -> int:
    """Channels after a multiplier: the nearest multiple of ``divisor``, never 10 % too few.

    A multiplier of 1 changes nothing. Source: the authors' rule, shared with MobileNetV2.

    >>> round_channels(40, 1.3, 8), round_channels(24, 1.3, 8)
    (56, 32)
    """
    if multiplier == 1:
        return channels
    scaled = channels * multiplier
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


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

    ``multiplier`` applies on top of the architecture's own. Raises MixnetError where the
    resolution is too small for the network or its channels don't divide.
    """
    return _Builder(architecture, multiplier, name or architecture.name).build(
        classes, (batch, resolution, resolution, in_channels)
    )


class _Builder:
    def __init__(self, architecture: Architecture, multiplier: float, name: str) -> None:
        self.architecture = architecture
        self.multiplier = architecture.channel_multiplier * multiplier
        self.graph = GraphBuilder(name)

    def build(self, classes: int, image: Shape) -> Graph:
        stem = self.architecture.stem
        x = self.graph.input(INPUT, image)
        x = self.conv("stem.conv", x, self.scale(stem.channels), stem.kernel, stem.stride)
        x = self.norm("stem.conv", x, stem.activation)
        for row, stage in enumerate(self.architecture.stages):
            for index in range(stage.blocks):
                prefix = f"blocks.{row}.{index}"
                x = BLOCK_BUILDERS[stage.block](self, prefix, x, stage, stage.stride ** (not index))
        x = self.head(x, self.architecture.head)
        x = self.graph.add("global_mean", "head.pool", x)
        self.graph.add("dense", "head.classifier", x, units=classes, outputs=(OUTPUT,))
        return self.graph.build(OUTPUT)

    def head(self, x: str, head: Head) -> str:
        if not head.channels:
            return x
        scales = {"never": False, "up": self.multiplier > 1, "always": True}[head.scaling]
        channels = self.scale(head.channels) if scales else head.channels
        x = self.conv("head.conv", x, channels)
        return self.norm("head.conv", x, head.activation)

    # Parts that blocks are made of

    def scale(self, channels: int) -> int:
        return round_channels(channels, self.multiplier, self.architecture.channel_divisor)

    def channels(self, tensor: str) -> int:
        return self.graph.shape(tensor)[3]

    def padding(self, kernels: Sequence[Pair], stride: int) -> str:
        """The network's padding; SAME wherever that is the same, so that nobody pads in vain."""
        odd = all(size % 2 for kernel in kernels for size in kernel)
        return "same" if stride == 1 and odd else self.architecture.padding

    def norm(self, name: str, x: str, activation: str = "") -> str:
        x = self.graph.add("batch_norm", f"{name}.norm", x, epsilon=self.architecture.epsilon)
        return self.graph.add(activation, f"{name}.act", x) if activation else x

    def conv(
        self, name: str, x: str, filters: int, kernel: int = 1, stride: int = 1, **more: Any
    ) -> str:
        return self.graph.add(
            "conv2d",
            name,
            x,
            filters=filters,
            kernel=(kernel, kernel),
            strides=(stride, stride),
            padding=self.padding([(kernel, kernel)], stride),
            **more,
        )

    def grouped(self, name: str, x: str, filters: int, groups: int) -> str:
        """A 1x1 convolution in ``groups`` groups, the remainder in the first."""
        if groups == 1:
            return self.conv(name, x, filters)
        return self.graph.add(
            "grouped_conv2d",
            name,
            x,
            channels=equal_partition(self.channels(x), groups),
            filters=equal_partition(filters, groups),
            kernel=(1, 1),
        )

    def depthwise(self, name: str, x: str, stage: Stage, stride: int) -> str:
        """The (mixed) depthwise convolution of a row, Section 3.2."""
        dilated = stage.dilated and stride == 1
        kernels = tuple((3, 3) if dilated else (k, k) for k in stage.kernels)
        dilations = tuple(((k - 1) // 2,) * 2 if dilated else (1, 1) for k in stage.kernels)
        common: dict[str, Any] = {
            "strides": (stride, stride),
            "padding": self.padding(kernels, stride),
            "multiplier": stage.multiplier,
        }
        if len(kernels) == 1:
            return self.graph.add(
                "depthwise_conv2d", name, x, kernel=kernels[0], dilations=dilations[0], **common
            )
        channels = PARTITIONS[stage.partition](self.channels(x), len(kernels))
        return self.graph.add(
            "mixed_depthwise_conv2d",
            name,
            x,
            channels=channels,
            kernels=kernels,
            dilations=dilations,
            **common,
        )

    def squeeze_excite(self, name: str, x: str, reduced: int, activation: str) -> str:
        squeezed = self.graph.add("global_mean", f"{name}.mean", x, keepdims=True)
        squeezed = self.conv(f"{name}.reduce", squeezed, reduced, bias=True)
        squeezed = self.graph.add(activation, f"{name}.reduce.act", squeezed)
        gate = self.conv(f"{name}.expand", squeezed, self.channels(x), bias=True)
        gate = self.graph.add("sigmoid", f"{name}.gate", gate)
        return self.graph.add("mul", f"{name}.scale", (x, gate))


def _inverted_residual(builder: _Builder, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """Expand, depthwise, squeeze-and-excite, project, and a skip where shapes allow."""
    block_input, inputs = x, builder.channels(x)
    outputs = builder.scale(stage.out)
    if stage.expand != 1:
        name = f"{prefix}.expand"
        x = builder.grouped(name, x, int(inputs * stage.expand), stage.expand_groups)
        x = builder.norm(name, x, stage.activation)
    x = builder.depthwise(f"{prefix}.depthwise", x, stage, stride)
    x = builder.norm(f"{prefix}.depthwise", x, stage.activation)
    if stage.se:
        reduced = max(1, int(inputs * stage.se))
        x = builder.squeeze_excite(f"{prefix}.se", x, reduced, stage.activation)
    x = builder.grouped(f"{prefix}.project", x, outputs, stage.project_groups)
    x = builder.norm(f"{prefix}.project", x)
    if stage.skip and stride == 1 and inputs == outputs:
        x = builder.graph.add("add", f"{prefix}.skip", (x, block_input))
    return x


def _separable(builder: _Builder, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """Depthwise, then pointwise, each with its activation (MobileNetV1)."""
    x = builder.depthwise(f"{prefix}.depthwise", x, stage, stride)
    x = builder.norm(f"{prefix}.depthwise", x, stage.activation)
    x = builder.grouped(f"{prefix}.project", x, builder.scale(stage.out), stage.project_groups)
    return builder.norm(f"{prefix}.project", x, stage.activation)


BLOCK_BUILDERS: Mapping[str, Callable[[_Builder, str, str, Stage, int], str]] = {
    "inverted-residual": _inverted_residual,
    "separable": _separable,
}
