"""Parts of blocks, appended to a graph: convolutions, norms, SE, channel counts.

They implement an architecture's conventions (padding, epsilon, multiplier); the blocks determine
their order.
"""

from collections.abc import Sequence
from typing import Any

from mixnet_common import UsageError
from mixnet_networks.architecture import Architecture, Stage
from mixnet_networks.architecture.partition import divide, equal_partition
from mixnet_networks.graph.builder import GraphBuilder
from mixnet_networks.graph.padding import Pair


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


IDEMPOTENT = ("relu", "relu6")
"""Activations that change nothing when applied again."""


class Parts:
    """A graph under construction, and the architecture's settings of all its layers.

    ``before`` is the tensor that the last block read, which a cell reads beside the last block's
    output; None if there was no block yet.
    """

    def __init__(self, architecture: Architecture, multiplier: float, name: str) -> None:
        self.architecture = architecture
        self.multiplier = architecture.channel_multiplier * multiplier
        self.graph = GraphBuilder(name)
        self.before: str | None = None
        self._activated: dict[tuple[str, str], str] = {}

    def scale(self, channels: int) -> int:
        """Channels after the network's multiplier."""
        return round_channels(channels, self.multiplier, self.architecture.channel_divisor)

    def channels(self, tensor: str) -> int:
        """How many channels a feature map has."""
        return self.graph.shape(tensor)[3]

    def padding(self, kernels: Sequence[Pair], stride: int) -> str:
        """The network's padding; SAME wherever that is equal, so that no PAD is needed."""
        odd = all(size % 2 for kernel in kernels for size in kernel)
        return "same" if stride == 1 and odd else self.architecture.padding

    def norm(self, name: str, x: str, activation: str = "", **more: Any) -> str:
        """A batch norm, and an activation behind it; ``more`` are attributes of the norm's node."""
        epsilon = self.architecture.epsilon
        x = self.graph.add("batch_norm", f"{name}.norm", x, epsilon=epsilon, **more)
        return self.activate(f"{name}.act", x, activation) if activation else x

    def activate(self, name: str, x: str, activation: str) -> str:
        """The activation of a tensor, computed once: all its readers share it.

        That of a ReLU's output is that output.
        """
        key = (x, activation)
        if key not in self._activated:
            y = self.graph.add(activation, name, x)
            self._activated[key] = y
            if activation in IDEMPOTENT:
                self._activated[(y, activation)] = y
        return self._activated[key]

    def conv(
        self, name: str, x: str, filters: int, kernel: int = 1, stride: int = 1, **more: Any
    ) -> str:
        """A convolution with a square kernel; ``more`` are attributes of its node."""
        window = {
            "kernel": (kernel, kernel),
            "strides": (stride, stride),
            "padding": self.padding([(kernel, kernel)], stride),
        }
        return self.graph.add("conv2d", name, x, filters=filters, **{**window, **more})

    def plain_depthwise(
        self, name: str, x: str, kernel: int, stride: int = 1, dilation: int = 1
    ) -> str:
        """A depthwise convolution with one square kernel."""
        return self.graph.add(
            "depthwise_conv2d",
            name,
            x,
            kernel=(kernel, kernel),
            strides=(stride, stride),
            dilations=(dilation, dilation),
            padding=self.padding([(kernel, kernel)], stride),
        )

    def pool(self, name: str, x: str, op: str, kernel: int, stride: int) -> str:
        """A pool with a square window: ``max_pool`` or ``avg_pool``."""
        return self.graph.add(
            op,
            name,
            x,
            kernel=(kernel, kernel),
            strides=(stride, stride),
            padding=self.padding([(kernel, kernel)], stride),
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
        try:
            channels = divide(self.channels(x), len(kernels), stage.partition)
        except UsageError as error:
            raise UsageError(f"{self.graph.name}, {name}: {error.message}", error.hint) from None
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
        """Squeeze-and-excite with ``reduced`` channels inside (Hu et al. 2018)."""
        squeezed = self.graph.add("global_mean", f"{name}.mean", x, keepdims=True)
        squeezed = self.conv(f"{name}.reduce", squeezed, reduced, bias=True)
        squeezed = self.graph.add(activation, f"{name}.reduce.act", squeezed)
        gate = self.conv(f"{name}.expand", squeezed, self.channels(x), bias=True)
        gate = self.graph.add("sigmoid", f"{name}.gate", gate)
        return self.graph.add("mul", f"{name}.scale", (x, gate))

    def slice_channels(self, name: str, x: str, start: int, size: int) -> str:
        """``size`` channels of a feature map from ``start`` on."""
        *sizes, _ = self.graph.shape(x)
        return self.graph.add("slice", name, x, begin=(0, 0, 0, start), size=(*sizes, size))
