"""How much memory this process may have, as far as the system says."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mixnet_common.errors import UsageError
from mixnet_common.numbers import bytes_in_words

CGROUP = Path("/sys/fs/cgroup/memory.max")
"""What a container may have; ``max`` where it has no limit."""


def usable_memory() -> int | None:
    """The machine's memory, or less where a limit is set, in bytes; None where nothing says."""
    return min(_limits(), default=None)


def check_memory(needed: int, what: str, hint: str) -> None:
    """Raise UsageError, beginning with ``what``, where so many bytes can't be had here."""
    usable = usable_memory()
    if usable is not None and needed > usable:
        raise UsageError(
            f"{what} takes at least {bytes_in_words(needed)} of memory, and there are"
            f" {bytes_in_words(usable)} here",
            hint,
        )


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
