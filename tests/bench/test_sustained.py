"""Burst, plateau and the time to throttle, told from time lines made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_bench.stats.samples import Floats
from mixnet_bench.timing.sustained import Course, caveats_of_course, course_of, parse_duration
from mixnet_common import UsageError


def timeline(seconds: float, latency: object, noise: float = 0.0, seed: int = 0) -> Course:
    """A course of inferences one after the other; ``latency(t)`` in milliseconds."""
    rng = np.random.default_rng(seed)
    starts, samples, now = [], [], 0.0
    while now < 1000 * seconds:
        sample = latency(now / 1000) * rng.lognormal(0, noise)  # type: ignore[operator]
        starts.append(now)
        samples.append(sample)
        now += sample
    times: Floats = np.array(starts)
    return course_of(times, np.array(samples))


def test_a_step_is_found_where_it_is() -> None:
    course = timeline(600, lambda t: 20.0 if t < 200 else 30.0, noise=0.05)
    assert course.burst_ms == pytest.approx(20, rel=0.01)
    assert course.plateau_ms == pytest.approx(30, rel=0.01)
    assert course.throttled_after_s == pytest.approx(200, abs=6)  # windows are 5 s long
    assert course.slowdown == pytest.approx(1.5, rel=0.02)
    (caveat,) = caveats_of_course(course)
    assert caveat.verdict == "throttled"
    assert "1.50 times" in caveat.sentence


def test_a_steady_device_does_not_throttle() -> None:
    course = timeline(300, lambda t: 20.0, noise=0.1)
    assert course.throttled_after_s is None
    assert course.slowdown == pytest.approx(1, abs=0.02)
    assert list(caveats_of_course(course)) == []


def test_a_slope_is_told_from_where_it_leaves_the_burst() -> None:
    course = timeline(600, lambda t: 20.0 * (1 + 0.3 * min(1, max(0, (t - 100) / 200))))
    # 5 % slower at a sixth of the slope, 133 s
    assert course.throttled_after_s == pytest.approx(133, abs=8)
    assert course.plateau_ms == pytest.approx(26, rel=0.01)


def test_a_disturbance_in_the_middle_is_no_throttling() -> None:
    course = timeline(600, lambda t: 60.0 if 250 < t < 280 else 20.0, noise=0.03)
    assert course.throttled_after_s is None


def test_a_disturbance_before_the_step_does_not_move_it() -> None:
    course = timeline(600, lambda t: 40.0 if 60 < t < 80 else 20.0 if t < 300 else 26.0, noise=0.03)
    assert course.throttled_after_s == pytest.approx(300, abs=6)


def test_a_noisy_machine_needs_a_larger_step() -> None:
    rng = np.random.default_rng(1)
    levels = 20 * rng.lognormal(0, 0.1, 601)  # every second another load
    course = timeline(600, lambda t: levels[int(t)] * (1.0 if t < 300 else 1.06))
    assert course.throttled_after_s is None


def test_what_is_short_shows_no_plateau() -> None:
    course = timeline(8, lambda t: 20.0)
    assert [caveat.verdict for caveat in caveats_of_course(course)] == ["too-short"]


def test_inferences_longer_than_a_window_leave_windows_out() -> None:
    course = timeline(60, lambda t: 2500.0)
    assert len(course.medians_ms) == 24
    assert course.throttled_after_s is None


def test_one_sample_is_its_own_course() -> None:
    course = course_of(np.array([5.0]), np.array([7.0]))
    assert (course.burst_ms, course.plateau_ms, course.duration_s) == (7.0, 7.0, 0.007)


def test_times_and_samples_must_match() -> None:
    with pytest.raises(ValueError, match="0 times for 1 samples"):
        course_of(np.array([]), np.array([1.0]))


@settings(max_examples=40, deadline=None)
@given(
    step=st.floats(1.15, 4), at=st.floats(0.2, 0.6), seconds=st.sampled_from([100.0, 400.0, 1200.0])
)
def test_any_clear_step_is_found(step: float, at: float, seconds: float) -> None:
    course = timeline(seconds, lambda t: 200.0 if t < at * seconds else 200.0 * step, noise=0.01)
    assert course.throttled_after_s == pytest.approx(at * seconds, abs=2 + seconds / 100)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("0.5h", 1800), (" 1.5m ", 90)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "ten", "10d", "1e3", "nan", "2h", "9999999"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sustained"):
        parse_duration(text)
