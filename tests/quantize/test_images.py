"""From files to inputs: which files, in which order, how cropped, what is broken."""

import io
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mixnet_common import MixnetError, UsageError
from mixnet_networks.architecture import Preprocessing
from mixnet_quantize.images import (
    SUFFIXES,
    batches,
    decode,
    image_files,
    load_image,
    load_images,
    spread,
)

RAW = Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), crop=1.0, interpolation="nearest")
"""Pixels as they are."""

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves pixels as a PNG, or as the suffix says."""

    def to_file(pixels: object, name: str = "image.png") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
        return path

    return to_file


def gradient(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red tells the row, green the column."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(height)[:, None], np.arange(width)[None]
    return pixels


# Which files


def test_images_are_found_in_folders_within_folders_in_the_order_of_their_names(
    save: Save, tmp_path: Path
) -> None:
    for name in ("b/2.png", "a/9.JPG", "c.webp", "b/1.bmp"):
        save(gradient(8, 8), name)
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    found = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]

    assert found == ["a/9.JPG", "b/1.bmp", "b/2.png", "c.webp"]


def test_a_missing_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*none"):
        image_files(tmp_path / "none")


def test_a_file_in_the_place_of_the_folder_is_wrong_use(save: Save) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*image\.png"):
        image_files(save(gradient(8, 8)))


def test_a_folder_without_images_says_which_suffixes_count(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image in") as caught:
        image_files(tmp_path)
    assert all(suffix in caught.value.hint for suffix in SUFFIXES)


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_spread_is_even_ordered_and_never_longer_than_asked(count: int, most: int) -> None:
    files = [Path(f"{index:03}") for index in range(count)]
    chosen = spread(files, most)

    assert len(chosen) == min(count, most)
    assert list(chosen) == sorted(set(chosen))
    gaps = np.diff([int(path.name) for path in chosen])
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


# Resizing and cropping


@pytest.mark.parametrize("size", [(20, 20), (20, 30), (30, 20), (21, 20), (20, 27)])
def test_the_middle_is_cropped(save: Save, size: tuple[int, int]) -> None:
    """The shorter side is 20 and stays 20; of the longer one equally much goes on both sides.

    Halves are rounded to even, as torchvision rounds them.
    """
    image = load_image(save(gradient(*size)), 20, RAW)
    top, left = round((size[0] - 20) / 2), round((size[1] - 20) / 2)

    np.testing.assert_array_equal(
        image[..., 0], np.broadcast_to(np.arange(20)[:, None] + top, (20, 20))
    )
    np.testing.assert_array_equal(
        image[..., 1], np.broadcast_to(np.arange(20)[None] + left, (20, 20))
    )


def test_the_crop_keeps_its_fraction_of_the_shorter_side(save: Save) -> None:
    """224 of 256 pixels: 16 go on each side, as everyone evaluates ImageNet."""
    preprocessing = Preprocessing(RAW.mean, RAW.std, crop=0.875, interpolation="nearest")
    image = load_image(save(np.clip(gradient(256, 256), 0, 255)), 224, preprocessing)

    assert image.shape == (224, 224, 3)
    assert (image[0, 0, 0], image[-1, -1, 1]) == (16, 239)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (7, 11), (640, 480)])
@pytest.mark.parametrize("resolution", [1, 8, 33])
def test_any_size_is_brought_to_the_resolution(
    save: Save, size: tuple[int, int], resolution: int
) -> None:
    image = load_image(save(np.full((*size, 3), 200)), resolution, Preprocessing())

    assert image.shape == (resolution, resolution, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, (200 - 127.5) / 127.5, atol=1e-6)


def test_enlarging_keeps_the_proportions(save: Save) -> None:
    """Left half 0, right half 200: in the enlarged middle the border is in the middle too."""
    pixels = np.zeros((4, 8, 3))
    pixels[:, 4:] = 200
    image = load_image(save(pixels), 16, RAW)

    assert set(np.unique(image[:, :8])) == {0}
    assert set(np.unique(image[:, 8:])) == {200}


def test_pixels_are_normalised_channel_by_channel(save: Save) -> None:
    preprocessing = Preprocessing((10.0, 20.0, 30.0), (1.0, 2.0, 4.0), 1.0, "nearest")
    image = load_image(save(np.full((5, 5, 3), 40)), 5, preprocessing)

    np.testing.assert_allclose(image[2, 2], [30, 10, 2.5])


@pytest.mark.parametrize("name", ["grey.png", "palette.gif", "alpha.png", "cmyk.jpg"])
def test_every_kind_of_picture_becomes_red_green_and_blue(name: str, tmp_path: Path) -> None:
    modes = {"grey": "L", "palette": "P", "alpha": "RGBA", "cmyk": "CMYK"}
    path = tmp_path / name
    grey = Image.new("RGB", (12, 12), (90, 90, 90))
    grey.convert(modes[path.stem], palette=Image.Palette.ADAPTIVE).save(path)

    np.testing.assert_allclose(load_image(path, 12, RAW), 90, atol=2)


# Broken ones


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_grey_pixels_of_16_bits_keep_their_upper_half(suffix: str, tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(ramp).save(tmp_path / f"deep.{suffix}")
    found = load_image(tmp_path / f"deep.{suffix}", 16, RAW)

    np.testing.assert_array_equal(found[..., 0], ramp // 257)


def test_pixels_whose_white_is_unknown_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((16, 16), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(MixnetError, match=r"float\.tiff.*no known value of white"):
        load_image(tmp_path / "float.tiff", 16, RAW)


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0\x00\x10JFIF"],
)
def test_what_is_no_picture_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)

    with pytest.raises(MixnetError, match=r"cannot read the image .*broken\.png"):
        load_image(path, 8, RAW)


def test_a_picture_cut_off_is_named(save: Save) -> None:
    random = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    path = save(random)
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(MixnetError, match=r"cannot read the image .*image\.png"):
        load_image(path, 8, RAW)


def outcome(path: Path) -> str:
    """The mode of what was read, or the name that the error gives."""
    try:
        return str(decode(path).mode)
    except MixnetError as error:
        return f"named {path}" if str(path) in error.message else error.message


FORMATS: dict[str, dict[str, object]] = {
    "png": {},
    "jpeg": {"progressive": True},
    "webp": {},
    "gif": {},
    "tiff": {"compression": "tiff_lzw"},
    "bmp": {},
}


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_picture_is_read_or_named(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    """Bytes are changed, mostly in the headers, and some files are cut off."""
    file = io.BytesIO()
    Image.fromarray(gradient(12, 10)).save(file, kind, **FORMATS[kind])
    content = bytearray(file.getvalue())
    places = st.one_of(st.integers(0, min(120, len(content) - 1)), st.integers(0, len(content) - 1))
    for at in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(content[: data.draw(st.integers(0, 2 * len(content)))])

    assert outcome(path) in ("RGB", f"named {path}")


@pytest.mark.parametrize(
    "error",
    [struct.error("unpack requires 4 bytes"), EOFError(), IndexError("list"), ZeroDivisionError(),
     KeyError(7), OverflowError(), AssertionError(), TypeError(), AttributeError(), MemoryError(),
     SyntaxError("broken PNG file"), ValueError(), OSError()],
)  # fmt: skip
def test_whatever_pillow_raises_names_the_picture(
    error: Exception, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "convert", fail)

    with pytest.raises(MixnetError, match=r"cannot read the image .*image\.png: \S"):
        decode(save(gradient(8, 8)))


def test_a_thread_of_a_picture_is_refused_instead_of_filling_the_memory(tmp_path: Path) -> None:
    """Its shorter side enlarged to 256, its longer one would have 15 million pixels."""
    path = tmp_path / "thread.png"
    Image.new("L", (60_000, 1)).save(path)

    with pytest.raises(MixnetError, match=r"cannot read the image .*thread\.png: .*60000"):
        load_image(path, 224, Preprocessing())


def test_a_picture_that_would_fill_the_memory_is_refused(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(gradient(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    with pytest.raises(MixnetError, match=r"cannot read the image .*image\.png"):
        load_image(path, 8, RAW)


def test_a_small_file_of_very_many_pixels_is_refused_before_they_are_decoded(
    tmp_path: Path,
) -> None:
    """Its header says 20,000x20,000; Pillow's own bound is twice that of a photo."""
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 8_000)).save(path)
    assert path.stat().st_size < 100_000

    with pytest.raises(MixnetError, match=r"bomb\.png: .*160,000,000 pixels, and the limit is"):
        load_image(path, 8, RAW)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("fifo.png", "zero.png"):
        with pytest.raises(MixnetError, match=rf"cannot read .*{name}: it is not a regular file"):
            load_image(tmp_path / name, 8, RAW)


