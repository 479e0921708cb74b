"""The writers: convert a lowered model to the bytes of a model file. A format is one line below."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering import Model
from mixnet_export.writers.onnx import write_onnx
from mixnet_export.writers.onnx_graph import TO_NCHW
from mixnet_export.writers.tflite import write_tflite
from mixnet_quantize.calibration.ranges import Ranges
from mixnet_quantize.corrections.bias_scales import Int8File
from mixnet_quantize.onnx.quantize import apply_onnx, calibrate_onnx
from mixnet_quantize.onnx.weights import dynamic_onnx, float16_onnx
from mixnet_quantize.settings import DEFAULT, Settings
from mixnet_quantize.tflite.quantize import apply_tflite, calibrate_tflite
from mixnet_quantize.tflite.weights import dynamic_tflite, float16_tflite


@dataclass(frozen=True)
class Format:
    """A file format: what people call it, how its files end, and who writes and quantizes them.

    ``calibrate`` takes a float32 file, the name of its input, calibration inputs in the file's
    layout and ``Settings``, and gives the ranges of all tensors; ``apply`` takes the file, ranges
    and ``Settings``, and gives an ``Int8File``. ``convert`` has, by precision, what turns a float32
    file into one of that precision without calibration. ``axes`` is the order of its feature maps'
    axes, seen from NHWC.
    """

    name: str
    title: str
    layout: str
    axes: tuple[int, ...]
    write: Callable[[Model], bytes]
    calibrate: Callable[..., Ranges]
    apply: Callable[[bytes, Ranges, Settings], Int8File]
    convert: Mapping[str, Callable[[bytes], bytes]]

    @property
    def suffix(self) -> str:
        """The suffix of the files."""
        return f".{self.name}"

    def quantize(
        self,
        content: bytes,
        name: str,
        samples: Iterable[NDArray[Any]],
        settings: Settings = DEFAULT,
    ) -> bytes:
        """Quantize a float32 file to int8: ``calibrate``, then ``apply``; raises like them.

        ``name`` is the file's input, ``samples`` are calibration inputs in its layout.
        """
        ranges = self.calibrate(content, name, samples, settings)
        return self.apply(content, ranges, settings).content

    def from_nhwc(self, image: NDArray[Any]) -> NDArray[Any]:
        """A batch of images (batch, h, w, 3) in the file's layout."""
        return np.ascontiguousarray(image.transpose(self.axes))


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format(
            "tflite",
            "TensorFlow Lite",
            "NHWC",
            (0, 1, 2, 3),
            write_tflite,
            calibrate_tflite,
            apply_tflite,
            {"float16": float16_tflite, "int8-dynamic": dynamic_tflite},
        ),
        Format(
            "onnx",
            "ONNX",
            "NCHW",
            TO_NCHW,
            write_onnx,
            calibrate_onnx,
            apply_onnx,
            {"float16": float16_onnx, "int8-dynamic": dynamic_onnx},
        ),
    )
}
