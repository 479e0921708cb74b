"""When a measurement is doubted: each doubt alone, on samples made for it."""

from typing import Any

import numpy as np
import pytest

from mixnet_bench.results.verdict import Conclusion, verdict_of
from mixnet_bench.stats.samples import Floats
from mixnet_bench.timing.verdict import (
    agreement_across,
    count_outliers,
    drift_across,
    drift_within,
    judge,
    outliers,
)
from mixnet_common.intervals import Interval


def judged(*arguments: Any) -> Conclusion:
    return verdict_of(judge(*arguments))


def quiet(launches: int = 5, count: int = 100) -> list[Floats]:
    rng = np.random.default_rng(0)
    return [10 + rng.normal(0, 0.1, count) for _ in range(launches)]


def test_quiet_samples_are_valid_without_a_reason() -> None:
    assert judged(quiet(), Interval(9.9, 10.1)) == judged(quiet())
    assert (judged(quiet()).verdict, judged(quiet()).reasons) == ("valid", ())


def test_an_outlier_is_found_by_hand() -> None:
    # median 11, absolute deviations 1 0 1 0 89, MAD 1; scores 0.67, 0, 0.67, 0, 60
    flagged = outliers(np.array([10.0, 11.0, 12.0, 11.0, 100.0]))
    assert flagged.tolist() == [False, False, False, False, True]


def test_equal_samples_have_no_outliers() -> None:
    assert not outliers(np.full(10, 3.0)).any()
    assert not outliers(np.zeros(10)).any()


def test_a_clock_that_ticks_coarsely_flags_nothing() -> None:
    assert not outliers(np.array([10.0] * 9 + [10.02])).any()


def test_outliers_are_judged_by_their_own_launch() -> None:
    launches = [np.full(50, 10.0), np.full(50, 12.0)]
    assert count_outliers(launches) == 0


def test_a_launch_that_slows_down_by_thirds_drifts() -> None:
    launch = np.concatenate([np.full(40, 10.0), np.full(40, 10.5), np.full(40, 11.0)])
    assert drift_within([launch] * 3) == pytest.approx(0.1)
    verdict = judged([launch] * 3)
    assert verdict.verdict == "drifting"
    assert "10% slower" in verdict.reasons[0]


def test_drift_across_launches_is_the_theil_sen_slope() -> None:
    # medians 10, 11, 12, 13: every pair has slope 1; 3 steps over the median of 11.5
    launches = [np.full(40, 10.0 + step) for step in range(4)]
    assert drift_across(launches) == pytest.approx(3 / 11.5)
    assert agreement_across(launches) == 1.0
    verdict = judged(launches)
    assert verdict.verdict == "drifting"
    assert any("from launch to launch" in reason for reason in verdict.reasons)


def test_one_odd_launch_is_no_drift() -> None:
    launches = [np.full(40, value) for value in (10.0, 10.0, 12.0, 10.0, 10.0)]
    assert drift_across(launches) == 0
    assert judged(launches).verdict == "valid"


def test_launches_too_short_for_thirds_do_not_drift() -> None:
    assert drift_within([np.array([1.0, 5.0])]) == 0


@pytest.mark.parametrize(
    ("launches", "advice"),
    [
        (quiet(launches=5, count=10), "--min-count"),
        (quiet(launches=2, count=100), "--launches"),
        ([launch / 1000 for launch in quiet()], "--min-time"),
    ],
)
def test_what_is_too_short_names_the_option_that_helps(launches: list[Floats], advice: str) -> None:
    verdict = judged(launches)
    assert verdict.verdict == "too-short"
    assert any(advice in reason for reason in verdict.reasons)


def test_a_wide_interval_asks_for_more_launches() -> None:
    verdict = judged(quiet(), Interval(9.0, 10.5))
    assert verdict.verdict == "too-short"
    assert "15%" in verdict.reasons[0]


def test_many_outliers_are_contention() -> None:
    launches = quiet()
    for launch in launches:
        launch[::7] += 3
    verdict = judged(launches)
    assert verdict.verdict == "contended"
    assert "14%" in verdict.reasons[0] or "15%" in verdict.reasons[0]


def test_a_long_tail_is_contention() -> None:
    launches = quiet()
    for launch in launches:
        launch[::5] *= 2
    assert any("p90" in reason for reason in judged(launches).reasons)


def test_launches_that_disagree_are_contention() -> None:
    launches = [launch * factor for launch, factor in zip(quiet(), (1, 2, 1, 1, 1), strict=True)]
    verdict = judged(launches)
    assert verdict.verdict == "contended"
    assert "slowest launch" in verdict.reasons[0]


def test_every_caveat_is_told_and_the_gravest_is_the_word() -> None:
    launches = [np.array([10.0, 10.0, 10.0, 20.0, 20.0, 20.0])]
    verdict, reasons = judged(launches)
    assert verdict == "too-short"
    assert any("within a launch" in reason for reason in reasons)


def test_few_samples_are_too_short_whatever_they_are_like() -> None:
    """Outliers among six samples say nothing of other programs."""
    launches = [np.array([10.0, 10.0, 10.1, 10.2, 40.0, 10.0])] * 3
    verdict, reasons = judged(launches)
    assert verdict == "too-short"
    assert "17% of the samples are outliers" in reasons


def test_a_wide_interval_is_no_reason_for_more_launches_where_something_made_it_wide() -> None:
    launches = [launch * factor for launch, factor in zip(quiet(), (1, 2, 1, 1, 1), strict=True)]
    for made, word in ((launches, "contended"), (drifting(), "drifting")):
        verdict, reasons = judged(made, Interval(9.0, 10.5))
        assert verdict == word
        assert any(reason.endswith("the limit is 10%") for reason in reasons)
        assert not any("--launches" in reason for reason in reasons)


def drifting() -> list[Floats]:
    return [np.full(40, 10.0 + step) for step in range(4)]
