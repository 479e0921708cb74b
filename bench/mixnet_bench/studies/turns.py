"""Files timed side by side in processes of a given environment, and their ratio.

The launch is the unit: each is a fresh process in which the files take turns, and gives one ratio,
the median over its rounds. The interval is Student's, over launches. One thread is timed by CPU
time, several by wall-clock time in rounds during which other programs hardly ran.
"""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_bench.stats.comparison import Comparison, compare_paired
from mixnet_bench.studies import side_by_side
from mixnet_common import MixnetError

TIMEOUT_S = 900.0

CONFIDENCE = 0.95

QUIET = 0.1
"""Share of a CPU that other programs may have used in a round valid for several threads."""

LEAST_QUIET = 3
"""Rounds that a launch of several threads needs."""

Outputs = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Timed:
    """Two or more files that took turns."""

    runtime: str
    """Name and version of what ran them."""
    ms: tuple[float, ...]
    """Time of an inference, the median over launches of each launch's median."""
    logs: tuple[tuple[float, ...], ...]
    """The logarithm of each file's time over the first one's, by launch."""
    outputs: tuple[Outputs, ...] = ()
    """Outputs by file."""
    threads: int = 1

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Comparisons of each other file with the first."""
        return tuple(self.compared(index) for index in range(1, len(self.ms)))

    def compared(self, index: int, to: int = 0) -> Comparison:
        """One file's time over another's."""
        logs = [each[index] - each[to] for each in self.logs]
        return compare_paired(logs, CONFIDENCE, by_cpu=self.threads == 1)


def time_files(
    files: Sequence[Path],
    *,
    launches: int = 3,
    rounds: int = 15,
    threads: int = 1,
    cpus: Sequence[int] | None = None,
    python: Path | None = None,
) -> Timed:
    """Time files in the runtime of an environment's Python (this one's: None).

    Raises MixnetError if a process fails, or other programs leave several threads no quiet.
    """
    request = _request(files, rounds, threads, cpus)
    answers = [_launch(request, python or Path(sys.executable)) for _ in range(launches)]
    times = [_counted(answer, threads) for answer in answers]
    logs = [np.median(np.log(each / each[:, :1]), axis=0) for each in times]
    medians = np.median([np.median(each, axis=0) for each in times], axis=0)
    return Timed(
        str(answers[0]["runtime"]),
        tuple(float(each) for each in medians),
        tuple(tuple(float(value) for value in each) for each in logs),
        _outputs(answers[0]),
        threads,
    )


def run_files(files: Sequence[Path], python: Path | None = None) -> tuple[Outputs, ...]:
    """The outputs of files for seeded noise, by file. Raises like ``time_files``."""
    return _outputs(_launch(_request(files, 0, 1, None), python or Path(sys.executable)))


def difference(ours: Outputs, theirs: Outputs) -> float:
    """The largest difference of outputs over the largest value; infinite where one is not finite.

    >>> difference([np.array([1.0, -4.0])], [np.array([1.0, -3.0])])
    0.25
    """
    pairs = list(zip(ours, theirs, strict=True))
    if any(a.shape != b.shape or not np.isfinite(np.stack([a, b])).all() for a, b in pairs):
        return math.inf
    largest = max(float(np.abs(a).max(initial=0.0)) for a, _ in pairs)
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in pairs) / (largest or 1.0)


def _request(
    files: Sequence[Path], rounds: int, threads: int, cpus: Sequence[int] | None
) -> dict[str, object]:
    return {
        "files": [str(each) for each in files],
        "rounds": rounds,
        "threads": threads,
        "cpus": None if cpus is None else list(cpus),
    }


def _outputs(answer: dict[str, Any]) -> tuple[Outputs, ...]:
    return tuple([np.array(values) for values in each] for each in answer["outputs"])


def _counted(answer: dict[str, Any], threads: int) -> NDArray[np.float64]:
    """The rounds of a launch that count, (rounds, files)."""
    rounds = np.array(answer["rounds_ms"])
    if threads == 1:
        return rounds
    quiet = [each is not None and each <= QUIET for each in answer["others"]]
    if sum(quiet) < LEAST_QUIET:
        raise MixnetError(
            f"other programs ran in {len(quiet) - sum(quiet)} of {len(quiet)} rounds",
            "several threads are timed by the clock: try again on a quiet machine",
        )
    return rounds[quiet]


def _launch(request: dict[str, object], python: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), str(Path(side_by_side.__file__))],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise MixnetError(f"timing with {python} failed: {last[0]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    if not all(math.isfinite(value) for row in answer["rounds_ms"] for value in row):
        raise MixnetError(f"timing with {python} gave no times")
    return answer
