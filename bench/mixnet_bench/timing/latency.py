"""Times network files side by side on this machine: launches, turns, bursts, every sample saved.

The unit is the launch. Each launch starts one fresh process per target, all of them alive at the
same time, and gives them turns in short bursts, A B A B ..., in an order shuffled every round, so
that a temporary disturbance of the machine slows all targets alike. This module schedules the
turns; the workers measure. It judges nothing and drops nothing.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_bench.stats.samples import Floats, median
from mixnet_bench.stats.turns import Turn
from mixnet_bench.timing.processes import ProcessWorker, StartWorker, Worker, alive
from mixnet_common.options import HOST, threads_on
from mixnet_runtimes import AS_IT_IS, NOTHING_GIVEN, GivenInputs, Prepared, Selection

LATE = 20
"""A burst may take this many times as long as expected before its worker counts as hung."""


@dataclass(frozen=True)
class Plan:
    """The files to time and the limits. A target must reach ``min_count`` and ``min_time_s``.

    ``min_time_s`` is time spent in inference, over all launches; ``timeout_s`` is how long an
    answer may take beyond what it should. ``sustained``: one file runs on and on in one launch, to
    see what it keeps up.
    """

    paths: tuple[Path, ...]
    threads: int = 1
    launches: int = 5
    min_count: int = 100
    min_time_s: float = 5.0
    warmup: int = 10
    seed: int = 0
    cpus: tuple[int, ...] | None = None
    burst_ms: float = 100.0
    timeout_s: float = 60.0
    sustained: bool = False
    selection: Selection = AS_IT_IS
    inputs: GivenInputs = NOTHING_GIVEN
    models: tuple[Prepared, ...] = ()
    """The prepared files; empty if they run unchanged."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The opened files, or copies of them with other sizes."""
        return tuple(each.path for each in self.models) or self.paths

    @property
    def count_share(self) -> int:
        """Inferences that each launch owes each target."""
        return math.ceil(self.min_count / self.launches)

    @property
    def time_share_ms(self) -> float:
        """Milliseconds of inference that each launch owes each target."""
        return 1000 * self.min_time_s / self.launches


@dataclass(frozen=True)
class Canary:
    """A fixed small computation before a burst: how long each time, how much of it on a core."""

    ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]
    cpu: int


@dataclass(frozen=True)
class Burst:
    """Consecutive inferences of one target: the ``turn``-th target to run in its round.

    ``lead_ms`` is the first inference of the burst, not a sample: the caches contain data of the
    target that ran before it, and is slower by 3 to 8 % for a MobileNetV2.

    The rest is reported by the system, else empty or None: when each sample began (on a
    clock of the launch), the cores seen, the time that all threads together had on a core, how
    often one was taken away, cores' frequencies before and after, and the runner's canary.
    """

    round: int
    turn: int
    lead_ms: float
    samples_ms: tuple[float, ...]
    t_ms: tuple[float, ...] = ()
    cpu: tuple[int, ...] = ()
    cpu_ms: float | None = None
    preempted: int | None = None
    khz_before: Mapping[int, int] = field(default_factory=dict)
    khz_after: Mapping[int, int] = field(default_factory=dict)
    canary: Canary | None = None


@dataclass(frozen=True)
class Launch:
    """One target's process, from start to end."""

    load_ms: float
    first_ms: float
    warmup_ms: tuple[float, ...]
    affinity: tuple[int, ...] | None
    bursts: tuple[Burst, ...]
    memory_peak_bytes: int | None = None
    """The most memory that its process had, less what it had before the file was opened."""

    @property
    def samples_ms(self) -> Floats:
        """The samples of all bursts, in order."""
        return np.array([sample for burst in self.bursts for sample in burst.samples_ms])

    @property
    def t_ms(self) -> Floats:
        """When each sample began, since the first of them did; empty if it is not reported."""
        starts = np.array([start for burst in self.bursts for start in burst.t_ms])
        return starts - starts[0] if len(starts) else starts


@dataclass(frozen=True)
class Timing:
    """Everything measured of one target."""

    runtime: str
    version: str
    settings: Mapping[str, str | int | float | bool | None]
    launches: tuple[Launch, ...]


def turns_of(timing: Timing) -> list[list[Turn]]:
    """A file's bursts, launch by launch, for comparisons."""
    return [
        [Turn(np.array(each.samples_ms), each.lead_ms, each.cpu_ms) for each in launch.bursts]
        for launch in timing.launches
    ]


