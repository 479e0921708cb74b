"""Bias correction: means by arithmetic, the order of layers, both formats, only biases changed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.decibels import decibels
from mixnet_export.writers import FORMATS
from mixnet_networks.graph.reference import FUNCTIONS
from mixnet_quantize.activations.observe import observe
from mixnet_quantize.corrections.bias import agreed, correct_biases
from mixnet_quantize.corrections.linear import Linear, LinearFile, mean_output
from mixnet_quantize.corrections.linear_onnx import OnnxLinearFile
from mixnet_quantize.corrections.linear_tflite import TfliteLinearFile
from mixnet_quantize.sensitivity import layer_differences

Inputs = list[NDArray[np.float32]]
Files = Callable[..., bytes]

READERS: dict[str, Callable[[bytes], LinearFile]] = {
    "tflite": TfliteLinearFile,
    "onnx": OnnxLinearFile,
}

WINDOWS: list[dict[str, Any]] = [
    {"strides": (1, 1), "dilations": (1, 1), "padding": "same"},
    {"strides": (2, 2), "dilations": (1, 1), "padding": "same"},
    {"strides": (1, 1), "dilations": (2, 2), "padding": "same"},
    {"strides": (2, 1), "dilations": (1, 1), "padding": "valid"},
    {"strides": (1, 1), "dilations": (1, 1), "padding": ((0, 2), (1, 0))},
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("kind", ["conv2d", "grouped", "depthwise_conv2d"])
def test_a_layers_mean_output_is_that_of_the_oracle(kind: str, window: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(5, 6, 7, 4))
    shapes = {"conv2d": (3, 3, 4, 6), "grouped": (3, 3, 2, 6), "depthwise_conv2d": (3, 3, 4, 2)}
    kernel = random.normal(size=shapes[kind])
    bias = random.normal(size=8 if kind == "depthwise_conv2d" else 6)
    operator = "conv2d" if kind == "grouped" else kind
    attributes = {**window, "groups": 2 if kind == "grouped" else 1, "activation": None}
    y = FUNCTIONS[operator]([x], attributes, {"kernel": kernel, "bias": bias})

    layer = Linear("a", "x", kernel, bias, 0, depthwise=kind == "depthwise_conv2d", **window)
    assert isinstance(y, np.ndarray)
    assert np.allclose(mean_output(layer, x.mean(axis=0)), y.mean(axis=(0, 1, 2)))


def test_a_dense_layers_mean_output_is_its_output_of_the_mean() -> None:
    random = np.random.default_rng(0)
    x, kernel, bias = (random.normal(size=size) for size in ((9, 5), (5, 3), 3))
    layer = Linear("a", "x", kernel[None, None], bias, 0)

    assert np.allclose(mean_output(layer, x.mean(axis=0)), (x @ kernel + bias).mean(axis=0))


@pytest.mark.parametrize("form", FORMATS)
def test_both_files_have_the_same_layers_in_the_order_of_depth(
    form: str, float32: Files, quantized: Files
) -> None:
    exact, rounded = (READERS[form](each(form)).layers() for each in (float32, quantized))

    assert list(exact) == list(rounded)
    assert {name: each.depth for name, each in exact.items()} == {
        name: each.depth for name, each in rounded.items()
    }
    assert exact["stem.conv"].depth == 0
    assert exact["blocks.1.0.se.expand"].depth == exact["blocks.1.0.se.reduce"].depth + 1
    assert exact["blocks.1.0.depthwise.k3"].depth == exact["blocks.1.0.depthwise.k7"].depth


@pytest.mark.parametrize("form", FORMATS)
def test_integer_weights_are_read_as_the_real_ones(
    form: str, float32: Files, quantized: Files
) -> None:
    exact, rounded = (READERS[form](each(form)).layers() for each in (float32, quantized))
    for name, layer in exact.items():
        step = np.abs(layer.kernel).max() / 60  # 7 bits in ONNX
        assert np.abs(rounded[name].kernel - layer.kernel).max() <= step, name
        assert np.abs(rounded[name].bias - layer.bias).max() < 2e-3, name


@pytest.mark.parametrize("form", FORMATS)
def test_after_correction_nearly_no_shift_is_left(
    form: str, float32: Files, quantized: Files, inputs: Inputs
) -> None:
    first = correct_biases(form, float32(form), quantized(form), inputs)
    second = correct_biases(form, float32(form), first.content, inputs)

    assert first.layers == len(READERS[form](quantized(form)).layers())
    assert 0.005 < first.shift < 0.2
    assert second.shift < 0.35 * first.shift


@pytest.mark.parametrize("form", FORMATS)
def test_spoilt_biases_are_repaired_in_every_layer(
    form: str, float32: Files, quantized: Files, inputs: Inputs
) -> None:
    """As large kernels of coarse weights shift them; the logits become as good as they were."""
    random = np.random.default_rng(0)
    file = READERS[form](quantized(form))
    for name, layer in file.layers().items():
        file.add_to_bias(name, random.normal(size=layer.bias.shape) * 0.3 * layer.bias.std())
    repaired = correct_biases(form, float32(form), file.content(), inputs[::2])
    plain, spoilt, better = (
        logits_db(form, float32(form), content, inputs[1::2])
        for content in (quantized(form), file.content(), repaired.content)
    )

    assert spoilt < plain - 6
    assert better > plain - 1.5


def logits_db(form: str, exact: bytes, rounded: bytes, images: Inputs) -> float:
    errors = layer_differences(observe(exact, form), observe(rounded, form), images)
    (logits,) = (each for each in errors if each.name == "logits")
    return decibels(logits.signal, logits.noise)


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_but_biases_is_changed(
    form: str, float32: Files, quantized: Files, inputs: Inputs
) -> None:
    corrected = correct_biases(form, float32(form), quantized(form), inputs[:4]).content
    before, after = (READERS[form](each).layers() for each in (quantized(form), corrected))

    assert len(corrected) == len(quantized(form))
    for name, layer in before.items():
        assert np.array_equal(after[name].kernel, layer.kernel)
    changed = [name for name in before if not np.array_equal(before[name].bias, after[name].bias)]
    assert len(changed) > 0.7 * len(before)


def test_correction_is_the_same_every_time(
    float32: Files, quantized: Files, inputs: Inputs
) -> None:
    files = (float32("tflite"), quantized("tflite"))
    a, b = (correct_biases("tflite", *files, inputs[:4]).content for _ in range(2))

    assert a == b


def test_without_images_nothing_is_corrected(float32: Files, quantized: Files) -> None:
    with pytest.raises(MixnetError, match="without images"):
        correct_biases("tflite", float32("tflite"), quantized("tflite"), [])


@given(st.integers(0, 1000), st.floats(0.0, 3.0))
def test_folds_that_disagree_are_trusted_less(seed: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    shift = random.normal(size=40)
    errors = shift + noise * random.normal(size=(4, 40))
    found, mean = agreed(errors), errors.mean(axis=0)

    assert np.linalg.norm(found) <= np.linalg.norm(mean) + 1e-12
    assert np.linalg.matrix_rank(np.stack([found, mean])) == 1  # in the same direction


def test_pure_chance_is_mostly_left_alone() -> None:
    errors = np.random.default_rng(0).normal(size=(4, 500))

    assert np.linalg.norm(agreed(errors)) < 0.4 * np.linalg.norm(errors.mean(axis=0))
