"""What calibration saw, in sentences."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mixnet_quantize.calibration.histogram import Histogram
from mixnet_quantize.calibration.range_rules import per_image, percentile
from mixnet_quantize.calibration.seen import doubts
from mixnet_quantize.settings import Settings

NAMES = [f"{letter}.png" for letter in "abcdefgh"]
CALM = np.array([[-1.0, 10.0 + index / 10] for index in range(8)])


def with_one_at(value: float) -> np.ndarray:
    wild = CALM.copy()
    wild[2, 1] = value
    return wild


def test_images_that_differ_a_little_raise_no_doubt():
    assert doubts({"a": CALM}, {"a": (-1.0, 11.0)}, NAMES) == []


def test_an_image_that_alone_sets_a_range_is_named_with_its_reach():
    (doubt,) = doubts(
        {"se": with_one_at(301), "other": CALM}, {"se": (-1.0, 301.0), "other": (-1, 11)}, NAMES
    )
    assert "c.png alone determines the range of 1 tensor (se: it reaches 301, all others" in doubt
    assert "--ranges per-image" in doubt


def test_what_the_range_cuts_off_already_raises_no_doubt():
    assert doubts({"se": with_one_at(301)}, {"se": (-1.0, 12.0)}, NAMES) == []


def test_a_single_image_equal_images_and_blank_ones_are_doubted():
    assert "one image (a.png)" in doubts({"a": CALM[:1]}, {"a": (-1, 11)}, NAMES[:1])[0]
    alike = np.repeat(CALM[:1], 8, axis=0)
    assert "all alike" in doubts({"a": alike, "b": alike}, {"a": (-1, 10), "b": (-1, 10)}, NAMES)[0]
    blank = np.full((8, 2), 3.0)
    (doubt,) = doubts({"a": CALM, "b": blank}, {"a": (-1, 11), "b": (0, 3)}, NAMES)
    assert "1 of 2 tensors (b, …) were constant" in doubt


def test_many_images_that_set_ranges_alone_are_counted():
    extremes = {}
    for index in range(6):
        each = CALM.copy()
        each[index, 1] = 500
        extremes[f"tensor{index}"] = each
    found = doubts(extremes, dict.fromkeys(extremes, (-1.0, 500.0)), NAMES)
    assert len(found) == 4
    assert found[-1] == "3 further images determine ranges alone"


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=60))
def test_ranges_over_images_lie_within_the_extremes(values):
    histogram = Histogram()
    for each in values:
        histogram.add(np.array([each, each / 2], np.float32))
    low, high = per_image(histogram, Settings(ranges="per-image"))
    assert histogram.low <= low <= high <= histogram.high


def test_one_image_of_a_hundred_no_longer_sets_the_range():
    histogram = Histogram()
    for index in range(100):
        histogram.stretch(np.array([-1, 301 if index == 50 else 15], np.float32))
    assert per_image(histogram, Settings(ranges="per-image")) == (-1.0, 15.0)


def test_of_few_images_no_extreme_is_left_out():
    """They are cut by the percentile of their values, as one image is."""
    histogram = Histogram()
    for index in range(19):
        histogram.add(np.array([-1, 301 if index == 5 else 15], np.float32))
    assert per_image(histogram, Settings()) == percentile(histogram, Settings())