def test_broken_pictures_are_named_in_warnings_and_left_out(
    save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [save(gradient(8, 8), "a.png"), save(gradient(8, 8), "c.png")]
    broken = tmp_path / "b.png"
    broken.write_bytes(b"no picture")
    images = list(load_images([good[0], broken, good[1]], 8, RAW))

    assert len(images) == 2
    assert "b.png" in capsys.readouterr().err


def test_nothing_but_broken_pictures_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_bytes(b"no picture")

    with pytest.raises(MixnetError, match="none of the 2 images"):
        list(load_images(paths, 8, RAW))
    assert capsys.readouterr().err.count("warning") == 2


def test_one_picture_is_read_at_a_time(save: Save) -> None:
    """Nothing of the second is touched before it is asked for."""
    first, second = save(gradient(8, 8), "a.png"), save(gradient(8, 8), "b.png")
    images = load_images([first, second], 8, RAW)
    next(images)
    second.unlink()

    assert list(images) == []


# Batches


def numbered(count: int) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return (np.full((2, 2, 3), index, np.float32) for index in range(count))


def test_the_last_batch_is_filled_up_with_its_last_image() -> None:
    made = list(batches(numbered(5), 2))

    assert [batch.shape for batch in made] == [(2, 2, 2, 3)] * 3
    assert [batch[:, 0, 0, 0].tolist() for batch in made] == [[0, 1], [2, 3], [4, 4]]


def test_whole_batches_need_no_filling_and_no_images_give_no_batch() -> None:
    assert [batch[:, 0, 0, 0].tolist() for batch in batches(numbered(4), 2)] == [[0, 1], [2, 3]]
    assert list(batches(numbered(0), 2)) == []
