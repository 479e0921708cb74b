"""Times files in turns in fresh processes, to decide which one is faster.

Processes differ by up to 10 %, for example in memory layout. Each launch is therefore a separate
process, in which all files are open and run one after the other, round by round. If other programs
occupied the cores, times are CPU times. A file that crashes its runtime ends the launch, not the
caller.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mixnet_common.contention import needs_cpu_time
from mixnet_runtimes import child
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.session import Session

Launch = list[list[float]]
"""Seconds of each file's inferences; the k-th ones of all files were taken in one round."""


@dataclass(frozen=True)
class Pace:
    """The duration of a launch.

    Slow files run ``least`` rounds, fast ones as many as fit into ``longest_s``, ``most`` at most.
    """

    launches: int = 5
    least: int = 10
    most: int = 40
    longest_s: float = 0.4
    warmup: int = 3
    timeout_s: float = 600.0
    burst_s: float = 0.0
    """How long a file runs before the next one does; 0 for single inferences. A burst gives the
    median of its inferences but the first, whose caches are full of another file."""


PACE = Pace()

MOST_IN_BURST = 200

Sample = TypeVar("Sample")


def time_in_turns(
    paths: Sequence[Path],
    threads: int = 1,
    pace: Pace = PACE,
    *,
    fp16: bool = False,
    first_seed: int = 0,
) -> list[Launch]:
    """Time files side by side, launch by launch. Raises as ``child.ask`` where one cannot run.

    By CPU time where one thread often had no core, in all launches alike. The order of the files in
    a round is drawn from ``first_seed`` and the number of the launch.
    """
    request = {
        "paths": [str(path) for path in paths],
        "threads": threads,
        "rounds": [pace.least, pace.most],
        "longest_s": pace.longest_s,
        "warmup": pace.warmup,
        "burst_s": pace.burst_s,
        "fp16": fp16,
    }
    limits = child.Limits(pace.timeout_s, child.limits_for(paths[0]).memory_bytes)
    question = "mixnet_runtimes.turns:measure_launch"
    answers = [
        child.ask(question, paths[0], {**request, "seed": seed}, limits)
        for seed in range(first_seed, first_seed + pace.launches)
    ]
    return judged(answers, threads)


def judged(answers: Sequence[Mapping[str, Any]], threads: int) -> list[Launch]:
    """The times of all launches, or the CPU times where those must stand in for them.

    >>> answer = {"seconds": [[2.0], [3.0]], "cpu_seconds": [[1.0], [2.0]]}
    >>> judged([answer], 1), judged([answer], 2)
    ([[[1.0], [2.0]]], [[[2.0], [3.0]]])
    """
    wall, cpu = (
        [[list(file) for file in each[key]] for each in answers]
        for key in ("seconds", "cpu_seconds")
    )
    is_known = all(value > 0 for launch in cpu for file in launch for value in file)
    return cpu if is_known and needs_cpu_time(_sum(wall), _sum(cpu), threads) else wall


def _sum(times: Sequence[Launch]) -> float:
    return sum(value for launch in times for file in launch for value in file)


def log_ratios(launches: Sequence[Sequence[Sequence[float]]], file: int, to: int) -> list[float]:
    """The logarithm of one file's time over another's in each launch: the median of its rounds'.

    >>> log_ratios([[[1.0, 1.0, 9.0], [1.0, 1.0, 1.0]]], 0, 1)
    [0.0]
    """
    return [float(np.median(np.log(np.divide(each[file], each[to])))) for each in launches]


def measure_launch(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """In a separate process: one launch."""
    from mixnet_runtimes import Selection, open_session

    tell("timing", "its runtime")
    how = {"threads": request["threads"], "selection": Selection(fp16=request["fp16"])}
    sessions = [open_session(Path(path), **how) for path in request["paths"]]
    for session in sessions:
        _feed(session)
        for _ in range(request["warmup"]):
            session.invoke()
    lengths = [_once(session)[0] for session in sessions]
    least, most = request["rounds"]
    rng = np.random.default_rng(request["seed"])
    rounds, counts = least, [0] * len(sessions)
    if request["burst_s"]:
        counts = [
            int(min(MOST_IN_BURST, max(2, request["burst_s"] / max(length, 1e-9))))
            for length in lengths
        ]
    else:
        rounds = int(min(most, max(least, request["longest_s"] / max(*lengths, 1e-9))))
    pairs = _rounds(rng, rounds, len(sessions), lambda at: _taken(sessions[at], counts[at]))
    wall, cpu = ([[pair[of] for pair in file] for file in pairs] for of in (0, 1))
    return {"seconds": wall, "cpu_seconds": cpu}


def _rounds(
    rng: np.random.Generator, rounds: int, files: int, take: Callable[[int], Sample]
) -> list[list[Sample]]:
    """Every file once in each round, in an order of chance: what ran before matters."""
    taken: list[list[Sample]] = [[] for _ in range(files)]
    for _ in range(rounds):
        for index in rng.permutation(files):
            taken[index].append(take(index))
    return taken


def _taken(session: Session, count: int) -> tuple[float, float]:
    """Time and CPU time of one inference, or medians of ``count`` that follow a first one."""
    if not count:
        return _once(session)
    session.invoke()
    wall, cpu = zip(*(_once(session) for _ in range(count)), strict=True)
    return float(np.median(wall)), float(np.median(cpu))


def _feed(session: Session) -> None:
    rng = np.random.default_rng(0)
    session.set_inputs(
        {entry.name: seeded_input(entry.shape, entry.dtype, rng) for entry in session.inputs}
    )


def _once(session: Session) -> tuple[float, float]:
    """Time, and CPU time of all threads, of one inference."""
    busy, start = time.process_time(), time.perf_counter()
    session.invoke()
    end = time.perf_counter()
    return end - start, time.process_time() - busy
