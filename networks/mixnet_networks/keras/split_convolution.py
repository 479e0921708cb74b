"""The common base of MDConv and the grouped convolution as Keras layers: split, convolve, join.

A layer defines its groups and the convolution of one group; weights, padding, shapes, saving and
Keras's configuration are here. Weights are saved by name, independent of their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from mixnet_networks.keras.initializer import FanOutNormal

AXIS = 3
"""Channels are last, on every backend."""

PADDINGS = ("same", "valid", "symmetric")
"""``symmetric`` puts dilation · (k - 1) / 2 zeros on every side, as PyTorch's ports do."""


@dataclass(frozen=True)
class Group:
    """One group of channels: its kernel's name, (height, width, in, out) and dilation."""

    name: str
    channels: int
    outputs: int
    kernel: tuple[int, int, int, int]
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Input elements from a kernel's first tap to its last, along one axis."""
        return (self.kernel[0] - 1) * self.dilation + 1


class SplitConvolution(keras.layers.Layer):  # type: ignore[misc]
    """Divides the channels into groups, convolves each with its own kernel, joins the results.

    Feature maps are (batch, height, width, channels).
    """

    def __init__(
        self,
        strides: int | Sequence[int] = 1,
        padding: str = "same",
        use_bias: bool = False,
        kernel_initializer: Any = None,
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if padding not in PADDINGS:
            raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, not {padding!r}")
        self.strides = square(strides, "strides")
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(
            FanOutNormal() if kernel_initializer is None else kernel_initializer
        )
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def groups_of(self, channels: int) -> tuple[Group, ...]:
        """The groups of that many input channels."""
        raise NotImplementedError

    def convolve(self, part: Any, kernel: Any, padding: str, dilation: int) -> Any:
        """The convolution of one group."""
        raise NotImplementedError

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make a kernel for each group. Raises ValueError if a group would get no channel."""
        self.parts = self._checked_groups(input_shape)
        self.kernels = [
            self.add_weight(
                name=f"{part.name}.kernel",
                shape=part.kernel,
                initializer=_another(self.kernel_initializer),
                regularizer=self.kernel_regularizer,
            )
            for part in self.parts
        ]
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(sum(part.outputs for part in self.parts),),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={AXIS: input_shape[AXIS]})
        self.built = True

    def _checked_groups(self, input_shape: Sequence[int | None]) -> tuple[Group, ...]:
        channels = input_shape[AXIS]
        if channels is None:
            raise ValueError(f"{self.name}: the number of channels must be fixed")
        parts = self.groups_of(channels)
        if any(min(part.channels, part.outputs) < 1 for part in parts):
            raise ValueError(
                f"{self.name}: {channels} channels are too few for {len(parts)} groups"
            )
        return parts

    def call(self, inputs: Any) -> Any:
        """(batch, height, width, channels) to such, with the channels of all groups joined."""
        ends = [sum(part.channels for part in self.parts[:end]) for end in range(len(self.parts))]
        pieces = ops.split(inputs, ends[1:], axis=AXIS) if ends[1:] else [inputs]
        results = [
            self._convolved(piece, kernel, part)
            for piece, kernel, part in zip(pieces, self.kernels, self.parts, strict=True)
        ]
        joined = ops.concatenate(results, axis=AXIS) if ends[1:] else results[0]
        return joined if self.bias is None else joined + ops.cast(self.bias, joined.dtype)

    def _convolved(self, piece: Any, kernel: Any, part: Group) -> Any:
        if self.padding != "symmetric":
            return self.convolve(piece, kernel, self.padding, part.dilation)
        around = (part.reach // 2,) * 2
        padded = ops.pad(piece, [(0, 0), around, around, (0, 0)])
        return self.convolve(padded, kernel, "valid", part.dilation)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The output's shape; a size that is not known stays so."""
        parts = self._checked_groups(input_shape)
        sizes = (self._output_size(input_shape[axis], parts[0].reach) for axis in (1, 2))
        return (input_shape[0], *sizes, sum(part.outputs for part in parts))

    def _output_size(self, size: int | None, reach: int) -> int | None:
        if size is None:
            return None
        if self.padding == "same":
            return -(-size // self.strides)
        around = 2 * (reach // 2) if self.padding == "symmetric" else 0
        return (size + around - reach) // self.strides + 1

    def named_variables(self) -> dict[str, Any]:
        """The layer's variables by the roles that our graphs give them."""
        named = {
            f"{part.name}.kernel": kernel
            for part, kernel in zip(self.parts, self.kernels, strict=True)
        }
        return named if self.bias is None else {**named, "bias": self.bias}

    def save_own_variables(self, store: Any) -> None:
        """Save the variables under their names."""
        for name, variable in self.named_variables().items():
            store[name] = variable

    def load_own_variables(self, store: Any) -> None:
        """Load what ``save_own_variables`` saved."""
        variables = self.named_variables()
        if set(store.keys()) != set(variables):
            raise ValueError(
                f"{self.name}: the file has {sorted(store.keys())}, not {sorted(variables)}"
            )
        for name, variable in variables.items():
            variable.assign(store[name])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments for an equal layer."""
        return {
            **super().get_config(),
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }


def square(value: int | Sequence[int], what: str) -> int:
    """One number for both axes, from a number or two equal ones. Raises ValueError otherwise.

    >>> square((2, 2), "strides")
    2
    """
    sizes = set(value) if isinstance(value, Sequence) else {value}
    size = sizes.pop() if len(sizes) == 1 else 0
    if type(size) is not int or size < 1:
        raise ValueError(f"{what} must be a whole number from 1, the same on both axes: {value!r}")
    return size


def _another(initializer: Any) -> Any:
    """Keras's initializers draw one seed when they are made; each kernel is to have its own."""
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer
