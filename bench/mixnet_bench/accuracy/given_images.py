"""An image as one input of a file, preprocessed according to the file.

Inputs that are not images are refused. Nothing is classified here.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_export.metadata.preparing import find_preprocessing
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.picture import normalise
from mixnet_quantize.images import decode, fit, stretch
from mixnet_quantize.parity.image_model import LAYOUTS
from mixnet_runtimes import TensorInfo
from mixnet_runtimes.quantized import to_stored


def read_image(model: Path, image: Path, info: TensorInfo) -> NDArray[Any]:
    """The image as the input ``info`` of ``model``, once for every image of a batch.

    Raises UsageError for an input that is not an image, MixnetError for a picture that cannot be
    read.
    """
    layout, (batch, height, width, channels) = _image_sizes(image, info)
    preprocessing, _ = find_preprocessing(model, channels)
    pixels = _pixels(image, height, width, channels, preprocessing)
    is_raw = np.dtype(info.dtype).kind in "iu" and not info.scale
    values = pixels if is_raw else normalise(pixels, preprocessing)
    stacked = np.repeat(values[None], batch, axis=0).transpose(LAYOUTS[layout])
    return to_stored(stacked, info)


def _image_sizes(image: Path, info: TensorInfo) -> tuple[str, tuple[int, ...]]:
    if len(info.shape) == 4:
        for layout, axes in LAYOUTS.items():
            sizes = tuple(info.shape[axes.index(axis)] for axis in range(4))
            if sizes[3] in (1, 3):
                return layout, sizes
    raise UsageError(
        f"--input {info.name}={show(image)}: the input is {list(info.shape)}, which is not a"
        " picture "
        "of 1 or 3 channels",
        f"give --input {info.name}=FILE.npy",
    )


def _pixels(
    image: Path, height: int, width: int, channels: int, preprocessing: Preprocessing
) -> NDArray[Any]:
    """From 0 to 255, (height, width, channels): cropped to a square, else stretched."""
    decoded = decode(image, channels)
    if height == width:
        return fit(decoded, height, preprocessing)
    return stretch(decoded, height, width, preprocessing)
