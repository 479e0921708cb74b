"""Files timed side by side in processes of one environment or another, and their ratio.

The launch is the unit: each is a fresh process in which the files take turns, and gives one ratio,
the median over its rounds. The interval is Student's, over launches.
"""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixnet_bench.stats.comparison import Comparison, compare_paired
from mixnet_bench.studies import side_by_side
from mixnet_common import MixnetError

TIMEOUT_S = 900.0

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Timed:
    """Two or more files that took turns."""

    runtime: str
    """Name and version of what ran them."""
    ms: tuple[float, ...]
    """CPU time of an inference, the median over launches of each launch's median."""
    comparisons: tuple[Comparison, ...]
    """Of each file but the first with the first."""


def time_files(
    files: Sequence[Path],
    *,
    launches: int = 3,
    rounds: int = 15,
    cpus: Sequence[int] | None = None,
    python: Path | None = None,
) -> Timed:
    """Time files with one thread, in the runtime of an environment's Python (this one's: None).

    Raises MixnetError where a process fails.
    """
    request = {
        "files": [str(each) for each in files],
        "rounds": rounds,
        "cpus": None if cpus is None else list(cpus),
    }
    answers = [_launch(request, python or Path(sys.executable)) for _ in range(launches)]
    times = [np.array(answer["rounds_ms"]) for answer in answers]
    logs = [np.median(np.log(each / each[:, :1]), axis=0) for each in times]
    medians = np.median([np.median(each, axis=0) for each in times], axis=0)
    return Timed(
        str(answers[0]["runtime"]),
        tuple(float(each) for each in medians),
        tuple(
            compare_paired([float(each[index]) for each in logs], CONFIDENCE, by_cpu=True)
            for index in range(1, len(files))
        ),
    )


def _launch(request: dict[str, object], python: Path) -> dict[str, list[list[float]]]:
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
    answer: dict[str, list[list[float]]] = json.loads(done.stdout)
    if not all(math.isfinite(value) for row in answer["rounds_ms"] for value in row):
        raise MixnetError(f"timing with {python} gave no times")
    return answer
