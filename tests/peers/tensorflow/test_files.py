"""Exported files in TensorFlow's own interpreter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

FLOAT = ["mixnet-s", "mixnet-m", "mixnet-l", "mobilenet-v1", "mobilenet-v2"]
INT8 = ["mixnet-s"]


def run(handover: Path, name: str, file: str) -> Any:
    interpreter = tf.lite.Interpreter(str(handover / f"{file}.tflite"))
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


@pytest.mark.parametrize("name", FLOAT)
def test_the_signature_gives_the_same_logits_by_name(handover: Path, name: str) -> None:
    expected = np.load(handover / f"{name}.expected.npy")
    interpreter = tf.lite.Interpreter(str(handover / f"{name}.tflite"))
    (signature,) = interpreter.get_signature_list().values()
    assert signature == {"inputs": ["image"], "outputs": ["logits"]}

    image = np.load(handover / f"{name}.input.npy")
    logits = interpreter.get_signature_runner()(image=image)["logits"]

    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", INT8)
def test_an_int8_file_errs_no_more_than_int8_itself(handover: Path, name: str) -> None:
    """Kernels round in their own ways; see the same test for tflite-runtime."""
    logits = run(handover, name, f"{name}-int8")

    for file in (f"{name}-int8", name):
        expected = np.load(handover / f"{file}.expected.npy")
        assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.98
        assert np.abs(logits - expected).max() < 0.2 * np.abs(expected).max()
