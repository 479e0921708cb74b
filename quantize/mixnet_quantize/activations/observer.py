"""A model file whose activations can be read, by name, as real values in NHWC."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_runtimes.session import TensorInfo

Array = NDArray[Any]


class Observer(ABC):
    """A file that runs on one input at a time and then shows the value of any activation.

    Not for several threads at once.
    """

    operators: Mapping[str, str]
    """By the name of each activation, in the order of execution: the operator that computes it, in
    the file's own word (``CONV_2D``, ``Conv``)."""
    outputs: tuple[str, ...]
    """The activations that are the file's outputs, in their order."""
    input: TensorInfo
    """The file's one input, in the file's own layout and type."""

    @abstractmethod
    def run(self, image: Array) -> None:
        """Compute everything for one input (batch, height, width, channels) of real values."""

    @abstractmethod
    def stored(self, name: str) -> tuple[Array, TensorInfo]:
        """An activation of the last run as stored, feature maps NHWC, and how to read it."""

    def value(self, name: str) -> NDArray[np.float32]:
        """An activation of the last run as real values, feature maps NHWC."""
        values, info = self.stored(name)
        if not info.scale:
            return values.astype(np.float32, copy=False)
        return (values.astype(np.float32) - info.zero_point) * np.float32(info.scale)


def the_input(inputs: Collection[TensorInfo]) -> TensorInfo:
    """The only input. Raises UsageError if there are more: images are the input here."""
    if len(inputs) != 1:
        names = ", ".join(info.name for info in inputs)
        raise UsageError(f"the file has {len(inputs)} inputs ({names}), not one image")
    (only,) = inputs
    return only
