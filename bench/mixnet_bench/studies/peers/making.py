"""Every file of a comparison, made or skipped with its reason; nothing is timed here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mixnet_bench.studies.peers.files import Made, make_file
from mixnet_bench.studies.peers.groups import Group
from mixnet_bench.studies.peers.registry import EXPORTERS, FileRequest
from mixnet_common import MixnetError

TOLERANCE = 1e-4
"""Files of one network with the same weights agree this well, relative to the largest logit."""

Make = Callable[[FileRequest, Path], Made]


@dataclass
class ExportedFiles:
    """The result of each request so far: a file, or the reason why there is none."""

    directory: Path
    make: Make = make_file
    made: dict[FileRequest, Made] = field(default_factory=dict)
    skipped: dict[FileRequest, str] = field(default_factory=dict)

    def fill(self, order: FileRequest) -> None:
        """Make the file of an order, or note why not."""
        missing = EXPORTERS[order.exporter].missing()
        if missing:
            self.skipped[order] = f"{', '.join(missing)} not installed"
            return
        try:
            self.made[order] = self.make(order, self.directory)
        except MixnetError as error:
            self.skipped[order] = error.message

    def compare(self, group: Group) -> None:
        """Take out the group's float32 files that compute something else than its subject.

        Raises MixnetError if the subject itself is missing.
        """
        if group.subject in self.skipped:
            raise MixnetError(f"{group.subject.label}: {self.skipped[group.subject]}")
        for order in group.orders[1:]:
            difference = self._difference(order, group.subject)
            if difference > TOLERANCE:
                del self.made[order]
                self.skipped[order] = f"computes something else: logits differ by {difference:.1e}"

    def _difference(self, order: FileRequest, subject: FileRequest) -> float:
        """Difference of logits; 0 if they need not agree: int8, other weights or network."""
        comparable = order.network == subject.network and order.precision == "float32"
        if order not in self.made or not comparable:
            return 0.0
        return self.made[order].differs_from(self.made[subject]) or 0.0


def orders_of(groups: Iterable[Group]) -> list[FileRequest]:
    """Every order of the groups once, in order."""
    return list(dict.fromkeys(order for group in groups for order in group.orders))