@dataclass
class _ActiveTarget:
    """One target in the running launch: its worker, and its results so far."""

    worker: Worker
    loaded: dict[str, Any]
    first_ms: float
    warmup_ms: list[float]
    bursts: list[Burst] = field(default_factory=list)
    count: int = 0
    time_ms: float = 0.0
    memory_peak_bytes: int | None = None

    def expected_ms(self) -> float:
        """The duration of one inference, from the latest known ones."""
        latest = self.bursts[-1].samples_ms if self.bursts else self.warmup_ms[-3:]
        return max(median(np.array(latest or [self.first_ms])), 1e-6)

    def add(self, burst: Burst, with_lead: bool) -> None:
        """Keep a burst; ``with_lead``: its lead's time counts towards the minimum, too."""
        self.bursts.append(burst)
        self.count += len(burst.samples_ms)
        self.time_ms += sum(burst.samples_ms) + (burst.lead_ms if with_lead else 0)

    def done(self, plan: Plan) -> float:
        """The share of this launch's duty that is done; 1 or more when both minima hold."""
        shares = [self.count / plan.count_share]
        if plan.time_share_ms > 0:
            shares.append(self.time_ms / plan.time_share_ms)
        return min(shares)

    def finished(self) -> Launch:
        """The record of this launch."""
        cpus = self.loaded["affinity"]
        return Launch(
            load_ms=self.loaded["load_ms"],
            first_ms=self.first_ms,
            warmup_ms=tuple(self.warmup_ms),
            affinity=None if cpus is None else tuple(cpus),
            bursts=tuple(self.bursts),
            memory_peak_bytes=self.memory_peak_bytes,
        )


def measure(
    plan: Plan,
    start: StartWorker = ProcessWorker,
    report: Callable[[float], object] = lambda done: None,
) -> list[Timing]:
    """Time the plan's targets; one Timing each, in the plan's order.

    ``report`` is called after every round with the share of the whole that is done, 0 to 1. Raises
    MixnetError if a file cannot be opened or a worker dies or hangs, UsageError for more threads
    than this machine has a use for.
    """
    threads_on(HOST).check(plan.threads, "threads:")
    launches: list[list[Launch]] = [[] for _ in plan.paths]
    active: list[_ActiveTarget] = []
    for number in range(plan.launches):
        with alive([path.name for path in plan.paths], start) as workers:
            active = _load_all(plan, workers)
            order = random.Random(f"{plan.seed}/{number}")
            _take_turns(plan, active, order, partial(_report_launch, report, number, plan.launches))
        for kept, target in zip(launches, active, strict=True):
            kept.append(target.finished())
    return [
        Timing(
            runtime=target.loaded["runtime"],
            version=target.loaded["runtime_version"],
            settings=target.loaded["runtime_settings"],
            launches=tuple(kept),
        )
        for target, kept in zip(active, launches, strict=True)
    ]


def _load_all(plan: Plan, workers: Sequence[Worker]) -> list[_ActiveTarget]:
    """Load every file, then run each once and warm it up; one at a time, the others waiting."""
    asked = [each.to_json() for each in plan.models] or [{"path": str(path)} for path in plan.paths]
    loaded = [
        worker.ask(
            {
                "do": "load",
                **model,
                "threads": plan.threads,
                "seed": plan.seed,
                "pin": None if plan.cpus is None else list(plan.cpus),
            },
            plan.timeout_s,
        )
        for worker, model in zip(workers, asked, strict=True)
    ]
    active = []
    for worker, answer in zip(workers, loaded, strict=True):
        first = _run(worker, 1, plan.timeout_s)[0]
        limit = plan.timeout_s + LATE * plan.warmup * first / 1000
        warmup = _run(worker, plan.warmup, limit) if plan.warmup else []
        active.append(_ActiveTarget(worker, answer, first, warmup))
    return active


def _take_turns(
    plan: Plan, active: list[_ActiveTarget], order: random.Random, report: Callable[[float], object]
) -> None:
    """Rounds of one burst a target until every target has its share of count and of time.

    A target with enough samples continues while another needs more: otherwise the others would no
    longer be measured beside it.
    """
    number = 0
    while (done := min(target.done(plan) for target in active)) < 1:
        report(done)
        turns = list(active)
        order.shuffle(turns)
        for turn, target in enumerate(turns):
            expected = target.expected_ms()
            count = max(1, round(plan.burst_ms / expected))
            limit = plan.timeout_s + LATE * count * expected / 1000
            answer = target.worker.ask({"do": "run", "count": 1 + count}, limit)
            target.memory_peak_bytes = answer.get("memory_peak_bytes")
            # Ten minutes of load are ten minutes, also of a file whose bursts are short.
            target.add(_burst(number, turn, answer), with_lead=plan.sustained)
        number += 1
    report(1.0)


def _burst(number: int, turn: int, answer: Mapping[str, Any]) -> Burst:
    """The record of a worker's answer, whose first inference is the lead."""
    lead, *samples = (float(sample) for sample in answer["samples_ms"])
    before, after = answer.get("before", {}), answer.get("after", {})
    core = after.get("core")
    return Burst(
        number,
        turn,
        lead,
        tuple(samples),
        t_ms=tuple(answer.get("t_ms", ())[1:]),
        cpu=() if core is None else (core,),
        cpu_ms=None if "cpu_ns" not in after else (after["cpu_ns"] - before["cpu_ns"]) / 1e6,
        preempted=_difference(before.get("preempted"), after.get("preempted")),
        khz_before=_frequency(before),
        khz_after=_frequency(after),
    )


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _frequency(seen: Mapping[str, Any]) -> dict[int, int]:
    return {} if seen.get("khz") is None else {seen["core"]: seen["khz"]}


def _report_launch(
    report: Callable[[float], object], number: int, launches: int, done: float
) -> None:
    report((number + done) / launches)


def _run(worker: Worker, count: int, timeout_s: float) -> list[float]:
    samples = worker.ask({"do": "run", "count": count}, timeout_s)["samples_ms"]
    return [float(sample) for sample in samples]
