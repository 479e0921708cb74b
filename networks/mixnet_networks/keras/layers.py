"""MDConv and the grouped convolution as Keras layers, each usable by itself in any model.

They compute the operators ``mixed_depthwise_conv2d`` and ``grouped_conv2d``, on every backend of
Keras, and name their weights as in our graphs: ``k3.kernel``, ``g0.kernel``.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from mixnet_common.errors import nearest
from mixnet_networks.architecture.partition import PARTITIONS, equal_partition
from mixnet_networks.graph.parameters import group_names
from mixnet_networks.keras.split_convolution import Group, SplitConvolution, square

PACKAGE = "mixnet_networks"


@keras.saving.register_keras_serializable(PACKAGE)
class MDConv(SplitConvolution):
    """Mixed depthwise convolution (Section 3): a kernel size for each group of channels.

    In place of ``DepthwiseConv2D(5)`` write ``MDConv([3, 5, 7])``; a single size is the plain
    depthwise convolution. ``partition`` divides the channels among the sizes: ``"equal"``,
    ``"exponential"`` (Section 3.2), or the number of channels of each. ``dilated`` computes a
    k x k kernel as 3x3 with dilation (k - 1) / 2 where the stride is 1, and as it is elsewhere
    (Section 3.4).

    Feature maps are (batch, height, width, channels), to channels · ``depth_multiplier``. Raises
    ValueError if an argument is out of range.
    """

    def __init__(
        self,
        kernel_sizes: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "same",
        depth_multiplier: int = 1,
        partition: str | Sequence[int] = "equal",
        dilated: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(strides=strides, padding=padding, **options)
        sizes = [kernel_sizes] if isinstance(kernel_sizes, int) else kernel_sizes
        self.kernel_sizes = tuple(square(size, "a kernel size") for size in sizes)
        self.depth_multiplier = square(depth_multiplier, "depth_multiplier")
        self.partition = partition if isinstance(partition, str) else tuple(partition)
        self.dilated = dilated
        self._check()

    def _check(self) -> None:
        if not self.kernel_sizes:
            raise ValueError("give at least one kernel size")
        if isinstance(self.partition, str) and self.partition not in PARTITIONS:
            hint = nearest(self.partition, PARTITIONS)
            raise ValueError(f"unknown partition {self.partition!r}; {hint}")
        if self.dilated and any(size % 2 == 0 or size < 3 for size in self.kernel_sizes):
            raise ValueError(f"dilated needs odd sizes of at least 3, not {self.kernel_sizes}")
        if self.padding == "valid" and len(set(self.kernel_sizes)) > 1:
            raise ValueError(
                "without padding, kernels of different sizes give maps of different sizes"
            )
        if self.padding == "symmetric" and any(size % 2 == 0 for size in self.kernel_sizes):
            raise ValueError(f"symmetric padding needs odd sizes, not {self.kernel_sizes}")

    def groups_of(self, channels: int) -> tuple[Group, ...]:
        """A group for each kernel size."""
        dilated = self.dilated and self.strides == 1
        sizes = [3 if dilated else size for size in self.kernel_sizes]
        dilations = [(size - 1) // 2 if dilated else 1 for size in self.kernel_sizes]
        names = group_names(
            {
                "kernels": [(size, size) for size in sizes],
                "dilations": [(dilation, dilation) for dilation in dilations],
            }
        )
        multiplier, shares = self.depth_multiplier, self._shares(channels)
        return tuple(
            Group(name, share, share * multiplier, (size, size, share, multiplier), dilation)
            for name, share, size, dilation in zip(names, shares, sizes, dilations, strict=True)
        )

    def _shares(self, channels: int) -> tuple[int, ...]:
        count = len(self.kernel_sizes)
        if isinstance(self.partition, str):
            return PARTITIONS[self.partition](channels, count)
        if sum(self.partition) != channels or len(self.partition) != count:
            raise ValueError(
                f"{self.name}: {self.partition} does not divide {channels} channels into {count}"
            )
        return self.partition

    def convolve(self, part: Any, kernel: Any, padding: str, dilation: int) -> Any:
        """A depthwise convolution."""
        return ops.depthwise_conv(
            part, kernel, self.strides, padding, "channels_last", dilation_rate=dilation
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments for an equal layer."""
        return {
            **super().get_config(),
            "kernel_sizes": list(self.kernel_sizes),
            "depth_multiplier": self.depth_multiplier,
            "partition": self.partition if isinstance(self.partition, str) else [*self.partition],
            "dilated": self.dilated,
        }


@keras.saving.register_keras_serializable(PACKAGE)
class GroupedConv2D(SplitConvolution):
    """Convolution in groups, each with its own kernel; the first gets the remaining channels.

    The authors' layer of this name. Unlike in ``Conv2D(groups=…)`` the groups may differ in size,
    and training it needs no grouped convolution of the backend, which TensorFlow lacks on CPUs.

    Feature maps are (batch, height, width, channels), to ``filters`` channels. Raises ValueError
    if an argument is out of range.
    """

    def __init__(
        self,
        filters: int,
        groups: int,
        kernel_size: int | Sequence[int] = 1,
        strides: int | Sequence[int] = 1,
        padding: str = "same",
        **options: Any,
    ) -> None:
        super().__init__(strides=strides, padding=padding, **options)
        self.filters = square(filters, "filters")
        self.groups = square(groups, "groups")
        self.kernel_size = square(kernel_size, "kernel_size")

    def groups_of(self, channels: int) -> tuple[Group, ...]:
        """Equal groups of inputs and of filters."""
        shares = equal_partition(channels, self.groups)
        filters = equal_partition(self.filters, self.groups)
        names = group_names({"channels": shares})
        size = self.kernel_size
        return tuple(
            Group(name, share, outputs, (size, size, share, outputs))
            for name, share, outputs in zip(names, shares, filters, strict=True)
        )

    def convolve(self, part: Any, kernel: Any, padding: str, dilation: int) -> Any:
        """A plain convolution."""
        return ops.conv(part, kernel, self.strides, padding, "channels_last", dilation)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments for an equal layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            "kernel_size": self.kernel_size,
        }
