"""Exported files in tflite-runtime 2.14, which phones and boards still carry."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_runtime.interpreter import Interpreter, OpResolverType

FLOAT = ["mixnet-s", "mixnet-m", "mixnet-l", "mobilenet-v1", "mobilenet-v2"]
INT8 = ["mixnet-s"]


def run(handover: Path, name: str, file: str, kernels: OpResolverType = OpResolverType.AUTO) -> Any:
    interpreter = Interpreter(
        str(handover / f"{file}.tflite"), experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(image["index"], np.load(handover / f"{name}.input.npy"))
    interpreter.invoke()
    return interpreter.get_tensor(logits["index"])


@pytest.mark.parametrize("name", FLOAT)
def test_a_float32_file_gives_the_oracles_logits(handover: Path, name: str) -> None:
    expected = np.load(handover / f"{name}.expected.npy")
    assert expected.std() > 0.1 * np.abs(expected).max(), "a constant would prove nothing"

    logits = run(handover, name, name)

    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", INT8)
def test_an_int8_file_gives_litert_s_answer_on_the_reference_kernels(
    handover: Path, name: str
) -> None:
    """Bit for bit, but for a rare logit that the two versions' additions round to the next step."""
    expected = np.load(handover / f"{name}-int8.reference-kernels.npy")
    steps = np.unique(expected)
    assert len(steps) > 50, "a constant would prove nothing"

    logits = run(handover, name, f"{name}-int8", OpResolverType.BUILTIN_REF)

    assert np.abs(logits - expected).max() < 1.5 * np.diff(steps).min()
    assert (logits != expected).mean() <= 0.005


@pytest.mark.parametrize("name", INT8)
def test_an_int8_file_on_the_usual_kernels_errs_no_more_than_int8_itself(
    handover: Path, name: str
) -> None:
    """Optimised kernels round each layer in their own way, here and in LiteRT's delegate.

    Over some sixty layers of random weights that adds up to about a tenth of the largest logit,
    between any two sets of kernels, while int8 itself is about a seventh away from float32.
    """
    litert, exact = (np.load(handover / f"{file}.expected.npy") for file in (f"{name}-int8", name))

    logits = run(handover, name, f"{name}-int8")

    for expected in (litert, exact):
        largest = np.abs(expected).max()
        assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.98
        assert np.abs(logits - expected).max() < 0.2 * largest
