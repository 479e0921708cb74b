"""Medians, percentiles and intervals of samples, against numbers worked by hand."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.stats.bootstrap import bootstrap_interval, middle, resample_percentile
from mixnet_bench.stats.samples import median, percentile
from mixnet_bench.stats.summary import level, summarize
from mixnet_common.intervals import Interval, mean_of, ratio_of, student_bound

durations = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


def test_the_median_of_an_even_count_lies_between_the_two_middle_samples() -> None:
    assert median(np.array([3.0, 1.0, 2.0, 10.0])) == 2.5


def test_p90_of_eleven_samples_is_the_tenth() -> None:
    assert percentile(np.arange(11.0), 90) == 9.0


def test_a_percentile_between_two_samples_is_interpolated() -> None:
    # position (3 - 1) * 0.9 = 1.8: from 20, eight tenths of the way to 30
    assert percentile(np.array([30.0, 10.0, 20.0]), 90) == pytest.approx(28.0)


# Student's interval


# Printed in any table of Student's t.
@pytest.mark.parametrize(
    ("confidence", "freedom", "bound"),
    [(0.95, 1, 12.706), (0.95, 4, 2.776), (0.99, 9, 3.250), (0.8, 30, 1.310)],
)
def test_bounds_are_those_of_the_tables(confidence: float, freedom: int, bound: float) -> None:
    assert student_bound(freedom, confidence) == pytest.approx(bound, abs=6e-4)


def test_a_hand_worked_interval_of_a_mean() -> None:
    # standard deviation 1, standard error 1 / sqrt(3), t(0.995, 2) = 9.925
    found = mean_of([1.0, 2.0, 3.0], 0.99)
    half = 9.925 / math.sqrt(3)
    assert found.value == 2
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (2 - half, 2 + half), rel=1e-4
    )


def test_a_single_value_has_no_interval() -> None:
    assert mean_of([3.0]).interval is None
    assert ratio_of([math.log(2)]).value == pytest.approx(2)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=20))
def test_a_ratio_and_its_inverse_have_inverse_intervals(logs: list[float]) -> None:
    there, back = ratio_of(logs), ratio_of([-each for each in logs])
    assert there.interval is not None
    assert back.interval is not None
    assert there.value * back.value == pytest.approx(1)
    assert there.interval.low * back.interval.high == pytest.approx(1)


# A file's levels


def test_a_files_median_is_the_geometric_mean_of_its_launches() -> None:
    found = level([np.array([1.0, 2.0, 90.0]), np.array([8.0] * 5)], 50)
    assert found.value == pytest.approx(4)
    # logarithms log 4 +- log 2: standard deviation sqrt(2) log 2, error log 2, t(0.975, 1) = 12.706
    assert math.log(found.interval.high / 4) == pytest.approx(12.706 * math.log(2), rel=1e-4)


def test_a_longer_launch_has_no_more_weight() -> None:
    few, many = np.full(10, 10.0), np.full(1000, 12.0)
    assert level([few, many], 50) == level([few, many[:10]], 50)


@given(st.lists(durations, min_size=2, max_size=5))
def test_levels_lie_within_their_intervals_and_the_samples(samples: list[list[float]]) -> None:
    found = summarize([np.array(launch) for launch in samples])
    least, most = min(map(min, samples)), max(map(max, samples))
    for each in (found.median, found.p90):
        assert least * (1 - 1e-9) <= each.value <= most * (1 + 1e-9)
        assert each.interval.low <= each.value <= each.interval.high
    assert found.median.value <= found.p90.value * (1 + 1e-9)


def test_a_million_samples_are_summarized_in_a_few_seconds() -> None:
    rng = np.random.default_rng(0)
    launches = [10 + rng.normal(0, 0.1, 200_000) for _ in range(5)]
    start = time.process_time()
    several, single = summarize(launches), summarize(launches[:1])
    assert time.process_time() - start < 10  # all of them resampled would take minutes
    for found in (several, single):
        assert found.median.value == pytest.approx(10, abs=0.001)
        assert found.median.interval.low < found.median.value < found.median.interval.high


def test_the_difference_between_launches_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    quiet = [10 + rng.normal(0, 0.1, 200) for _ in range(5)]
    apart = [launch + shift for launch, shift in zip(quiet, (-1, -0.5, 0, 0.5, 1), strict=True)]
    narrow, wide = (summarize(each).median.interval for each in (quiet, apart))
    assert narrow.high - narrow.low < 0.1
    assert wide.high - wide.low > 0.5


# The bootstrap of a single launch


def test_the_interval_is_the_middle_of_the_replicates() -> None:
    found = middle(np.arange(1001.0), 0.95)
    assert (found.low, found.high) == pytest.approx((25.0, 975.0))


def test_replicates_depend_on_nothing_but_the_seed() -> None:
    samples = np.random.default_rng(0).normal(10, 1, 50)
    assert np.array_equal(resample_percentile(samples, 50, 7), resample_percentile(samples, 50, 7))
    assert not np.array_equal(
        resample_percentile(samples, 50, 7), resample_percentile(samples, 50, 8)
    )


@given(durations, st.integers(0, 100))
def test_a_replicate_never_leaves_the_range_of_the_samples(samples: list[float], seed: int) -> None:
    drawn = resample_percentile(np.array(samples), 90, seed, replicates=20)
    assert drawn.shape == (20,)
    assert drawn.min() >= min(samples) * (1 - 1e-12)
    assert drawn.max() <= max(samples) * (1 + 1e-12)


def test_a_block_as_long_as_the_launch_reproduces_it_exactly() -> None:
    samples = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    drawn = resample_percentile(samples, 90, block=5, replicates=30)
    assert np.allclose(drawn, percentile(samples, 90))


def test_chunks_do_not_change_what_is_drawn_from_a_constant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mixnet_bench.stats.bootstrap.CHUNK_ELEMENTS", 10)
    drawn = resample_percentile(np.full(4, 2.0), 50, replicates=50)
    assert np.array_equal(drawn, np.full(50, 2.0))


def test_a_single_launch_covers_its_own_median_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(200):
        samples = 10 + np.random.default_rng(seed).normal(0, 0.1, 60)
        found = bootstrap_interval(samples, 50, seed=seed)
        hits += found.low <= 10 <= found.high
    assert 180 <= hits <= 199


def test_a_single_sample_is_its_own_summary() -> None:
    found = summarize([np.array([4.0])])
    assert (found.median.value, found.p90.value) == (4.0, 4.0)
    assert found.median.interval == Interval(4.0, 4.0)


def test_p99_is_given_where_every_launch_has_a_hundred_samples() -> None:
    launch = np.linspace(1.0, 2.0, 101)
    few = summarize([launch, launch[:99]])
    enough = summarize([launch, launch])

    assert few.p99 is None
    assert enough.p99 is not None
    assert enough.p99.value == pytest.approx(1.99)
