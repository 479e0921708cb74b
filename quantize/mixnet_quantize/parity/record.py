"""What two files answered to one image, boiled down to what the statistics need: some 150 bytes.

A pure function makes a record of two rows of logits; a record goes to a line of JSON and back.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOP = 5

Row = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """One image's outcome; ``first`` and ``second`` are the two files, in the order given."""

    index: int
    """Of the image, in the order of names."""
    first: tuple[int, ...]
    """The likeliest classes, at most five; of equal logits the lower class comes first."""
    second: tuple[int, ...]
    first_margin: float
    """The gap between the two highest logits, over the largest absolute one; 0 is a tie."""
    second_margin: float
    error: float
    """The largest absolute difference of a logit."""
    error_energy: float
    """The sum of squared differences over all logits."""
    signal_energy: float
    """The sum of the first file's squared logits."""

    @property
    def agrees(self) -> bool:
        """True where both files see the same class."""
        return self.first[0] == self.second[0]


def compare(index: int, first: Row, second: Row) -> Record:
    """The record of an image's logits (classes,), of which there are at least two."""
    difference = first - second
    return Record(
        index,
        likeliest(first),
        likeliest(second),
        margin(first),
        margin(second),
        float(np.abs(difference).max()),
        float(difference @ difference),
        float(first @ first),
    )


def likeliest(logits: Row) -> tuple[int, ...]:
    """The classes of the highest logits, at most five.

    >>> likeliest(np.array([0.0, 3.0, 1.0, 3.0]))
    (1, 3, 2, 0)
    """
    return tuple(int(each) for each in np.argsort(-logits, kind="stable")[:TOP])


def margin(logits: Row) -> float:
    """By how much the highest logit leads, over the largest absolute one.

    >>> margin(np.array([1.0, -4.0, 2.0]))
    0.25
    """
    second, highest = np.partition(logits, -2)[-2:]
    largest = np.abs(logits).max()
    return float((highest - second) / largest) if largest else 0.0


def to_line(record: Record) -> str:
    """A record as a line of JSON, without its line feed."""
    return json.dumps(
        {
            "image": record.index,
            "top": [record.first, record.second],
            "margin": [record.first_margin, record.second_margin],
            "error": [record.error, record.error_energy, record.signal_energy],
        },
        separators=(",", ":"),
    )


def from_line(line: str) -> Record:
    """The record in a line. Raises ValueError where it is none."""
    try:
        found: dict[str, Any] = json.loads(line)
        tops = [tuple(int(each) for each in top) for top in found["top"]]
        numbers = [float(each) for each in (*found["margin"], *found["error"])]
        first, second = tops
        if not (first and second and len(numbers) == 5):
            raise ValueError("incomplete")
        return Record(int(found["image"]), first, second, *numbers)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"no record: {line[:40]!r}") from error
