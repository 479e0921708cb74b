"""The authors' preprocessing against TensorFlow's own resizing, on whole images and cut ones."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_quantize.images import decode, fit
from mixnet_quantize.images.resize import resize_tensorflow

SIZES = [(480, 640), (97, 301), (224, 224), (256, 259), (33, 20)]
METHODS = {
    "bilinear": tf.compat.v1.image.ResizeMethod.BILINEAR,
    "nearest": tf.compat.v1.image.ResizeMethod.NEAREST_NEIGHBOR,
}


def noise(size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(size[0]).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", METHODS)
def test_resizing_is_tensorflow_s(size: tuple[int, int], interpolation: str) -> None:
    pixels = noise(size)
    expected = tf.compat.v1.image.resize(pixels[None], (224, 224), METHODS[interpolation])[0]
    found = resize_tensorflow(pixels, (224, 224), interpolation)

    np.testing.assert_allclose(found, np.asarray(expected, np.float32), atol=2e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resolution", [224, 160])
def test_an_image_is_cut_and_resized_as_the_authors_do(
    size: tuple[int, int], resolution: int, tmp_path: Path
) -> None:
    """Their steps in TensorFlow: the middle 7/8 of the shorter side, offsets rounded up."""
    pixels = noise(size)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    side = int(tf.cast(224 / (224 + 32) * tf.cast(min(size), tf.float32), tf.int32))
    top, left = ((each - side + 1) // 2 for each in size)
    cut = tf.image.crop_to_bounding_box(pixels, top, left, side, side)
    expected = tf.compat.v1.image.resize(cut[None], (resolution, resolution))[0]

    found = fit(decode(tmp_path / "noise.png"), resolution, load_preprocessing("authors"))

    np.testing.assert_allclose(found, np.asarray(expected, np.float32), atol=2e-4)
