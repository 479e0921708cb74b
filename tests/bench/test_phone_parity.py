"""Outputs of a phone against this machine's: in the unit that fits, and never a false comfort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.phone_parity import describe_parity, difference, grid_step

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
    assert found.words.startswith("holds values that are no numbers")
    described = describe_parity([found])
    assert described["within"] is False
    assert described["outputs"][0]["error"] is None
