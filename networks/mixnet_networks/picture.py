"""The picture that ships with the package, and pixels turned into a network's input.

``astronaut.png`` is Eileen Collins, NASA, public domain, as distributed with scikit-image
(``skimage.data.astronaut``), reduced to 224 x 224. It sets batch-norm statistics and verifies
exports; it is no calibration and no test set.
"""

from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.architecture import Preprocessing

PICTURE_SIZE = 224


def picture(resolution: int = PICTURE_SIZE) -> NDArray[np.uint8]:
    """The picture's pixels, (resolution, resolution, 3); resized unless at its own 224."""
    from PIL import Image

    file = resources.files("mixnet_networks").joinpath("astronaut.png")
    with file.open("rb") as stream, Image.open(stream) as image:
        pixels = image.convert("RGB")
    if resolution != PICTURE_SIZE:
        pixels = pixels.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.array(pixels)


def normalise(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Pixels (…, 3) from 0 to 255 as the network takes them: (pixel - mean) / std."""
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    scaled: NDArray[Any] = (pixels.astype(np.float64) - mean) / std
    return scaled.astype(np.float32)


def picture_input(
    resolution: int, preprocessing: Preprocessing, batch: int = 1
) -> NDArray[np.float32]:
    """The picture as an input (batch, resolution, resolution, 3).

    Every further image of a batch is the one before it shifted sideways, so that no two are equal.
    """
    pixels = picture(resolution)
    shifted = [np.roll(pixels, 16 * index, axis=1) for index in range(batch)]
    return normalise(np.stack(shifted), preprocessing)
