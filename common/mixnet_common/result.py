"""The base of results: frozen records that are written as JSON and read back strictly.

A record's fields are the keys of its JSON object, in their order. A value of the wrong type is
refused with its key, a missing or misspelled key with the correct one. Other unknown keys are
ignored: later versions may add some within the same format.

Imported only where needed: commands that only print help do not need it.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, dataclass_transform

import msgspec
from msgspec import Meta

from mixnet_common.errors import UsageError
from mixnet_common.json_object import (
    LEAST_MS,
    MOST,
    MOST_COUNT,
    MOST_MS,
    MOST_PATH,
    WrongValueError,
    clean,
)
from mixnet_common.printable import shown
from mixnet_common.readers import show

SIMILAR = 0.8
"""Similarity of two keys, of 1, from which one counts as a misspelling of the other."""

Milliseconds = Annotated[float, Meta(ge=LEAST_MS, le=MOST_MS)]
"""A time that can have been measured."""
Span = Annotated[float, Meta(ge=0, le=MOST_MS)]
"""A time, or nothing; in whichever unit its name has."""
Microseconds = Annotated[float, Meta(ge=-1000 * MOST_MS, le=1000 * MOST_MS)]
Number = Annotated[float, Meta(ge=-MOST, le=MOST)]
Positive = Annotated[float, Meta(ge=0, le=MOST)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Points = Annotated[float, Meta(ge=-100, le=100)]
"""Percent points."""
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
Threads = Annotated[int, Meta(ge=1, le=1 << 16)]
Cpus = tuple[Annotated[int, Meta(ge=0, le=1 << 20)], ...]
Shape = tuple[Count, ...]
_PATH = r"^[^\0]*\Z"
Place = Annotated[str, Meta(max_length=MOST_PATH, pattern=_PATH)]
"""A path, as text: it may lead anywhere."""
Plain = str | int | float | bool | None
"""A value of a key that only the runtime knows the meaning of."""
Free = dict[str, Any]
"""An object that is passed on unchanged: from another document, or with arbitrary keys."""


class _ByKeyword(msgspec.StructMeta):
    """Makes every record frozen and made by keywords; msgspec hands that on to no subclass."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> "_ByKeyword":
        fixed = {"frozen": True, "kw_only": True, "omit_defaults": True}
        return super().__new__(cls, name, bases, namespace, **{**fixed, **options})


@dataclass_transform(kw_only_default=True, frozen_default=True)
class ResultRecord(msgspec.Struct, metaclass=_ByKeyword, frozen=True, kw_only=True):
    """A record of a result.

    A field with a plain default is left out of the JSON while it has it; one made by ``known_as``
    is always written, and has its default where an older document lacks it.
    """


def known_as(default: Any = None) -> Any:
    """A field that is always written; ``default`` is what an older document's lack of it means."""
    return msgspec.field(default_factory=lambda: default)


Kind = TypeVar("Kind", bound=ResultRecord)


def values_of(record: ResultRecord) -> dict[str, Any]:
    """A record's fields and their values, to make a record of more fields from."""
    return msgspec.structs.asdict(record)


def encode(result: Any) -> Any:
    """A record as JSON values; other values do not change."""
    return msgspec.to_builtins(result, str_keys=True)


def decode(kind: type[Kind], value: Any) -> Kind:
    """A record from JSON values. Raises WrongValueError that begins with the key."""
    try:
        found = msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise WrongValueError(_words(str(error), value, kind)) from error
    for words in _misspelled(found, value, ""):
        raise WrongValueError(words)
    return found


def check_ordered(interval: Sequence[float] | None, key: str) -> None:
    """Raise ValueError if an interval has its end before its start; for ``__post_init__``."""
    if interval is not None and interval[0] > interval[1]:
        raise ValueError(f"{key} has its end before its start: {shown(list(interval))}")


def read_results(
    document: Mapping[str, Any], path: Path, hint: str, kind: type[Kind]
) -> list[Kind]:
    """A document's targets as records of one kind.

    Raises UsageError that names file, target and key where a value is not what it has to be.
    """
    found = []
    for index, target in enumerate(document["targets"]):
        try:
            found.append(decode(kind, target))
        except WrongValueError as error:
            raise UsageError(f"{show(path)}: targets[{index}]: {error}", hint) from error
    return found


