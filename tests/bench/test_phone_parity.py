"""Outputs of a phone against this machine's: in the unit that fits, and never a false comfort."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_android.runner.seeded import seeded_input
from mixnet_bench.phones.output_step import output_step
from mixnet_bench.phones.parity import compare_with_host, describe_parity, difference, grid_step
from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.settings import Settings
from mixnet_runtimes import open_session, prepare

RNG = np.random.default_rng(0)
FLOATS = RNG.standard_normal(1000).astype(np.float32)


def test_floats_are_held_against_the_largest() -> None:
    theirs = FLOATS.copy()
    theirs[7] += np.abs(FLOATS).max() * 5e-5
    found = difference("y", FLOATS, theirs)
    assert found.unit == "of the largest"
    assert found.error == pytest.approx(5e-5, rel=0.01)
    assert found.within
    theirs[7] += np.abs(FLOATS).max() * 1e-4
    beyond = difference("y", FLOATS, theirs)
    assert not beyond.within
    assert beyond.words.endswith("of the largest from this machine's, beyond 0.0001")


def test_integers_are_told_in_steps() -> None:
    ours = np.array([-128, 0, 127], np.int8)
    assert difference("y", ours, np.array([-127, 0, 127], np.int8)).within
    assert difference("y", ours, np.array([127, 0, 127], np.int8)).error == 255


@given(st.floats(1e-3, 10), st.integers(-128, 127), st.integers(0, 2**16))
def test_the_step_of_dequantized_values_is_found(scale: float, zero: int, seed: int) -> None:
    stored = np.random.default_rng(seed).integers(-128, 128, 1000)
    values = (np.float32(scale) * (stored - zero)).astype(np.float32)
    assert grid_step(values) == pytest.approx(scale, rel=1e-3)
    theirs = (np.float32(scale) * (stored - zero + 1)).astype(np.float32)
    found = difference("y", values, theirs)
    assert found.unit == "steps"
    assert found.error == pytest.approx(1, abs=0.01)


@given(
    st.floats(1e-3, 10),
    st.integers(-128, 127),
    st.sets(st.integers(-128, 127), min_size=4, max_size=20),
)
def test_few_values_are_told_in_steps_too(scale: float, zero: int, stored: set[int]) -> None:
    values = (np.float32(scale) * (np.array(sorted(stored)) - zero)).astype(np.float32)
    step = grid_step(values)
    assert step is not None
    whole = step / scale  # a few steps, where all values are multiples of those
    assert whole == pytest.approx(round(whole), rel=1e-4)
    theirs = values.copy()
    theirs[0] += np.float32(scale)
    assert difference("y", values, theirs).within


def test_few_real_floats_lie_on_no_grid() -> None:
    rows = RNG.standard_normal((2000, 5)).astype(np.float32)
    assert not any(grid_step(row) for row in rows)
    assert not any(grid_step(np.exp(row) / np.exp(row).sum()) for row in rows)


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_the_step_of_two_classes_is_the_files(form: str, tmp_path: Path) -> None:
    network = tmp_path / "two.toml"
    network.write_text(
        'source = "a test"\nresolution = 16\nclasses = 2\nstem = { channels = 8 }\n'
        "stages = [{ out = 8, kernels = [3], expand = 2, activation = 'relu' }]\n"
    )
    loaded, kind = load_network(str(network)), FORMATS[form]
    content = kind.write(lower(Model(loaded.graph, seeded_weights(loaded))))
    pictures = RNG.uniform(-1, 1, (4, 1, 16, 16, 3)).astype(np.float32)
    path = network.with_suffix(f".{form}")
    path.write_bytes(content)
    assert output_step(path) is None
    path.write_bytes(kind.quantize(content, "image", map(kind.from_nhwc, pictures), Settings()))
    step = output_step(path)
    assert step is not None
    session = open_session(path)
    (entry,) = session.inputs
    (values,) = session.run([seeded_input(entry.shape, entry.dtype, 3, 0)]).values()
    assert values.dtype == np.float32
    assert values / step == pytest.approx(np.round(values / step), abs=1e-3)
    one_off = (values + np.float32(step)).astype(np.float32)
    (found,) = compare_with_host(prepare(path, tmp_path), 3, {0: one_off.tobytes()})
    assert (found.unit, found.error, found.within) == ("steps", pytest.approx(1, abs=0.01), True)


def test_real_floats_lie_on_no_grid() -> None:
    assert grid_step(FLOATS) is None
    assert grid_step(FLOATS[:10]) is None
    assert grid_step(np.zeros(1000, np.float32)) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_never_within(value: float) -> None:
    theirs = FLOATS.copy()
    theirs[0] = value
    found = difference("y", FLOATS, theirs)
    assert not found.within
    assert found.words.startswith("holds values that are not numbers")
    described = describe_parity([found])
    assert described.within is False
    assert described.outputs[0].error is None
