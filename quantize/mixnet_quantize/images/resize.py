"""Resizing as TensorFlow 1 does it, whose networks were trained and judged on such images.

``tf.image.resize`` there neither looks at more than two pixels along an axis, however much smaller
the image becomes, nor aligns pixel centres: output i stands at i times the scale. Hence none of
Pillow's filters gives the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def resize_tensorflow(pixels: Array, size: tuple[int, int], interpolation: str) -> Array:
    """Resize (h, w, channels) to ``size`` (height, width), as float32.

    The same as ``tf.compat.v1.image.resize`` with its defaults.
    """
    resampled = np.asarray(pixels, np.float32)
    for axis, length in enumerate(size):
        resampled = _METHODS[interpolation](resampled, axis, length)
    return resampled


def _places(have: int, want: int) -> Array:
    scale = np.float32(have / want)
    return np.arange(want, dtype=np.float32) * scale


def _bilinear(pixels: Array, axis: int, length: int) -> Array:
    have = pixels.shape[axis]
    places = _places(have, length)
    lower = np.floor(places).astype(int)
    upper = np.minimum(lower + 1, have - 1)
    shape = [1, 1, 1]
    shape[axis] = length
    share = (places - lower).astype(np.float32).reshape(shape)
    low, high = pixels.take(lower, axis), pixels.take(upper, axis)
    blended: Array = low + (high - low) * share
    return blended


def _nearest(pixels: Array, axis: int, length: int) -> Array:
    have = pixels.shape[axis]
    lower = np.floor(_places(have, length)).astype(int)
    taken: Array = pixels.take(np.minimum(lower, have - 1), axis)
    return taken


_METHODS: Mapping[str, Callable[[Array, int, int], Array]] = {
    "bilinear": _bilinear,
    "nearest": _nearest,
}
