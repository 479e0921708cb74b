"""If memory or threads are limited, a command works in a child, whose parent reports how it died.

Native libraries end their process when they get no memory or threads: the C++ runtimes abort,
OpenBLAS exits, LiteRT crashes. No handler in that process can intercept it. Without a limit
(``ulimit -v``, a low ``ulimit -u``) nothing is forked.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from mixnet_common.errors import MixnetError
from mixnet_common.interrupts import INTERRUPTED

_DELIBERATE = b"."

FEW_PROCESSES = 1000
"""Beyond it a limit on processes and threads is a system's own, not one that a command meets."""


def memory_limit() -> int | None:
    """The bytes of address space or data that this process may use; None if that is open."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limits = [resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((each for each in limits if each != resource.RLIM_INFINITY), default=None)


def process_limit() -> int | None:
    """The processes and threads that this user may have, where they are few; None otherwise."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return limit if limit != resource.RLIM_INFINITY and limit < FEW_PROCESSES else None


def likely_cause() -> str | None:
    """The limit that a native library may exceed here, and how to raise it; None if there is none.

    Of both limits, the one on memory is by far the likelier.
    """
    if (memory := memory_limit()) is not None:
        few = f"use {memory >> 20:,} MB of memory, probably too little: raise the limit (ulimit -v)"
    elif (processes := process_limit()) is not None:
        few = (
            f"start {processes} processes and threads, probably too few: raise the limit (ulimit"
            " -u)"
        )
    else:
        return None
    return f"it may {few}"


def work_in_child(cause: str) -> Callable[[], None]:
    """Go on in a child, and never return in the parent, which leaves with the child's exit status.

    Gives the child a function to call before it ends deliberately. Raises MixnetError in the parent
    where the child died otherwise, likely for this ``cause``; OSError where none can be started.
    """
    watched = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    ended, end = os.pipe()
    child = os.fork()
    if child == 0:
        _end_with_parent()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return lambda: _mark(end)
    os.close(end)
    status = _wait(child, watched)
    deliberate = os.read(ended, 1) == _DELIBERATE
    if status in (0, INTERRUPTED) or (deliberate and status > 0):
        os._exit(status)
    raise MixnetError(f"the command died: {_how(status)}", cause)


def can_supervise() -> bool:
    """Whether this system has what ``work_in_child`` needs; Windows and macOS do not."""
    return hasattr(signal, "sigwaitinfo") and hasattr(os, "fork")


def _mark(end: int) -> None:
    with suppress(OSError):
        os.write(end, _DELIBERATE)


def _wait(child: int, watched: set[signal.Signals]) -> int:
    """The child's exit status, negative for a signal; hands signals on to it until then."""
    while True:
        info = signal.sigwaitinfo(watched)
        if info.si_signo != signal.SIGCHLD:
            if info.si_signo != signal.SIGINT or info.si_pid:  # a terminal interrupts both
                os.kill(child, info.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid and not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)


def _end_with_parent() -> None:
    """Have the kernel terminate this process when its parent is killed."""
    with suppress(ImportError, OSError, AttributeError, MemoryError):
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))  # PR_SET_PDEATHSIG


def _how(status: int) -> str:
    if status >= 0:
        return f"a library terminated it (exit status {status})"
    return f"{signal.strsignal(-status) or 'a signal'} (signal {-status})"
