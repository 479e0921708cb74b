"""Which files are timed together: one group for each network, precision and runtime.

Our file, the subject, comes first; every ratio of its group is the subject's over another's. Names
files only; makes and times none.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from mixnet_bench.studies.peers.bars import Bar
from mixnet_bench.studies.peers.registry import EXPORTERS, OURS, REFERENCE, FileRequest


@dataclass(frozen=True)
class Group:
    """Files that take turns: the subject, our literal form, the peers', our other networks'."""

    orders: tuple[FileRequest, ...]

    @property
    def subject(self) -> FileRequest:
        """Our file that the others are compared with."""
        return self.orders[0]


@dataclass(frozen=True)
class Selection:
    """The files to compare; ``peers`` in the order of the tables."""

    networks: tuple[str, ...]
    precisions: tuple[str, ...]
    runtimes: tuple[str, ...]
    peers: tuple[str, ...]
    lowering: str


def build_groups(selection: Selection, bars: Iterable[Bar]) -> list[Group]:
    """The groups of a selection: runtime by runtime, precision by precision."""
    kinds = product(selection.runtimes, selection.precisions, selection.networks)
    return [
        _build_group(
            FileRequest(OURS, network, precision, runtime, selection.lowering), selection, bars
        )
        for runtime, precision, network in kinds
    ]


def _build_group(subject: FileRequest, selection: Selection, bars: Iterable[Bar]) -> Group:
    others = [*_ours(subject), *_peers(subject, selection.peers), *_yardsticks(subject, bars)]
    return Group(tuple(dict.fromkeys([subject, *others])))


def _ours(subject: FileRequest) -> Iterator[FileRequest]:
    yield FileRequest(OURS, subject.network, subject.precision, subject.runtime, REFERENCE)


def _peers(subject: FileRequest, peers: Sequence[str]) -> Iterator[FileRequest]:
    for peer in peers:
        order = FileRequest(peer, subject.network, subject.precision, subject.runtime)
        if EXPORTERS[peer].can_make(order):
            yield order


def _yardsticks(subject: FileRequest, bars: Iterable[Bar]) -> Iterator[FileRequest]:
    """Our files of other networks that a bar compares the subject with, at any thread count."""
    for bar in bars:
        if bar.against_network and bar.concerns(subject, bar.threads or 1):
            lowering = subject.lowering if bar.against == OURS else ""
            yield FileRequest(
                bar.against, bar.against_network, subject.precision, subject.runtime, lowering
            )
