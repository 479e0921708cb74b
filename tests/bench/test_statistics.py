"""Medians, percentiles and intervals, against numbers worked by hand and against plain loops."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_bench.stats.bootstrap import interval, pick_launches, resample_percentiles
from mixnet_bench.stats.samples import median, percentile
from mixnet_bench.stats.summary import summarize
from mixnet_common.intervals import Interval

durations = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


def test_the_median_of_an_even_count_lies_between_the_two_middle_samples() -> None:
    assert median(np.array([3.0, 1.0, 2.0, 10.0])) == 2.5


def test_p90_of_eleven_samples_is_the_tenth() -> None:
    assert percentile(np.arange(11.0), 90) == 9.0


def test_a_percentile_between_two_samples_is_interpolated() -> None:
    # position (3 - 1) * 0.9 = 1.8: from 20, eight tenths of the way to 30
    assert percentile(np.array([30.0, 10.0, 20.0]), 90) == pytest.approx(28.0)


def test_the_interval_is_the_middle_of_the_replicates() -> None:
    found = interval(np.arange(1001.0), 0.95)
    assert (found.low, found.high) == pytest.approx((25.0, 975.0))


def test_picks_depend_on_nothing_but_the_seed() -> None:
    assert np.array_equal(pick_launches(5, 7), pick_launches(5, 7))
    assert not np.array_equal(pick_launches(5, 7), pick_launches(5, 8))


@given(st.lists(durations, min_size=1, max_size=5), st.integers(0, 100))
def test_a_replicate_never_leaves_the_range_of_the_samples(
    samples: list[list[float]], seed: int
) -> None:
    launches = [np.array(launch) for launch in samples]
    drawn = resample_percentiles(launches, pick_launches(len(launches), seed, 20), (50, 90), seed)
    assert drawn.shape == (20, 2)
    assert drawn.min() >= min(map(min, launches)) * (1 - 1e-12)
    assert drawn.max() <= max(map(max, launches)) * (1 + 1e-12)
    assert (drawn[:, 0] <= drawn[:, 1] * (1 + 1e-12)).all()


def test_blocks_as_long_as_a_launch_reproduce_the_picked_launches_exactly() -> None:
    launches = [np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0, 50.0])]
    picks = np.array([[0, 0], [1, 1], [0, 1]])
    drawn = resample_percentiles(launches, picks, (50, 90), seed=0, block=5)
    expected = [
        [percentile(np.concatenate([launches[i] for i in row]), p) for p in (50, 90)]
        for row in picks
    ]
    assert np.allclose(drawn, expected)


def test_chunks_do_not_change_what_is_drawn_from_a_constant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mixnet_bench.stats.bootstrap.CHUNK_ELEMENTS", 10)
    launches = [np.full(4, 2.0), np.full(3, 2.0)]
    drawn = resample_percentiles(launches, pick_launches(2, 0, 50), (50,), seed=0)
    assert np.array_equal(drawn, np.full((50, 1), 2.0))


def test_a_million_samples_are_summarized_in_a_few_seconds() -> None:
    rng = np.random.default_rng(0)
    launches = [10 + rng.normal(0, 0.1, 200_000) for _ in range(5)]
    start = time.process_time()
    found = summarize([launches])[0]
    assert time.process_time() - start < 10  # all of them resampled would take minutes
    assert found.median == pytest.approx(10, abs=0.001)
    assert found.median_interval.low < found.median < found.median_interval.high


def test_the_difference_between_launches_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    quiet = [10 + rng.normal(0, 0.1, 200) for _ in range(5)]
    apart = [launch + shift for launch, shift in zip(quiet, (-1, -0.5, 0, 0.5, 1), strict=True)]
    narrow, wide = (summarize([each])[0].median_interval for each in (quiet, apart))
    assert narrow.high - narrow.low < 0.1
    assert wide.high - wide.low > 0.5


def test_the_interval_of_the_median_holds_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        launches = [10 + rng.normal(0, 0.3) + rng.normal(0, 0.1, 60) for _ in range(10)]
        found = summarize([launches], seed)[0].median_interval
        hits += found.low <= 10 <= found.high
    assert 48 <= hits <= 60  # 95 % of 60 are 57; few launches make the bootstrap a little narrow


def test_what_slows_a_whole_launch_cancels_out_of_the_ratio() -> None:
    rng = np.random.default_rng(0)
    shared = (1.0, 1.5, 2.0, 2.5, 3.0)
    first = [factor * (10 + rng.normal(0, 0.05, 100)) for factor in shared]
    second = [factor * (20 + rng.normal(0, 0.05, 100)) for factor in shared]
    summary = summarize([first, second])[1]
    assert summary.ratio == pytest.approx(2, rel=0.01)
    assert summary.ratio_interval.high - summary.ratio_interval.low < 0.2
    assert summary.median_interval.high - summary.median_interval.low > 10


def test_the_first_target_has_a_ratio_of_exactly_one() -> None:
    summary = summarize([[np.array([1.0, 2.0])], [np.array([2.0, 4.0])]])[0]
    assert (summary.ratio, summary.ratio_interval) == (1.0, Interval(1.0, 1.0))


def test_equal_files_keep_an_interval_around_one() -> None:
    rng = np.random.default_rng(0)
    launches = [10 + rng.normal(0, 0.5, 100) for _ in range(5)]
    ratio = summarize([launches, launches])[1].ratio_interval
    assert ratio.low < 1 < ratio.high


def test_a_single_sample_is_its_own_summary() -> None:
    summary = summarize([[np.array([4.0])]])[0]
    assert (summary.median, summary.p90) == (4.0, 4.0)
    assert summary.median_interval == Interval(4.0, 4.0)
