"""Locks among the workers of a host: a timing runs alone on it, and a phone has one run at a time.

Dask's resources count within a worker; these locks also apply if a host has several workers,
belongs to several clusters, or runs a step that its scheduler has given up. The operating system
holds them and releases them when a process dies.
"""

import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mixnet_common.folders import home

HOST = "host"
"""Held by everybody, by a timing alone."""

ALONE = f"{HOST} alone"

_GATE = "gate"
"""A process that waits to be alone holds it meanwhile, so that no other one begins."""


def phone_lock(serial: str) -> str:
    """The name of a phone's lock."""
    return f"phone-{serial}"


@contextmanager
def hold(names: Sequence[str]) -> Iterator[None]:
    """Hold locks for the block: first the host's, shared or ``ALONE``, then others in their order.

    It waits for as long as others hold them. Where the system knows no such locks it holds none.
    """
    with ExitStack() as stack:
        stack.enter_context(_host(alone=ALONE in names))
        for name in sorted(set(names) - {ALONE, HOST}):
            stack.enter_context(_held(name, exclusive=True))
        yield


@contextmanager
def _host(*, alone: bool) -> Iterator[None]:
    with ExitStack() as stack:
        with _held(_GATE, exclusive=True):
            stack.enter_context(_held(HOST, exclusive=alone))
        yield


@contextmanager
def _held(name: str, *, exclusive: bool) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(_path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _path(name: str) -> Path:
    """A file of this host's own: homes may be shared by several."""
    folder = home() / "locks" / _safe(socket.gethostname())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{_safe(name)}.lock"


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)
