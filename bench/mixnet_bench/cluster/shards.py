"""Divides a comparison's images into shards, which the workers of a cluster run in any order.

A runner for ``mixnet_quantize.parity``, which receives chunks as they arrive: a lost worker,
scheduler or client costs at most the shards in flight. A worker's answer is checked like a line of
a state file.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixnet_bench.cluster.answers import WorkerAnswer
from mixnet_bench.cluster.carried import Sender
from mixnet_bench.cluster.connection import Cluster, WorkerInfo
from mixnet_bench.cluster.in_flight import InFlight, Piece, failure_of
from mixnet_bench.cluster.shard_work import Compared, Shard, compare_shard, size_of
from mixnet_common import MixnetError
from mixnet_common.hashing import sha256
from mixnet_common.json_object import WrongValueError
from mixnet_quantize.parity.data import Images
from mixnet_quantize.parity.machine_kind import MachineKind, cpu_features
from mixnet_quantize.parity.pair import Pair
from mixnet_quantize.parity.record import Bounds, Record, from_line
from mixnet_quantize.parity.run import Chunk, Comparison, chunk_size, kind_of
from mixnet_runtimes.model_files import data_files

MOST_IMAGES = 256
"""Images of a shard: seconds of work, which are lost with its worker."""

SHARDS_PER_THREAD = 16
"""With fewer images shards are smaller, so that all workers end at about the same time."""

AHEAD = 2
"""Shards that are submitted for each thread."""


@dataclass(frozen=True)
class ClusterRunner:
    """Runs comparisons on a cluster; for ``parity``'s ``runner``."""

    cluster: Cluster
    wait_s: float = 60.0
    """For a worker, where none is left."""

    def __call__(self, work: Comparison, indices: Sequence[int]) -> Generator[Chunk, None, None]:
        """The images of some indices, in any order. Raises MixnetError."""
        workers = self.cluster.workers()
        threads = sum(each.threads for each in workers.values()) or 1
        kind = work.kind or self._kind(work.pair, workers)
        compared, tasks = _compared(work.pair, kind, Sender(self.cluster.client))
        flights: InFlight[Shard] = InFlight(self.cluster, self.wait_s)
        waiting = cut(work.images, indices, chunk_size(work.pair), threads)
        bounds = Bounds(len(work.images.names), work.pair.classes)
        try:
            while _refill(flights, waiting, compared, tasks) or len(flights):
                if (back := flights.next()) is not None:
                    workers = self.cluster.workers() | workers
                    yield _chunk(*back, compared, bounds, workers)
        finally:
            flights.cancel()

    def _kind(self, pair: Pair, workers: Mapping[str, WorkerInfo]) -> MachineKind:
        """The kind of most workers, with the versions of this process, which has the files open."""
        here = kind_of(pair)
        if not workers:
            return here
        found = self.cluster.client.run(cpu_features, on_error="ignore")
        counts = Counter(dict.fromkeys(found.values(), 0))
        for address, each in found.items():
            counts[each] += workers[address].threads if address in workers else 1
        if not counts:
            raise MixnetError(
                "no worker can import mixnet_quantize", "install mixnet-mobile on them"
            )
        architecture, features = counts.most_common(1)[0][0]
        return replace(here, architecture=architecture, features=features)


def cut(images: Images, indices: Sequence[int], chunk: int, threads: int) -> Iterator[Shard]:
    """Shards of whole chunks, in the images' order."""
    wanted = len(indices) / (threads * SHARDS_PER_THREAD)
    size = chunk * max(1, min(round(wanted / chunk), MOST_IMAGES // chunk))
    folder = images.folder.absolute()
    for start in range(0, len(indices), size):
        part = tuple(indices[start : start + size])
        yield Shard(
            str(folder),
            part,
            tuple(images.names[index] for index in part),
            tuple(size_of(images.path(index)) for index in part),
        )


def _refill(
    flights: InFlight[Shard], waiting: Iterator[Shard], compared: Compared, tasks: Sequence[Any]
) -> bool:
    """Hand out shards until there are enough; whether any were."""
    threads = sum(each.threads for each in flights.cluster.workers().values())
    missing = AHEAD * max(threads, 1) - len(flights)
    some = False
    for _, shard in zip(range(missing), waiting, strict=False):
        flights.submit(Piece(shard, compare_shard, (compared, shard, *tasks)))
        some = True
    return some


def _compared(pair: Pair, kind: MachineKind, sender: Sender) -> tuple[Compared, list[Any]]:
    """The common part of the shards, and the tasks of the files."""
    files: dict[str, Path] = {}
    sides = []
    for place, side in zip(("first", "second"), pair.sides, strict=True):
        files[f"{place}/{side.path.name}"] = side.path
        for name, path in data_files(side.path).items():
            files[f"{place}/{name}"] = path
        sides.append(replace(side, path=Path(place, side.path.name)))
    carried, tasks = sender.send(files)
    first, second = sides
    digest = sha256(repr((sides, carried, kind)))
    return Compared(digest, (first, second), tuple(carried), kind), tasks


def _chunk(
    shard: Shard,
    answer: WorkerAnswer,
    compared: Compared,
    bounds: Bounds,
    workers: Mapping[str, WorkerInfo],
) -> Chunk:
    """A worker's answer, checked. Raises MixnetError if it is a failure or no such answer."""
    if answer.value is None:
        raise failure_of(answer, workers.values())
    known = workers.get(answer.worker)
    try:
        records, unreadable = _read(answer.value, shard, bounds)
    except (WrongValueError, ValueError, KeyError, TypeError) as error:
        raise MixnetError(
            f"worker {answer.host} sent an unexpected answer: {error}",
            "install the same version of mixnet-mobile on all machines",
        ) from error
    return Chunk(records, unreadable, compared.kind, known.label if known else answer.host)


def _read(
    value: Mapping[str, Any], shard: Shard, bounds: Bounds
) -> tuple[list[Record], list[tuple[str, str]]]:
    """The records and the unreadable images, of exactly the shard's images, each once."""
    records = [from_line(line, bounds) for line in value["lines"]]
    unreadable = [(str(name), str(why)) for name, why in value["unreadable"]]
    index_of = dict(zip(shard.names, shard.indices, strict=True))
    found = [each.index for each in records] + [index_of[name] for name, _ in unreadable]
    if sorted(found) != sorted(shard.indices):
        raise ValueError("other images")
    return records, unreadable
