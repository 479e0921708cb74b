"""Profiles a ``.tflite`` in LiteRT and assigns each event to an operator of the file.

The profiling itself happens in a separate process (``litert_child``); if that dies, an error
reports it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.readers import show
from mixnet_runtimes import child
from mixnet_runtimes.contents import FileContents, Operator
from mixnet_runtimes.prepared import Prepared
from mixnet_runtimes.profiling import WARMUP, OperatorTime, Profile, summarize_rounds
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite.interpreters import RUNTIMES
from mixnet_runtimes.tflite.litert_c import HINT, OPERATOR
from mixnet_runtimes.tflite.profile.xnnpack_events import align

LITERT = RUNTIMES[0]

DROPPED = "Dropping ProfileBuffer event"
"""Output of a profiler with too little memory; later versions of LiteRT enlarge it."""

WITHOUT = "measure without --profile, or try another version of ai-edge-litert"

Key = tuple[str, int, int]
"""An event's tag, type and index, as ``litert_child`` answers them."""


def profile(
    prepared: Prepared,
    threads: int,
    rounds: int,
    timeout_s: float,
    command: Sequence[str] = child.COMMAND,
) -> Profile:
    """See ``mixnet_runtimes.profile``."""
    # a broken file is refused before it can crash anything
    contents = tflite_file.read(prepared.path)
    values = [prepared.values.get(each.name) for each in prepared.inputs]
    request = {
        "path": str(prepared.path),
        "values": [None if each is None else str(each) for each in values],
        "threads": threads,
        "rounds": rounds,
        "warmup": WARMUP,
    }
    return profile_of_events(_ask(prepared.source, request, timeout_s, command), contents, threads)


def profile_of_events(answer: Mapping[str, Any], contents: FileContents, threads: int) -> Profile:
    """A profile from what ``litert_child.measure`` answers, here or for another machine."""
    keys: list[Key] = [(tag, kind, index) for tag, kind, index in answer["events"]]
    times = summarize_rounds(answer["times_us"], answer["wall_us"])
    owners = assign(keys, contents.operators, answer["pieces"])
    return Profile(
        runtime=LITERT.name,
        version=answer["version"],
        threads=threads,
        rounds=len(answer["wall_us"]),
        operators=tuple(
            _operator_time(key[0], owner, time_us)
            for key, owner, time_us in zip(keys, owners, times.operators_us, strict=True)
        ),
        unaccounted_us=times.unaccounted_us,
        inference_us=times.inference_us,
        contents=contents,
    )


def assign(
    keys: Sequence[Key], operators: Sequence[Operator], pieces: Sequence[Sequence[int]] | None
) -> list[Operator | None]:
    """The operator of each event.

    An operator outside the delegate tells its index itself. The events between two such are one
    delegated piece; ``pieces`` gives the operators of each (indices, in order of execution), and
    where it is None or tells another number of them, all operators not yet named are tried.
    """
    runs = list(_runs(keys))
    known = pieces is not None and len(pieces) == len(runs)
    named = {index for _, kind, index in keys if kind == OPERATOR}
    rest = [index for index in range(len(operators)) if index not in named]
    owners: list[Operator | None] = [
        operators[index] if kind == OPERATOR and index < len(operators) else None
        for _, kind, index in keys
    ]
    if pieces is not None and known:
        plans = list(zip(runs, pieces, strict=True))
    else:
        plans = [([place for run in runs for place in run], rest)]
    for places, members in plans:
        kinds = [operators[index].kind for index in members]
        for place, found in zip(places, align(kinds, [keys[p][0] for p in places]), strict=True):
            owners[place] = None if found is None else operators[members[found]]
    return owners


def _runs(keys: Sequence[Key]) -> Iterator[list[int]]:
    """The places of each unbroken run of events from inside a delegate.

    Two partitions may follow each other directly: then the delegate's own count starts again.
    """
    for inside, group in groupby(range(len(keys)), lambda place: keys[place][1] != OPERATOR):
        if not inside:
            continue
        run: list[int] = []
        for place in group:
            if run and keys[place][2] <= keys[run[-1]][2]:
                yield run
                run = []
            run.append(place)
        yield run


def _operator_time(tag: str, owner: Operator | None, time_us: float) -> OperatorTime:
    if owner is None:
        return OperatorTime(tag, tag, tag, time_us)
    return OperatorTime(owner.name, owner.kind, tag, time_us, owner)


def _ask(
    path: Path, request: dict[str, Any], timeout_s: float, command: Sequence[str]
) -> dict[str, Any]:
    """The child's answer. Raises MixnetError if it reports an error, dies or hangs."""
    limits = child.Limits(timeout_s, child.limits_for(path).memory_bytes)
    asked = child.Question(
        "mixnet_runtimes.tflite.profile.litert_child:measure_events", path, request, limits, command
    )
    try:
        answer = asked.answer()
    except child.CrashError as error:
        raise MixnetError(error.message, child.advice(asked.stderr, WITHOUT)) from error
    except MixnetError as error:
        message = f"cannot profile {show(path)}: {error.message}"
        raise MixnetError(message, error.hint or WITHOUT) from error
    if DROPPED in asked.stderr:
        raise MixnetError(f"{path} has more operators than LiteRT's profiler can record", HINT)
    return answer
