"""Opens a model file so that every activation can be read, by name, as real values in NHWC.

A float32 file and its int8 file thus have the same tensors with comparable values. The files do not
change: changes that make activations readable are made in memory.
"""

from collections.abc import Collection
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_quantize.activations.observer import Observer
from mixnet_quantize.activations.onnx import OnnxObserver
from mixnet_quantize.activations.tflite import TfliteObserver
from mixnet_runtimes import fix, rawfile
from mixnet_runtimes.selection import AS_IT_IS, Selection
from mixnet_runtimes.tflite import file as tflite_file

TFLITE, ONNX = "tflite", "onnx"


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
    ``folder`` is where weights lie that it does not hold itself. Raises MixnetError if the
    runtime refuses the file, UsageError if it has several inputs.
    """
    if form == TFLITE:
        return TfliteObserver(content, only, threads, where)
    return OnnxObserver(content, only, threads, where, folder)


def observe_file(path: Path, *, threads: int = 2, selection: Selection = AS_IT_IS) -> Observer:
    """Open a ``.tflite`` or ``.onnx`` file, at the sizes and by the signature selected.

    Raises MixnetError, naming it, where it is broken or leaves sizes open.
    """
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
        raise UsageError(f"{path} is not a model file", "give a .tflite or an .onnx file")
    return form
