"""Counts that are updated image by image, and the resulting statistics.

It takes records and true classes in any order: sums are rounded once, so that they do not depend on
it. An image takes 16 bytes.
"""

import heapq
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import fsum, sqrt

from mixnet_common.decibels import decibels
from mixnet_common.intervals import Estimate, Interval, mean_of
from mixnet_quantize.parity.by_class import ByClass, ClassAccuracy
from mixnet_quantize.parity.intervals import mcnemar, paired_difference, quantile, wilson
from mixnet_quantize.parity.record import TOP, Record

ROUNDING = 1e-4
"""Logits nearer to each other than this share of the largest may change places by rounding."""


@dataclass(frozen=True)
class Share:
    """``hits`` of ``count`` images, with Wilson's interval; shares run from 0 to 1."""

    hits: int
    count: int
    interval: Interval

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.count


@dataclass(frozen=True)
class Loss:
    """Images that only the first classifies correctly, less those that only the second does."""

    lost: int
    won: int
    count: int
    interval: Interval
    """Tango's, of the loss; both files saw the same images."""
    p_value: float
    """McNemar's exact test of no difference."""

    @property
    def value(self) -> float:
        """The loss as a share of the images: 0.01 is one point."""
        return (self.lost - self.won) / self.count


@dataclass(frozen=True)
class Accuracy:
    """Number of images whose true class is among the most likely ones."""

    first: Share
    second: Share
    loss: Loss


@dataclass(frozen=True)
class Logits:
    """Differences between the second file's logits and the first's."""

    largest: float
    """The largest absolute difference."""
    rms: float
    """The root of the mean squared difference."""
    db: float | None
    """10 log10(Σ first² / Σ difference²); None if nothing differs."""


@dataclass(frozen=True)
class Worst:
    """An image on which the files differ much."""

    index: int
    error: float
    first_margin: float
    first: int
    second: int


@dataclass(frozen=True)
class Outcome:
    """All that the records say."""

    count: int
    top1: Accuracy | None
    """None without labels."""
    top5: Accuracy | None
    """None without labels or with so few classes that it is always right."""
    agreement: Share
    beyond_rounding: int
    """Images that the files see as different classes though the first file's two highest logits
    differ by more than ``ROUNDING`` of the largest."""
    ties: tuple[int, int]
    """Images for which a file's two highest logits are equal, so that the lower class wins."""
    logits: Logits
    worst_errors: tuple[Worst, ...]
    """The largest differences of a logit, the worst first."""
    worst_flips: tuple[Worst, ...]
    """Images seen as different classes, that on which the first file was surest first."""
    by_class: tuple[ClassAccuracy, ...] = ()
    """Every class that has images, the one that loses most first; empty without labels."""
    metric: Estimate | None = None
    """The mean of a custom metric over all images, with Student's interval."""


@dataclass
class _Hits:
    """Number of images that each file, and only one of them, classifies correctly."""

    first: int = 0
    second: int = 0
    lost: int = 0
    won: int = 0

    def add(self, first: bool, second: bool) -> None:
        self.first += first
        self.second += second
        self.lost += first and not second
        self.won += second and not first


@dataclass
class Worsts:
    """The few highest of many, with what has them; of equal ones the earlier image."""

    most: int
    value: Callable[[Record], float]
    kept: list[tuple[float, int, Worst]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Keep a record if it is among the highest."""
        entry = Worst(
            record.index, record.error, record.first_margin, record.first[0], record.second[0]
        )
        heapq.heappush(self.kept, (self.value(record), -record.index, entry))
        if len(self.kept) > self.most:
            heapq.heappop(self.kept)

    def all(self) -> tuple[Worst, ...]:
        """The highest first."""
        return tuple(entry for _, _, entry in sorted(self.kept, reverse=True, key=lambda e: e[:2]))


class Tally:
    """Takes records one by one; ``truth`` has every image's class, or is None."""

    def __init__(self, truth: Sequence[int] | None, classes: int, worst: int) -> None:
        self._truth = truth
        self._classes = classes
        self._hits = {1: _Hits(), TOP: _Hits()}
        self._agreed = self._beyond = 0
        self._ties = [0, 0]
        self._largest = 0.0
        self._error_energies, self._signal_energies = array("d"), array("d")
        self._errors = Worsts(worst, lambda record: record.error)
        self._flips = Worsts(worst, lambda record: record.first_margin)
        self._by_class = ByClass()
        self._metrics = array("d")
        self.count = 0

    def add(self, record: Record) -> None:
        """Count one image."""
        self.count += 1
        self._ties[0] += record.first_margin == 0
        self._ties[1] += record.second_margin == 0
        self._largest = max(self._largest, record.error)
        self._error_energies.append(record.error_energy)
        self._signal_energies.append(record.signal_energy)
        self._errors.add(record)
        if record.agrees:
            self._agreed += 1
        else:
            self._beyond += record.first_margin > ROUNDING
            self._flips.add(record)
        if self._truth is not None:
            right = self._truth[record.index]
            for top, hits in self._hits.items():
                hits.add(right in record.first[:top], right in record.second[:top])
            self._by_class.add(right, record)
        if record.metric is not None:
            self._metrics.append(record.metric)

    def outcome(self, confidence: float) -> Outcome:
        """The outcome for at least one image, with intervals of the given confidence."""
        z = quantile(confidence)
        labelled = self._truth is not None
        return Outcome(
            count=self.count,
            top1=self._accuracy(1, z) if labelled else None,
            top5=self._accuracy(TOP, z) if labelled and self._classes > TOP else None,
            agreement=self._share(self._agreed, z),
            beyond_rounding=self._beyond,
            ties=(self._ties[0], self._ties[1]),
            logits=self._logits(),
            worst_errors=self._errors.all(),
            worst_flips=self._flips.all(),
            by_class=self._by_class.all(),
            metric=mean_of(sorted(self._metrics), confidence) if self._metrics else None,
        )

    def _share(self, hits: int, z: float) -> Share:
        return Share(hits, self.count, wilson(hits, self.count, z))

    def _accuracy(self, top: int, z: float) -> Accuracy:
        hits = self._hits[top]
        loss = Loss(
            hits.lost,
            hits.won,
            self.count,
            paired_difference(hits.lost, hits.won, self.count, z),
            mcnemar(hits.lost, hits.won),
        )
        return Accuracy(self._share(hits.first, z), self._share(hits.second, z), loss)

    def _logits(self) -> Logits:
        error, signal = fsum(self._error_energies), fsum(self._signal_energies)
        return Logits(
            self._largest,
            sqrt(error / (self.count * self._classes)),
            decibels(signal, error) if error and signal else None,
        )