# Words


KINDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "array": "a list",
    "object": "an object",
}
BOUNDS = {">=": "at least", ">": "above", "<": "below"}
"""How a bound is said; others are "at most"."""
_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`?key`? in )?`(?P<path>\$.*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<kind>\w+)")


def _words(message: str, value: Any, kind: type[ResultRecord]) -> str:
    """Msgspec's words in ours, with the value, which it does not show."""
    found = _PLACE.fullmatch(message)
    what, path = (message, "$") if found is None else (found["what"], found["path"] or "$")
    place = clean(path.removeprefix("$").removeprefix(".")) or "it"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        there = _at(value, path)
        fields = msgspec.structs.fields(kind) if path == "$" else ()
        unknown = set(there if isinstance(there, dict) else ()) - {e.encode_name for e in fields}
        return _missing(missing[1], place, sorted(unknown))
    if what.startswith("Expected"):
        return f"{place} {_misfit(what, _at(value, path))}"
    if what.startswith(("Invalid enum", "Integer value out of", "Number out of")):
        known = "is unknown" if what.startswith("Invalid") else "is out of range"
        return f"{place} {known}: {shown(_at(value, path), 40)}"
    inner = "" if place == "it" else f"{place}."
    return f"{inner}{what}"  # of a record's own check, whose words begin with a key


def _misfit(what: str, value: Any) -> str:
    expected = _EXPECTED.match(what)
    kind = "" if expected is None else expected["kind"]
    if length := re.search(r"`array` of length (\d+)", what):
        return f"does not have {'two numbers' if length[1] == '2' else f'{length[1]} elements'}"
    if kind == "array" and "length >= 1" in what:
        return "is empty"
    limit = re.search(r"([<>]=?) (-?[\d.]+(?:e[+-]?\d+)?)|length|matching", what)
    if limit is None:
        if kind == "bool":
            return f"is not true or false: {shown(value)}"
        shown_value = "" if kind in ("array", "object") else f": {shown(value)}"
        return f"is not {KINDS.get(kind, kind)}{shown_value}"
    if kind == "str":
        is_path = "regex" not in what or repr(_PATH) in what
        return f"{'is not a path' if is_path else 'has the wrong form'}: {shown(value)}"
    most = BOUNDS.get(limit[1] or "", "at most")
    bound = "" if limit[2] is None else f", must be {most} {float(limit[2]):g}"
    return f"is out of range: {shown(value, 40)}{bound}"


def _missing(key: str, place: str, unknown: Sequence[str]) -> str:
    inner = "" if place == "it" else f"{place} "
    close = difflib.get_close_matches(key, unknown, 1, SIMILAR)
    meant = f"; did you mean {key} where it says {shown(close[0])}?" if close else ""
    return f"{inner or 'it '}has no {key}{meant}"


def _at(value: Any, path: str) -> Any:
    """The value at one of msgspec's paths; ``[...]`` in it means any key."""
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", path):
        try:
            if index == "...":
                return None
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _misspelled(found: Any, value: Any, place: str) -> Iterator[str]:
    """Unknown keys that are much like a known one that is not there."""
    if isinstance(found, msgspec.Struct) and isinstance(value, dict):
        fields = {each.encode_name: each.name for each in msgspec.structs.fields(found)}
        absent = fields.keys() - value.keys()
        for key in value.keys() - fields.keys() if absent else ():
            if close := difflib.get_close_matches(str(key), absent, 1, SIMILAR):
                yield f"{place}unknown key {shown(key)}: did you mean {close[0]}?"
        for key, name in fields.items():
            yield from _misspelled(getattr(found, name), value.get(key), f"{place}{key}: ")
    elif isinstance(found, tuple) and found and isinstance(found[0], msgspec.Struct):
        for one, raw in zip(found, value or (), strict=False):
            yield from _misspelled(one, raw, place)
