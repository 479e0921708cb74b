"""The ``--profile`` of ``mixnet-bench latency``: runs the profiles and prints their table.

Profiles are taken one after the other, before anything is timed: a profiler slows its file a
little, and a file that cannot be profiled is to fail before the long part.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mixnet_bench.machine.affinity import (
    current_cpus,
    pin,
)
from mixnet_bench.profiling.report import (
    profile_columns,
    profile_rows,
)
from mixnet_bench.timing.latency import Plan
from mixnet_common.console import print_table, tracked
from mixnet_runtimes import Prepared, Profile, profile


def take_profiles(plan: Plan) -> list[Profile]:
    """A profile of each file, over as many rounds as it is timed at least. Raises MixnetError."""
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


def print_profiles(names: Sequence[str], profiles: Sequence[Profile]) -> None:
    """The table of all profiles, side by side."""
    caption = (
        "by the runtime's own profiler, without disturbances; so the total is not the median above"
    )
    print_table(profile_columns(names), profile_rows(profiles), caption=caption)
