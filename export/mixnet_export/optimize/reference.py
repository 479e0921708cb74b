"""A depthwise convolution in float64, by its definition: the reference for rewritten operators.

It shares only the description of the padding with the search for tiles.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.geometry import Shape

Array = NDArray[Any]


def depthwise(x: Array, kernel: Array, bias: Array | None, shape: Shape) -> NDArray[np.float64]:
    """``x`` (batch, h, w, c) convolved with ``kernel`` (h, w, c), without an activation."""
    rows, columns = shape.axes
    padded = np.pad(x.astype(np.float64), ((0, 0), *shape.pads, (0, 0)))
    result = np.zeros((len(x), rows.output, columns.output, x.shape[3]))
    if bias is not None:
        result += bias.astype(np.float64)
    for row in range(rows.kernel):
        for column in range(columns.kernel):
            top, left = row * rows.dilation, column * columns.dilation
            seen = padded[
                :,
                top : top + (rows.output - 1) * rows.stride + 1 : rows.stride,
                left : left + (columns.output - 1) * columns.stride + 1 : columns.stride,
            ]
            result += seen * kernel[row, column].astype(np.float64)
    return result


def activated(values: Array, activation: str) -> Array:
    """The values behind one of the activations that are fused."""
    limits = {"NONE": (None, None), "RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}
    low, high = limits[activation]
    return values if low is None else np.clip(values, low, high)
