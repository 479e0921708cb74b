"""Preprocessing by name and by file."""

from pathlib import Path

import pytest

from mixnet_common import UsageError
from mixnet_networks import load_network
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import (
    for_channels,
    load_preprocessing,
    on_pixels,
    preprocessing_names,
)


def test_the_authors_and_timm_differ_in_how_they_crop_and_resize() -> None:
    authors, timm = (load_preprocessing(name) for name in ("authors", "timm"))

    assert preprocessing_names() == ("authors", "timm", "whole")
    assert (authors.mean, authors.std, authors.crop) == (timm.mean, timm.std, timm.crop)
    assert (authors.order, timm.order) == ("crop-resize", "resize-crop")
    assert (authors.interpolation, timm.interpolation) == ("bilinear", "bicubic")
    assert (authors.sampler, timm.sampler) == ("tensorflow", "pillow")


@pytest.mark.parametrize("name", ["mixnet-s", "mixnet-m", "mixnet-l"])
def test_mixnet_is_prepared_as_timm_does(name: str) -> None:
    assert load_network(name).preprocessing == load_preprocessing("timm")


def test_a_file_has_the_keys_of_a_network_s_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('mean = [1, 2, 3]\nstd = [4, 5, 6]\ncrop = 1\ninterpolation = "nearest"\n')

    assert load_preprocessing(str(path)) == Preprocessing((1, 2, 3), (4, 5, 6), 1, "nearest")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean = [1, 2]", "'mean' must be"),
        ("std = [0, 1, 1]", "'std' must be"),
        ("mean = [1]", "of equal length"),
        ('order = "crop"', "'order' must be one of resize-crop, crop-resize"),
        ('sampler = "tensorflow"', "bilinear or nearest, not bicubic"),
        ("means = [1, 2, 3]", "unknown key 'means'"),
        ("mean = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load_preprocessing(str(path))
    assert str(path) in caught.value.message


@pytest.mark.parametrize(("name", "word"), [("tim", "did you mean timm"), ("no.toml", "authors")])
def test_what_is_not_there_is_answered_with_what_is(name: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_preprocessing(name)
    assert word in caught.value.hint


def test_grey_images_take_the_mean_of_the_channels() -> None:
    colour = Preprocessing(mean=(10, 20, 30), std=(1, 2, 6))

    grey = for_channels(colour, 1)
    assert (grey.mean, grey.std) == ((20,), (3,))
    assert for_channels(grey, 3).mean == (20, 20, 20)
    assert for_channels(colour, 3) is colour


def test_of_a_network_that_normalises_only_cropping_is_left() -> None:
    left = on_pixels(load_preprocessing("authors"))

    assert (left.mean, left.std) == ((0, 0, 0), (1, 1, 1))
    assert (left.order, left.sampler) == ("crop-resize", "tensorflow")
