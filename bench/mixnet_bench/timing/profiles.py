"""Profiles of a measurement's files, taken one after the other before anything is timed.

A profiler slows its file a little, and a file that cannot be profiled should fail before the long
part.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mixnet_bench.machine.affinity import current_cpus, pin
from mixnet_bench.timing.latency import Plan
from mixnet_common.progress import tracked
from mixnet_runtimes import Prepared, Profile, profile


def take_profiles(plan: Plan) -> list[Profile]:
    """A profile of each file, over the minimum number of timed rounds. Raises MixnetError."""
    files: Sequence[Path | Prepared] = plan.models or plan.paths
    with pinned(plan.cpus):
        return [
            profile(file, threads=plan.threads, rounds=plan.min_count)
            for file in tracked(files, "profiling")
        ]


@contextmanager
def pinned(cpus: Sequence[int] | None) -> Iterator[None]:
    """Keep this process, and those it starts, on some CPUs, and then let go again."""
    if cpus is None:
        yield
        return
    before = current_cpus()
    pin(cpus)  # which refuses where a process cannot be pinned
    try:
        yield
    finally:
        os.sched_setaffinity(0, before or cpus)
