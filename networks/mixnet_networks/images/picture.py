"""The sample image of the package, and the conversion of pixels to a network's input.

``astronaut.png`` is Eileen Collins, NASA, public domain, as distributed with scikit-image
(``skimage.data.astronaut``), reduced to 224 x 224. It sets batch-norm statistics and verifies
exports; it is neither a calibration set nor a test set.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.architecture import Preprocessing

PICTURE_SIZE = 224

MODES: Mapping[int, str] = {1: "L", 3: "RGB"}
"""Pillow's name of an image with this number of channels."""


def picture(resolution: int = PICTURE_SIZE, channels: int = 3) -> NDArray[np.uint8]:
    """The picture's pixels, (resolution, resolution, channels); resized unless at its own 224."""
    from PIL import Image

    file = resources.files("mixnet_networks.images").joinpath("astronaut.png")
    with file.open("rb") as stream, Image.open(stream) as image:
        pixels = image.convert(MODES[channels])
    if resolution != PICTURE_SIZE:
        pixels = pixels.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.array(pixels).reshape(resolution, resolution, channels)


def normalise(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Pixels (…, channels) from 0 to 255 as the network's input: (pixel - mean) / std."""
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    scaled: NDArray[Any] = (pixels.astype(np.float64) - mean) / std
    return scaled.astype(np.float32)


def picture_input(
    resolution: int, preprocessing: Preprocessing, batch: int = 1
) -> NDArray[np.float32]:
    """The picture as an input (batch, resolution, resolution, channels).

    It has as many channels as the preprocessing has means: 3, or 1 for a grey picture. Every
    further image of a batch is the one before it shifted sideways, so that no two are equal.
    """
    pixels = picture(resolution, len(preprocessing.mean))
    shifted = [np.roll(pixels, 16 * index, axis=1) for index in range(batch)]
    return normalise(np.stack(shifted), preprocessing)
