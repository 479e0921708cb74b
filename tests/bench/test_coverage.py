"""Intervals hold the truth as often as they say: the study of docs/trust.md, in small."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.studies.coverage import (
    BASE_MS,
    HARDEST,
    SCENARIOS,
    Scenario,
    claim,
    cover,
    main,
    trend,
)
from mixnet_bench.studies.coverage import samples as made_up

RUNS = 200
BY_NAME = {each.name: each for each in SCENARIOS}


@pytest.mark.parametrize("launches", [3, 5])
@pytest.mark.parametrize("name", [HARDEST.name, "one inference in ten held up"])
def test_ratio_and_median_are_covered_at_few_launches(name: str, launches: int) -> None:
    found = cover(BY_NAME[name], launches, RUNS)

    for share in (found.ratio, found.median):
        assert 0.90 <= share <= 0.99  # 0.95, and three standard errors of 200 runs


def test_drift_in_turns_cancels_out_of_the_ratio() -> None:
    found = cover(SCENARIOS[-1], 5, RUNS)

    assert 0.90 <= found.ratio <= 0.99
    assert found.median >= 0.95  # its interval has the way in it
    assert found.moving


def test_the_words_of_comparisons_are_right_as_often_as_promised() -> None:
    found = claim(HARDEST, 3, RUNS)

    assert found.different <= 0.04  # 0.01
    assert found.detected == pytest.approx(0.9, abs=0.07)
    assert found.gains <= 0.03  # 0.005


def test_an_interval_that_is_too_narrow_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # The normal distribution's bound instead of Student's, as a bootstrap has it.
    monkeypatch.setattr("mixnet_common.intervals.student_bound", lambda freedom, confidence: 1.96)

    assert cover(HARDEST, 3, RUNS).ratio < 0.88


def test_a_kind_of_noise_is_what_its_name_says() -> None:
    rng = np.random.default_rng(0)
    plain, alike = (
        made_up(rng, Scenario("", resemblance=share), BASE_MS, trend(HARDEST, 200))
        for share in (0.0, 0.9)
    )
    for launches, share in ((plain, 0.0), (alike, 0.9)):
        logs = np.log(launches)
        pairs = np.corrcoef(logs[:, 1:].ravel(), logs[:, :-1].ravel())
        assert pairs[0, 1] == pytest.approx(share, abs=0.05)
        assert logs.std() == pytest.approx(0.02, rel=0.1)


def test_the_study_prints_a_row_for_each_kind_of_noise() -> None:
    result = CliRunner().invoke(main, ["--runs", "10", "--launches", "3", "--json"])

    rows = json.loads(result.stdout)["targets"]
    assert [row["scenario"] for row in rows] == [each.name for each in SCENARIOS]
    assert result.exit_code == (0 if all(row["holds"] for row in rows) else 1)
