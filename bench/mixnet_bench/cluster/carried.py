"""Files that are sent to workers by their hash: read once, sent once, checked on arrival.

A file is a Dask task whose result is its bytes, so that Dask copies it from worker to worker and
sends it again if a worker is lost. Only names below a folder are written.
"""

import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mixnet_common import MixnetError, UsageError, write_whole
from mixnet_common.hashing import sha256
from mixnet_common.readers import read_bytes, show

if TYPE_CHECKING:
    from distributed import Client

MOST_BYTES = 2 << 30
"""Limit of a sent file: that of a FlatBuffer and a protobuf."""

_writing = threading.Lock()


@dataclass(frozen=True)
class Carried:
    """A file by content, and its destination: a path with ``/`` below some folder."""

    name: str
    sha256: str


class Sender:
    """Sends files. The cluster drops a file when its task is released."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._tasks: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

    def send(self, files: Mapping[str, Path]) -> tuple[list[Carried], list[Any]]:
        """Files by the names that they are to have, and their tasks, in the same order.

        Raises UsageError for a file that cannot be read or is too large.
        """
        carried, tasks = [], []
        for name, path in files.items():
            data = read_bytes(path, limit=MOST_BYTES)
            digest = sha256(data)
            carried.append(Carried(name, digest))
            tasks.append(self._task(digest, data))
        return carried, tasks

    def _task(self, digest: str, data: bytes) -> Any:
        task = self._tasks.get(digest)
        if task is None or task.status not in ("pending", "finished"):
            task = self._client.submit(_as_it_is, data, key=f"mixnet-file-{digest}", pure=True)
            self._tasks[digest] = task
        return task


def _as_it_is(data: bytes) -> bytes:
    return data


def unpack(folder: Path, files: Sequence[Carried], contents: Sequence[bytes]) -> None:
    """Write files below a folder, those that are there already not again.

    Raises MixnetError if one is not what was sent, UsageError if it leads out of the folder.
    """
    if len(files) != len(contents):
        raise MixnetError(f"{len(contents)} files arrived in place of {len(files)}")
    for each, data in zip(files, contents, strict=True):
        if sha256(data) != each.sha256:
            raise MixnetError(f"{each.name} arrived with different content", "run the same again")
        path = inside(folder, each.name)
        with _writing:  # threads of a worker unpack the same files
            if not path.exists():
                write_whole(path, data)


def inside(folder: Path, name: str) -> Path:
    """The path of a name below a folder. Raises UsageError if it leads out of it."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name or not parts.parts:
        raise UsageError(f"{show(name)} is outside the folder of received files")
    return folder / parts
