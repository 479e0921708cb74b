"""Metadata by file format: the functions that write and read it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from mixnet_common import UsageError
from mixnet_export.metadata.card import ModelMetadata
from mixnet_export.metadata.onnx import describe_onnx, read_onnx_card
from mixnet_export.metadata.tflite import describe_tflite, read_tflite_card

WRITERS: Mapping[str, Callable[[bytes, ModelMetadata], bytes]] = {
    "tflite": describe_tflite,
    "onnx": describe_onnx,
}
READERS: Mapping[str, Callable[[Path], ModelMetadata]] = {
    "tflite": read_tflite_card,
    "onnx": read_onnx_card,
}


def describe_metadata(form: str, content: bytes, card: ModelMetadata) -> bytes:
    """A file of the given format with its card in it."""
    return WRITERS[form](content, card)


def read_metadata(path: Path) -> ModelMetadata:
    """The metadata in a ``.tflite`` or ``.onnx`` file, empty if it has none.

    Raises UsageError for another kind of file, MixnetError for a broken one.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in READERS:
        raise UsageError(f"{path} is not a model file", f"files end in .{' or .'.join(READERS)}")
    return READERS[form](path)
