"""Histograms and what follows from them: worked examples, and any values whatever."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixnet_quantize.calibration.histogram import HALF, Histogram
from mixnet_quantize.calibration.range_rules import (
    RULES,
    Range,
    mse,
    percentile,
    quantile,
    with_zero,
)
from mixnet_quantize.settings import Settings

MSE, MIN_MAX = Settings(ranges="mse"), Settings()

values = st.lists(
    st.one_of(
        st.just(0.0),
        st.floats(2.0**-40, 2.0**40, width=32),
        st.floats(-(2.0**40), -(2.0**-40), width=32),
    ),
    min_size=1,
    max_size=50,
).map(lambda each: np.array(each, np.float32))


def counted(*portions: Any) -> Histogram:
    histogram = Histogram()
    for portion in portions:
        histogram.add(np.asarray(portion, np.float32))
    return histogram


def quantization_error(sample: NDArray[Any], ends: Range) -> float:
    """Mean squared error of 256 levels between two ends, zero among them, value by value."""
    low, high = ends
    scale = (high - low) / 255
    zero = round(-low / scale)
    levels = np.clip(np.round(sample / scale) + zero, 0, 255)
    return float(np.mean(((levels - zero) * scale - sample) ** 2))


def test_a_bin_is_a_power_of_two_wide_and_starts_at_a_multiple_of_it() -> None:
    histogram = counted([0.5, -3.0])

    assert histogram.width == 4 / HALF
    assert np.flatnonzero(histogram.counts).tolist() == [HALF - HALF * 3 // 4, HALF + HALF // 8]


def test_a_larger_value_doubles_the_width_until_it_fits() -> None:
    histogram = counted([1.0, 1.001], [5.0])

    assert histogram.width == 8 / HALF
    assert histogram.counts[HALF + HALF // 8] == 2
    assert histogram.counts[HALF + HALF * 5 // 8] == 1


@settings(deadline=None)
@given(values, st.integers(0, 99))
def test_neither_order_nor_portions_change_a_histogram(sample: NDArray[Any], seed: int) -> None:
    whole = counted(sample)
    shuffled = np.random.default_rng(seed).permutation(sample)
    portions = counted(*np.array_split(shuffled, min(3, len(sample))))

    assert (whole.low, whole.high, whole.zeros) == (portions.low, portions.high, portions.zeros)
    assert whole.width == portions.width
    assert (whole.counts == portions.counts).all()
    assert whole.size == len(sample)


def test_a_histograms_memory_does_not_grow() -> None:
    histogram = counted(np.ones(10))
    before = histogram.counts.nbytes
    for exponent in range(20):
        histogram.add(np.full(1000, 2.0**exponent, np.float32))

    assert histogram.counts.nbytes == before == 2 * HALF * 8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        counted([1.0, value])


def test_zeros_are_counted_apart() -> None:
    histogram = counted([0.0, 0.0, 1e-9, -0.0, 2.0])

    assert histogram.zeros == 3
    assert histogram.counts.sum() == 2


@pytest.mark.parametrize("part", [0.0, 0.001, 0.25, 0.5, 0.9, 0.999, 1.0])
def test_a_quantile_is_numpys_but_for_a_bins_width(part: float) -> None:
    sample = np.random.default_rng(0).normal(1, 2, 20_000).astype(np.float32)
    histogram = counted(sample)

    assert quantile(histogram, part) == pytest.approx(
        np.quantile(sample, part, method="inverted_cdf"), abs=histogram.width
    )


def test_zeros_count_in_percentiles() -> None:
    """Of a hundred values 98 are zero, so only one of the others lies above 99 %."""
    found = percentile(counted(np.zeros(98), [1.0, 100.0]), Settings(percentile=99))

    assert found == (pytest.approx(0.0, abs=0.01), pytest.approx(1.0, abs=0.1))


@settings(deadline=None)
@given(values, st.sampled_from(sorted(RULES)))
def test_every_rule_stays_within_the_extremes_and_zero(sample: NDArray[Any], rule: str) -> None:
    histogram = counted(sample)
    low, high = with_zero(RULES[rule](histogram, Settings(ranges=rule)))
    least, greatest = with_zero((histogram.low, histogram.high))

    assert least <= low <= 0 <= high <= greatest
    assert low < high


def test_mse_cuts_off_an_outlier_where_that_pays() -> None:
    """Many values within ±1 and one at 20, which is cut to c.

    Rounding costs ((1 + c) / 255)² / 12 a value and the cut (20 - c)² / n, so the best c solves
    (1 + c) / (6 · 255²) = 2 (20 - c) / n: 17.6 for n = 100,000 and 8.2 for a million.
    """
    random = np.random.default_rng(0)
    few, many = (random.uniform(-1, 1, count).astype(np.float32) for count in (10**5, 10**6))

    assert mse(counted(few, [20.0]), MSE)[1] == pytest.approx(17.6, abs=0.1)
    assert mse(counted(many, [20.0]), MSE)[1] == pytest.approx(8.2, abs=0.1)


@pytest.mark.parametrize("outlier", [8.0, 30.0])
@pytest.mark.parametrize("distribution", ["normal", "relu", "swish", "laplace"])
def test_mse_is_better_than_min_max_where_there_are_outliers(
    distribution: str, outlier: float
) -> None:
    random = np.random.default_rng(1)
    sample = {
        "normal": lambda: random.normal(size=300_000),
        "relu": lambda: np.maximum(random.normal(size=300_000), 0),
        "swish": lambda: (x := random.normal(size=300_000)) / (1 + np.exp(-x)),
        "laplace": lambda: random.laplace(size=300_000),
    }[distribution]().astype(np.float32)
    sample[0] = outlier
    histogram = counted(sample)
    errors = {
        name: quantization_error(sample, with_zero(rule(histogram, Settings(ranges=name))))
        for name, rule in RULES.items()
    }

    assert errors["mse"] <= errors["min-max"] * 1.001
    assert errors["mse"] <= errors["percentile"] * 1.01
    if outlier == 30:
        assert errors["mse"] < 0.9 * errors["min-max"]


def test_mse_finds_about_the_best_of_all_ends() -> None:
    """Against a search that quantizes the values themselves."""
    sample = np.random.default_rng(2).laplace(size=100_000).astype(np.float32)
    found = quantization_error(sample, mse(counted(sample), MSE))
    grid = np.linspace(0.2, 1, 60)
    best = min(
        quantization_error(sample, (float(sample.min() * a), float(sample.max() * b)))
        for a in grid
        for b in grid[::6]
    )

    assert found < 1.02 * best


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ([0.0, 0.0], (0.0, 1.0)),
        ([5.0, 5.0], (0.0, 5.0)),
        ([-2.0], (-2.0, 0.0)),
        ([1e-42], (0.0, pytest.approx(1e-42, rel=0.01))),
    ],
)
def test_a_tensor_that_never_changes_has_a_range_all_the_same(
    rule: str, sample: list[float], expected: Range
) -> None:
    assert with_zero(RULES[rule](counted(sample), Settings(ranges=rule))) == expected


def test_the_command_offers_every_rule() -> None:
    from mixnet_export.cli import tflite

    (option,) = (each for each in tflite.params if each.name == "ranges")
    assert set(option.type.choices) == set(RULES)  # type: ignore[attr-defined]
