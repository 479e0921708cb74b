"""The search: one option at a time, each step's candidates timed side by side.

It is given a function that times model files and knows nothing of where they run, so that the same
search tunes for this machine and for any other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mixnet_bench.tuning.blocks import Block, signature
from mixnet_export.lowering import OPTIONS, Choice, Plan, lower
from mixnet_runtimes.targets import Target

Times = Sequence[Sequence[float]]
"""For each file its samples; the k-th samples of all files were taken in one round."""


class Timer(Protocol):
    """Times model files somewhere: on this machine, or on another."""

    def __call__(self, contents: Sequence[bytes]) -> Times:
        """Time the contents of model files, interleaved, in any unit."""

    def conditions(self, content: bytes) -> str:
        """Say what bears on the times: the runtime for such a file, the processor, the threads."""

    def target(self, content: bytes) -> Target | None:
        """The runtime for such a file, as far as its version is a known one."""


WriteModel = Callable[[Block, Choice], bytes]
"""A block as a file in the format and precision that is tuned for."""

MARGIN = 0.02
"""A candidate must be faster by this part to replace the choice so far: below it lies noise."""

PASSES = 2
"""How often every option is gone through; the second time finds what the first made worthwhile."""


@dataclass(frozen=True)
class Outcome:
    """The best choice found for a block."""

    choice: Choice
    ratio: float
    """Its time over that of the choice the search began with."""
    tried: int
    """Different lowered forms that were timed."""


def search_block(
    block: Block,
    start: Choice,
    write: WriteModel,
    timer: Timer,
    options: Mapping[str, Sequence[str]] = OPTIONS,
) -> Outcome:
    """Find the fastest choice for a block, beginning with ``start``.

    Options are varied one by one, each value timed against the choice so far; forms that come out
    the same are timed once. The winner must beat ``start`` once more at the end: the fastest of
    many by one measurement is often only the luckiest.
    """
    best, seen = start, {_form(block, start)}
    for _ in range(PASSES):
        before = best
        for option, values in options.items():
            candidates = _new_forms(block, best, option, values, seen)
            if candidates:
                best = _fastest([best, *candidates], block, write, timer)
        if best == before:
            break
    if _form(block, best) != _form(block, start):
        ratio = float(_ratios([start, best], block, write, timer)[1])
        if ratio < 1 - MARGIN:
            return Outcome(best, ratio, len(seen))
    return Outcome(start, 1.0, len(seen))


def _new_forms(
    block: Block, best: Choice, option: str, values: Sequence[str], seen: set[str]
) -> list[Choice]:
    """The choices that differ from the best in one option and give a form not timed before."""
    found = []
    for value in values:
        choice = replace(best, **{option: value})
        form = _form(block, choice)
        if form not in seen:
            seen.add(form)
            found.append(choice)
    return found


def _form(block: Block, choice: Choice) -> str:
    return signature(lower(block.model, Plan("candidate", choice)).graph)


def _fastest(choices: list[Choice], block: Block, write: WriteModel, timer: Timer) -> Choice:
    """The fastest of some choices; the first, unless another is faster by the margin."""
    ratios = _ratios(choices, block, write, timer)
    winner = int(np.argmin(ratios))
    return choices[winner] if ratios[winner] < 1 - MARGIN else choices[0]


def _ratios(choices: list[Choice], block: Block, write: WriteModel, timer: Timer) -> np.ndarray:
    """Each choice's time over the first's: the median over rounds of the ratio within a round."""
    times = np.asarray(timer([write(block, choice) for choice in choices]), dtype=float)
    return np.asarray(np.median(times / times[0], axis=1))
