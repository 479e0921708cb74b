"""Channels whose weights are nearly zero keep their biases in int8 files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import numpy_helper

from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import Network
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.calibration.ranges import Ranges
from mixnet_quantize.corrections.bias import correct_biases
from mixnet_quantize.corrections.bias_scales import BIAS_LIMIT, SUM_LIMIT, fitting_scales, to_steps
from mixnet_quantize.settings import Settings
from mixnet_quantize.tflite.edit import buffer_view
from mixnet_runtimes import open_session

Inputs = list[NDArray[np.float32]]
BIAS = 4.0
EIGHTH = slice(None, None, 8)


def dead_file(little: Network, form: str, gamma: float) -> bytes:
    """The little network's float32 file with every eighth depthwise channel nearly zero."""
    weights = {name: np.array(each) for name, each in seeded_weights(little).items()}
    norms = [name.removesuffix("gamma") for name in weights if "depthwise.norm.gamma" in name]
    assert norms
    for name in norms:
        weights[f"{name}gamma"][EIGHTH] = gamma
        weights[f"{name}beta"][EIGHTH] = BIAS
    return FORMATS[form].write(lower(Model(little.graph, weights), "reference"))


def quantize(content: bytes, form: str, inputs: Inputs, settings: Settings) -> Any:
    kind = FORMATS[form]
    samples = (kind.from_nhwc(each) for each in inputs)
    ranges: Ranges = kind.calibrate(content, "image", samples, settings)
    return kind.apply(content, ranges, settings)


def biases(content: bytes, form: str) -> list[NDArray[Any]]:
    """All int32 vectors of a file."""
    if form == "onnx":
        constants = onnx.load_from_string(content).graph.initializer
        return [numpy_helper.to_array(each) for each in constants if each.data_type == 6]
    data = bytearray(content)
    tensors = schema.ModelT.InitFromPackedBuf(content).subgraphs[0].tensors
    return [
        buffer_view(data, each.buffer).view(np.int32)
        for each in tensors
        if each.type == schema.TensorType.INT32 and b"bias" in each.name
    ]


def difference(first: bytes, second: bytes, form: str, inputs: Inputs, folder: Path) -> float:
    """The largest difference of two files' outputs, of the largest output."""
    results = []
    for name, content in (("first", first), ("second", second)):
        path = folder / f"{name}.{form}"
        path.write_bytes(content)
        session = open_session(path)
        outputs = [
            next(iter(session.run({"image": FORMATS[form].from_nhwc(each)}).values()))
            for each in inputs
        ]
        results.append(np.stack(outputs))
    assert results[0].std() > 0
    return float(np.abs(results[0] - results[1]).max() / np.abs(results[0]).max())


@pytest.mark.parametrize("gamma", [1e-9, 0.0, 1e-30])
@pytest.mark.parametrize("form", FORMATS)
def test_no_bias_reaches_its_limit_and_the_answers_stay(
    form: str, gamma: float, little: Network, inputs: Inputs, tmp_path: Path
) -> None:
    float32 = dead_file(little, form, gamma)
    made = quantize(float32, form, inputs, Settings())
    found = biases(made.content, form)

    assert found
    assert max(np.abs(each.astype(np.int64)).max() for each in found) <= BIAS_LIMIT
    assert difference(float32, made.content, form, inputs, tmp_path) < 0.1
    depthwise = {layer: numbers for layer, numbers in made.raised.items() if "depthwise" in layer}
    assert len(depthwise) >= 2 or gamma == 0  # of weights that are zero any scale will do
    assert all(number % 8 == 0 for numbers in depthwise.values() for number in numbers)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_whose_biases_fit_has_no_scale_raised(
    form: str, float32: Callable[[str], bytes], inputs: Inputs
) -> None:
    assert quantize(float32(form), form, inputs, Settings()).raised == {}


@pytest.mark.parametrize("form", FORMATS)
def test_corrected_biases_fit_as_well(
    form: str, little: Network, inputs: Inputs, tmp_path: Path
) -> None:
    float32 = dead_file(little, form, 1e-9)
    made = quantize(float32, form, inputs, Settings())
    corrected = correct_biases(form, float32, made.content, inputs).content

    limit = np.iinfo(np.int32).max
    assert corrected != made.content
    assert max(np.abs(each.astype(np.int64)).max() for each in biases(corrected, form)) < limit
    assert difference(float32, corrected, form, inputs, tmp_path) < 0.1


@given(
    weights=st.lists(st.lists(st.floats(-10, 10), min_size=3, max_size=3), min_size=1, max_size=4),
    bias=st.floats(-1e6, 1e6),
    input_scale=st.floats(1e-6, 10),
    shrink=st.floats(1e-12, 1),
)
def test_every_sum_fits_into_int32_and_no_scale_is_lowered(
    weights: list[list[float]], bias: float, input_scale: float, shrink: float
) -> None:
    real = np.array(weights) * shrink
    given_scales = np.maximum(np.abs(real).max(axis=1), 1e-30) / 127
    biases = np.full(len(real), bias)
    scales = fitting_scales(real, biases, input_scale, given_scales)

    steps = to_steps(real, scales, np.int8).astype(np.float64)
    totals = np.abs(biases) / (input_scale * scales) + 255 * np.abs(steps).sum(axis=1)
    assert (scales >= given_scales).all()
    assert (totals <= SUM_LIMIT + 255 * 3).all()
