"""The range of every tensor is what the oracle finds, in both formats, however many inputs."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS
from mixnet_networks.graph.reference import evaluate
from mixnet_quantize.activations.observe import observe
from mixnet_quantize.calibration.range_rules import RULES
from mixnet_quantize.calibration.ranges import NotFiniteError, activation_ranges
from mixnet_quantize.settings import Settings

Inputs = list[NDArray[np.float32]]
Content = Callable[[str], bytes]

METHODS = list(RULES)


@pytest.fixture(params=FORMATS)
def find(request: pytest.FixtureRequest, float32: Content) -> Callable[..., dict[str, Any]]:
    """Ranges of the little network over NHWC inputs, in one of the formats."""
    form = FORMATS[request.param]

    def ranges(inputs: Any, **settings: Any) -> dict[str, Any]:
        observer = observe(float32(form.name), form.name)
        return activation_ranges(
            observer, "image", inputs, Settings(**{"ranges": "min-max", **settings})
        )

    return ranges


Find = Callable[..., dict[str, tuple[float, float]]]


def test_ranges_are_the_oracles_least_and_greatest_values(
    model: Model, find: Find, inputs: Inputs
) -> None:
    ranges = find(inputs)
    names = list(model.graph.tensors)
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    values = [
        evaluate(model.graph, weights, {"image": each.astype(np.float64)}, keep=names)
        for each in inputs
    ]

    assert set(names) <= set(ranges)
    for name in names:
        low = min(0.0, *(float(each[name].min()) for each in values))
        high = max(0.0, *(float(each[name].max()) for each in values))
        np.testing.assert_allclose(ranges[name], (low, high), atol=1e-5 * max(-low, high, 1))
    assert len({round(high, 4) for _, high in ranges.values()}) > len(names) // 2


def test_constants_have_no_range(model: Model, find: Find, inputs: Inputs) -> None:
    assert not set(model.weights) & set(find(inputs[:1]))


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_inputs_does_not_matter(find: Find, inputs: Inputs, method: str) -> None:
    assert find(inputs, ranges=method) == find(inputs[::-1], ranges=method)


def test_every_further_input_can_only_widen_a_range(find: Find, inputs: Inputs) -> None:
    """Not an average: the last input has no more say than the first."""
    few, many = find(inputs[:2]), find(inputs)

    assert all(many[name][0] <= low and many[name][1] >= high for name, (low, high) in few.items())
    assert many != few


@pytest.mark.parametrize("method", METHODS)
def test_relu_starts_at_zero_and_swish_at_its_minimum(
    find: Find, inputs: Inputs, method: str
) -> None:
    ranges = find(inputs, ranges=method)

    assert ranges["stem.conv"][0] == 0.0  # ReLU is fused into it
    assert ranges["blocks.1.0.expand.act"][0] == pytest.approx(-0.2785, abs=0.01)


@pytest.mark.parametrize("method", ["percentile", "mse", "per-image"])
def test_no_method_goes_beyond_the_extremes(find: Find, inputs: Inputs, method: str) -> None:
    widest, found = find(inputs), find(inputs, ranges=method, percentile=99.0)

    assert all(
        widest[name][0] <= low <= 0 <= high <= widest[name][1]
        for name, (low, high) in found.items()
    )
    narrower = [name for name in found if found[name] != widest[name]]
    assert len(narrower) > len(found) // 2


def test_without_any_input_that_is_said(find: Find) -> None:
    with pytest.raises(MixnetError, match="no input to calibrate on"):
        find([])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_named_with_its_input(
    find: Find, inputs: Inputs, value: float
) -> None:
    broken = inputs[0].copy()
    broken[0, 5, 5, 0] = value

    with pytest.raises(
        NotFiniteError, match="image is not finite on calibration input 3"
    ) as caught:
        find([inputs[0], inputs[1], broken])
    assert caught.value.index == 2


def test_an_overflow_within_the_network_is_named(find: Find, inputs: Inputs) -> None:
    with pytest.raises(NotFiniteError, match=r"[a-z]+\.[a-z0-9.]+ is not finite"):
        find([inputs[0] * np.float32(3e38)])


def alive_at_once(run: Callable[[Iterator[Any]], Any], inputs: Inputs, rounds: int) -> int:
    """How many inputs were in memory together while something consumed them one by one."""
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
def test_few_inputs_are_in_memory_at_a_time(find: Find, inputs: Inputs, rounds: int) -> None:
    assert alive_at_once(lambda each: find(each, ranges="mse"), inputs, rounds) <= 3


@pytest.mark.parametrize("form", FORMATS)
def test_quantization_keeps_no_inputs_either(form: str, float32: Content, inputs: Inputs) -> None:
    written = FORMATS[form]

    def quantize(samples: Iterator[NDArray[np.float32]]) -> None:
        written.quantize(float32(form), "image", (written.from_nhwc(each) for each in samples))

    assert alive_at_once(quantize, inputs, 30) <= 4
