"""A model file shown images: what it takes them for, by its own preprocessing and labels.

A first look, not a measurement: it judges nothing and counts no accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixnet_bench.results.small import ClassifyResult, GuessResult
from mixnet_common import MixnetError
from mixnet_common.console import warn
from mixnet_common.readers import is_file, read_json
from mixnet_export.metadata import ModelMetadata, read_metadata
from mixnet_export.metadata.card import preprocessing_of
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.preprocessing import for_channels, load_preprocessing
from mixnet_networks.labels import Labels, load_labels
from mixnet_quantize.images import load_image
from mixnet_quantize.parity.image_model import ImageModel
from mixnet_runtimes import AS_IT_IS, Selection, open_session
from mixnet_runtimes.model_files import identity_of
from mixnet_runtimes.probing import Use, check_runs

ASSUMED = "timm"
"""The preprocessing taken where nothing says which: most people's evaluation of ImageNet."""


@dataclass(frozen=True)
class Guess:
    """One class that an image is taken for."""

    number: int
    label: str | None
    score: float
    """The softmax of the logits, 0 to 1."""


@dataclass(frozen=True)
class Known:
    """How images are to be prepared and classes to be called, and who says so."""

    preprocessing: Preprocessing
    preprocessing_from: str
    labels: Labels
    labels_from: str | None


class Classifier:
    """An opened file with what it takes to use it. Raises MixnetError where it is no classifier."""

    def __init__(
        self,
        path: Path,
        preprocessing: str | None = None,
        labels: str | None = None,
        selection: Selection = AS_IT_IS,
    ) -> None:
        check_runs([Use(path, selection=selection)])
        self.model = ImageModel(open_session(path, selection=selection))
        self.session = self.model.session
        self.known = find_known(
            path, self.model.channels, self.model.classes, preprocessing, labels
        )

    def classify(self, image: Path, top: int) -> list[Guess]:
        """The most likely classes, the first before the others.

        Raises MixnetError, naming the image, where it cannot be read.
        """
        pixels = load_image(image, self.model.resolution, self.known.preprocessing)
        return best(softmax(self.model.logits(pixels[None])[0]), self.known.labels, top)


def find_known(
    path: Path, channels: int, classes: int, preprocessing: str | None, labels: str | None
) -> Known:
    """What the options name, else what the file says, else the file beside it, else a guess."""
    found, source = find_preprocessing(path, channels, preprocessing)
    if labels is not None:
        names: tuple[Labels, str | None] = load_labels(labels, classes), labels
    else:
        names = _fitting(metadata_of_file(path), classes)
    return Known(found, source, *names)


def find_preprocessing(
    path: Path, channels: int, option: str | None = None
) -> tuple[Preprocessing, str]:
    """How images are prepared for a file, and who says so: the option, the file, or a guess."""
    if option is not None:
        return for_channels(load_preprocessing(option), channels), option
    for name, card in metadata_of_file(path).items():
        if card.preprocessing:
            return for_channels(card.preprocessing, channels), name
    warn(f"{path} does not say how images are prepared; they are as for {ASSUMED}'s networks")
    return for_channels(load_preprocessing(ASSUMED), channels), "assumed"


def metadata_of_file(path: Path) -> dict[str, ModelMetadata]:
    """What the file says of itself, and what the file beside it says, by their names."""
    return {path.name: read_metadata(path), f"{path.name}.json": side_metadata(path)}


def _fitting(cards: Mapping[str, ModelMetadata], classes: int) -> tuple[Labels, str | None]:
    """The first card's labels that are as many as the classes."""
    for name, card in cards.items():
        if len(card.labels) == classes:
            return card.labels, name
        if card.labels:
            warn(f"{name} has {len(card.labels)} labels for {classes} classes; they are left out")
    return (), None


def side_metadata(path: Path) -> ModelMetadata:
    """The card in the provenance beside a file; empty where there is none of this very file."""
    side = path.with_name(f"{path.name}.json")
    if not is_file(side):
        return ModelMetadata()
    try:
        found = read_json(side)
        if found["sha256"] != identity_of(path).sha256:
            warn(f"{side} is of another file than {path}; it is left out")
            return ModelMetadata()
        labels = tuple(str(label) for label in found.get("labels") or ())
        return ModelMetadata(
            preprocessing=preprocessing_of(found["preprocessing"], str(side)), labels=labels
        )
    except (MixnetError, KeyError, TypeError, AttributeError):
        warn(f"{side} is not valid provenance; it is left out")
        return ModelMetadata()


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities; values that are some already stay.

    >>> softmax(np.array([0.0, 0.0])).tolist(), softmax(np.array([0.25, 0.75])).tolist()
    ([0.5, 0.5], [0.25, 0.75])
    """
    if logits.min() >= 0 and abs(logits.sum() - 1) < 0.01:
        return logits
    powers = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def best(scores: NDArray[np.float64], labels: Sequence[str], top: int) -> list[Guess]:
    """The highest scores; of equal ones the lower class first."""
    order = np.argsort(-scores, kind="stable")[:top]
    return [
        Guess(int(index), labels[index] if labels else None, float(scores[index]))
        for index in order
    ]


def describe_classification(
    path: Path, image: Path, classifier: Classifier, guesses: Sequence[Guess]
) -> ClassifyResult:
    """The record of one image; docs/json.md explains every key."""
    session, known = classifier.session, classifier.known
    return ClassifyResult(
        name=path.name,
        image=str(image),
        runtime=session.runtime,
        runtime_version=session.version,
        shapes={each.name: tuple(each.shape) for each in session.inputs},
        signature=session.signature,
        preprocessing_from=known.preprocessing_from,
        labels_from=known.labels_from,
        top=tuple(
            GuessResult(number=guess.number, label=guess.label, score=guess.score)
            for guess in guesses
        ),
    )
