"""Preprocessing by name or file: from an image's pixels to a network's input.

The authors' and timm's are included as data. No image is read here.
"""

from dataclasses import replace
from importlib import resources
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import parse_toml, read_toml, show
from mixnet_networks.architecture import Preprocessing, read_preprocessing


def preprocessing_names() -> tuple[str, ...]:
    """Names of those that ship with the package."""
    files = resources.files("mixnet_networks").joinpath("preprocessings").iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def load_preprocessing(name_or_path: str) -> Preprocessing:
    """Read one by name, or a TOML file with the keys of a network's ``[preprocessing]``.

    Raises UsageError if there is none of that name, or anything in the file is wrong.
    """
    if name_or_path.endswith(".toml"):
        table = read_toml(Path(name_or_path), "give authors, timm or the path of a TOML file")
        return read_preprocessing(table, show(name_or_path))
    if name_or_path not in preprocessing_names():
        hint = nearest(name_or_path, preprocessing_names())
        raise UsageError(f"unknown preprocessing {name_or_path!r}", hint)
    name = f"{name_or_path}.toml"
    file = resources.files("mixnet_networks").joinpath("preprocessings", name)
    return read_preprocessing(parse_toml(file.read_text(encoding="utf-8"), name), name)


def on_pixels(preprocessing: Preprocessing) -> Preprocessing:
    """The same for a network that takes pixels from 0 to 255 and normalises them itself."""
    channels = len(preprocessing.mean)
    return replace(preprocessing, mean=(0.0,) * channels, std=(1.0,) * channels)


def for_channels(preprocessing: Preprocessing, channels: int) -> Preprocessing:
    """The same for images with the network's number of channels, 1 or 3.

    Grey images get the mean of the three channels' numbers, colour ones the grey one's thrice.
    """
    if channels == len(preprocessing.mean):
        return preprocessing
    mean, std = (
        (sum(each) / len(each),) * channels for each in (preprocessing.mean, preprocessing.std)
    )
    return replace(preprocessing, mean=mean, std=std)
