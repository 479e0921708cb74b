"""Profiles taken on a phone, in the same categories as on the host.

The runner returns the output of the runtimes' own profilers; here it is joined with the file's
operators. It measures nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

from mixnet_android.adb import Phone
from mixnet_android.runner.result import Model
from mixnet_android.runs.session import Launched, Trace, launch
from mixnet_android.runs.work import Installed, Work
from mixnet_bench.profiling.report import (
    TOTAL,
    UNACCOUNTED,
)
from mixnet_bench.results.profile import ProfileResult
from mixnet_common import MixnetError, UsageError
from mixnet_common.readers import parse_json
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import Profile, read_file
from mixnet_runtimes.onnx.profile import profile_of_trace as describe_ort
from mixnet_runtimes.tflite.litert_c import Event
from mixnet_runtimes.tflite.profile.litert import profile_of_events as describe_litert
from mixnet_runtimes.tflite.profile.litert_child import collect

MOST_ROUNDS = 1000


def take_profiles(
    phone: Phone,
    name: str,
    work: Work,
    installed: Installed,
    rounds: int,
    on_lost: Callable[[], None] = lambda: None,
) -> list[Profile]:
    """Profile each of the work's files on the phone, in a separate launch before the timing.

    Raises MixnetError if a runtime there has no profiler that can be reached.
    """
    asked = replace(
        work,
        outputs=False,
        min_count=1,
        min_time_s=0,
        warmup=0,
        profile=min(rounds, MOST_ROUNDS),
    )
    found = launch(phone, name, asked, installed, on_lost=on_lost)
    return [_profile(asked, index, found) for index in range(len(asked.models))]


def _profile(work: Work, index: int, found: Launched) -> Profile:
    model = found.result.models[index]
    version = found.result.libraries[model.library].version or "unknown"
    if index in found.traces:
        return profile_of_trace(found.traces[index], version, work.threads, work.profile)
    return profile_of_events(work.models[index], version, work.threads, model)


def profile_of_events(path: Path, version: str, threads: int, model: Model) -> Profile:
    """A profile from LiteRT's events, each given to its operator of the file."""
    rounds = [
        [Event(name, kind, us, index) for name, kind, index, us in each.events]
        for each in model.profile
    ]
    if not rounds:
        raise MixnetError(f"{path}: the runtime on the phone returned no profile")
    walls = [each.wall_ns / 1000 for each in model.profile]
    return describe_litert(collect(version, path, threads, rounds, walls), read_file(path), threads)


def profile_of_trace(trace: Trace, version: str, threads: int, rounds: int) -> Profile:
    """A profile from the last rounds of ONNX Runtime's trace and the graph that it ran."""
    try:
        records = parse_json(trace.times.decode("utf-8", errors="replace"), "the profile")
    except UsageError:
        raise MixnetError("the profile from the phone is damaged", "run it again") from None
    with temporary_folder() as folder:
        graph = folder / "graph.onnx"
        graph.write_bytes(trace.graph)
        contents = read_file(graph)
    return describe_ort(records, contents, version, threads, rounds)


# The table, from the records


def table_rows(profiles: Sequence[ProfileResult]) -> list[tuple[str, ...]]:
    """A row for each category of any file, in the order that all files keep."""
    times = [{each.category: each.time_us for each in profile.categories} for profile in profiles]
    rows = [(name, [each.get(name) for each in times]) for name in _merged(times)]
    rows.append((UNACCOUNTED, [profile.unaccounted_us for profile in profiles]))
    rows.append((TOTAL, [profile.total_us for profile in profiles]))
    return [
        (name, *(cell for value, profile in zip(values, profiles, strict=True)
                 for cell in _cells(value, profile.total_us)))
        for name, values in rows
    ]  # fmt: skip


def _merged(orders: Sequence[Mapping[str, float]]) -> list[str]:
    """One order of all names that preserves each file's own order."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for order in orders:
        for name in order:
            sorter.add(name)
        for earlier, later in pairwise(order):
            sorter.add(later, earlier)
    return list(sorter.static_order())


def _cells(value: float | None, total: float | None) -> tuple[str, str]:
    return (
        ("", "") if value is None or not total else (f"{value:,.0f}", f"{100 * value / total:.1f}")
    )
