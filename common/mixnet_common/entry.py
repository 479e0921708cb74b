"""The start of a command: errors before it has control do not end in a traceback.

The command's own module, and click with it, are imported here, after the handling of Ctrl-C is set
up.
"""

import gc
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from mixnet_common.errors import print_error
from mixnet_common.interrupts import end_at_once, lack_of_threads, repeat_lost_interrupts
from mixnet_common.supervision import can_supervise, likely_cause, work_in_child
from mixnet_common.system_faults import user_error


def start(module: str) -> NoReturn:
    """Import ``module``, run its ``main`` and leave. Never returns."""
    if callable(signal.getsignal(signal.SIGINT)):  # it is not ignored
        signal.signal(signal.SIGINT, end_at_once)
        repeat_lost_interrupts()
    tell_end: Callable[[], object] = int  # does nothing
    try:
        if (lacking := lack_of_threads()) is not None:
            raise lacking  # numpy's OpenBLAS would say it in many lines
        cause = likely_cause()
        if cause is not None and can_supervise():
            tell_end = work_in_child(cause)
        if cause is not None:
            _load_hashes()
        gc.disable()  # importing makes many objects and no garbage
        command = import_module(module)
        gc.freeze()
        gc.enable()
        command.main()
    except Exception as error:
        found = user_error(error)
        if found is None:
            raise
        print_error(found)
        sys.exit(found.exit_status)
    finally:
        tell_end()
    sys.exit(0)


def _load_hashes() -> None:
    """Import hashlib while there is memory for it.

    Where there is too little it would log a traceback for each of its hashes and go on without
    them. Raises MemoryError instead.
    """
    import logging

    logging.disable()
    try:
        import hashlib
    finally:
        logging.disable(logging.NOTSET)
    if not hasattr(hashlib, "sha256"):
        raise MemoryError
