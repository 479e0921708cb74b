"""Profiles one ``.tflite`` in a process of its own, which ``child`` asks.

It is allowed to crash: LiteRT's C interface may change under ``litert_c``.

Try it directly::

    echo '{"question": "mixnet_runtimes.tflite.profile.litert_child:measure",
           "memory_bytes": 4000000000,
           "request": {"path": "mixnet-s.tflite", "threads": 1, "rounds": 3, "warmup": 1}}' |
        python -m mixnet_runtimes.child_process
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.tflite.litert_c import DELEGATED, OPERATOR, Event, Library, ProfiledModel

Key = tuple[str, int, int]
"""Tag, type and index of an event: what must be the same in every round."""


def measure_events(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Run the rounds; the events of one, and the times of all."""
    library = Library()
    tell("profiling", f"LiteRT {library.version}")
    values = [None if each is None else Path(each) for each in request.get("values", [])]
    model = ProfiledModel(library, Path(request["path"]), request["threads"], values)
    for _ in range(request["warmup"]):
        model.run()
    rounds: list[list[Event]] = []
    wall_us: list[float] = []
    for _ in range(request["rounds"]):
        model.record()
        start = time.perf_counter_ns()
        model.run()
        wall_us.append((time.perf_counter_ns() - start) / 1000)
        rounds.append(model.events())
    return collect(library.version, Path(request["path"]), request["threads"], rounds, wall_us)


def collect(
    version: str,
    path: Path,
    threads: int,
    rounds: Sequence[Sequence[Event]],
    wall_us: Sequence[float],
) -> dict[str, Any]:
    """The answer for a file from the events of each round, wherever they were recorded.

    Raises MixnetError if the rounds differ or cannot be true.
    """
    known = [[each for each in events if each.type in (OPERATOR, *DELEGATED)] for events in rounds]
    return {
        "version": version,
        "events": _keys(known),
        "times_us": [[_plausible(event) for event in events] for events in known],
        "wall_us": list(wall_us),
        "pieces": _pieces(path, threads),
    }


def _pieces(path: Path, threads: int) -> list[list[int]] | None:
    """The delegate's partitions from the Python interface; the C interface lacks them."""
    from mixnet_runtimes.tflite.session import TfliteSession

    return TfliteSession(path, threads, "LiteRT").pieces


def _keys(rounds: Sequence[Sequence[Event]]) -> list[Key]:
    """The common part of the rounds, which must be everything but the times."""
    first, *others = ([(each.tag, each.type, each.index) for each in events] for events in rounds)
    if not first:
        raise MixnetError("LiteRT's profiler recorded no operator")
    if any(other != first for other in others):
        raise MixnetError("LiteRT's profiler recorded other operators in another round")
    return first


def _plausible(event: Event) -> int:
    """An operator of more than an hour is a misread record."""
    if event.elapsed_us > 3_600_000_000:
        raise MixnetError(f"LiteRT's profiler gives {event.tag} {event.elapsed_us} µs")
    return event.elapsed_us
