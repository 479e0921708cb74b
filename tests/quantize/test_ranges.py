"""The range of every tensor is what the oracle finds, however many inputs there are."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_export.lowering import Model
from mixnet_networks.reference import evaluate
from mixnet_quantize.ranges import tflite_ranges

Inputs = list[NDArray[np.float32]]


def test_ranges_are_the_oracles_least_and_greatest_values(
    model: Model, float32: Callable[[str], bytes], inputs: Inputs
) -> None:
    ranges = tflite_ranges(float32("tflite"), "image", inputs)
    names = list(model.graph.tensors)
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    values = [
        evaluate(model.graph, weights, {"image": each.astype(np.float64)}, keep=names)
        for each in inputs
    ]

    assert set(names) <= set(ranges)
    for name in names:
        low = min(float(each[name].min()) for each in values)
        high = max(float(each[name].max()) for each in values)
        np.testing.assert_allclose(ranges[name], (low, high), atol=1e-5 * max(-low, high, 1))
    assert len({round(high, 4) for _, high in ranges.values()}) > len(names) // 2


def test_constants_have_no_range(model: Model, float32: Callable[[str], bytes]) -> None:
    ranges = tflite_ranges(float32("tflite"), "image", [])

    assert not set(model.weights) & set(ranges)


def test_every_further_input_can_only_widen_a_range(
    float32: Callable[[str], bytes], inputs: Inputs
) -> None:
    """Not an average: the last input has no more say than the first."""
    content = float32("tflite")
    few, many = (tflite_ranges(content, "image", each) for each in (inputs[:2], inputs))
    backwards = tflite_ranges(content, "image", inputs[::-1])

    assert many == backwards
    assert all(many[name][0] <= low and many[name][1] >= high for name, (low, high) in few.items())
    assert many != few


def alive_at_once(run: Callable[[Iterator[Any]], Any], inputs: Inputs, rounds: int) -> int:
    """How many inputs were in memory together while something consumed them one by one."""
    import weakref

    living: set[int] = set()
    most = 0

    def one_by_one() -> Iterator[NDArray[np.float32]]:
        nonlocal most
        for index in range(rounds):
            sample = inputs[index % len(inputs)].copy()
            living.add(index)
            weakref.finalize(sample, living.discard, index)
            most = max(most, len(living))
            yield sample

    run(one_by_one())
    return most


@pytest.mark.parametrize("rounds", [5, 40])
def test_one_input_is_in_memory_at_a_time(
    float32: Callable[[str], bytes], inputs: Inputs, rounds: int
) -> None:
    content = float32("tflite")
    most = alive_at_once(lambda each: tflite_ranges(content, "image", each), inputs, rounds)

    assert most <= 3


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_quantization_keeps_no_inputs_either(
    form: str, float32: Callable[[str], bytes], inputs: Inputs
) -> None:
    from mixnet_export.writers import FORMATS

    written = FORMATS[form]

    def quantize(samples: Iterator[NDArray[np.float32]]) -> None:
        written.quantize(float32(form), "image", (written.from_nhwc(each) for each in samples))

    assert alive_at_once(quantize, inputs, 30) <= 4
