"""Does a campaign's steps on the workers of a cluster, with the same results as without one.

Each step is submitted when the steps that it needs are done; its result is saved here as soon as it
arrives. Images of a parity check are divided into shards for all workers. The step of a lost worker
is done again on another one, a phone's step only on the phone's host.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mixnet_bench.campaign.bundle import TIMING, files_for, phone_of, resources_for
from mixnet_bench.campaign.estimate import clock
from mixnet_bench.campaign.execute import (
    DONE,
    FAILED,
    FOUND,
    NOT_TRIED,
    TO_DO,
    Outcome,
    look,
    report_failure,
)
from mixnet_bench.campaign.remote import do_step
from mixnet_bench.campaign.step import Step
from mixnet_bench.campaign.store import Store
from mixnet_bench.campaign.work import parity
from mixnet_bench.cluster.answers import WorkerAnswer
from mixnet_bench.cluster.carried import Sender, inside
from mixnet_bench.cluster.connection import Cluster
from mixnet_bench.cluster.host_locks import ALONE, phone_lock
from mixnet_bench.cluster.in_flight import WAIT_S, InFlight, Piece, failure_of
from mixnet_bench.cluster.shards import ClusterRunner
from mixnet_common import MixnetError, write_whole
from mixnet_common.console import say, warn
from mixnet_common.numbers import seconds_in_words

AHEAD = 2
"""Steps that are submitted for each thread of a worker, or for each phone."""


@dataclass
class _Run:
    """A campaign on its way."""

    cluster: Cluster
    store: Store
    wait_s: float
    outcomes: dict[str, Outcome]
    """Outcomes by the steps' keys."""
    flights: InFlight[Step] = field(init=False)
    sender: Sender = field(init=False)
    checks: "dict[Future[Sequence[Any]], tuple[Step, float]]" = field(default_factory=dict)
    """Parity checks that are driven from here."""
    away: set[str] = field(default_factory=set)
    """Keys of the submitted steps."""
    began: float = field(default_factory=clock)

    def __post_init__(self) -> None:
        self.flights = InFlight(self.cluster, self.wait_s)
        self.sender = Sender(self.cluster.client)


def execute_on(
    cluster: Cluster, steps: Sequence[Step], store: Store, wait_s: float = WAIT_S
) -> list[Outcome]:
    """Do what is not done, on a cluster. Outcomes come in the steps' order.

    A step that no worker can do for ``wait_s`` seconds fails. Raises MixnetError if the
    scheduler is lost; completed results are saved.
    """
    seen = zip(steps, look(steps, store), strict=True)
    run = _Run(cluster, store, wait_s, {step.key: outcome for step, outcome in seen})
    with _driver(run) as driver:
        while any(each.state == TO_DO for each in run.outcomes.values()):
            _hand_out(run, driver)
            if (back := run.flights.next()) is not None:
                _take(run, *back)
            for check in [each for each in run.checks if each.done()]:
                _take_check(run, check)
    return [run.outcomes[step.key] for step in steps]


@contextmanager
def _driver(run: _Run) -> Iterator[ThreadPoolExecutor]:
    """A thread for parity checks, one at a time: each of them keeps all workers busy."""
    driver = ThreadPoolExecutor(1, thread_name_prefix="parity")
    try:
        yield driver
    finally:
        run.flights.cancel()
        driver.shutdown(wait=False, cancel_futures=True)


def _hand_out(run: _Run, driver: ThreadPoolExecutor) -> None:
    """Hand out steps whose needs are met, as many as keep the workers busy."""
    threads = sum(each.threads for each in run.cluster.workers().values())
    lanes = Counter(_lane(each.step) for each in run.outcomes.values() if each.step.key in run.away)
    for outcome in list(run.outcomes.values()):
        step = outcome.step
        if outcome.state != TO_DO or step.key in run.away or not _ready(run, step):
            continue
        lane = _lane(step)
        if lanes[lane] >= AHEAD * (1 if lane else max(threads, 1)):
            continue
        lanes[lane] += 1
        run.away.add(step.key)
        if step.kind == "parity":
            runner = ClusterRunner(run.cluster, run.wait_s)
            run.checks[driver.submit(parity, step, run.store, runner)] = (step, clock())
        else:
            run.flights.submit(_piece(run, step))


