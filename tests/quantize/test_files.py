"""int8 files: close to the float32 ones, with integers outside where asked for."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_export.writers import FORMATS
from mixnet_quantize.activations.observe import observe
from mixnet_quantize.calibration.ranges import activation_ranges
from mixnet_quantize.onnx.quantize import BETWEEN, QUANTIZATION_KEY
from mixnet_quantize.settings import Settings
from mixnet_runtimes import Session, open_session, read_file

Inputs = list[NDArray[np.float32]]
Int8 = Callable[..., Path]

LEAST_SNR_DB = 30.0
"""Signal to noise of the logits, calibrated on the inputs themselves; about 36 is reached."""


@pytest.fixture
def int8(quantized: Callable[..., bytes], tmp_path: Path) -> Int8:
    """The path of the little network's int8 file, calibrated on all inputs."""

    def make(form: str, **options: Any) -> Path:
        path = tmp_path / f"int8.{form}"
        path.write_bytes(quantized(form, Settings(**options)))
        return path

    return make


@pytest.fixture
def float_session(float32: Callable[[str], bytes], tmp_path: Path) -> Callable[[str], Session]:
    def open_float(form: str) -> Session:
        path = tmp_path / f"float32.{form}"
        path.write_bytes(float32(form))
        return open_session(path)

    return open_float


def run(path: Path, image: NDArray[Any]) -> NDArray[Any]:
    """Logits of one input, on the runtime's usual kernels."""
    return open_session(path).run({"image": image})["logits"]


def snr_db(found: NDArray[Any], expected: NDArray[Any]) -> float:
    noise = found.astype(np.float64) - expected
    return float(10 * np.log10((expected**2).sum() / (noise**2).sum()))


@pytest.mark.parametrize("form", FORMATS)
def test_an_int8_file_computes_nearly_what_the_float32_file_does(
    form: str, int8: Int8, float_session: Callable[[str], Session], inputs: Inputs
) -> None:
    exact, quantized = float_session(form), int8(form)
    images = [FORMATS[form].from_nhwc(each) for each in inputs]
    expected = np.concatenate([exact.run({"image": each})["logits"] for each in images])
    found = np.concatenate([run(quantized, each) for each in images])

    assert expected.std() > 0.1 * np.abs(expected).max()
    assert LEAST_SNR_DB < snr_db(found, expected) < 60  # beyond that nothing was quantized


@pytest.mark.parametrize(("form", "integer"), [("tflite", "int8"), ("onnx", "uint8")])
def test_integers_go_in_and_out_with_the_scales_to_read_them_by(
    form: str,
    integer: str,
    int8: Int8,
    float_session: Callable[[str], Session],
    inputs: Inputs,
) -> None:
    path = int8(form, integer_io=True)
    session = open_session(path)
    (entry,), (exit_,) = session.inputs, session.outputs
    image = FORMATS[form].from_nhwc(inputs[0])
    limits = np.iinfo(integer)

    assert (entry.name, exit_.name) == ("image", "logits")
    assert (entry.dtype, exit_.dtype) == (integer, integer)
    scale, zero = parameters(path, "image", (entry.scale, entry.zero_point))
    stored = np.clip(np.round(image / scale) + zero, limits.min, limits.max).astype(integer)
    assert np.abs((stored - float(zero)) * scale - image).max() <= scale  # nothing was cut off

    scale, zero = parameters(path, "logits", (exit_.scale, exit_.zero_point))
    logits = (run(path, stored) - float(zero)) * scale
    expected = float_session(form).run({"image": image})["logits"]
    assert snr_db(logits, expected) > LEAST_SNR_DB


def parameters(path: Path, name: str, known: tuple[float, int]) -> tuple[float, int]:
    """Scale and zero point: TFLite's tensors have them, an ONNX file has them as metadata."""
    if path.suffix == ".tflite":
        return known
    metadata = {each.key: each.value for each in onnx.load(path).metadata_props}
    entry = json.loads(metadata[QUANTIZATION_KEY])[name]
    return entry["scale"], entry["zero_point"]


@pytest.mark.parametrize("form", FORMATS)
def test_floats_go_in_and_out_unless_asked_otherwise(form: str, int8: Int8) -> None:
    session = open_session(int8(form))

    assert {info.dtype for info in (*session.inputs, *session.outputs)} == {"float32"}


@pytest.mark.parametrize("form", FORMATS)
def test_weights_are_stored_in_8_bits(form: str, int8: Int8) -> None:
    contents = read_file(int8(form))
    large = [each for each in contents.tensors.values() if each.stored > 1000]

    assert len(large) >= 5
    assert {each.dtype for each in large} == {"int8"}


