"""Opens a model file with every activation to be looked at, by name, as real values in NHWC.

A float32 file and its int8 file so speak of the same tensors in the same numbers. The files stay
as they are: what is changed to make activations visible is changed in memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_runtimes.selection import AS_IT_IS, Selection
from mixnet_runtimes.session import TensorInfo

Array = NDArray[Any]

TFLITE, ONNX = "tflite", "onnx"


class Observer(ABC):
    """A file that runs on one input at a time and then shows the value of any activation.

    Not for several threads at once.
    """

    operators: Mapping[str, str]
    """By the name of each activation, in the order of computing: the operator that computes it, in
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
        """An activation of the last run as it is stored, feature maps NHWC, and how to read it."""

    def value(self, name: str) -> NDArray[np.float32]:
        """An activation of the last run as real values, feature maps NHWC."""
        values, info = self.stored(name)
        if not info.scale:
            return values.astype(np.float32, copy=False)
        return (values.astype(np.float32) - info.zero_point) * np.float32(info.scale)


def observe(
    content: bytes,
    form: str,
    *,
    only: Collection[str] | None = None,
    threads: int = 2,
    where: str = "the file",
    folder: Path | None = None,
) -> Observer:
    """Open the bytes of a file, ``form`` being ``tflite`` or ``onnx``.

    ``only``: the activations wanted; fewer are faster. ``where`` names the file in errors, and
    ``folder`` is where weights lie that it does not hold itself. Raises MixnetError where the
    runtime refuses the file, UsageError where it has several inputs.
    """
    if form == TFLITE:
        from mixnet_quantize.observe_tflite import TfliteObserver

        return TfliteObserver(content, only, threads, where)
    from mixnet_quantize.observe_onnx import OnnxObserver

    return OnnxObserver(content, only, threads, where, folder)


def observe_file(path: Path, *, threads: int = 2, selection: Selection = AS_IT_IS) -> Observer:
    """Open a ``.tflite`` or ``.onnx`` file, at the sizes and by the signature selected.

    Raises MixnetError, naming it, where it is broken or leaves sizes open.
    """
    from mixnet_runtimes import fix, rawfile, tflite_file

    form = form_of(path)
    content = fix(path, selection).content
    if form == TFLITE:
        content = tflite_file.checked_bytes(path, content)
    elif content is None:
        content = rawfile.load(path)
    return observe(content, form, threads=threads, where=show(path), folder=path.parent)


def form_of(path: Path) -> str:
    """The format that a file's name tells. Raises UsageError for any other."""
    form = path.suffix.lower().removeprefix(".")
    if form not in (TFLITE, ONNX):
        raise UsageError(f"{path} is no model file", "give a .tflite or an .onnx file")
    return form


def the_input(inputs: Collection[TensorInfo]) -> TensorInfo:
    """The only input. Raises UsageError where there are more: images are the input here."""
    if len(inputs) != 1:
        names = ", ".join(info.name for info in inputs)
        raise UsageError(f"the file has {len(inputs)} inputs ({names}), not one image")
    (only,) = inputs
    return only
