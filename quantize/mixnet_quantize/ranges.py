"""Ranges of activations over calibration inputs: the same for both formats.

One input is in memory at a time, and of what was seen before only a histogram a tensor.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_quantize.activations import Activations
from mixnet_quantize.histogram import Histogram
from mixnet_quantize.range_rules import RULES, Range, with_zero
from mixnet_quantize.settings import Settings

Ranges = Mapping[str, Range]
"""Low and high by the tensor's name; zero lies within."""


class NotFiniteError(MixnetError):
    """A calibration input makes an activation overflow or be undefined."""

    def __init__(self, tensor: str, index: int) -> None:
        super().__init__(
            f"{tensor} is not finite on calibration input {index + 1}",
            "the weights may not fit the network, or the image is damaged",
        )
        self.tensor, self.index = tensor, index


def activation_ranges(
    activations: Activations, samples: Iterable[NDArray[Any]], settings: Settings
) -> dict[str, Range]:
    """The range of every activation, and of the input, by the settings' rule.

    Raises NotFiniteError, naming the tensor and the input, and MixnetError where there is no input.
    """
    histograms: defaultdict[str, Histogram] = defaultdict(Histogram)
    extremes_only = settings.ranges == "min-max"
    for index, sample in enumerate(samples):
        for name, values in activations(sample):
            histogram = histograms[name]
            note = histogram.stretch if extremes_only else histogram.add
            try:
                note(values)
            except ValueError as error:
                raise NotFiniteError(name, index) from error
    if not histograms:
        raise MixnetError("there is no input to calibrate on", "give at least one image")
    rule = RULES[settings.ranges]
    return {name: with_zero(rule(each, settings)) for name, each in histograms.items()}
