"""Resizing as in TensorFlow 1, with which the authors' networks were trained and evaluated.

``tf.image.resize`` there uses at most two pixels along an axis, however much smaller the image
becomes, and does not align pixel centres: output i is at i times the scale. None of Pillow's
filters gives the same result.
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
