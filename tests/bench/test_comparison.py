"""Whether the word of a comparison is right as often as it says: known numbers and simulations."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from mixnet_bench.stats import comparison
from mixnet_bench.stats.comparison import (
    FASTER,
    NO_CONCLUSION,
    SLOWER,
    UNDETECTED,
    Turn,
    compare_paired,
    compare_turns,
    compare_unpaired,
    detectable,
    detection_rate,
    round_ratios,
    student_quantile,
)
from mixnet_bench.stats.samples import Floats


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "WITHIN_REPLICATES", 40)


def launches(
    rng: np.random.Generator, ratio: float, count: int, between: float = 0.02, rounds: int = 25
) -> list[Floats]:
    """Rounds' log ratios that resemble their neighbours (AR(1), 0.7), and an effect per launch."""
    found = []
    for _ in range(count):
        noise = rng.normal(0, 0.03, rounds)
        for index in range(1, rounds):
            noise[index] += 0.7 * noise[index - 1]
        found.append(math.log(ratio) + rng.normal(0, between) + noise)
    return found


# Printed in any table of Student's t.
@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [(0.975, 1, 12.706), (0.975, 4, 2.776), (0.995, 9, 3.250), (0.9, 30, 1.310), (0.5, 3, 0.0)],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: int, value: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(value, abs=6e-4)


def test_with_many_launches_detection_is_that_of_a_normal_distribution() -> None:
    normal = NormalDist()
    expected = normal.inv_cdf(0.995) + normal.inv_cdf(0.9)
    assert detectable(2000) == pytest.approx(expected, rel=2e-3)
    assert detection_rate(expected, 2000) == pytest.approx(0.9, abs=2e-3)


def test_few_launches_need_a_larger_difference() -> None:
    assert detectable(2) > 2 * detectable(4) > 2 * detectable(30)


def test_a_round_gives_the_ratio_of_its_bursts_medians() -> None:
    first = [Turn(np.array([2.0, 2.0, 50.0]), 9.0), Turn(np.array([3.0]), 9.0)]
    second = [Turn(np.array([1.0]), 9.0), Turn(np.array([3.0, 3.0]), 9.0)]
    assert round_ratios(first, second) == pytest.approx([math.log(2), 0])


def test_a_hand_worked_comparison() -> None:
    # log ratios 0.09, 0.10, 0.11: standard error 0.01 / sqrt(3), t(0.995, 2) = 9.925
    found = compare_paired([np.full(4, value) for value in (0.09, 0.10, 0.11)])
    assert found.ratio == pytest.approx(math.exp(0.1))
    assert found.interval is not None
    half = 9.925 * 0.01 / math.sqrt(3)
    assert math.log(found.interval.high) == pytest.approx(0.1 + half, rel=1e-3)
    assert math.log(found.interval.low) == pytest.approx(0.1 - half, rel=1e-3)
    assert (found.conclusion, found.launches) == (SLOWER, 3)


def test_two_launches_conclude_nothing() -> None:
    found = compare_paired([np.full(4, 0.5)] * 2)
    assert (found.conclusion, found.interval) == (NO_CONCLUSION, None)
    assert found.smallest_difference is None
    assert found.ratio == pytest.approx(math.exp(0.5))


def test_launches_that_agree_by_chance_do_not_make_a_narrow_interval() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 40)
    found = compare_paired([noise - np.median(noise)] * 3)
    assert found.interval is not None
    assert found.interval.high - found.interval.low > 0.1


def test_faster_is_the_mirror_of_slower() -> None:
    rng = np.random.default_rng(1)
    drawn = launches(rng, 1.2, 8)
    there, back = compare_paired(drawn), compare_paired([-each for each in drawn])
    assert (there.conclusion, back.conclusion) == (SLOWER, FASTER)
    assert there.ratio * back.ratio == pytest.approx(1)


@pytest.mark.parametrize("count", [4, 10])
def test_equal_files_are_told_apart_about_once_in_a_hundred(count: int) -> None:
    rng = np.random.default_rng(count)
    wrong = sum(
        compare_paired(launches(rng, 1.0, count)).conclusion != UNDETECTED for _ in range(150)
    )
    assert wrong <= 5  # 1.5 are expected; more than 5 come once in 200 times


@pytest.mark.parametrize("count", [5, 10])
def test_the_smallest_difference_is_found_about_nine_times_in_ten(count: int) -> None:
    rng = np.random.default_rng(count)
    said = [compare_paired(launches(rng, 1.0, count)).smallest_difference or 0 for _ in range(80)]
    ratio = 1 + float(np.mean(said))
    found = sum(
        compare_paired(launches(rng, ratio, count)).conclusion == SLOWER for _ in range(100)
    )
    assert 78 <= found <= 98


def test_what_slows_whole_launches_alike_does_not_hide_a_difference() -> None:
    rng = np.random.default_rng(3)
    both = []
    for slowed in (1.0, 1.7, 1.3, 2.2, 1.1):  # another program comes and goes
        turns = [
            [Turn(slowed * each * rng.normal(1, 0.01, 5), 9.0) for _ in range(10)]
            for each in (11, 10)
        ]
        both.append(round_ratios(*turns))
    found = compare_paired(both)
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
    found = compare_turns(waiting(rng, 11, cpu=False), waiting(rng, 10), threads=1)
    assert (found.by_cpu, found.conclusion) == (False, UNDETECTED)


def test_a_thread_that_has_its_core_is_compared_by_time() -> None:
    calm = [[Turn(np.full(6, 10.0), 10.0, 69.0)] * 5] * 4
    assert not compare_turns(calm, calm, threads=1).by_cpu
