"""Tasks in the cluster: submitted, retried elsewhere, completed in any order.

A worker that reports itself unfit for a kind of task gets no more of that kind; Dask replaces one
that dies. A task that no worker can do fails after a while, and the others continue.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from mixnet_bench.cluster.answers import WorkerAnswer, answer_of
from mixnet_bench.cluster.connection import Cluster, WorkerInfo
from mixnet_common import MixnetError
from mixnet_common.console import warn

LOOK_S = 2.0
"""Interval between checks of the workers."""

WAIT_S = 60.0
"""Waiting time for a worker that can do a task, before it fails."""

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Piece(Generic[Subject]):
    """A task: its subject, and the function that a worker calls."""

    subject: Subject
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    """Tasks among them arrive as their results."""
    topic: str = ""
    """A worker that is unfit for one task is unfit for all of the same topic."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """Required resources of a worker, by Dask's names."""
    locks: Sequence[str] = ()
    """Locks of the worker's host."""


@dataclass
class _Flight(Generic[Subject]):
    piece: Piece[Subject]
    future: Any
    allowed: tuple[str, ...] | None
    """Addresses of the workers that may do it; None for any."""
    stranded_since: float | None = None
    """Since when no worker can do it."""


class InFlight(Generic[Subject]):
    """All tasks that were submitted and are not complete."""

    def __init__(self, cluster: Cluster, wait_s: float = WAIT_S) -> None:
        self.cluster = cluster
        self._wait_s = wait_s
        self._flights: dict[Any, _Flight[Subject]] = {}
        self._back: SimpleQueue[Any] = SimpleQueue()
        self._unfit: dict[str, dict[str, str]] = {}
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._flights)

    def submit(self, piece: Piece[Subject]) -> None:
        """Submit a task. Raises MixnetError if the scheduler is lost."""
        allowed = self._allowed(piece)
        try:
            future = self.cluster.client.submit(
                answer_of,
                piece.function,
                tuple(piece.locks),
                *piece.arguments,
                resources=dict(piece.resources) or None,
                workers=None if allowed is None else list(allowed),
                pure=False,
            )
        except Exception as error:
            if self.cluster.alive:
                raise
            raise self.cluster.lost() from error
        self._flights[future] = _Flight(piece, future, allowed)
        future.add_done_callback(self._back.put)

    def next(self) -> tuple[Subject, WorkerAnswer] | None:
        """A piece that came back, or None if none did for a moment; call it again.

        Raises MixnetError if the scheduler is gone.
        """
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            if (failed := self._stranded()) is not None:
                return failed
        try:
            future = self._back.get(timeout=LOOK_S / 8)
        except Empty:
            if not self.cluster.alive:
                raise self.cluster.lost() from None
            return None
        flight = self._flights.pop(future, None)
        return None if flight is None else self._landed(flight)

    def cancel(self) -> None:
        """Take everything back; what runs already is not waited for."""
        if self._flights and self.cluster.alive:
            self.cluster.client.cancel(list(self._flights))
        self._flights.clear()

    def fit(self, piece: Piece[Subject], workers: Iterable[WorkerInfo]) -> tuple[str, ...]:
        """The addresses of the workers that may do a task."""
        unfit = self._unfit.get(piece.topic, {})
        return tuple(
            each.address
            for each in workers
            if each.address not in unfit and _has(each, piece.resources)
        )

    def _allowed(self, piece: Piece[Subject]) -> tuple[str, ...] | None:
        if not self._unfit.get(piece.topic):
            return None
        return self.fit(piece, self.cluster.workers().values()) or None

    def _landed(self, flight: _Flight[Subject]) -> tuple[Subject, WorkerAnswer] | None:
        future, piece = flight.future, flight.piece
        if future.status == "finished":
            answer: WorkerAnswer = future.result()
            if answer.unfit:
                return self._elsewhere(piece, answer)
            return piece.subject, answer
        if not self.cluster.alive:
            raise self.cluster.lost()
        if future.status == "error":
            return piece.subject, _failed(future.exception())
        self.submit(piece)  # Dask has lost what it needs
        return None

    def _elsewhere(
        self, piece: Piece[Subject], answer: WorkerAnswer
    ) -> tuple[Subject, WorkerAnswer] | None:
        """Note that a worker is unfit, and try another, if there is one."""
        unfit, workers = self._unfit.setdefault(piece.topic, {}), self.cluster.workers()
        if answer.worker not in unfit:
            known = workers.get(answer.worker)
            unfit[answer.worker] = answer.unfit
            warn(f"worker {known.label if known else answer.host} is not used: {answer.unfit}")
        if self.fit(piece, workers.values()):
            self.submit(piece)
            return None
        failure = (f"no worker can do it: {answer.unfit}", "")
        return piece.subject, WorkerAnswer(answer.worker, answer.host, failure=failure)

    def _stranded(self) -> tuple[Subject, WorkerAnswer] | None:
        """Move tasks that wait for lost workers; the first that no worker has taken in time."""
        now = time.monotonic()
        workers = self.cluster.workers()
        for future, flight in list(self._flights.items()):
            fit = self.fit(flight.piece, workers.values())
            if not fit:
                flight.stranded_since = flight.stranded_since or now
                if now - flight.stranded_since >= self._wait_s:
                    del self._flights[future]
                    self.cluster.client.cancel([future])
                    return flight.piece.subject, WorkerAnswer("", "", failure=_nobody(flight.piece))
                continue
            flight.stranded_since = None
            if flight.allowed is not None and not set(fit) & set(flight.allowed):
                del self._flights[future]
                self.cluster.client.cancel([future])
                self.submit(flight.piece)
        return None


def _has(worker: WorkerInfo, resources: Mapping[str, float]) -> bool:
    return all(worker.resources.get(name, 0) >= count for name, count in resources.items())


def _nobody(piece: Piece[Any]) -> tuple[str, str]:
    if not piece.resources:
        return "no worker is left", "start one: dask worker ADDRESS"
    needed = ",".join(f"{name}={count:g}" for name, count in piece.resources.items())
    return (
        f"no worker has {' and '.join(piece.resources)}",
        f'start one on that host: dask worker ADDRESS --resources "{needed}"',
    )


def _failed(error: BaseException | None) -> WorkerAnswer:
    """An answer instead of the worker's, which died or could not begin."""
    name = type(error).__name__
    if name == "KilledWorker":
        failure = ("several workers died while working on it", "see their logs")
    elif isinstance(error, ImportError):
        failure = (f"a worker cannot import {error.name}", "install mixnet-mobile there")
    else:
        failure = (f"Dask gave up: {name}: {error}", "")
    return WorkerAnswer("", "", failure=failure)


def failure_of(answer: WorkerAnswer, workers: Iterable[WorkerInfo] = ()) -> MixnetError:
    """The error to raise for an answer that has no value."""
    label = next((each.label for each in workers if each.address == answer.worker), answer.host)
    place = f"worker {label}: " if label else ""
    message, hint = answer.failure or (answer.words, "please report this")
    return MixnetError(f"{place}{message}", hint)
