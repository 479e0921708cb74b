"""The search: one option at a time, each step's candidates timed side by side.

Its argument is a function that times model files, wherever they run, so that the same search tunes
for this machine and for any other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mixnet_bench.tuning.blocks import Block, signature
from mixnet_common.intervals import Estimate, ratio_of
from mixnet_export.lowering import OPTIONS, Choice, Plan, lower
from mixnet_runtimes.targets import Target
from mixnet_runtimes.turns import log_ratios

Times = Sequence[Sequence[float]]
"""For each file its samples; the k-th samples of all files were taken in one round."""


class Timer(Protocol):
    """Times model files somewhere: on this machine, or on another."""

    def __call__(self, contents: Sequence[bytes]) -> Times:
        """Time the contents of model files, interleaved, in any unit: quickly, to choose by."""

    def launches(self, contents: Sequence[bytes]) -> Sequence[Times]:
        """The same in several launches, to state what was gained."""

    def conditions(self, content: bytes) -> str:
        """Say what bears on the times: the runtime for such a file, the processor, the threads."""

    def target(self, content: bytes) -> Target | None:
        """The runtime for such a file, as far as its version is a known one."""


WriteModel = Callable[[Block, Choice], bytes]
"""A block as a file in the format and precision that is tuned for."""

MARGIN = 0.02
"""A candidate must be faster by this part to replace the choice so far, in one quick timing. That
is a guess; whether the last one of them is faster than the start, several launches decide."""

CONFIDENCE = 0.99
"""Level of the deciding interval: none of a network's twenty blocks should change by chance."""

PASSES = 2
"""Number of passes over all options; the second one uses the results of the first."""


@dataclass(frozen=True)
class Outcome:
    """The best choice found for a block."""

    choice: Choice
    ratio: float
    """Its time over that of the choice the search began with."""
    tried: int
    """Different lowered forms that were timed."""
    best: Estimate | None = None
    """The same of the form that seemed fastest, over several launches; None if none did. If its
    interval does not lie below 1, the gain may be noise, and nothing was changed."""


def search_block(
    block: Block,
    start: Choice,
    write: WriteModel,
    timer: Timer,
    options: Mapping[str, Sequence[str]] = OPTIONS,
) -> Outcome:
    """Find the fastest choice for a block, beginning with ``start``.

    Options are varied one by one, each value timed against the choice so far; forms that come out
    the same are timed once. The winner must beat ``start`` once more at the end, in new launches,
    with its whole interval: the fastest of many by one measurement is often only the luckiest.
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
        contents = [write(block, choice) for choice in (start, best)]
        found = ratio_of(log_ratios(timer.launches(contents), file=1, to=0), CONFIDENCE)
        chosen, ratio = (best, found.value) if is_faster(found) else (start, 1.0)
        return Outcome(chosen, ratio, len(seen), found)
    return Outcome(start, 1.0, len(seen))


def is_faster(found: Estimate) -> bool:
    """Whether a ratio is a gain, and not only by chance."""
    return found.interval is not None and found.interval.high < 1


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
