"""A worker's part in a comparison: it runs both files on a shard, a few of the images.

It runs in the worker's process. Files are opened once per thread, and stay open for other shards of
the comparison. The answers are plain values.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixnet_bench.cluster.answers import UnfitError
from mixnet_bench.cluster.carried import Carried, inside, unpack
from mixnet_common import MixnetError
from mixnet_common.readers import show
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.machine_kind import MachineKind
from mixnet_quantize.parity.pair import Pair, Side
from mixnet_quantize.parity.record import to_line
from mixnet_quantize.parity.run import chunk_size, compare_chunk, kind_of

MOST_COMPARISONS = 2
"""Number of comparisons whose files a worker keeps open."""


@dataclass(frozen=True)
class Compared:
    """The common part of a comparison's shards."""

    name: str
    """A hash of the rest."""
    sides: tuple[Side, Side]
    """Their paths are names among the files."""
    files: tuple[Carried, ...]
    kind: MachineKind
    """Kind of machines whose results may be combined."""


@dataclass(frozen=True)
class Shard:
    """Some images of a folder that all machines see under the same path."""

    folder: str
    indices: tuple[int, ...]
    """Indices of the images in the whole comparison."""
    names: tuple[str, ...]
    """Names of the same images within the folder."""
    sizes: tuple[int, ...]
    """Their files' sizes in bytes, by which they are known to be the same; -1 for none."""


class _Pairs:
    """The open files of the last few comparisons that are not in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: OrderedDict[str, list[Pair]] = OrderedDict()

    @contextmanager
    def one(self, compared: Compared, contents: Sequence[bytes]) -> Iterator[Pair]:
        """A pair of open files, for the block."""
        with self._lock:
            free = self._free.setdefault(compared.name, [])
            self._free.move_to_end(compared.name)
            while len(self._free) > MOST_COMPARISONS:
                self._free.popitem(last=False)
            pair = free.pop() if free else None
        pair = pair or _open(compared, contents)
        yield pair  # after a failure it is not used again
        with self._lock:
            free.append(pair)


_pairs = _Pairs()


def compare_shard(compared: Compared, shard: Shard, *contents: bytes) -> dict[str, Any]:
    """Show both files the images: their records' lines, and the images that cannot be read.

    Raises UnfitError if this worker lacks the images or is of another kind, and MixnetError
    if a file cannot be run.
    """
    _check_images(shard)
    images = Images(Path(shard.folder), shard.names, None, None)
    lines: list[str] = []
    unreadable: list[tuple[str, str]] = []
    with _pairs.one(compared, contents) as pair:
        size = chunk_size(pair)
        places = range(len(shard.names))
        for start in range(0, len(places), size):
            chunk = compare_chunk(pair, images, places[start : start + size])
            for record in chunk.records:
                lines.append(to_line(replace(record, index=shard.indices[record.index])))
            unreadable += chunk.unreadable
    return {"lines": lines, "unreadable": unreadable}


def _open(compared: Compared, contents: Sequence[bytes]) -> Pair:
    """Both files, open, from this worker's own folder. Raises UnfitError."""
    from distributed import get_worker

    folder = Path(get_worker().local_directory) / "mixnet-files" / compared.name
    unpack(folder, compared.files, contents)
    first, second = (
        replace(side, path=inside(folder, side.path.as_posix())) for side in compared.sides
    )
    try:
        pair = Pair(first, second)
    except MixnetError as error:
        # The client has opened both: what is missing here is this worker's runtime.
        raise UnfitError(error.message) from error
    if differences := compared.kind.differences(kind_of(pair)):
        raise UnfitError(f"its results would differ in their last digits: {differences}")
    return pair


def _check_images(shard: Shard) -> None:
    """Raise UnfitError unless the images are those that the client has listed."""
    folder = Path(shard.folder)
    if not folder.is_dir():
        raise UnfitError(f"it has no image folder {show(folder)}")
    for name, size in zip(shard.names, shard.sizes, strict=True):
        found = size_of(folder / name)
        if found != size:
            there = "is missing" if found < 0 else f"has {found:,} bytes, not {size:,}"
            raise UnfitError(f"its image folder {show(folder)} differs: {show(name)} {there}")


def size_of(path: Path) -> int:
    """In bytes; -1 for a link to nowhere, which will be unreadable."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
