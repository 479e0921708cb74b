"""What the tests of single lowerings share: equality on the oracle and in files, delegation."""

import tempfile
from pathlib import Path

import numpy as np
from both_formats import Array, oracle, random_inputs, run_file
from hypothesis import assume, currently_in_test_context

from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS
from mixnet_export.writers.tflite import write_tflite
from mixnet_runtimes import Delegation, partitions

EXACT = 1e-12
"""In float64, relative to the largest value, where a lowering only cuts and rearranges weights."""

ROUNDING = 1e-5
"""In float32 files of one convolution, relative to the largest value."""

SMALLEST = 1e-2
"""Outputs that are all smaller are what a saturated gate leaves: nothing but rounding."""


def assert_unchanged(before: Model, after: Model, tolerance: float = EXACT) -> None:
    """Both compute the same on the oracle, and call it the same."""
    assert after.graph.inputs == before.graph.inputs
    assert after.graph.outputs == before.graph.outputs
    inputs = random_inputs(before.graph)
    assert_close(oracle(after, inputs), expected_outputs(before, inputs), tolerance)


def assert_written_unchanged(before: Model, after: Model, tolerance: float = ROUNDING) -> None:
    """The files of a lowered model compute, in both runtimes, what the oracle says of the first."""
    inputs = random_inputs(before.graph)
    expected = expected_outputs(before, inputs)
    for form in FORMATS.values():
        assert_close(run_file(form.write(after), form, inputs), expected, tolerance)


def expected_outputs(model: Model, inputs: dict[str, Array]) -> dict[str, Array]:
    """The oracle's outputs, which prove something: a constant one is refused, or drawn again."""
    expected = oracle(model, inputs)
    telling = all(
        values.std() > 1e-2 * np.abs(values).max() > 1e-2 * SMALLEST for values in expected.values()
    )
    if currently_in_test_context():
        assume(telling)
    assert telling, "degenerate"
    return expected


def assert_close(found: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        largest = np.abs(values).max()
        np.testing.assert_allclose(found[name], values, atol=tolerance * largest, rtol=0)


def operators(model: Model) -> list[str]:
    return [node.op for node in model.graph.nodes]


def delegation(model: Model) -> Delegation:
    """How LiteRT cuts the model's ``.tflite`` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(write_tflite(model))
        return partitions(path)
