"""Intervals against published figures, brute force and what they promise: coverage."""

import math
import re
from functools import partial
from math import comb, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mixnet_common.intervals import Interval
from mixnet_quantize.parity.gate import (
    BEYOND,
    TOO_FEW,
    WITHIN,
    BeyondBudgetError,
    TooFewImagesError,
    describe_verdict,
    enforce,
    hint,
    judge,
)
from mixnet_quantize.parity.intervals import (
    enough,
    mcnemar,
    paired_difference,
    quantile,
    score,
    wilson,
)
from mixnet_quantize.parity.record import Record
from mixnet_quantize.parity.tally import Outcome, Tally

Z = quantile(0.95)

counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 400)).map(
    lambda each: (each[0], each[1], each[0] + each[1] + each[2])
)


def brute_score(lost: int, won: int, count: int, difference: float) -> float:
    """The score with the likeliest proportions found by trying many."""
    low, high = max(0.0, -difference), (1 - difference) / 2
    tried = np.linspace(low, high, 200_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.zeros_like(tried)
        for cell, share in (
            (lost, tried + difference),
            (won, tried),
            (count - lost - won, 1 - 2 * tried - difference),
        ):
            total += np.where(cell, cell * np.log(np.maximum(share, 0)), 0)
    q = float(tried[int(np.argmax(total))])
    return (lost - won - count * difference) / sqrt(count * (2 * q + difference * (1 - difference)))


@pytest.mark.parametrize(
    ("lost", "won", "count", "low", "high"),
    [
        # Airway hyper-responsiveness in 21 children (Bentur et al. 2009), as analysed with Tango's
        # interval by Fagerland, Lydersen and Laake (2014), table V.
        (1, 7, 21, -0.517, -0.026),
    ],
)
def test_tango_s_interval_is_the_published_one(
    lost: int, won: int, count: int, low: float, high: float
) -> None:
    found = paired_difference(lost, won, count, Z)

    assert (round(found.low, 3), round(found.high, 3)) == (low, high)


@pytest.mark.parametrize(
    ("lost", "won", "count", "difference"),
    [(3, 1, 50, 0.1), (0, 0, 30, 0.05), (12, 2, 50, 0.05), (5, 9, 200, 0.02), (2, 7, 60, -0.2)],
)
def test_the_score_uses_the_likeliest_proportions(
    lost: int, won: int, count: int, difference: float
) -> None:
    found = score(lost, won, count, difference)

    assert found == pytest.approx(brute_score(lost, won, count, difference), rel=1e-3)


@given(counts)
def test_the_paired_interval_holds_what_was_seen_and_turns_with_the_files(
    cells: tuple[int, int, int],
) -> None:
    lost, won, count = cells
    found, turned = paired_difference(lost, won, count, Z), paired_difference(won, lost, count, Z)

    assert found.low <= (lost - won) / count <= found.high
    assert turned.low == pytest.approx(-found.high, abs=1e-9)
    assert turned.high == pytest.approx(-found.low, abs=1e-9)


@given(counts)
def test_the_paired_interval_leaves_out_no_difference_exactly_where_mcnemar_s_statistic_does(
    cells: tuple[int, int, int],
) -> None:
    lost, won, count = cells
    assume(lost + won)
    statistic = (lost - won) / sqrt(lost + won)
    assume(abs(abs(statistic) - Z) > 1e-6)
    found = paired_difference(lost, won, count, Z)

    assert (found.low <= 0 <= found.high) == (abs(statistic) < Z)


@given(st.integers(1, 500), st.data())
def test_wilson_s_bounds_are_where_the_score_is_z(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    found = wilson(hits, count, Z)

    for bound in (found.low, found.high):
        if 1e-9 < bound < 1 - 1e-9:
            deviation = abs(hits - count * bound) / sqrt(count * bound * (1 - bound))
            assert deviation == pytest.approx(Z, rel=1e-6)


@pytest.mark.parametrize(("lost", "won"), [(0.02, 0.02), (0.05, 0.01), (0.1, 0.08)])
def test_the_paired_interval_holds_the_truth_nearly_as_often_as_promised(
    lost: float, won: float
) -> None:
    """Over all outcomes of 200 images, weighted by their chance."""
    count, covered, seen = 200, 0.0, 0.0
    for b in range(45):
        for c in range(45):
            same = count - b - c
            chance = (
                comb(count, b) * comb(count - b, c) * lost**b * won**c * (1 - lost - won) ** same
            )
            if chance > 1e-9:
                found = paired_difference(b, c, count, Z)
                covered += chance * (found.low <= lost - won <= found.high)
                seen += chance

    assert seen > 0.999
    assert 0.93 < covered / seen < 0.985


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_s_p_value_is_the_sum_of_its_tails(lost: int, won: int) -> None:
    tosses = lost + won
    extreme = [k for k in range(tosses + 1) if min(k, tosses - k) <= min(lost, won)]
    expected = sum(comb(tosses, k) for k in extreme) / 2**tosses

    assert mcnemar(lost, won) == pytest.approx(min(1.0, expected))


def test_mcnemar_s_p_value_of_thousands_is_quick_and_no_overflow() -> None:
    assert 0 < mcnemar(9_800, 10_200) < 0.01


# How many images suffice


@given(counts, st.floats(0.001, 0.1))
def test_as_many_images_as_are_said_to_be_enough_tell_and_one_fewer_does_not(
    cells: tuple[int, int, int], budget: float
) -> None:
    lost, won, count = cells

    def interval(scale: float, z: float) -> Interval:
        return paired_difference(lost * scale, won * scale, count * scale, z)

    needed = enough(interval, count, budget, 0.95)
    z = quantile(0.95) + quantile(0.6)  # 0.6 two-sided is 0.8 one-sided

    def tells(images: int) -> bool:
        found = interval(images / count, z)
        return found.high <= budget or found.low > budget

    if needed is None:
        assert abs((lost - won) / count - budget) < 1e-3
    elif needed > 1:
        assert tells(needed)
        assert not tells(needed - 1)


def test_no_number_of_images_tells_a_loss_that_is_the_budget() -> None:
    assert enough(partial(scaled, 5, 0, 1000), 1000, 0.005, 0.95) is None


def test_the_number_of_images_follows_the_usual_formula() -> None:
    """(z + z')² (p - d²) / (budget - d)², p the share of those that differ, nearly.

    The score's variance is that of a loss as large as the budget, and so a little larger.
    """
    needed = enough(partial(scaled, 200, 180, 20_000), 20_000, 0.005, 0.95)
    expected = (Z + quantile(0.6)) ** 2 * (0.019 - 0.001**2) / 0.004**2

    assert needed == pytest.approx(expected, rel=0.1)


def test_the_page_s_numbers_of_images_are_those_computed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) % \| ([\d,]+) \| ([\d,]+) \|$", page, re.MULTILINE)

    assert len(rows) == 3
    for percent, *written in rows:
        each = 1000 * int(percent)
        for budget, images in zip((0.005, 0.01), written, strict=True):
            needed = enough(partial(scaled, each, each, 200_000), 200_000, budget, 0.95)
            assert needed == pytest.approx(int(images.replace(",", "")), abs=50)


def scaled(lost: float, won: float, count: float, scale: float, z: float) -> Interval:
    return paired_difference(lost * scale, won * scale, count * scale, z)


# Sums


def test_sums_of_errors_do_not_depend_on_the_images_order() -> None:
    """Added one after the other, 1 and 1 are lost beside 1e16 in one order and not in the other."""
    records = [
        Record(index, (0, 1, 2), (0, 2, 1), 0.5, 0.5, 0.1, energy, energy)
        for index, energy in enumerate([1e16, 1.0, 1.0, 1e-3] * 3)
    ]
    found = []
    for ordered in (records, records[::-1], sorted(records, key=lambda each: each.error_energy)):
        tally = Tally(None, classes=3, worst=2)
        for each in ordered:
            tally.add(each)
        found.append(tally.outcome(0.95))
    assert found[0].logits.rms == math.sqrt((3e16 + 6.003) / 36)
    assert found[0] == found[1] == found[2]


# The gate


def outcome(lost: int, won: int, count: int, *, labelled: bool = True) -> Outcome:
    """Of images whose truth is class 0, most of which both files have right."""
    tally = Tally([0] * count if labelled else None, classes=3, worst=2)
    for index in range(count):
        first = 1 if lost <= index < lost + won else 0
        second = 1 if index < lost else 0
        tops = [(each, 2, 1 - each) for each in (first, second)]
        tally.add(Record(index, tops[0], tops[1], 0.5, 0.5, 0.1, 0.1, 10.0))
    return tally.outcome(0.95)


@pytest.mark.parametrize(
    ("lost", "won", "count", "kind", "status"),
    [
        (3, 2, 10_000, WITHIN, 0),
        (200, 20, 10_000, BEYOND, 1),
        (3, 3, 200, TOO_FEW, 3),
        (60, 20, 10_000, TOO_FEW, 3),  # 0.4 points seen, but not surely below 0.5
        (0, 0, 765, WITHIN, 0),  # 3.84 / (765 + 3.84) is just below 0.005
        (0, 0, 764, TOO_FEW, 3),
        (0, 100, 10_000, WITHIN, 0),  # a gain
    ],
)
def test_the_interval_decides_about_the_budget(
    lost: int, won: int, count: int, kind: str, status: int
) -> None:
    verdict = judge(outcome(lost, won, count), 0.005, 0.95)

    assert (verdict.kind, verdict.exit_status, verdict.measure) == (kind, status, "top-1")
    assert verdict.loss == pytest.approx((lost - won) / count)
    assert (verdict.needed is not None) == (kind == TOO_FEW)


def test_too_few_images_say_how_many_would_do() -> None:
    verdict = judge(outcome(3, 2, 200), 0.02, 0.95)

    assert verdict.needed is not None
    assert verdict.needed > 200
    with pytest.raises(TooFewImagesError) as caught:
        enforce(verdict)
    assert caught.value.exit_status == 3
    assert f"about {verdict.needed} images are needed" in caught.value.hint


def test_a_loss_beyond_the_budget_is_a_failed_check() -> None:
    with pytest.raises(BeyondBudgetError, match=r"beyond the budget of 0\.5") as caught:
        enforce(judge(outcome(200, 20, 10_000), 0.005, 0.95))

    assert caught.value.exit_status == 1


def test_without_labels_the_share_of_changed_predictions_is_held_against_the_budget() -> None:
    verdicts = [
        judge(outcome(lost, won, 10_000, labelled=False), 0.005, 0.95)
        for lost, won in [(10, 10), (40, 40), (20, 20)]
    ]

    assert [verdict.kind for verdict in verdicts] == [WITHIN, BEYOND, TOO_FEW]
    assert {verdict.measure for verdict in verdicts} == {"agreement"}
    assert verdicts[0].loss == pytest.approx(0.002)
    assert verdicts[2].needed is not None


def test_agreement_within_a_budget_bounds_the_loss_of_accuracy() -> None:
    """Each image that changes can cost one right prediction at most."""
    for lost, won in [(0, 0), (30, 2), (2, 30), (16, 16)]:
        labelled = judge(outcome(lost, won, 10_000), 0.005, 0.95)
        unlabelled = judge(outcome(lost, won, 10_000, labelled=False), 0.005, 0.95)

        assert labelled.loss <= unlabelled.loss


def test_a_verdict_reads_as_a_sentence() -> None:
    verdict = judge(outcome(3, 2, 10_000), 0.005, 0.95)

    assert describe_verdict(verdict).startswith("the loss of top-1 is 0.01 points (")
    assert describe_verdict(verdict).endswith("within the budget of 0.5")
    assert hint(verdict) == ""
    enforce(verdict)
