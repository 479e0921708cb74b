"""A worker's answer to a task: a value, a failure with its message, or that it is unfit.

Answers are plain values. ``answer_of`` runs on workers, inside the locks of their host.
"""

import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mixnet_bench.cluster.host_locks import hold
from mixnet_common.system_faults import user_error


class UnfitError(Exception):
    """A worker cannot do a task that another may; the message gives the reason."""


@dataclass(frozen=True)
class WorkerAnswer:
    """The outcome of a task, and its worker."""

    worker: str
    """The worker's address."""
    host: str
    value: Any = None
    unfit: str = ""
    """Why the worker cannot do it; it is then tried elsewhere."""
    failure: tuple[str, str] | None = None
    """A user's error: message and hint."""
    bug: Sequence[str] = ()
    """The lines of a traceback."""

    @property
    def words(self) -> str:
        """The failure or the bug in one line."""
        if self.failure is not None:
            message, hint = self.failure
            return f"{message} ({hint})" if hint else message
        return self.bug[-1].strip() if self.bug else ""


def answer_of(
    function: Callable[..., Any], locks: Sequence[str], *arguments: Any, **options: Any
) -> WorkerAnswer:
    """Call a function on a worker, with locks of its host held. It may raise anything."""
    from distributed import get_worker

    where = (get_worker().address, socket.gethostname())
    try:
        with hold(locks):
            return WorkerAnswer(*where, value=function(*arguments, **options))
    except UnfitError as error:
        return WorkerAnswer(*where, unfit=str(error))
    except Exception as error:
        found = user_error(error)
        if found is None:
            return WorkerAnswer(*where, bug=traceback.format_exception(error))
        return WorkerAnswer(*where, failure=(found.message, found.hint))
