"""Times everything in a table, launch by launch, in turns with the anchor.

A launch is one process in which the anchor and a few blocks and networks take turns in bursts; a
disturbance slows all of them. A pass gives everything one launch, in another grouping and order
than the pass before. It prints nothing, and saves each launch before the next begins.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mixnet_bench.latency_tables.partial import LaunchLine, PartialTable
from mixnet_bench.latency_tables.timers import TableTimer
from mixnet_runtimes.turns import log_ratios

MOST_AT_ONCE = 12
"""Files beside the anchor in one launch; a phone's runner accepts 16 in all."""

Step = Callable[[], object]


class Files:
    """The files of a table, each written to a folder when it is first needed."""

    def __init__(self, folder: Path, writers: Mapping[str, Callable[[], bytes]]) -> None:
        self.folder = folder
        self.writers = writers

    def content(self, key: str) -> bytes:
        """A file's bytes."""
        path = self.folder / key
        if not path.exists():
            path.write_bytes(self.writers[key]())
        return path.read_bytes()


def batches(keys: Sequence[str], passed: int, most: int = MOST_AT_ONCE) -> Iterator[list[str]]:
    """The groups of one pass: of similar size, and shuffled by the pass's number.

    >>> [len(group) for group in batches("abcde", 0, most=2)]
    [2, 2, 1]
    """
    order = np.random.default_rng([passed, 0xBA7C4]).permutation(len(keys))
    groups = -(-len(keys) // most)
    for group in np.array_split(order, groups):
        yield [keys[index] for index in group]


def all_batches(
    keys: Sequence[str], passes: int, most: int = MOST_AT_ONCE
) -> Iterator[tuple[int, int, list[str]]]:
    """The launches of all passes: their numbers, their passes, and their files."""
    number = 0
    for passed in range(passes):
        for group in batches(keys, passed, most):
            yield number, passed, group
            number += 1


def measure_table(
    files: Files,
    anchor: bytes,
    timer: TableTimer,
    partial: PartialTable,
    passes: int,
    budget_s: float | None = None,
    step: Step = lambda: None,
    *,
    most: int = MOST_AT_ONCE,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Time what is not timed yet; whether all passes were done within the budget.

    A launch that would end later than the budget, as far as launches before say, is not begun.
    Raises MixnetError if a runtime refuses a file.
    """
    start, slowest = clock(), 0.0
    done = {launch.number for launch in partial.launches}
    for number, passed, group in all_batches(list(files.writers), passes, most):
        if number in done:
            step()
            continue
        begun = clock()
        if budget_s is not None and begun - start + slowest > budget_s:
            return False
        contents = [anchor, *map(files.content, group)]
        times = timer.launch(contents, number)
        slowest = max(slowest, clock() - begun)
        partial.add(
            LaunchLine(
                number=number,
                passed=passed,
                anchor_ms=1000 * float(np.median(times[0])),
                seconds=clock() - begun,
                log_ratios={
                    key: log_ratios([times], file, 0)[0] for file, key in enumerate(group, 1)
                },
            )
        )
        step()
    return True
