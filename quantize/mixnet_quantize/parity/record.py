"""The outputs of two files for one image, reduced to what the statistics need: about 150 bytes.

A pure function makes a record of two rows of logits; a record is converted to a line of JSON and
back.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.json_object import JsonObject, WrongValueError
from mixnet_common.printable import shown

TOP = 5

Row = NDArray[np.float64]

Metric = Callable[[Row, Row, int | None], float]
"""Any function of both files' outputs for an image, (classes,), and its true class, or None."""

Scored = Callable[[int, Row, Row], float]
"""The same by an image's index, from which its true class is known."""


MOST_LOGIT = 1e39
"""Limit of a logit's absolute value: above float32, and squares of a million are finite."""

MOST_MARGIN = 2.0
"""Two logits differ by at most twice the largest absolute one."""

MOST_ERRORS = (2 * MOST_LOGIT, 1e90, 1e90)
"""Limits of the largest error, and of the two sums of squares."""


@dataclass(frozen=True)
class Bounds:
    """The limits of a record's image and classes."""

    images: int
    classes: int


@dataclass(frozen=True)
class Record:
    """One image's outcome; ``first`` and ``second`` are the two files, in the order given."""

    index: int
    """Index of the image, in the order of names."""
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
    metric: float | None = None
    """A custom metric's value for the image; not saved in state files."""

    @property
    def agrees(self) -> bool:
        """True if both files see the same class."""
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
    """Difference between the two highest logits, over the largest absolute one.

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


def from_line(line: str, bounds: Bounds) -> Record:
    """The record in a line.

    Raises ValueError if it is not JSON at all, as half a line is, and WrongValueError if it
    is JSON and no record of these images and classes.
    """
    try:
        # Not by the shared reader: it refuses NaN, which does not make a line incomplete.
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a record: {line[:40]!r}") from error
    record = JsonObject(found)
    first, second = _list(record, "top", 2)
    return Record(
        record.whole("image", 0, bounds.images - 1),
        _classes(first, "top[0]", bounds),
        _classes(second, "top[1]", bounds),
        *(_number(each, "margin", MOST_MARGIN) for each in _list(record, "margin", 2)),
        *(
            _number(each, "error", most)
            for each, most in zip(_list(record, "error", 3), MOST_ERRORS, strict=True)
        ),
    )


def _list(record: JsonObject, key: str, count: int) -> list[Any]:
    found = record.value.get(key)
    if not isinstance(found, list) or len(found) != count:
        raise WrongValueError(f"{key} is not a list of {count}: {shown(found)}")
    return found


def _classes(found: Any, key: str, bounds: Bounds) -> tuple[int, ...]:
    """The likeliest classes: as many as there are, at most five, each once."""
    classes = JsonObject({key: found}).wholes(key, 0, bounds.classes - 1)
    if len(classes) != min(TOP, bounds.classes) or len(set(classes)) < len(classes):
        raise WrongValueError(
            f"{key} does not have {min(TOP, bounds.classes)} different classes: {shown(found)}"
        )
    return tuple(classes)


def _number(found: Any, key: str, most: float) -> float:
    """From 0 to ``most``, however near to 0: errors are squared."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise WrongValueError(f"{key} is not a number: {shown(found)}")
    if not 0 <= found <= most:
        raise WrongValueError(f"{key} is out of range: {shown(found)}, not from 0 to {most:g}")
    return float(found)