def test_weights_have_a_scale_per_channel(int8: Int8) -> None:
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_path=str(int8("tflite"))).get_tensor_details()
    scales = {each["name"]: each["quantization_parameters"]["scales"] for each in details}

    assert len(scales["head.conv.kernel"]) == 256
    assert len(scales["blocks.1.0.depthwise.k7.kernel"]) == 48


def test_onnx_weights_have_a_scale_per_channel(int8: Int8) -> None:
    model = onnx.load(int8("onnx"))
    shapes = {each.name: tuple(each.dims) for each in model.graph.initializer}

    assert shapes["head.conv.kernel_scale"] == (256,)


@pytest.mark.parametrize(("activations", "step"), [("unsigned", 1 / 255), ("signed", 1 / 127)])
def test_what_lies_between_convolutions_is_in_integers_in_an_onnx_file(
    activations: str, step: float, int8: Int8
) -> None:
    """A single float operator there would end onnxruntime's integer layout."""
    graph = onnx.load(int8("onnx", activations=activations)).graph
    makers = {name: node for node in graph.node for name in node.output}
    readers = {name: node for node in graph.node for name in node.input}
    between = [node for node in graph.node if node.op_type in BETWEEN]

    assert {node.op_type for node in between} >= {"Sigmoid", "Mul", "GlobalAveragePool", "Concat"}
    for node in between:
        assert {makers[name].op_type for name in node.input} == {"DequantizeLinear"}, node.name
        assert readers[node.output[0]].op_type == "QuantizeLinear", node.name
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    sigmoids = [readers[node.output[0]] for node in between if node.op_type == "Sigmoid"]
    assert [constants[each.input[1]] for each in sigmoids] == pytest.approx(
        [step] * len(sigmoids), rel=1e-6
    )
    assert {int(constants[each.input[2]]) for each in sigmoids} == {0}


def test_no_range_is_cut_short(int8: Int8, float32: Callable[[str], bytes], inputs: Inputs) -> None:
    """The scale of an activation is that of its least and greatest value over all inputs."""
    from ai_edge_litert.interpreter import Interpreter

    ranges = activation_ranges(observe(float32("tflite"), "tflite"), "image", inputs, Settings())
    details = Interpreter(model_path=str(int8("tflite"))).get_tensor_details()
    found = {each["name"]: each["quantization"] for each in details}
    low, high = ranges["blocks.1.0.expand"]
    scale, zero = found["blocks.1.0.expand"]

    assert scale * (-128 - zero) == pytest.approx(min(low, 0), abs=scale)
    assert scale * (127 - zero) == pytest.approx(max(high, 0), abs=scale)


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_while_reading_an_image_is_not_blamed_on_the_quantizer(
    form: str, float32: Callable[[str], bytes]
) -> None:
    def broken() -> Iterator[NDArray[np.float32]]:
        raise MixnetError("none of the 3 images could be read")
        yield

    with pytest.raises(MixnetError, match="none of the 3 images could be read"):
        FORMATS[form].quantize(float32(form), "image", broken())


@pytest.mark.parametrize("form", FORMATS)
def test_layers_can_stay_in_float32_with_all_that_is_below_them(form: str, int8: Int8) -> None:
    kernels = {
        name: each.dtype
        for name, each in read_file(int8(form, float_layers=("blocks.1",))).tensors.items()
        if name.removesuffix("_quantized").endswith("kernel") and each.stored > 200
    }
    floating = {name for name, dtype in kernels.items() if dtype == "float32"}

    assert floating == {name for name in kernels if name.startswith("blocks.1.")}
    assert len(floating) >= 4
    assert "int8" in kernels.values()


@pytest.mark.parametrize("form", FORMATS)
def test_ranges_serve_whatever_stays_in_float32(
    form: str, float32: Callable[[str], bytes], inputs: Inputs, int8: Int8
) -> None:
    """Those found for another choice of layers make the same file, byte for byte."""
    kind = FORMATS[form]
    samples = (kind.from_nhwc(each) for each in inputs)
    ranges = kind.calibrate(float32(form), "image", samples, Settings())
    apart = kind.apply(float32(form), ranges, Settings(float_layers=("blocks.1",))).content

    assert apart == int8(form, float_layers=("blocks.1",)).read_bytes()
    assert apart != int8(form).read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_layer_that_a_file_has_not_is_named(form: str, int8: Int8) -> None:
    with pytest.raises(UsageError, match=r"no layer 'blocks\.1\.0\.expnd'") as caught:
        int8(form, float_layers=("blocks.1.0.expnd",))
    assert "blocks.1.0.expand" in caught.value.hint
