"""An opened model, ready to run: the common interface of all runtimes.

``run`` checks its arguments; ``invoke`` does inference only, so that timing it times the model.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes.element_types import describe_type, holds

Array = NDArray[Any]
Feed = Mapping[str, Array] | Sequence[Array]


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a session."""

    name: str
    """The signature's name where the file has one, else the tensor's."""
    shape: tuple[int, ...]
    """An open batch size counts as 1; an output size known only at run time is -1."""
    dtype: str
    """numpy's name, or the runtime's for what numpy lacks; see ``element_types``."""
    scale: float = 0.0
    """real = scale · (stored - zero_point); 0 if the tensor is not quantized."""
    zero_point: int = 0


class Session(ABC):
    """A model opened by a runtime. Made by ``open_session``.

    Not for several threads at once: a session owns one set of buffers.
    """

    path: Path
    runtime: str
    """``LiteRT``, ``tflite-runtime``, ``TensorFlow Lite`` or ``onnxruntime``."""
    version: str
    settings: dict[str, Any]
    """Everything that bears on speed, to be recorded with a measurement."""
    signature: str | None = None
    """The one that is run, where the file names any."""
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def run(self, feed: Feed) -> dict[str, Array]:
        """Run once: arrays by input name, or in the order of ``inputs``, to arrays by output name.

        Shapes and types must be the inputs' exactly. Raises UsageError if they are not, and
        MixnetError if the runtime refuses to run.
        """
        self.set_inputs(feed)
        self.invoke()
        return self.get_outputs()

    def set_inputs(self, feed: Feed) -> None:
        """Check the arrays and hand them to the runtime; they stay set for every ``invoke``."""
        arrays = feed if isinstance(feed, Mapping) else self._named(feed)
        self._check_names(arrays)
        for info in self.inputs:
            check_array(info, arrays[info.name])
        self._set([np.ascontiguousarray(arrays[info.name]) for info in self.inputs])

    @abstractmethod
    def invoke(self) -> None:
        """Run inference on the inputs that are set: nothing is copied, checked or converted."""

    @abstractmethod
    def get_outputs(self) -> dict[str, Array]:
        """Copies of the last ``invoke``'s outputs, by name."""

    @abstractmethod
    def _set(self, arrays: list[Array]) -> None: ...

    def _named(self, arrays: Sequence[Array]) -> dict[str, Array]:
        if len(arrays) != len(self.inputs):
            raise UsageError(
                f"{self.path}: {len(arrays)} arrays given for {len(self.inputs)} inputs",
                f"inputs: {', '.join(info.name for info in self.inputs)}",
            )
        return {info.name: array for info, array in zip(self.inputs, arrays, strict=True)}

    def _check_names(self, arrays: Mapping[str, Array]) -> None:
        known = {info.name for info in self.inputs}
        if known != set(arrays):
            raise UsageError(
                f"{self.path}: inputs {sorted(arrays)} given where {sorted(known)} are expected"
            )

    def _failed(self, doing: str, error: Exception) -> MixnetError:
        return MixnetError(
            f"{self.runtime} {self.version} cannot {doing} {self.path}: {first_line(error)}",
            "check the file with another runtime, or write it again",
        )


def check_array(info: TensorInfo, array: Array) -> None:
    """Raise UsageError unless ``array`` has exactly the shape and type of ``info``."""
    if not isinstance(array, np.ndarray):
        raise UsageError(f"input {info.name!r} must be a numpy array, not {type(array).__name__}")
    if array.shape != info.shape or not holds(array.dtype, info.dtype):
        raise UsageError(
            f"input {info.name!r} is {describe_type(info.dtype)} {list(info.shape)},"
            f" but {array.dtype} {list(array.shape)} was given"
        )


def first_line(error: Exception) -> str:
    """The first line of an exception's message: runtimes append source locations and stacks."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"no reason given ({type(error).__name__})"


def check_threads(threads: int) -> None:
    """Raise UsageError for a number of threads below 1."""
    if threads < 1:
        raise UsageError(f"{threads} threads asked for", "at least 1 is needed")
