"""The available and the used memory of this process, as far as the system reports them."""

import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mixnet_common.errors import UsageError
from mixnet_common.numbers import bytes_in_words
from mixnet_common.supervision import memory_limit

CGROUP = Path("/sys/fs/cgroup/memory.max")
"""Memory limit of a container; ``max`` if it has none."""


def usable_memory() -> int | None:
    """The machine's memory, or a lower limit, in bytes; None if unknown."""
    return min(_limits(), default=None)


def peak_memory() -> int | None:
    """The peak resident memory of this process, in bytes; None if unknown.

    Linux's ``ru_maxrss`` is not it: that begins with what the process that started this one had.
    """
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return None


def check_memory(needed: int, what: str, hint: str) -> None:
    """Raise UsageError, beginning with ``what``, where so many bytes can't be had here."""
    usable = usable_memory()
    if usable is not None and needed > usable:
        raise UsageError(
            f"{what} takes at least {bytes_in_words(needed)} of memory, and"
            f" {bytes_in_words(usable)} are available",
            hint,
        )


def check_room(size: int) -> None:
    """Raise MemoryError if this process's memory limit leaves less than this number of bytes."""
    if memory_limit() is None:
        return
    try:
        mmap.mmap(-1, size).close()
    except OSError as error:
        raise MemoryError(f"{bytes_in_words(size)} of address space are not available") from error


def _limits() -> Iterator[int]:
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(ImportError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit
    with suppress(OSError, ValueError):
        yield int(CGROUP.read_text())
