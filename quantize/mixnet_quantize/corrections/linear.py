"""A convolution or dense layer as one record, for both file formats.

It contains what is needed to compute the mean output from the mean input, since both layers are
linear. Pure arithmetic: nothing here opens or runs a file.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.graph.padding import Pair, output_sizes, resolve_padding

Array = NDArray[Any]
Padding = tuple[Pair, Pair] | str


@dataclass(frozen=True)
class Linear:
    """One layer of a file: its weights as real values, and the tensor of its input."""

    name: str
    input: str
    """The activation that it reads, as an ``Observer`` calls it."""
    kernel: Array
    """(height, width, in / groups, out); a depthwise layer's (height, width, channels, multiplier);
    a dense layer's (1, 1, in, out)."""
    bias: Array
    """(out,)."""
    depth: int
    """The number of layers before this one, on the longest path from the file's input."""
    depthwise: bool = False
    strides: Pair = (1, 1)
    dilations: Pair = (1, 1)
    padding: Padding = "valid"


class LinearFile(Protocol):
    """A file's layers, and a way to change their biases."""

    def layers(self) -> dict[str, Linear]:
        """Every layer with a separate bias, by name, in the order of execution."""

    def add_to_bias(self, name: str, amounts: Array) -> None:
        """Add real amounts (out,) to a layer's bias, rounded to the steps it is stored in."""

    def content(self) -> bytes:
        """The current file."""


def mean_output(layer: Linear, mean_input: Array) -> Array:
    """The mean of a layer's output over images and positions, by channel, before any activation.

    ``mean_input``: the mean over images of what it reads, (height, width, channels) or (channels,).
    Exact up to rounding: the mean of a linear layer's output is its output of the mean input. So
    what clips or rounds the output, a fused activation or the int8 grid, is left out.
    """
    means = window_means(layer, mean_input)
    if layer.depthwise:
        products = np.einsum("ijc,ijcm->cm", means, layer.kernel).reshape(-1)
    else:
        height, width, inputs, filters = layer.kernel.shape
        groups = means.shape[2] // inputs
        parts = means.reshape(height, width, groups, inputs)
        kernels = layer.kernel.reshape(height, width, inputs, groups, filters // groups)
        products = np.einsum("ijgc,ijcgo->go", parts, kernels).reshape(-1)
    total: Array = products + layer.bias
    return total


def window_means(layer: Linear, mean_input: Array) -> Array:
    """The mean input at each place of the window over all positions: (h, w, channels).

    At the map's border a place of a large window often sees padding, so these differ from the mean
    over the map.
    """
    height, width = layer.kernel.shape[:2]
    feature_map = np.atleast_3d(
        mean_input.reshape((1, 1, -1)) if mean_input.ndim == 1 else mean_input
    )
    sizes = (feature_map.shape[0], feature_map.shape[1])
    window = ((height, width), layer.strides, layer.dilations)
    rows, columns = output_sizes(layer.padding, sizes, *window)
    pads = resolve_padding(layer.padding, sizes, *window)
    padded = np.pad(feature_map.astype(np.float64), (*pads, (0, 0)))
    means = np.empty((height, width, feature_map.shape[2]))
    for i in range(height):
        for j in range(width):
            top, left = i * layer.dilations[0], j * layer.dilations[1]
            seen = padded[
                top : top + (rows - 1) * layer.strides[0] + 1 : layer.strides[0],
                left : left + (columns - 1) * layer.strides[1] + 1 : layer.strides[1],
            ]
            means[i, j] = seen.mean(axis=(0, 1))
    return means
