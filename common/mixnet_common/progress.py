"""Progress of long work, on stderr: bars on a terminal, a line every ten seconds in a pipe."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mixnet_common.console import say, verbosity
from mixnet_common.printable import printable

Item = TypeVar("Item")


def _bar(*, counts: bool) -> Any:
    """A progress bar on stderr, with the time left; a line every ten seconds in a pipe or file."""
    if verbosity.is_quiet or not sys.stderr.isatty():
        from mixnet_common.plain_progress import PlainProgress

        return PlainProgress(say)
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *([MofNCompleteColumn()] if counts else []),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def progress(what: str, total: int) -> Iterator[Any]:
    """A progress bar on stderr, with the time left; in a pipe a line every ten seconds.

    Yields a function to call after each step, with the number of steps (1 by default).
    """
    with _bar(counts=True) as bar:
        task = bar.add_task(printable(what), total=total)
        yield lambda steps=1: bar.advance(task, steps)


STEPS = 1000
"""Steps of a bar that receives shares."""


@contextmanager
def progress_by_share(what: str) -> Iterator[Callable[[float], None]]:
    """The same for work that is known as the share (0 to 1) that is done.

    Shares are estimates, so the bar waits where one is less than the one before.
    """
    with progress(what, STEPS) as step:
        done = 0

        def report(share: float) -> None:
            nonlocal done
            advance = max(0, round(STEPS * share) - done)
            step(advance)
            done += advance

        yield report


@contextmanager
def progress_lines(what: str, names: Sequence[str]) -> Iterator[dict[str, Callable[[float], None]]]:
    """A bar for each name, which threads may report to: by name, functions that take the share.

    Where a share is less than the one before, the bar waits.
    """
    lock = threading.Lock()

    def line(name: str) -> Callable[[float], None]:
        task = bar.add_task(printable(f"{what} {name}"), total=STEPS)
        furthest = 0.0

        def report(share: float) -> None:
            nonlocal furthest
            with lock:
                furthest = max(furthest, share)
                bar.update(task, completed=round(STEPS * furthest))

        return report

    with _bar(counts=False) as bar:
        yield {name: line(name) for name in names}


@contextmanager
def progress_by_worker(what: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A progress bar on stderr, and below it a line for each worker with its count and rate.

    Yields a function to call after each piece of work, with its size and the worker's name; where
    the name is empty there is no line for it.
    """
    began = time.monotonic()
    counts: dict[str, int] = {}
    lines: dict[str, Any] = {}

    with _bar(counts=True) as bar:
        task = bar.add_task(printable(what), total=total)

        def report(count: int, worker: str) -> None:
            bar.advance(task, count)
            if not worker:
                return
            if worker not in lines:
                lines[worker] = bar.add_task("", total=total)
            counts[worker] = counts.get(worker, 0) + count
            rate = counts[worker] / max(time.monotonic() - began, 1e-9)
            words = printable(f"  {worker}: {rate:.1f}/s")
            bar.update(lines[worker], completed=counts[worker], description=words)

        yield report
    for worker, count in sorted(counts.items()):
        rate = count / max(time.monotonic() - began, 1e-9)
        say(f"{worker}: {count:,} of {total:,}, {rate:.1f} a second")


def tracked(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Iterate over ``items`` under a progress bar."""
    with progress(what, len(items)) as step:
        for item in items:
            yield item
            step()