def _ready(run: _Run, step: Step) -> bool:
    """Whether all that a step needs is done; where it never will be, that is its outcome."""
    states = [run.outcomes[each.key].state for each in step.needs]
    if any(state in (FAILED, NOT_TRIED) for state in states):
        lacking = [
            each.name for each in step.needs if run.outcomes[each.key].state in (FAILED, NOT_TRIED)
        ]
        error = f"it needs {', '.join(lacking)}"
        run.outcomes[step.key] = Outcome(step, NOT_TRIED, error=error)
        return False
    return all(state in (DONE, FOUND) for state in states)


def _lane(step: Step) -> str:
    """The resource for which steps wait; empty if any thread can do them."""
    return next(iter(resources_for(step)), "parity" if step.kind == "parity" else "")


def _piece(run: _Run, step: Step) -> Piece[Step]:
    carried, tasks = run.sender.send(files_for(step, run.store))
    resources = resources_for(step)
    if TIMING in resources:
        locks = [ALONE]
    else:
        locks = [phone_lock(phone_of(step.inputs["device"]))] if resources else []
    topic = f"{step.kind} {step.inputs.get('device', '')}"
    return Piece(step, do_step, (step, carried, *tasks), topic, resources, locks)


def _take(run: _Run, step: Step, answer: WorkerAnswer) -> None:
    """Save what a worker answered."""
    workers = run.cluster.workers()
    try:
        if answer.value is None:
            for line in answer.bug:
                say(*line.rstrip("\n").split("\n"))
            raise failure_of(answer, workers.values())
        seconds = float(answer.value["seconds"])
        _save(run.store, step, answer.value, seconds)
    except Exception as error:
        _end(run, Outcome(step, FAILED, error=report_failure(step, error)))
        return
    known = workers.get(answer.worker)
    _end(run, Outcome(step, DONE, seconds), known.label if known else answer.host)


def _take_check(run: _Run, check: "Future[Sequence[Any]]") -> None:
    """Save a parity check that ended."""
    step, began = run.checks.pop(check)
    try:
        run.store.save(step, check.result(), clock() - began)
    except Exception as error:
        if not run.cluster.alive:
            raise run.cluster.lost() from error
        _end(run, Outcome(step, FAILED, clock() - began, error=report_failure(step, error)))
        return
    _end(run, Outcome(step, DONE, clock() - began), "all workers")


def _save(store: Store, step: Step, value: dict[str, Any], seconds: float) -> None:
    """Keep a result and its files. Raises MixnetError if it is none that can be read again."""
    folder = store.files_folder(step)
    for name, content in value["files"].items():
        write_whole(inside(folder, name), content)
    store.save(step, value["targets"], seconds)
    if store.recall(step) is None:
        raise MixnetError(
            "a worker sent an unexpected answer",
            "install the same version of mixnet-mobile on all machines",
        )


def _end(run: _Run, outcome: Outcome, where: str = "") -> None:
    """Record the outcome of a step, and report the campaign's progress."""
    step = outcome.step
    expected = run.outcomes[step.key].estimate
    run.away.discard(step.key)
    run.outcomes[step.key] = outcome
    if outcome.state != DONE or outcome.seconds is None:
        return
    ended = sum(each.state != TO_DO for each in run.outcomes.values())
    took = seconds_in_words(outcome.seconds)
    left = _left(run)
    say(
        f"[{ended}/{len(run.outcomes)}] {step.kind} {step.name}: {took} on {where}"
        f"{f', about {seconds_in_words(left)} left' if left and expected else ''}"
    )


def _left(run: _Run) -> float:
    """Seconds until all is done, as the steps' estimates go and the cluster has gone so far."""
    left = sum(each.estimate.seconds for each in run.outcomes.values() if each.estimate)
    done = sum(each.seconds or 0 for each in run.outcomes.values() if each.state == DONE)
    return left * (clock() - run.began) / done if done else 0.0


def resources_of(steps: Sequence[Step]) -> list[str]:
    """The resources that workers must have to do all steps."""
    return list(dict.fromkeys(name for step in steps for name in resources_for(step)))


def warn_of_missing(cluster: Cluster, steps: Sequence[Step]) -> None:
    """Say which of the steps' phones no worker has."""
    there = {name for each in cluster.workers().values() for name in each.resources}
    for name in resources_of(steps):
        if name not in there:
            warn(f'no worker has {name}: dask worker ADDRESS --resources "{name}=1"')
