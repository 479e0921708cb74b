"""Times files in turns in fresh processes, for whoever must decide which one is faster.

Processes differ: in memory's layout, by up to 10 %. So each launch is a process of its own, in
which all files are open and run one after the other, round by round. It decides nothing, and a file
that crashes its runtime ends the launch, not the caller.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_runtimes import child
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.inputs import seeded_input
from mixnet_runtimes.session import Session

Launch = list[list[float]]
"""Seconds of each file's inferences; the k-th ones of all files were taken in one round."""


@dataclass(frozen=True)
class Pace:
    """How long a launch takes.

    Slow files run ``least`` rounds, fast ones as many as fit into ``longest_s``, ``most`` at most.
    """

    launches: int = 5
    least: int = 10
    most: int = 40
    longest_s: float = 0.4
    warmup: int = 3
    timeout_s: float = 600.0


PACE = Pace()


def time_in_turns(
    paths: Sequence[Path], threads: int = 1, pace: Pace = PACE, *, fp16: bool = False
) -> list[Launch]:
    """Time files side by side, launch by launch. Raises as ``child.ask`` where one cannot run."""
    request = {
        "paths": [str(path) for path in paths],
        "threads": threads,
        "rounds": [pace.least, pace.most],
        "longest_s": pace.longest_s,
        "warmup": pace.warmup,
        "fp16": fp16,
    }
    limits = child.Limits(pace.timeout_s, child.limits_for(paths[0]).memory_bytes)
    question = "mixnet_runtimes.turns:measure_launch"
    return [
        list(child.ask(question, paths[0], {**request, "seed": seed}, limits)["seconds"])
        for seed in range(pace.launches)
    ]


def log_ratios(launches: Sequence[Sequence[Sequence[float]]], file: int, to: int) -> list[float]:
    """The logarithm of one file's time over another's in each launch: the median of its rounds'.

    >>> log_ratios([[[1.0, 1.0, 9.0], [1.0, 1.0, 1.0]]], 0, 1)
    [0.0]
    """
    return [float(np.median(np.log(np.divide(each[file], each[to])))) for each in launches]


def measure_launch(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """In a process of its own: one launch."""
    from mixnet_runtimes import Selection, open_session

    tell("timing", "its runtime")
    how = {"threads": request["threads"], "selection": Selection(fp16=request["fp16"])}
    sessions = [open_session(Path(path), **how) for path in request["paths"]]
    for session in sessions:
        _feed(session)
        for _ in range(request["warmup"]):
            session.invoke()
    slowest = max(_once(session) for session in sessions)
    least, most = request["rounds"]
    rounds = int(min(most, max(least, request["longest_s"] / max(slowest, 1e-9))))
    return {"seconds": _rounds(sessions, rounds, np.random.default_rng(request["seed"]))}


def _rounds(sessions: Sequence[Session], rounds: int, rng: np.random.Generator) -> Launch:
    """Every file once in each round, in an order of chance: what ran before matters."""
    seconds: Launch = [[] for _ in sessions]
    for _ in range(rounds):
        for index in rng.permutation(len(sessions)):
            seconds[index].append(_once(sessions[index]))
    return seconds


def _feed(session: Session) -> None:
    rng = np.random.default_rng(0)
    session.set_inputs(
        {entry.name: seeded_input(entry.shape, entry.dtype, rng) for entry in session.inputs}
    )


def _once(session: Session) -> float:
    start = time.perf_counter()
    session.invoke()
    return time.perf_counter() - start
