"""The metadata of a model: its name, preprocessing and labels, and their form as text in a file."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.readers import parse_json
from mixnet_networks.architecture import Preprocessing, read_preprocessing
from mixnet_networks.labels import Labels

PREPROCESSING_KEY = "mixnet.preprocessing"
"""Metadata of either format: a JSON object with the keys of a network's ``[preprocessing]``."""

LABELS_KEY = "mixnet.labels"
"""Metadata of an ``.onnx`` file: the labels, one per line."""


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata that an application needs to run a model and to read its outputs."""

    name: str = ""
    description: str = ""
    preprocessing: Preprocessing | None = None
    """The preprocessing of images for the file; None if a file does not have it."""
    labels: Labels = ()
    """A name for each logit; empty if a file has none."""
    fp16: bool = False
    """Whether the file lets XNNPACK compute it in float16 (TFLite)."""


def preprocessing_text(preprocessing: Preprocessing) -> str:
    """A preprocessing as JSON."""
    return json.dumps(asdict(preprocessing))


def preprocessing_of(value: Any, where: str) -> Preprocessing:
    """The preprocessing in a JSON text or in an object read from one.

    Raises MixnetError if it is none.
    """
    try:
        table = parse_json(value, PREPROCESSING_KEY) if isinstance(value, str) else value
        return read_preprocessing(table, PREPROCESSING_KEY)
    except UsageError as error:
        raise MixnetError(
            f"{where}: its preprocessing cannot be read: {error.message}",
            "export the file again, or set the preprocessing with --preprocessing",
        ) from error
