"""Classifies images with a model file, using its own preprocessing and labels.

For a first look: it does not measure accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixnet_bench.results.small import ClassifyResult, GuessResult
from mixnet_common.console import warn
from mixnet_export.metadata import ModelMetadata
from mixnet_export.metadata.preparing import find_preprocessing, metadata_of_file
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.labels import Labels, load_labels
from mixnet_quantize.images import load_image
from mixnet_quantize.parity.image_model import ImageModel
from mixnet_runtimes import AS_IT_IS, Selection, open_session
from mixnet_runtimes.probing import Use, check_runs


@dataclass(frozen=True)
class Guess:
    """One class that an image is taken for."""

    number: int
    label: str | None
    score: float
    """Its probability: the softmax of the outputs, 0 to 1."""
    output: float
    """The file's output for it: a logit, or a probability if it ends in a softmax."""


@dataclass(frozen=True)
class Known:
    """The preprocessing of images and the names of classes, and their sources."""

    preprocessing: Preprocessing
    preprocessing_from: str
    labels: Labels
    labels_from: str | None


class Classifier:
    """An opened file with its preprocessing and labels.

    Raises MixnetError if it is not a classifier.
    """

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
        return best(self.model.logits(pixels[None])[0], self.known.labels, top)


def find_known(
    path: Path, channels: int, classes: int, preprocessing: str | None, labels: str | None
) -> Known:
    """The value in the options, else in the file, else in the file beside it, else a guess."""
    found, source = find_preprocessing(path, channels, preprocessing)
    if labels is not None:
        names: tuple[Labels, str | None] = load_labels(labels, classes), labels
    else:
        names = _fitting(metadata_of_file(path), classes)
    return Known(found, source, *names)


def _fitting(cards: Mapping[str, ModelMetadata], classes: int) -> tuple[Labels, str | None]:
    """The first card's labels that are as many as the classes."""
    for name, card in cards.items():
        if len(card.labels) == classes:
            return card.labels, name
        if card.labels:
            warn(f"{name} has {len(card.labels)} labels for {classes} classes; they are not used")
    return (), None


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


def best(outputs: NDArray[np.float64], labels: Sequence[str], top: int) -> list[Guess]:
    """The classes of the highest outputs; of equal ones the lower class first."""
    probabilities = softmax(outputs)
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [
        Guess(
            int(index),
            labels[index] if labels else None,
            float(probabilities[index]),
            float(outputs[index]),
        )
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
            GuessResult(
                number=guess.number, label=guess.label, score=guess.score, output=guess.output
            )
            for guess in guesses
        ),
    )
