"""Padding arithmetic of convolutions and pools, as TensorFlow defines it. Pure functions.

Source: https://www.tensorflow.org/api_docs/python/tf/nn, "Notes on padding".
"""

from functools import cache
from typing import Any

from mixnet_common import MixnetError

Pair = tuple[int, int]


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """Zeros before and after one axis, so that the output has ceil(size / stride) elements.

    An odd total puts the extra zero after, which is what symmetric frameworks get wrong.

    >>> same_padding(224, kernel=3, stride=2)
    (0, 1)
    """
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def resolve_padding(
    padding: Any, sizes: Pair, kernel: Pair, strides: Pair, dilations: Pair = (1, 1)
) -> tuple[Pair, Pair]:
    """Zeros around height and width.

    ``padding`` is ``"same"``, ``"valid"``, ``"symmetric"`` or explicit ((t, b), (l, r)). Symmetric
    is what PyTorch's networks mostly mean: half the kernel's reach on every side, at any stride.

    >>> resolve_padding("symmetric", (224, 224), (3, 5), (2, 2))
    ((1, 1), (2, 2))
    """
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "symmetric":
        rows, columns = (
            (taps - 1) // 2 * dilation for taps, dilation in zip(kernel, dilations, strict=True)
        )
        return (rows, rows), (columns, columns)
    if padding == "same":
        height, width = (
            same_padding(*axis) for axis in zip(sizes, kernel, strides, dilations, strict=True)
        )
        return height, width
    (top, bottom), (left, right) = padding
    return (top, bottom), (left, right)


@cache
def output_sizes(
    padding: Any, sizes: Pair, kernel: Pair, strides: Pair, dilations: Pair = (1, 1)
) -> Pair:
    """Height and width after a windowed operator. Raises MixnetError if no window fits."""
    paddings = resolve_padding(padding, sizes, kernel, strides, dilations)
    height, width = (
        (size + sum(pads) - (taps - 1) * dilation - 1) // stride + 1
        for size, pads, taps, stride, dilation in zip(
            sizes, paddings, kernel, strides, dilations, strict=True
        )
    )
    if height < 1 or width < 1:
        raise MixnetError(
            f"a {kernel[0]}x{kernel[1]} window does not fit a {sizes[0]}x{sizes[1]} map",
            "choose a larger resolution or padding",
        )
    return height, width
