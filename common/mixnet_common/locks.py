"""One process at a time: locks held by the operating system, so that none outlives its process.

A lock is on an open file and does not depend on the file's existence: it is released when its
process ends. The file contains the holder's identity, for the message to others.
"""

import errno
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mixnet_common.console import warn
from mixnet_common.errors import MixnetError, UsageError
from mixnet_common.readers import parse_json, show

NAME = ".lock"
"""The file in a locked folder."""

MOST_BYTES = 1000
"""Limit of the holder's description."""

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


@contextmanager
def locked(folder: Path, hint: str) -> Iterator[None]:
    """Hold a folder, made if missing, for the block.

    Raises MixnetError, with the hint, where another process holds it. On a disk that knows no locks
    it only warns.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _hold(path)
    except OSError as error:
        raise MixnetError(
            f"cannot lock {show(path)}: {error.strerror or error}", "use another folder"
        ) from error
    if handle is None:
        raise MixnetError(f"{show(folder)} is in use by {_holder(path)}", hint)
    try:
        _sign(handle)
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # before it is given back, or the next one's would be removed
        os.close(handle)


def take(path: Path, handle: int) -> bool:
    """Lock an open file until it is closed; False where another process has it locked."""
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _HELD:
            return False
        warn(
            f"{show(path)} cannot be locked ({error.strerror}): make sure that no other process"
            " writes to it"
        )
    return True


def _hold(path: Path) -> int | None:
    """The lock's file, open, locked and still under its name; None where another holds it."""
    while True:
        handle = os.open(path, _FLAGS, 0o644)
        held = False
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            if not take(path, handle):
                return None
            with suppress(FileNotFoundError):
                held = os.path.samestat(os.stat(path), os.fstat(handle))
            if held:
                return handle
        finally:
            if not held:  # also where its last holder has removed it since it was opened
                os.close(handle)


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        _lock_windows(handle)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_windows(handle: int) -> None:
    import msvcrt

    os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond its content, which others may read
    msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    os.lseek(handle, 0, os.SEEK_SET)


def _sign(handle: int) -> None:
    """Write who holds the lock. Without room for that it is held all the same."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since})
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.write(handle, text.encode())


def _holder(path: Path) -> str:
    """The holder of the lock, if recorded."""
    try:
        handle = os.open(path, os.O_RDONLY | (_FLAGS & ~(os.O_RDWR | os.O_CREAT)))
        try:
            found = parse_json(os.read(handle, MOST_BYTES), "")
        finally:
            os.close(handle)
        return f"process {found['pid']} on {found['host']}, since {found['since']}"
    except (OSError, UsageError, KeyError, TypeError):
        return "another process"
