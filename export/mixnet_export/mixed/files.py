"""The work of a mixed-precision search: builds files, compares their accuracy, and times them.

It combines other modules and decides nothing: ``mixed`` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixnet_common.console import print_table, say, warn
from mixnet_common.intervals import Estimate, ratio_of
from mixnet_common.temporary import temporary_folder
from mixnet_export.mixed.search import (
    COLUMNS,
    Front,
    Layers,
    MeasuredMixture,
    Step,
    front_rows,
    rank,
    search,
    show_time,
)
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.labels import Labels
from mixnet_quantize.parity import Outcome, Settings, Side, Source, judge, parity
from mixnet_quantize.parity.gate import BEYOND, TOO_FEW, WITHIN
from mixnet_quantize.sensitivity import layer_errors
from mixnet_runtimes.turns import log_ratios, time_in_turns

RANKING_IMAGES = 16
"""Images on which layers are compared, to rank the blocks."""

CLASSIFIER = "logits"
"""In ``.tflite`` files operators are called by their outputs: the classifier is not in ``head``."""


@dataclass(frozen=True)
class Task:
    """The reference of a mixture."""

    float32: bytes
    form: str
    """``tflite`` or ``onnx``."""
    source: Source
    """Images to measure the loss on."""
    preprocessing: Preprocessing
    labels: Labels
    budget: float
    """Points."""
    samples: Sequence[NDArray[np.float32]]
    """Inputs (batch, height, width, channels) to rank the blocks on."""


def find_mixture(task: Task, quantize: Callable[[Layers], bytes]) -> Front:
    """Search for the smallest set of blocks in float32; ``quantize`` writes a file with some.

    Reports each step as it is made. Raises NoMixtureError if none suffices, UsageError if the
    images do not fit the network.
    """
    with temporary_folder() as folder:
        exact, other = (folder / f"{name}.{task.form}" for name in ("float32", "int8"))
        exact.write_bytes(task.float32)

        def ranked(content: bytes) -> list[str]:
            other.write_bytes(content)
            return rank(layer_errors(exact, other, task.samples[:RANKING_IMAGES]))

        def build(blocks: Layers) -> bytes:
            return quantize(layer_names(blocks, task.form))

        def measure(content: bytes) -> MeasuredMixture:
            other.write_bytes(content)
            return _measured(task, exact, other)

        def timed(content: bytes) -> Estimate:
            other.write_bytes(content)
            return time_ratio(exact, other)

        return search(ranked, build, measure, timed, _tell)


def time_ratio(first: Path, second: Path) -> Estimate:
    """The second file's time over the first's, on one thread, with its 95 % interval.

    Both run in turns in several processes: each gives one ratio, the median of its rounds'.
    """
    return ratio_of(log_ratios(time_in_turns((first, second)), file=1, to=0))


def layer_names(blocks: Layers, form: str) -> Layers:
    """The quantizer's names for the layers of some blocks; the classifier belongs to the head."""
    classifier = (CLASSIFIER,) if "head" in blocks and form == "tflite" else ()
    return (*blocks, *classifier)


def print_front(front: Front) -> None:
    """The front as a table."""
    print_table(
        COLUMNS, front_rows(front.steps, front.chosen), "blocks in float32, by their number"
    )


def _measured(task: Task, exact: Path, other: Path) -> MeasuredMixture:
    """The loss of a file, judged by its interval, or by its value if images are too few."""
    sides = [Side(path, task.preprocessing) for path in (exact, other)]
    outcome: Outcome = parity(sides[0], sides[1], task.source, Settings(), task.labels).outcome
    verdict = judge(outcome, task.budget / 100, Settings().confidence)
    holds = {WITHIN: True, BEYOND: False, TOO_FEW: verdict.loss <= verdict.budget}[verdict.kind]
    if verdict.kind == TOO_FEW:
        warn(f"{verdict.count} images are too few to confirm the budget; the measured loss decides")
    return MeasuredMixture(100 * verdict.loss, holds, outcome.logits.db, verdict.measure)


def _tell(step: Step) -> None:
    kept = ", ".join(step.float_layers) or "no block"
    held = "within" if step.holds else "beyond"
    say(
        f"{kept} in float32: loss {step.loss:.2f} points, {held} the budget,"
        f" time / float32 {show_time(step.time)}"
    )
