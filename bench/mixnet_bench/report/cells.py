"""The parts of tables: cells, rows, and formatted numbers. Pure.

A cell is its text and the number by which it is sorted. The look of a table is decided elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mixnet_bench.results.verdict import Verdict
from mixnet_common.numbers import three_digits


@dataclass(frozen=True)
class Cell:
    """The content of a table cell."""

    text: str
    number: float | None = None
    """The sort key of a number; None for text."""
    mark: str = ""
    """``good`` or ``bad``, for verdicts."""


@dataclass(frozen=True)
class Table:
    """A table with its title; ``notes`` and ``doubts`` are below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())
    doubts: tuple[str, ...] = field(default=())
    """Caveats of results; there may be many."""


VERDICTS = {"reproduced": "good", "valid": "good", "differs": "bad"}
"""Every other verdict of a timing is a caveat."""

DOUBTS = tuple(each for each in Verdict if each != Verdict.VALID)


def text_cell(value: str) -> Cell:
    """A cell of words."""
    return Cell(value)


def number(value: float | None, pattern: str = "{:,.0f}") -> Cell:
    """A cell with a number, empty if there is none."""
    if value is None:
        return Cell("")
    shown = pattern.format(value)
    return Cell(f"0{shown[2:]}" if float_of(shown) == 0 else shown, float(value))


def float_of(shown: str) -> float | None:
    """The number that a text with a sign is; None for any other."""
    try:
        return float(shown) if shown[0] in "+-" else None
    except ValueError:
        return None


RANDOM = "random weights"
"""Stands where accuracy means nothing."""


def signed(value: float | None, pattern: str = "{:+.2f}") -> Cell:
    """A number with its sign, a real minus; empty if there is none."""
    found = number(value, pattern)
    return Cell(found.text.replace("-", "−"), found.number)


def between(bounds: tuple[float, float] | None, pattern: str = "{:+.2f} to {:+.2f}") -> Cell:
    """An interval, sorted by its lower end; empty if there is none."""
    if bounds is None:
        return Cell("")
    return Cell(pattern.format(*bounds).replace("-", "−"), bounds[0])


def milliseconds(value: float) -> Cell:
    """Three significant digits."""
    return Cell(three_digits(value), value)


def verdict(word: str) -> Cell:
    """A cell with a verdict."""
    return Cell(word, mark=VERDICTS.get(word, "bad" if word in DOUBTS else ""))


def sum_up(reasons: Iterator[tuple[str, str]]) -> tuple[str, ...]:
    """One note for each reason, with all that it is about."""
    named: dict[str, list[str]] = {}
    for name, reason in reasons:
        if reason and name not in named.setdefault(reason, []):
            named[reason].append(name)
    return tuple(f"{', '.join(names)}: {reason}." for reason, names in named.items())
