"""Errors in dB at every layer: right numbers, right names, across formats and lowerings."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.decibels import decibels
from mixnet_export.lowering import lower
from mixnet_export.lowering.model import Model
from mixnet_export.writers import FORMATS
from mixnet_networks import Network
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.activations.observe import observe_file
from mixnet_quantize.sensitivity import LayerError, layer_errors, worst
from mixnet_quantize.settings import Settings

Inputs = list[NDArray[np.float32]]
Files = Callable[..., bytes]
Save = Callable[[str, bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def test_decibels_of_worked_examples() -> None:
    assert decibels(1.0, 0.001) == pytest.approx(30)
    assert decibels(1.0, 0.0) == math.inf
    assert decibels(0.0, 1.0) == -math.inf


@pytest.mark.parametrize("form", FORMATS)
def test_the_error_is_that_of_the_definition(
    form: str, float32: Files, quantized: Files, inputs: Inputs, save: Save
) -> None:
    paths = save(f"float.{form}", float32(form)), save(f"int8.{form}", quantized(form))
    found = {each.name: each for each in layer_errors(*paths, inputs[:3])}
    exact, rounded = map(observe_file, paths)
    pairs = []
    for image in inputs[:3]:
        exact.run(image)
        rounded.run(image)
        pairs.append((exact.value("head.conv"), rounded.value("head.conv")))
    x, y = (np.concatenate(each).astype(np.float64) for each in zip(*pairs, strict=True))

    expected = 10 * np.log10((x**2).sum() / ((x - y) ** 2).sum())
    assert found["head.conv"].db == pytest.approx(expected, abs=1e-3)
    shift = np.mean((x - y).mean(axis=(0, 1, 2)) ** 2)
    assert found["head.conv"].shift == pytest.approx(shift, rel=1e-3)


@pytest.mark.parametrize("form", FORMATS)
def test_every_layer_that_both_files_have_is_told_of_in_order(
    form: str, float32: Files, quantized: Files, inputs: Inputs, save: Save
) -> None:
    paths = save(f"float.{form}", float32(form)), save(f"int8.{form}", quantized(form))
    names = [each.name for each in layer_errors(*paths, inputs[:1])]

    in_float32, in_int8 = (observe_file(path).operators for path in paths)

    assert names == [name for name in in_float32 if name in in_int8]
    assert (names[0], names[-1]) == ("stem.conv", "logits")
    assert len(names) > 0.8 * len(in_float32)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_against_itself_has_no_error(
    form: str, float32: Files, inputs: Inputs, save: Save
) -> None:
    path = save(f"float.{form}", float32(form))
    errors = layer_errors(path, path, inputs[:1])

    assert {each.db for each in errors} == {math.inf}


def test_formats_can_be_compared(
    float32: Files, quantized: Files, inputs: Inputs, save: Save
) -> None:
    tflite, onnx = (save(f"float.{form}", float32(form)) for form in ("tflite", "onnx"))
    same = {each.name: each.db for each in layer_errors(tflite, onnx, inputs[:1])}
    across = layer_errors(onnx, save("int8.tflite", quantized("tflite")), inputs[:1])

    assert min(same.values()) > 90
    assert {"stem.conv", "blocks.1.0.depthwise.k7", "logits"} <= set(same)
    assert 15 < {each.name: each.db for each in across}["logits"] < 60


def test_lowerings_can_be_compared(
    little: Network, float32: Files, inputs: Inputs, save: Save
) -> None:
    lowered = lower(Model(little.graph, seeded_weights(little)), "xnnpack")
    other = save("lowered.tflite", FORMATS["tflite"].write(lowered))
    errors = layer_errors(save("float.tflite", float32("tflite")), other, inputs[:1])

    assert "logits" in {each.name for each in errors}
    assert min(each.db for each in errors) > 90


@pytest.mark.parametrize("form", FORMATS)
def test_a_block_left_in_float_is_better_than_the_same_in_int8(
    form: str, float32: Files, quantized: Files, inputs: Inputs, save: Save
) -> None:
    exact = save(f"float.{form}", float32(form))
    plain = save(f"plain.{form}", quantized(form))
    mixed = save(f"mixed.{form}", quantized(form, Settings(float_layers=("blocks.1",))))
    a, b = (
        {each.name: each.db for each in layer_errors(exact, path, inputs[:2])}
        for path in (plain, mixed)
    )

    assert b["blocks.1.0.depthwise.k7"] > a["blocks.1.0.depthwise.k7"]
    assert a["stem.conv"] == b["stem.conv"]


@pytest.mark.parametrize("form", FORMATS)
def test_an_activation_that_is_not_finite_is_named(
    form: str, float32: Files, inputs: Inputs, save: Save
) -> None:
    path = save(f"float.{form}", float32(form))
    with pytest.raises(MixnetError, match=r"the activation stem\S* is not finite"):
        layer_errors(path, path, [np.full_like(inputs[0], np.inf)])


def test_without_samples_nothing_is_claimed(float32: Files, save: Save) -> None:
    path = save("float.tflite", float32("tflite"))
    with pytest.raises(MixnetError, match="no layer was compared"):
        layer_errors(path, path, [])


def test_the_worst_layers_come_first() -> None:
    errors = [LayerError(str(noise), "CONV_2D", 1.0, noise, 0.0) for noise in (0.1, 0.5, 0.0)]

    assert [each.name for each in worst(errors, 2)] == ["0.5", "0.1"]
