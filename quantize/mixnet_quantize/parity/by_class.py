"""Accuracy by class: where the second file loses, and which classes it predicts instead.

Counts that are updated image by image; a class takes a few numbers, each observed confusion one
more.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from mixnet_quantize.parity.record import Record


@dataclass(frozen=True)
class ClassAccuracy:
    """One class: its images, how many of them either file has right, and what it is taken for."""

    number: int
    """Counted from 0."""
    count: int
    first: int
    second: int
    confused_with: int | None
    """The class that the second file predicts for most of the others; None if all are right."""
    confused: int
    """Number of images predicted as that class."""
    first_confused_with: int | None = None
    """Likewise of the first file."""
    first_confused: int = 0

    @property
    def lost(self) -> int:
        """Images that the second file has right less often than the first."""
        return self.first - self.second


class ByClass:
    """Takes records with their true classes, in any order."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()
        self._first: Counter[int] = Counter()
        self._second: Counter[int] = Counter()
        self._wrong: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._first_wrong: defaultdict[int, Counter[int]] = defaultdict(Counter)

    def add(self, truth: int, record: Record) -> None:
        """Count one image."""
        self._count[truth] += 1
        self._first[truth] += record.first[0] == truth
        self._second[truth] += record.second[0] == truth
        if record.second[0] != truth:
            self._wrong[truth][record.second[0]] += 1
        if record.first[0] != truth:
            self._first_wrong[truth][record.first[0]] += 1

    def all(self) -> tuple[ClassAccuracy, ...]:
        """Every class that has images: the one that loses most first, then by number."""
        found = [self._of(number) for number in sorted(self._count)]
        return tuple(sorted(found, key=lambda each: (-each.lost / each.count, each.number)))

    def _of(self, number: int) -> ClassAccuracy:
        return ClassAccuracy(
            number,
            self._count[number],
            self._first[number],
            self._second[number],
            *_most_frequent(self._wrong[number]),
            *_most_frequent(self._first_wrong[number]),
        )


def _most_frequent(wrong: Counter[int]) -> tuple[int | None, int]:
    """The class that images are taken for most often, the lower of equal ones, and how often."""
    most = min(wrong, key=lambda other: (-wrong[other], other), default=None)
    return most, 0 if most is None else wrong[most]
