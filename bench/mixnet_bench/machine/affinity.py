"""Which CPUs a process may run on: checked, set, and read back.

Only Linux lets a process choose; on other systems the request is refused, not ignored.
"""

import os
from collections.abc import Iterable

from mixnet_common import UsageError


def can_pin() -> bool:
    """Whether this system lets a process choose its CPUs."""
    return hasattr(os, "sched_setaffinity")


def check_cpus(cpus: Iterable[int]) -> None:
    """Raise UsageError if this system or this process cannot be pinned to those CPUs."""
    if not can_pin():
        raise UsageError(
            "--pin: this operating system does not support choosing CPUs",
            "omit --pin; it works on Linux only",
        )
    usable = current_cpus() or ()
    missing = sorted(set(cpus) - set(usable))
    if missing:
        raise UsageError(
            f"--pin: CPU {', '.join(map(str, missing))} is not available to this process",
            f"available: {', '.join(map(str, usable))}",
        )


def pin(cpus: Iterable[int]) -> None:
    """Keep this process, and every thread it starts from now on, on those CPUs."""
    check_cpus(cpus)
    os.sched_setaffinity(0, set(cpus))


def current_cpus() -> tuple[int, ...] | None:
    """The CPUs that this process may run on; None if it is not reported."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return tuple(sorted(os.sched_getaffinity(0)))
