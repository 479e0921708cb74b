"""Scales and zero points of inputs and outputs, from files that may come from anyone."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tiny_models import TfliteBuilder, write_onnx

from mixnet_common import MixnetError
from mixnet_quantize.activations.observe import observe_file
from mixnet_runtimes import open_session
from mixnet_runtimes.quantized import checked


def quantized_tflite(path: Path, scale: float, zero_point: int) -> Path:
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 4), dtype="int8", scale=(scale,))
    builder.graph.tensors[x].quantization.zeroPoint = [zero_point]
    y = builder.tensor("y", (1, 4))
    builder.operator("DEQUANTIZE", [x], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


@pytest.mark.parametrize(
    ("scale", "zero_point", "said"),
    [
        (-1.0, 0, "x has the scale -1, which is not above 0"),
        (math.nan, 0, "x has the scale nan"),
        (math.inf, 0, "x has the scale inf"),
        (0.5, 200, "x is of type int8 with the zero point 200"),
    ],
)
def test_a_tflite_with_an_impossible_quantization_is_refused_by_tensor(
    tmp_path: Path, scale: float, zero_point: int, said: str
) -> None:
    with pytest.raises(MixnetError, match=rf"^m\.tflite: {said}"):
        checked((scale, zero_point), "x", "int8", "m.tflite")
    # Where XNNPACK takes the operator, the runtime is the first to refuse it.
    with pytest.raises(MixnetError, match=r"m\.tflite: (x|unsupported (scale|zero-point) value)"):
        open_session(quantized_tflite(tmp_path / "m.tflite", scale, zero_point))


def with_quantization(path: Path, text: str) -> Path:
    node = helper.make_node("DequantizeLinear", ["x", "scale"], ["y"])
    scale = {"scale": np.array(0.5, np.float32)}
    types = {"x": TensorProto.INT8}
    write_onnx(path, [node], {"x": (1, 4)}, {"y": (1, 4)}, scale, dtypes=types)
    model = onnx.load(path)
    model.metadata_props.add(key="mixnet.quantization", value=text)
    onnx.save(model, path)
    return path


def test_an_onnx_says_scale_and_zero_point_in_its_metadata(tmp_path: Path) -> None:
    text = '{"x": {"scale": 0.5, "zero_point": -3}}'
    info = open_session(with_quantization(tmp_path / "m.onnx", text)).inputs[0]
    assert (info.scale, info.zero_point) == (0.5, -3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "it is not an object"),
        ("nonsense", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON: it is nested"),
        ('{"x": 3}', "x is not an object"),
        ('{"x": {"scale": 1}}', r"x\.zero_point is not a whole number: None"),
        ('{"x": {"scale": "1", "zero_point": 0}}', r"x\.scale is not a number: '1'"),
        ('{"x": {"scale": 1, "zero_point": 1e400}}', "1e400 is not a finite number"),
        ('{"x": {"scale": NaN, "zero_point": 0}}', "NaN is not a finite number"),
        ('{"x": {"scale": 0, "zero_point": 0}}', r"x\.scale is out of range: 0"),
        ('{"x": {"scale": -1, "zero_point": 0}}', r"x\.scale is out of range: -1"),
        ('{"x": {"scale": 5e-324, "zero_point": 0}}', r"x\.scale is out of range: 5e-324"),
        ('{"x": {"scale": 1e300, "zero_point": 0}}', r"x\.scale is out of range: 1e\+300"),
        ('{"x": {"scale": 1, "zero_point": 128}}', "x is of type int8 with the zero point 128"),
        ('{"x": {"scale": 1, "zero_point": 0.5}}', r"x\.zero_point is not a whole number: 0\.5"),
        ('{"y": {"scale": 1, "zero_point": 0}}', "y has a scale and is of type float32"),
        (f'{{"x": {{"scale": 1, "zero_point": {"9" * 400}}}}}', "a number of 400 digits"),
    ],
)
def test_an_onnx_with_impossible_metadata_is_refused_by_file_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = with_quantization(tmp_path / "m.onnx", text)
    with pytest.raises(MixnetError, match=rf"m\.onnx: .*{said}") as caught:
        open_session(path)
    assert len(caught.value.message) < 300
    with pytest.raises(MixnetError, match=rf"m\.onnx: .*{said}"):
        observe_file(path)
