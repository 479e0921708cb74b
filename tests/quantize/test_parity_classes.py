"""Accuracy by class, a custom metric, and the best resolution of a number of images."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_quantize.parity import Source, find_images
from mixnet_quantize.parity.foresight import foretell
from mixnet_quantize.parity.intervals import paired_difference, quantile
from mixnet_quantize.parity.record import compare
from mixnet_quantize.parity.tally import Outcome, Tally


def one_hot(number: int) -> NDArray[np.float64]:
    return np.eye(3)[number] + 0.1


def counted(*images: tuple[int, int, int]) -> Outcome:
    """Of images as (truth, seen by the first, seen by the second)."""
    tally = Tally([truth for truth, _, _ in images], 3, 2)
    for index, (_, first, second) in enumerate(images):
        tally.add(compare(index, one_hot(first), one_hot(second)))
    return tally.outcome(0.95)


def test_the_class_that_loses_most_comes_first_with_what_it_is_taken_for() -> None:
    outcome = counted((0, 0, 0), (0, 0, 2), (1, 1, 2), (1, 1, 2), (1, 1, 0), (2, 0, 2))
    worst, second, last = outcome.by_class

    assert (worst.number, worst.count, worst.first, worst.second) == (1, 3, 3, 0)
    assert (worst.confused_with, worst.confused) == (2, 2)
    assert (second.number, second.lost, second.confused_with) == (0, 1, 2)
    assert (last.number, last.lost, last.confused_with) == (2, -1, None)
    assert (last.first_confused_with, last.first_confused) == (0, 1)


def test_without_labels_there_are_no_classes() -> None:
    tally = Tally(None, 3, 2)
    tally.add(compare(0, one_hot(0), one_hot(1)))
    assert tally.outcome(0.95).by_class == ()


@pytest.mark.parametrize("images", [60, 765, 5000])
def test_what_is_foretold_is_the_interval_of_a_comparison_without_a_difference(images: int) -> None:
    best = paired_difference(0, 0, images, quantile(0.95)).high
    assert f"±{100 * best:.1f} points at best" in foretell(images, True, None, 0.95)


def test_as_many_images_as_are_foretold_hold_the_budget_and_one_fewer_do_not() -> None:
    def best(images: int) -> float:
        return 100 * paired_difference(0, 0, images, quantile(0.95)).high

    assert "at least 765" in foretell(60, True, 0.5, 0.95)
    assert best(765) <= 0.5 < best(764)
    assert "at least" not in foretell(765, True, 0.5, 0.95)


def test_a_folder_one_level_too_high_is_refused_with_the_folder_to_give(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("ape", "bee"):
        (tmp_path / "data" / "val" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "data" / "val" / name / "1.png")

    with pytest.raises(UsageError) as raised:
        find_images(Source(tmp_path / "data"), 2)
    assert str(tmp_path / "data" / "val") in raised.value.hint
    assert find_images(Source(tmp_path / "data" / "val"), 2).truth == (0, 1)
