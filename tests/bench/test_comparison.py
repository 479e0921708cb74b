"""Whether the word of a comparison is right as often as it says: known numbers and simulations."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from mixnet_bench.stats.comparison import (
    FASTER,
    NO_CONCLUSION,
    SLOWER,
    UNDETECTED,
    compare_paired,
    compare_turns,
    compare_unpaired,
)
from mixnet_bench.stats.detection import detectable, detection_rate
from mixnet_bench.stats.samples import Floats
from mixnet_bench.stats.turns import Turn, ratio, ratios_of, round_ratios


def launches(
    rng: np.random.Generator, ratio: float, count: int, between: float = 0.02
) -> list[float]:
    """Log ratios of launches that differ by chance."""
    return [float(each) for each in rng.normal(math.log(ratio), between, count)]


def test_with_many_launches_detection_is_that_of_a_normal_distribution() -> None:
    normal = NormalDist()
    expected = normal.inv_cdf(0.995) + normal.inv_cdf(0.9)
    assert detectable(100_000, 0.99) == pytest.approx(expected, rel=2e-3)
    assert detection_rate(expected, 100_000, 0.99) == pytest.approx(0.9, abs=2e-3)


def test_few_launches_need_a_larger_difference() -> None:
    assert detectable(2, 0.99) > 2 * detectable(4, 0.99) > 2 * detectable(30, 0.99)


def test_a_lower_confidence_or_power_finds_smaller_differences() -> None:
    assert detectable(4, 0.95) < detectable(4, 0.99)
    assert detectable(4, 0.99, power=0.8) < detectable(4, 0.99, power=0.9)


def test_a_round_gives_the_ratio_of_its_bursts_medians() -> None:
    first = [Turn(np.array([2.0, 2.0, 50.0]), 9.0), Turn(np.array([3.0]), 9.0)]
    second = [Turn(np.array([1.0]), 9.0), Turn(np.array([3.0, 3.0]), 9.0)]
    assert round_ratios(first, second) == pytest.approx([math.log(2), 0])


def test_a_hand_worked_comparison() -> None:
    # log ratios 0.09, 0.10, 0.11: standard error 0.01 / sqrt(3), t(0.995, 2) = 9.925
    found = compare_paired([0.09, 0.10, 0.11])
    assert found.ratio == pytest.approx(math.exp(0.1))
    assert found.interval is not None
    half = 9.925 * 0.01 / math.sqrt(3)
    assert math.log(found.interval.high) == pytest.approx(0.1 + half, rel=1e-3)
    assert math.log(found.interval.low) == pytest.approx(0.1 - half, rel=1e-3)
    assert (found.conclusion, found.launches) == (SLOWER, 3)


def test_a_lower_confidence_makes_a_narrower_interval() -> None:
    surely, likely = (compare_paired([0.0, 0.01, 0.02], each) for each in (0.99, 0.95))
    assert surely.interval is not None
    assert likely.interval is not None
    assert surely.interval.low < likely.interval.low < likely.interval.high < surely.interval.high
    assert surely.smallest_difference > likely.smallest_difference  # type: ignore[operator]


def test_two_launches_conclude_nothing() -> None:
    found = compare_paired([0.5] * 2)
    assert (found.conclusion, found.interval) == (NO_CONCLUSION, None)
    assert found.smallest_difference is None
    assert found.ratio == pytest.approx(math.exp(0.5))


def test_faster_is_the_mirror_of_slower() -> None:
    rng = np.random.default_rng(1)
    drawn = launches(rng, 1.2, 8)
    there, back = compare_paired(drawn), compare_paired([-each for each in drawn])
    assert (there.conclusion, back.conclusion) == (SLOWER, FASTER)
    assert there.ratio * back.ratio == pytest.approx(1)


@pytest.mark.parametrize("count", [3, 5, 10])
def test_equal_files_are_told_apart_once_in_a_hundred(count: int) -> None:
    rng = np.random.default_rng(count)
    wrong = sum(
        compare_paired(launches(rng, 1.0, count)).conclusion != UNDETECTED for _ in range(2000)
    )
    assert 8 <= wrong <= 34  # 20 are expected; fewer or more come once in 300 times


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_smallest_difference_is_found_nine_times_in_ten(count: int) -> None:
    # What one measurement promises, another one of its kind must keep.
    rng = np.random.default_rng(count)
    found = 0
    for _ in range(2000):
        promised = compare_paired(launches(rng, 1.0, count, 0.005)).smallest_difference
        again = compare_paired(launches(rng, 1 + (promised or 0), count, 0.005))
        found += again.conclusion == SLOWER
    assert found / 2000 == pytest.approx(0.9, abs=0.02)


def test_what_slows_whole_launches_alike_does_not_hide_a_difference() -> None:
    rng = np.random.default_rng(3)
    both = []
    for slowed in (1.0, 1.7, 1.3, 2.2, 1.1):  # another program comes and goes
        turns = [
            [Turn(slowed * each * rng.normal(1, 0.01, 5), 9.0) for _ in range(10)]
            for each in (11, 10)
        ]
        both.append(round_ratios(*turns))
    found = compare_paired([float(np.median(each)) for each in both])
    assert found.conclusion == SLOWER
    assert found.ratio == pytest.approx(1.1, abs=0.01)


def test_separate_measurements_carry_the_spread_of_both() -> None:
    rng = np.random.default_rng(4)

    def samples(level: float, spread: float) -> list[Floats]:
        return [level * math.exp(rng.normal(0, spread)) * rng.normal(1, 0.01, 50) for _ in range(8)]

    steady, again, slower = samples(10, 0.01), samples(10, 0.01), samples(12, 0.01)
    unsteady = samples(10.3, 0.15)
    assert compare_unpaired(again, steady).conclusion == UNDETECTED
    assert compare_unpaired(slower, steady).conclusion == SLOWER
    narrow = compare_unpaired(again, steady).smallest_difference
    wide = compare_unpaired(unsteady, steady).smallest_difference
    assert narrow is not None
    assert wide is not None
    assert wide > 4 * narrow
    assert compare_unpaired(samples(10, 0)[:2], steady).conclusion == NO_CONCLUSION


def waiting(rng: np.random.Generator, level: float, cpu: bool = True) -> list[list[Turn]]:
    """Launches of a thread that waits for a core most of the time, and how long is chance."""

    def turn() -> Turn:
        cpu_ms = 7 * level * rng.normal(1, 0.02) if cpu else None
        return Turn(level * rng.uniform(1, 5, 6), level, cpu_ms)

    return [[turn() for _ in range(10)] for _ in range(6)]


def test_where_other_programs_hold_the_cores_cpu_times_are_compared() -> None:
    rng = np.random.default_rng(5)
    found = compare_turns(waiting(rng, 11), waiting(rng, 10), threads=1)
    assert (found.by_cpu, found.conclusion) == (True, SLOWER)
    assert found.ratio == pytest.approx(1.1, abs=0.02)


def test_cpu_times_are_not_compared_of_several_threads_or_where_they_are_not_told() -> None:
    rng = np.random.default_rng(6)
    assert not compare_turns(waiting(rng, 11), waiting(rng, 10), threads=2).by_cpu
    assert not compare_turns(waiting(rng, 11, cpu=False), waiting(rng, 10), threads=1).by_cpu


def test_a_thread_that_has_its_core_is_compared_by_time() -> None:
    calm = [[Turn(np.full(6, 10.0), 10.0, 69.0)] * 5] * 4
    assert not compare_turns(calm, calm, threads=1).by_cpu


def test_the_ratio_of_one_launch_has_the_interval_of_its_rounds() -> None:
    rng = np.random.default_rng(7)
    one, two = (
        [[Turn(level * rng.normal(1, 0.01, 5), level) for _ in range(20)]] for level in (11, 10)
    )
    found = ratio(ratios_of(one, two, threads=1))
    assert found.interval.low < found.value < found.interval.high
    assert found.value == pytest.approx(1.1, abs=0.01)
    assert found.interval.high - found.interval.low < 0.03


def test_the_tables_ratio_and_the_comparisons_are_one_number() -> None:
    rng = np.random.default_rng(8)
    drawn = [
        [[Turn(level * rng.normal(1, 0.02, 5), level) for _ in range(8)] for _ in range(5)]
        for level in (11, 10)
    ]
    compared = compare_turns(*drawn, threads=1, confidence=0.95)  # type: ignore[misc]
    found = ratio(ratios_of(*drawn, threads=1), 0.95)  # type: ignore[misc]
    assert compared.interval is not None
    assert (found.value, found.interval.low) == (compared.ratio, compared.interval.low)
