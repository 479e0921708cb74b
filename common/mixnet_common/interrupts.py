"""The effect of Ctrl-C: before a command has begun it ends at once, later it unwinds.

OpenBLAS sends its own process an interrupt when it cannot start its threads, which is not a request
of the user; this module distinguishes the two.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from mixnet_common.errors import MixnetError, print_error
from mixnet_common.printable import printable
from mixnet_common.system_faults import THREADS

INTERRUPTED = 128 + 2
"""The exit status after Ctrl-C, as shells have it."""

_seen = threading.Event()


def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """A signal handler for the time of imports: nothing was begun, and nothing is unwound."""
    lacking = lack_of_threads()
    if lacking is not None:
        os.write(2, f"error: {lacking.message}\n  hint: {lacking.hint}\n".encode())
    os._exit(INTERRUPTED if lacking is None else lacking.exit_status)


def unwind(number: int, frame: FrameType | None) -> NoReturn:
    """A signal handler for a command at work: like Python's, and remembers that it was called."""
    _seen.set()
    raise KeyboardInterrupt


def unwind_when_interrupted() -> None:
    """Let an interrupt unwind from now on. One that is ignored, as under nohup, stays ignored."""
    _seen.clear()
    handles = (signal.default_int_handler, end_at_once, unwind)
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) in handles:
        signal.signal(signal.SIGINT, unwind)


def repeat_lost_interrupts() -> None:
    """Let an interrupt that meets a callback, where Python ignores exceptions, come once more."""
    others = sys.unraisablehook

    def again(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is KeyboardInterrupt:
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
            timer.daemon = True
            timer.start()
        else:
            others(lost)

    sys.unraisablehook = again


def was_interrupted() -> bool:
    """Whether an interrupt came, also where it was made into another exception."""
    return _seen.is_set()


def end_interrupted(words: str = "") -> NoReturn:
    """Say that the command was interrupted, and leave."""
    lacking = lack_of_threads()
    if lacking is not None:
        print_error(lacking)
        sys.exit(lacking.exit_status)
    with suppress(OSError, ValueError):
        print(f"interrupted{words and f': {printable(words)}'}", file=sys.stderr, flush=True)
    sys.exit(INTERRUPTED)


def lack_of_threads() -> MixnetError | None:
    """An error where the system refuses to start a thread now, which is why OpenBLAS interrupts."""
    probe = threading.Thread(target=int, daemon=True)
    try:
        probe.start()
    except RuntimeError as error:
        return MixnetError(f"{THREADS.what} ({error})", THREADS.hint)
    probe.join()
    return None
