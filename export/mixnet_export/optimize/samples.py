"""Inputs to compare two files on: a picture, noise, hard edges and a constant, for any input."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_networks.images.picture import picture
from mixnet_runtimes.element_types import TEXT
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.quantized import to_stored
from mixnet_runtimes.session import TensorInfo

Array = NDArray[Any]

SEED = 17
EDGE = 5
"""Width of the stripes in pixels; no tile's."""

CHANNELS = (1, 3)
"""Channels of an input that may be an image."""


def sample(kind: str, info: TensorInfo) -> Array:
    """Values of one of ``KINDS`` for an input. Raises MixnetError for texts."""
    if info.dtype == TEXT:
        raise MixnetError(
            f"input {info.name} takes text, for which no values can be generated",
            "a file with such an input cannot be verified, so it is not optimized",
        )
    dtype = np.dtype(info.dtype)
    is_real = dtype.kind == "f" or info.scale
    if not is_real:
        return seeded_input(info.shape, info.dtype, np.random.default_rng(SEED))
    values = KINDS[kind](info.shape)
    return to_stored(values, info) if info.scale else np.ascontiguousarray(values, dtype)


def _picture(shape: tuple[int, ...]) -> Array:
    """The picture where the shape is one's, NHWC or NCHW, else a wave; from -2 to 2."""
    if len(shape) == 4 and min(shape) > 0:
        if shape[3] in CHANNELS:
            return _resized(shape[1], shape[2], shape[3], shape[0])
        if shape[1] in CHANNELS:
            return _resized(shape[2], shape[3], shape[1], shape[0]).transpose(0, 3, 1, 2)
    count = int(np.prod(shape, dtype=np.int64))
    wave: Array = 2 * np.sin(0.1 * np.arange(count) ** 1.1)
    return wave.reshape(shape)


def _resized(height: int, width: int, channels: int, batch: int) -> Array:
    pixels = picture(channels=channels).astype(np.float64) / 63.75 - 2
    rows = np.arange(height) * len(pixels) // height
    columns = np.arange(width) * len(pixels) // width
    return np.stack([np.roll(pixels[rows][:, columns], 16 * n, axis=1) for n in range(batch)])


def _noise(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(SEED).standard_normal(shape)


def _edges(shape: tuple[int, ...]) -> Array:
    """Stripes along every axis, between -2 and 2."""
    total = sum((index // EDGE for index in np.indices(shape)), np.zeros(shape, np.int64))
    return np.where(total % 2, 2.0, -2.0)


def _constant(shape: tuple[int, ...]) -> Array:
    return np.full(shape, 0.5)


KINDS: Mapping[str, Callable[[tuple[int, ...]], Array]] = {
    "picture": _picture,
    "noise": _noise,
    "edges": _edges,
    "constant": _constant,
}
