"""adb's sync service for the fake phone: stat, push and pull of single files, with its faults."""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fake_shell import Sandbox

NO_ENTRY = 2


@dataclass
class SyncFaults:
    """``hang_up_after`` bytes of a push have come; ``disk_bytes`` is all that there is room for."""

    hang_up_after: int | None = None
    disk_bytes: int | None = None


class Channel(Protocol):
    """What the service talks through."""

    def read(self, count: int) -> bytes: ...
    def write(self, data: bytes) -> None: ...


def serve_sync(
    stream: Channel, sandbox: Sandbox, faults: SyncFaults, hang_up: Callable[[], None]
) -> None:
    """Answer requests until QUIT."""
    while True:
        request, length = struct.unpack("<4sI", stream.read(8))
        if request == b"QUIT":
            return
        path = stream.read(length).decode()
        if request == b"STAT":
            stream.write(_old_stat(sandbox.path(path)))
        elif request in (b"STA2", b"LST2"):
            stream.write(_new_stat(request, sandbox.path(path)))
        elif request == b"SEND":
            _receive(stream, sandbox, path, faults, hang_up)
        elif request == b"RECV":
            _send(stream, sandbox.path(path))
        else:
            _fail(stream, f"unknown request {request!r}")


def _fail(stream: Channel, message: str) -> None:
    stream.write(struct.pack("<4sI", b"FAIL", len(message)) + message.encode())


def _old_stat(path: Path) -> bytes:
    if not path.exists():
        return struct.pack("<4s3I", b"STAT", 0, 0, 0)
    found = path.stat()
    return struct.pack("<4s3I", b"STAT", found.st_mode, found.st_size, int(found.st_mtime))


def _new_stat(request: bytes, path: Path) -> bytes:
    layout = "<4sIQQIIIIQqqq"
    if not path.exists():
        return struct.pack(layout, request, NO_ENTRY, *([0] * 10))
    found = path.stat()
    times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
    return struct.pack(
        layout, request, 0, found.st_dev, found.st_ino, found.st_mode, found.st_nlink,
        2000, 2000, found.st_size, *times,
    )  # fmt: skip


def _receive(
    stream: Channel, sandbox: Sandbox, path: str, faults: SyncFaults, hang_up: Callable[[], None]
) -> None:
    """A push: ``path,mode``, then DATA blocks, then DONE with the time of change."""
    target = sandbox.path(path.rpartition(",")[0])
    complaint = "" if target.parent.is_dir() else "No such file or directory"
    count = 0
    with open(os.devnull if complaint else target, "wb") as file:
        while True:
            kind, length = struct.unpack("<4sI", stream.read(8))
            if kind != b"DATA":
                break
            data = stream.read(length)
            count += len(data)
            if faults.hang_up_after is not None and count > faults.hang_up_after:
                file.write(data[: len(data) // 2])
                hang_up()
            if faults.disk_bytes is not None and count > faults.disk_bytes:
                complaint = f"couldn't write {target.name}: No space left on device"
            if not complaint:
                file.write(data)
    if complaint:
        _fail(stream, complaint)
        return
    target.chmod(0o644)  # phones lose the executable bit
    stream.write(struct.pack("<4sI", b"OKAY", 0))


def _send(stream: Channel, path: Path) -> None:
    if not path.is_file():
        _fail(stream, "No such file or directory")
        return
    with path.open("rb") as file:
        while block := file.read(64 * 1024):
            stream.write(struct.pack("<4sI", b"DATA", len(block)) + block)
    stream.write(struct.pack("<4sI", b"DONE", 0))
