"""Tables of files, read into frozen records and checked key by key.

A record is a dataclass whose fields were made by ``checked``, each with a check. Unknown keys and
invalid values are refused with their place, their key and what is valid.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING
from typing import Any, TypeVar

from mixnet_common.errors import UsageError, nearest
from mixnet_common.options import Real, Whole
from mixnet_common.printable import shown

Check = Callable[[Any], Any]
"""Returns the value as stored, or raises MisfitError."""

Record = TypeVar("Record")


class MisfitError(ValueError):
    """A value does not pass: what it must be, in words, and a hint."""

    def __init__(self, wanted: str, hint: str = "") -> None:
        super().__init__(wanted)
        self.hint = hint


def checked(check: Check, default: Any = MISSING, *, factory: Any = MISSING) -> Any:
    """A field of a record with the check of its values; without a default it must be given."""
    return dataclasses.field(default=default, default_factory=factory, metadata={"check": check})


def read_record(kind: type[Record], table: Any, where: str) -> Record:
    """A record from a table of a file. Raises UsageError that begins with ``where``."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: must be a table of keys and values, not {shown(table)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    check_keys(table, fields, where)
    for name, field in fields.items():
        if field.default is field.default_factory is MISSING and name not in table:
            raise UsageError(f"{where}: the key {name!r} is missing")
    values = {}
    for name, value in table.items():
        try:
            values[name] = fields[name].metadata["check"](value)
        except MisfitError as misfit:
            raise UsageError(
                f"{where}: {name!r} must be {misfit}, not {shown(value)}", misfit.hint
            ) from None
    return kind(**values)


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise UsageError that begins with ``where`` for a key that is unknown."""
    for name in table:
        if name not in known:
            raise UsageError(f"{where}: unknown key {shown(name)}", nearest(str(name), known))


# Checks


def anything(value: Any) -> Any:
    """Any value: it is checked elsewhere."""
    return value


def text(value: Any) -> str:
    """A text of any length and content."""
    if not isinstance(value, str):
        raise MisfitError("a string")
    return value


def line(value: Any) -> str:
    """A text that fits into a line of a message."""
    if not isinstance(value, str) or not 0 < len(value) <= 1000 or not value.isprintable():
        raise MisfitError("one line of text without control characters")
    return value


def file_name(value: Any) -> str:
    """A valid file name in any folder: it does not lead elsewhere and is one line."""
    name = text(value)
    if not name or name.startswith(".") or any(c in "/\\" or not c.isprintable() for c in name):
        raise MisfitError("a file's name: no slash, no control character, no dot at the start")
    return name


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise MisfitError("true or false")
    return value


def integer(low: int, high: int) -> Check:
    """A check for whole numbers within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise MisfitError(f"a whole number from {low} to {high}")
        return value

    return check


def number(low: float, high: float) -> Check:
    """A check for numbers within bounds, NaN in none."""

    def check(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise MisfitError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def within(bounds: Whole | Real) -> Check:
    """A check for numbers with the same bounds as an option."""
    whole = isinstance(bounds, Whole)

    def check(value: Any) -> Any:
        if type(value) not in ((int,) if whole else (int, float)) or not bounds.accepts(value):
            raise MisfitError(bounds.words)
        return value if whole else float(value)

    return check


def one_of(words: Collection[str]) -> Check:
    """A check for words; another is answered with the nearest."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise MisfitError(f"one of {', '.join(words)}")
        if value not in words:
            raise MisfitError(f"one of {', '.join(words)}", nearest(value[:100], words))
        return value

    return check


def list_of(element: Check, low: int, high: int, *, unique: bool = False) -> Check:
    """A check for lists of bounded length, in which ``unique`` values stand once."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise MisfitError(f"a list of {low} to {high} elements")
        found = tuple(element(each) for each in value)
        if unique and any(each in found[:index] for index, each in enumerate(found)):
            raise MisfitError("a list with each element once")
        return found

    return check
