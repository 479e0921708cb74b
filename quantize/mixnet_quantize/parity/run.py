"""Runs both files on every image: decoding, preprocessing and inference on all cores at once.

Each worker has both files open with one thread each, which scales better than one session with many
threads; only a few chunks of images are in memory. Results come in the order of the images.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from mixnet_common import MixnetError
from mixnet_common.system_faults import raise_system_fault
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.machine_kind import MachineKind, kind_of_this_machine
from mixnet_quantize.parity.pair import Pair
from mixnet_quantize.parity.record import Record, Scored

CHUNK = 8
"""Images per call of a worker, unless a file's batch is larger."""

AHEAD = 2
"""Chunks that wait for each worker."""

MOST_JOBS = 4
"""Workers by default, at most: each holds both files, four of MixNet-L less than a gigabyte."""


@dataclass
class Chunk:
    """The outcome of a few images."""

    records: list[Record] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """The name of each image that could not be read, and why."""
    kind: MachineKind | None = None
    """Kind of the machine that it comes from."""
    worker: str = ""
    """Who has run it, where that is another process."""

    @property
    def count(self) -> int:
        """All images of the chunk."""
        return len(self.records) + len(self.unreadable)


@dataclass(frozen=True)
class Comparison:
    """The arguments of a runner of images."""

    pair: Pair
    """The two files, open."""
    images: Images
    jobs: int
    """Requested number of workers."""
    kind: MachineKind | None
    """Kind of the machine of earlier results; None if there are none."""
    metric: Scored | None = None
    """A custom metric, which only this process can compute."""


Runner = Callable[[Comparison, Sequence[int]], Generator[Chunk, None, None]]
"""Runs the images of some indices. Results come in any order; no image is run twice."""


def kind_of(pair: Pair) -> MachineKind:
    """The kind of this machine, with the runtimes that have the files open."""
    sessions = [model.session for model in pair.models]
    return kind_of_this_machine({each.runtime: each.version for each in sessions})


def default_jobs() -> int:
    """The CPUs that this process may run on, at most ``MOST_JOBS``."""
    usable = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(MOST_JOBS, len(usable(0)) if usable else os.cpu_count() or 1)


def chunk_size(pair: Pair) -> int:
    """Images that are run at once."""
    return max(CHUNK, pair.batch)


def run(
    pairs: Sequence[Pair],
    images: Images,
    indices: Sequence[int],
    metric: Scored | None = None,
) -> Generator[Chunk, None, None]:
    """Compare the files of the pairs, all of which are the same, on the images of ``indices``.

    One worker runs for each pair. Raises MixnetError if a file cannot be run.
    """
    free: SimpleQueue[Pair] = SimpleQueue()
    for pair in pairs:
        free.put(pair)

    def work(part: Sequence[int]) -> Chunk:
        pair = free.get()
        try:
            return compare_chunk(pair, images, part, metric)
        finally:
            free.put(pair)

    size = chunk_size(pairs[0])
    waiting: deque[Future[Chunk]] = deque()
    pool = ThreadPoolExecutor(len(pairs))
    try:
        for start in range(0, len(indices), size):
            waiting.append(pool.submit(work, indices[start : start + size]))
            if len(waiting) >= (1 + AHEAD) * len(pairs):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def compare_chunk(
    pair: Pair, images: Images, indices: Sequence[int], metric: Scored | None = None
) -> Chunk:
    """Show a pair the images of a few indices. Raises MixnetError if a file cannot be run."""
    chunk, read, prepared = Chunk(), [], []
    for index in indices:
        try:
            prepared.append(pair.prepare(images.path(index)))
        except MixnetError as error:
            raise_system_fault(error)
            chunk.unreadable.append((images.names[index], error.message))
        else:
            read.append(index)
    if read:
        chunk.records = pair.records(read, prepared, metric)
    return chunk
