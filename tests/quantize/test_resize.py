"""Resizing as in TensorFlow 1, on examples worked by hand; a peer's test holds it to TensorFlow."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_quantize.images import decode, fit
from mixnet_quantize.images.resize import resize_tensorflow


def column(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(values).reshape(-1, 1, 1)


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [("bilinear", [0, 5, 10, 15, 20, 20]), ("nearest", [0, 0, 10, 10, 20, 20])],
)
def test_enlarging_stands_at_i_times_the_scale_and_holds_the_last_pixel(
    interpolation: str, expected: list[float]
) -> None:
    resized = resize_tensorflow(column(0, 10, 20), (6, 1), interpolation)

    np.testing.assert_array_equal(resized[:, 0, 0], expected)


def test_making_smaller_looks_at_no_more_than_the_nearest() -> None:
    """Pillow would average all four; here every second pixel is never looked at."""
    np.testing.assert_array_equal(
        resize_tensorflow(column(0, 100, 8, 100), (2, 1), "bilinear")[:, 0, 0], [0, 8]
    )
    np.testing.assert_array_equal(
        resize_tensorflow(column(0, 30, 60, 90, 120), (2, 1), "bilinear")[:, 0, 0], [0, 75]
    )


def test_the_same_size_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3))

    np.testing.assert_array_equal(resize_tensorflow(pixels, (7, 9), "bilinear"), pixels)


def test_the_authors_cut_first_and_then_resize(tmp_path: Path) -> None:
    """Of 512 x 300 pixels the middle 262 (7/8 of 300, cut off) from row 19 and column 125."""
    pixels = np.zeros((300, 512, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(300)[:, None] // 2, np.arange(512)[None] // 4
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = fit(decode(tmp_path / "a.png"), 224, load_preprocessing("authors"))

    assert found.shape == (224, 224, 3)
    middle = pixels[19 : 19 + 262, 125 : 125 + 262]
    np.testing.assert_array_equal(found, resize_tensorflow(middle, (224, 224), "bilinear"))


@pytest.mark.parametrize("name", ["authors", "timm"])
@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (640, 480)])
def test_any_image_fits_by_either_way(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("RGB", size, (9, 90, 200)).save(tmp_path / "a.png")
    found = fit(decode(tmp_path / "a.png"), 160, load_preprocessing(name))

    assert found.shape == (160, 160, 3)
    np.testing.assert_array_equal(found, np.broadcast_to([9, 90, 200], found.shape))


def test_grey_images_keep_one_channel(tmp_path: Path) -> None:
    Image.new("L", (40, 30), 77).save(tmp_path / "a.png")
    for name in ("authors", "timm"):
        found = fit(decode(tmp_path / "a.png", 1), 20, load_preprocessing(name))
        assert found.shape == (20, 20, 1)
        assert set(np.unique(found)) == {77}
