"""The preprocessing of a model file of any origin: from the file, or the ``.json`` beside it."""

from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.console import warn
from mixnet_common.readers import is_file, read_json
from mixnet_export.metadata.card import ModelMetadata, preprocessing_of
from mixnet_export.metadata.files import read_metadata
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import for_channels, load_preprocessing
from mixnet_runtimes.model_files import identity_of

ASSUMED = "timm"
"""The assumed preprocessing without metadata: the usual evaluation of ImageNet."""


def find_preprocessing(
    path: Path, channels: int, option: str | None = None
) -> tuple[Preprocessing, str]:
    """The preprocessing of a file, and where it was read: the option, the file, or a guess."""
    if option is not None:
        return for_channels(load_preprocessing(option), channels), option
    for name, card in metadata_of_file(path).items():
        if card.preprocessing:
            return for_channels(card.preprocessing, channels), name
    warn(f"{path} has no preprocessing metadata; the preprocessing of {ASSUMED} is used")
    return for_channels(load_preprocessing(ASSUMED), channels), "assumed"


def metadata_of_file(path: Path) -> dict[str, ModelMetadata]:
    """The metadata of the file, and of the file beside it, by their names."""
    return {path.name: read_metadata(path), f"{path.name}.json": side_metadata(path)}


def side_metadata(path: Path) -> ModelMetadata:
    """The metadata in the provenance beside a file; empty if there is none for this file."""
    side = path.with_name(f"{path.name}.json")
    if not is_file(side):
        return ModelMetadata()
    try:
        found = read_json(side)
        if found["sha256"] != identity_of(path).sha256:
            warn(f"{side} belongs to another file than {path}; it is not used")
            return ModelMetadata()
        if "optimized_from" in found:  # optimize leaves the metadata to the file itself
            return ModelMetadata()
        labels = tuple(str(label) for label in found.get("labels") or ())
        return ModelMetadata(
            preprocessing=preprocessing_of(found["preprocessing"], str(side)), labels=labels
        )
    except (MixnetError, KeyError, TypeError, AttributeError):
        warn(f"{side} is not valid provenance; it is not used")
        return ModelMetadata()
