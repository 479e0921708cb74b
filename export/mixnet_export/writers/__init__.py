"""The writers: a lowered model as the bytes of a model file. A new format is one line below."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mixnet_export.lowering import Model
from mixnet_export.writers.onnx import write_onnx
from mixnet_export.writers.tflite import write_tflite


@dataclass(frozen=True)
class Format:
    """A file format: what people call it, how its files end, and who writes them."""

    name: str
    title: str
    suffix: str
    write: Callable[[Model], bytes]


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("tflite", "TensorFlow Lite", ".tflite", write_tflite),
        Format("onnx", "ONNX", ".onnx", write_onnx),
    )
}
