import hashlib

import numpy as np
import pytest

from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.picture import PICTURE_SIZE, normalise, picture, picture_input


def test_the_picture_is_the_one_every_result_was_made_with() -> None:
    pixels = picture()

    assert pixels.shape == (PICTURE_SIZE, PICTURE_SIZE, 3)
    assert pixels.dtype == np.uint8
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == (
        "7b182bb5b6e78314da4fa7cf955ce21fcdd73523dcb1abaa8848eed0e0703cd9"
    )


@pytest.mark.parametrize("resolution", [1, 33, 448])
def test_the_picture_comes_in_any_size(resolution: int) -> None:
    assert picture(resolution).shape == (resolution, resolution, 3)


def test_pixels_are_normalised_channel_by_channel() -> None:
    preprocessing = Preprocessing(mean=(10, 20, 30), std=(1, 2, 5))

    normal = normalise(np.array([[10, 24, 255]], np.uint8), preprocessing)

    assert normal.dtype == np.float32
    assert normal.tolist() == [[0, 2, 45]]


def test_the_default_maps_pixels_to_minus_one_and_one() -> None:
    assert normalise(np.array([0, 255, 255], np.uint8), Preprocessing()).tolist() == [-1, 1, 1]


def test_no_two_images_of_a_batch_are_equal() -> None:
    batch = picture_input(224, Preprocessing(), batch=14)

    assert batch.shape == (14, 224, 224, 3)
    assert len({image.tobytes() for image in batch}) == 14
    np.testing.assert_array_equal(batch[0], picture_input(224, Preprocessing())[0])
