"""The time of a model file by operator: every operator that the runtime ran, and its duration.

The times are from the runtimes' own profilers; nothing is estimated. Operators are neither judged
nor summed up: the reader assigns their purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mixnet_common import UsageError
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes.contents import FileContents, Operator
from mixnet_runtimes.prepared import Prepared, prepare
from mixnet_runtimes.registry import format_of
from mixnet_runtimes.session import check_threads

WARMUP = 10
"""Inferences before the first round; a first one packs weights and touches its memory."""


@dataclass(frozen=True)
class OperatorTime:
    """One operator as the runtime ran it."""

    name: str
    """The file's name for it; the runtime's where it has none in the file."""
    kind: str
    """The file's word for it; the runtime's where it has none in the file."""
    event: str
    """The runtime's own word: ``Convolution (NHWC, F32) DWConv``, ``ReorderInput``."""
    time_us: float
    """Microseconds of one inference: the mean over the middle half of the rounds."""
    operator: Operator | None = None
    """Its entry in ``Profile.contents``; None for what only the runtime knows."""


@dataclass(frozen=True)
class Profile:
    """The time of one inference, operator by operator."""

    runtime: str
    version: str
    threads: int
    rounds: int
    operators: tuple[OperatorTime, ...]
    """In execution order. An operator that the runtime fused into another is not among them."""
    unaccounted_us: float
    """Time of an inference outside its operators: dispatch, copies in and out, the profiler."""
    inference_us: float
    """An inference as its caller sees it, profiler and all: more than ``total_us`` on a busy
    machine, whose disturbances hit now one operator, now another, and are not its own."""
    contents: FileContents
    """The graph that ran: of a ``.tflite`` the file's, of an ``.onnx`` what onnxruntime made."""

    @property
    def total_us(self) -> float:
        """The operators and the time between them."""
        return sum(each.time_us for each in self.operators) + self.unaccounted_us


@dataclass(frozen=True)
class Times:
    """The rounds of a profile, each number the mean over the middle half of them."""

    operators_us: tuple[float, ...]
    unaccounted_us: float
    inference_us: float


def summarize_rounds(operators_us: Sequence[Sequence[float]], walls_us: Sequence[float]) -> Times:
    """Sum up the rounds: each one's operators, and how long the whole of it took.

    What is unaccounted is taken round by round, so that a disturbance within an operator is not
    mistaken for time between operators.
    """
    operators = np.array(operators_us, np.float64)
    walls = np.array(walls_us, np.float64)
    return Times(
        tuple(middle_mean(operators).tolist()),
        float(middle_mean(walls - operators.sum(axis=1))),
        float(middle_mean(walls)),
    )


def profile(
    file: Path | Prepared, *, threads: int = 1, rounds: int = 50, timeout_s: float = 600.0
) -> Profile:
    """Run a model file, unchanged or prepared, with its runtime's profiler on.

    A ``.tflite`` needs LiteRT (ai-edge-litert); it runs in a separate process, which must be
    done in ``timeout_s`` seconds. Raises UsageError for a missing file or numbers below 1, and
    MixnetError for a broken file or a runtime that cannot profile.
    """
    check_threads(threads)
    if rounds < 1:
        raise UsageError(f"{rounds} rounds asked for", "at least 1 is needed")
    if isinstance(file, Prepared):
        profiler = import_module(format_of(file.source).profiler)
        return cast(Profile, profiler.profile(file, threads, rounds, timeout_s))
    with temporary_folder() as folder:
        prepared = prepare(Path(file), folder)
        return profile(prepared, threads=threads, rounds=rounds, timeout_s=timeout_s)


def middle_mean(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the middle half along the first axis (the rounds).

    As deaf to outliers as a median, and finer than the whole microseconds that profilers count in:
    the median of 1, 1, 2, 2 says nothing about an operator of 1.5 µs.

    >>> middle_mean(np.array([[1.0], [2.0], [3.0], [100.0]])).tolist()
    [2.5]
    """
    ordered = np.sort(samples, axis=0)
    cut = len(ordered) // 4
    return cast(NDArray[np.float64], ordered[cut : len(ordered) - cut].mean(axis=0))
