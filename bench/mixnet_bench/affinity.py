"""Which CPUs a process may run on: parsed from text, checked, set, and read back.

Only Linux lets a process choose; everywhere else asking for it is refused rather than ignored.
"""

import os
import re
from collections.abc import Iterable

from mixnet_common import UsageError

CPUS = re.compile(r"(?P<first>[0-9]{1,4})(-(?P<last>[0-9]{1,4}))?")
"""One CPU or a range of them; no machine has ten thousand."""


def parse_cpus(text: str) -> tuple[int, ...]:
    """CPU numbers from ``0,2-4``, sorted. Raises UsageError for anything else.

    >>> parse_cpus("0,2-4")
    (0, 2, 3, 4)
    """
    cpus: set[int] = set()
    for part in text.split(","):
        match = CPUS.fullmatch(part.strip())
        first, last = (
            (int(match["first"]), int(match["last"] or match["first"])) if match else (1, 0)
        )
        if first > last:
            raise UsageError(
                f"--pin {text}: {part.strip() or 'nothing'} names no CPU", "name CPUs like 0,2-4"
            )
        cpus.update(range(first, last + 1))
    return tuple(sorted(cpus))


def can_pin() -> bool:
    """Whether this system lets a process choose its CPUs."""
    return hasattr(os, "sched_setaffinity")


def check_cpus(cpus: Iterable[int]) -> None:
    """Raise UsageError where this system or this process cannot be pinned to those CPUs."""
    if not can_pin():
        raise UsageError(
            "--pin: this operating system lets no process choose its CPUs",
            "leave --pin out; only Linux can pin",
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
    """The CPUs that this process may run on; None where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return tuple(sorted(os.sched_getaffinity(0)))
