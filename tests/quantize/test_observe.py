"""Every activation of a file by name, as real NHWC values, the file's own results unchanged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS
from mixnet_networks.graph.reference import evaluate
from mixnet_quantize.activations.observe import observe, observe_file
from mixnet_quantize.settings import Settings
from mixnet_runtimes import open_session
from mixnet_runtimes.quantized import to_real

Inputs = list[NDArray[np.float32]]
Files = Callable[..., bytes]


def in_both(form: str) -> list[str]:
    """Activations with a node of their own in either format."""
    return ["stem.conv", "blocks.1.0.depthwise.k7", "blocks.1.0.se.gate", "head.pool", "logits"]


@pytest.mark.parametrize("form", FORMATS)
def test_activations_are_those_of_the_oracle(
    form: str, float32: Files, model: Model, inputs: Inputs
) -> None:
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    image = {"image": inputs[0].astype(np.float64)}
    expected = evaluate(model.graph, weights, image, keep=in_both(form))
    observer = observe(float32(form), form)
    observer.run(inputs[0])

    for name in in_both(form):
        found = observer.value(name)
        assert found.shape == expected[name].shape
        assert np.abs(found - expected[name]).max() < 1e-5 * np.abs(expected[name]).max(), name


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("integer_io", [False, True])
def test_observing_an_int8_file_does_not_change_its_logits(
    form: str, integer_io: bool, quantized: Files, inputs: Inputs, tmp_path: Path
) -> None:
    path = tmp_path / f"int8.{form}"
    path.write_bytes(quantized(form, Settings(integer_io=integer_io)))
    session, observer = open_session(path), observe_file(path)
    observer.run(inputs[3])
    stored = FORMATS[form].from_nhwc(inputs[3])
    if integer_io:
        entry = session.inputs[0]
        limits = np.iinfo(entry.dtype)
        stored = np.round(stored / entry.scale) + entry.zero_point
        stored = np.clip(stored, limits.min, limits.max).astype(entry.dtype)
    (logits,) = session.run([stored]).values()

    found = observer.value("logits").astype(np.float64)
    assert np.allclose(found, to_real(logits, session.outputs[0]), rtol=0, atol=1e-5)
    assert len(observer.operators) > 30


@pytest.mark.parametrize("form", FORMATS)
def test_an_activation_of_an_int8_file_lies_on_its_grid(
    form: str, quantized: Files, inputs: Inputs
) -> None:
    """256 values at most, whatever the format calls the tensor that holds them."""
    observer = observe(quantized(form), form)
    observer.run(inputs[0])

    for name in ("stem.conv", "blocks.1.0.depthwise.k7", "blocks.1.0.skip"):
        assert 50 < len(np.unique(observer.value(name))) <= 256, name


@pytest.mark.parametrize("form", FORMATS)
def test_only_the_activations_asked_for_are_computed_and_kept(form: str, float32: Files) -> None:
    observer = observe(float32(form), form, only={"stem.conv", "no such tensor"})

    assert list(observer.operators) == ["stem.conv"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_broken_file_is_named(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"broken.{form}"
    path.write_bytes(b"no model at all")

    with pytest.raises(MixnetError, match="broken"):
        observe_file(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a model file"):
        observe_file(tmp_path / "notes.txt")
