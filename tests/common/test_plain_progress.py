"""Progress in a pipe: a line at least every ten seconds, whether or not a step has ended."""

import re
import sys
import threading
from itertools import pairwise

import pytest

from mixnet_common.plain_progress import EVERY_S, PlainProgress
from mixnet_common.progress import progress, tracked


def test_a_pipe_gets_a_line_every_ten_seconds_and_none_before() -> None:
    said: list[str] = []
    now = 0.0
    with PlainProgress(said.append, clock=lambda: now) as bar:
        task = bar.add_task("timing", 100)
        for second in range(1, 26):
            now = float(second)
            bar.advance(task, 4)

    assert [re.sub(r"\d+", "N", line) for line in said] == ["timing N %", "timing N %"]
    assert said[0] == "timing 40 %"


class Hours:
    """A clock that moves when somebody waits, until the work has taken so many seconds."""

    def __init__(self, work_s: float) -> None:
        self.now, self.work_s = 0.0, work_s

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        """As ``Event.wait``: whether the work has ended before so many seconds were over."""
        self.now = min(self.now + seconds, self.work_s)
        return self.now >= self.work_s


@pytest.mark.parametrize("work_s", [9.9, 10.1, 65, 3600])
def test_a_step_that_takes_long_has_a_line_every_ten_seconds(work_s: float) -> None:
    hours, said_at = Hours(work_s), list[tuple[float, str]]()
    bar = PlainProgress(
        lambda line: said_at.append((hours.now, line)), clock=hours.clock, wait=hours.wait
    )
    bar.add_task("converting", 4)
    with bar:
        pass  # it ends when the other thread has waited for as long as the work takes

    times = [0.0, *(at for at, _ in said_at), work_s]
    assert max(after - before for before, after in pairwise(times)) <= EVERY_S
    assert len(said_at) == -(-work_s // EVERY_S) - 1
    assert {line for _, line in said_at} <= {"converting 0 %"}


def test_no_line_is_empty_and_none_comes_after_the_end() -> None:
    hours, said = Hours(100), list[str]()
    with PlainProgress(said.append, clock=hours.clock, wait=hours.wait) as bar:
        pass
    assert said == []

    bar.add_task("late", 1)
    assert said == []


def watches() -> int:
    return sum(each.name == "progress" for each in threading.enumerate())


def test_a_job_in_a_pipe_watches_its_clock_while_it_works_and_no_longer() -> None:
    assert not sys.stderr.isatty()
    before = watches()
    with progress("counting", 2):
        assert watches() == before + 1
    steps = tracked([1, 2], "counting")
    assert next(steps) == 1
    assert watches() == before + 1
    assert list(steps) == [2]
    assert watches() == before
