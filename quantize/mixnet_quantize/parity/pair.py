"""Two opened files that run on the same images, each with its own preprocessing.

Pairs that cannot be compared are refused when they are opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.picture import normalise
from mixnet_networks.images.preprocessing import for_channels
from mixnet_quantize.images import decode, fit
from mixnet_quantize.parity.image_model import ImageModel
from mixnet_quantize.parity.record import MOST_LOGIT, Record, Scored, compare
from mixnet_runtimes import AS_IT_IS, Selection, open_session

Batch = NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """A file and its preprocessing."""

    path: Path
    preprocessing: Preprocessing
    runtime: str | None = None
    """Which runtime opens it; None for the first that is installed."""
    selection: Selection = AS_IT_IS
    """At which sizes and by which signature it is run."""


class Pair:
    """Two files, open with one thread each. Not for several threads at once.

    Raises MixnetError if one of them is not a classifier, UsageError if they are not of the
    same classes and resolution.
    """

    def __init__(self, first: Side, second: Side) -> None:
        self.sides = sides = (first, second)
        self.models = tuple(
            ImageModel(open_session(side.path, runtime=side.runtime, selection=side.selection))
            for side in sides
        )
        self.preprocessings = tuple(
            for_channels(side.preprocessing, model.channels)
            for side, model in zip(sides, self.models, strict=True)
        )
        self._check_alike("resolution", "pixels")
        self._check_alike("classes", "classes")
        if self.classes < 2:
            raise MixnetError(
                f"{first.path} has only one class", "a classifier needs at least two classes"
            )

    @property
    def classes(self) -> int:
        """Number of classes of both files."""
        return self.models[0].classes

    @property
    def resolution(self) -> int:
        """Resolution of both files, in pixels."""
        return self.models[0].resolution

    @property
    def batch(self) -> int:
        """The larger of the two files' batches."""
        return max(model.batch for model in self.models)

    def prepare(self, path: Path) -> tuple[Batch, ...]:
        """One image preprocessed for each file, (resolution, resolution, channels).

        It is decoded once, and cropped and resized once where both files want the same. Raises
        MixnetError, naming it, where it cannot be read.
        """
        fitted: dict[Preprocessing, NDArray[np.uint8]] = {}
        decoded: dict[int, object] = {}
        prepared = []
        for model, preprocessing in zip(self.models, self.preprocessings, strict=True):
            geometry = _geometry(preprocessing)
            if geometry not in fitted:
                if model.channels not in decoded:
                    decoded[model.channels] = decode(path, model.channels)
                fitted[geometry] = fit(decoded[model.channels], self.resolution, preprocessing)
            prepared.append(normalise(fitted[geometry], preprocessing))
        return tuple(prepared)

    def records(
        self,
        indices: Sequence[int],
        prepared: Sequence[tuple[Batch, ...]],
        metric: Scored | None = None,
    ) -> list[Record]:
        """Run both files on prepared images. Raises MixnetError if an answer is not a number.

        ``metric`` is asked of every image, by its index and the two rows of logits.
        """
        answers = [
            model.logits(np.stack([images[side] for images in prepared]))
            for side, model in enumerate(self.models)
        ]
        for model, logits in zip(self.models, answers, strict=True):
            if not (np.abs(logits) <= MOST_LOGIT).all():  # NaN is not, either
                raise MixnetError(
                    f"{model.session.path} outputs nan, infinity, or values beyond {MOST_LOGIT:g}",
                    "the file is damaged; export it again",
                )
        rows = zip(indices, *answers, strict=True)
        found = [(compare(*row), row) for row in rows]
        if metric is None:
            return [record for record, _ in found]
        return [replace(record, metric=float(metric(*row))) for record, row in found]

    def _check_alike(self, attribute: str, unit: str) -> None:
        found = [getattr(model, attribute) for model in self.models]
        if found[0] != found[1]:
            paths = [model.session.path for model in self.models]
            raise UsageError(
                f"{paths[0]} has {found[0]} {unit} and {paths[1]} {found[1]}",
                "compare two files of the same network",
            )


def _geometry(preprocessing: Preprocessing) -> Preprocessing:
    """A preprocessing without its normalisation."""
    channels = len(preprocessing.mean)
    return replace(preprocessing, mean=(0.0,) * channels, std=(1.0,) * channels)
