"""Ranges of activations over calibration inputs: the same for both formats.

One input is in memory at a time, and one histogram per tensor for all earlier ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_quantize.activations.observer import Observer
from mixnet_quantize.calibration.histogram import Histogram
from mixnet_quantize.calibration.range_rules import RULES, Range, with_zero
from mixnet_quantize.calibration.seen import Extremes
from mixnet_quantize.settings import Settings

Ranges = Mapping[str, Range]
"""Low and high by the tensor's name; zero is inside."""


class NotFiniteError(MixnetError):
    """A calibration input makes an activation overflow or be undefined."""

    def __init__(self, tensor: str, index: int) -> None:
        super().__init__(
            f"{tensor} is not finite on calibration input {index + 1}",
            "the weights may not fit the network, or the image is damaged",
        )
        self.tensor, self.index = tensor, index


def activation_ranges(
    observer: Observer,
    name: str,
    samples: Iterable[NDArray[Any]],
    settings: Settings,
    seen: dict[str, Extremes] | None = None,
) -> dict[str, Range]:
    """The range of every activation, and of the input, called ``name``, by the settings' rule.

    ``samples`` are inputs (batch, height, width, channels). Of the settings, only the rule counts:
    the ranges are the same whatever stays in float32. ``seen``, if given, gets each sample's
    extremes in every tensor. Raises NotFiniteError, naming the tensor and the input, and
    MixnetError if there is no input.
    """
    histograms: defaultdict[str, Histogram] = defaultdict(Histogram)
    extremes_only = settings.ranges == "min-max"
    for index, sample in enumerate(samples):
        observer.run(sample)
        for each, values in _values(observer, name, sample):
            note = histograms[each].stretch if extremes_only else histograms[each].add
            try:
                note(values)
            except ValueError as error:
                raise NotFiniteError(each, index) from error
    if not histograms:
        raise MixnetError("there is no input to calibrate on", "give at least one image")
    if seen is not None:
        seen.update({name: np.array(each.extremes) for name, each in histograms.items()})
    rule = RULES[settings.ranges]
    return {name: with_zero(rule(each, settings)) for name, each in histograms.items()}


def _values(
    observer: Observer, name: str, sample: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The input and every activation of the last run, flat, in whichever order needs no copy."""
    yield name, sample.ravel(order="K")
    for each in observer.operators:
        yield each, observer.stored(each)[0].ravel(order="K")
