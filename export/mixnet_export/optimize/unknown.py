"""Fields of a ``.tflite`` file that the installed schema does not know, so that none is lost.

A file is unpacked into objects and packed again. Fields of a newer schema would silently be lost,
so a file with such fields is refused. This module also computes the end of the FlatBuffer: data
after it that belongs to nothing could not be preserved either.
"""

import struct
from functools import cache
from typing import Any

from mixnet_runtimes.tflite.tables import TABLES, UNIONS, Field

BUFFER_DATA: Field = ("vector", 1)


class UnknownFieldError(ValueError):
    """A file contains something unknown to the schema, which the message names."""


def flatbuffer_end(data: bytes, schema: Any) -> int:
    """The end of the FlatBuffer. Raises UnknownFieldError for fields beyond the schema.

    The file must have passed ``tflite_tables.check_extent``.
    """
    walk = _Walk(data, schema)
    walk.table("Model", *struct.unpack_from("<I", data, 0))
    return walk.end


class _Walk:
    """A walk through all tables that have passed the check of their extent."""

    def __init__(self, data: bytes, schema: Any) -> None:
        self._data = data
        self._schema = schema
        self._seen: set[tuple[str, int]] = set()
        self.end = 8

    def table(self, kind: str, place: int) -> None:
        """Walk through a table and all that it refers to, once."""
        if (kind, place) in self._seen:
            return
        self._seen.add((kind, place))
        fields = self._fields(place, _slots(self._schema, kind), kind)
        known = {0: BUFFER_DATA} if kind == "Buffer" else TABLES.get(kind, {})
        for slot, (what, detail) in known.items():
            if slot not in fields:
                continue
            target = fields[slot] + self._uint(fields[slot])
            if what == "table":
                self.table(detail, target)
            elif what == "options":
                self._options(fields, detail, target)
            elif what == "tables":
                for index in range(self._vector(target, 4)):
                    at = target + 4 + 4 * index
                    self.table(detail, at + self._uint(at))
            else:
                self._vector(target, detail)

    def _options(self, fields: dict[int, int], slot: int, target: int) -> None:
        number = self._data[fields[slot]] if slot in fields else 0
        kind = _names(self._schema, UNIONS[slot]).get(number)
        if kind is None:
            raise UnknownFieldError(f"options of an unknown kind ({UNIONS[slot]} {number})")
        found = self._fields(target, _slots(self._schema, kind), kind)
        self._vectors_of_options(kind, target, found)

    def _vectors_of_options(self, kind: str, target: int, fields: dict[int, int]) -> None:
        """How far the numbers and texts of an options table reach."""
        names = list(vars(getattr(self._schema, f"{kind}T")()).items())
        table = getattr(self._schema, kind)()
        table.Init(self._data, target)
        for slot, (name, default) in enumerate(names):
            if default is not None or slot not in fields:
                continue
            place = fields[slot] + self._uint(fields[slot])
            read = getattr(table, f"{name[:1].upper()}{name[1:]}AsNumpy", None)
            found = None if read is None else read()
            size = self._uint(place) + 1 if read is None else getattr(found, "nbytes", 0)
            self.end = max(self.end, place + 4 + size)

    def _fields(self, place: int, slots: int | None, kind: str) -> dict[int, int]:
        """The fields that a table has: slot → place."""
        vtable = place - struct.unpack_from("<i", self._data, place)[0]
        length, size = struct.unpack_from("<HH", self._data, vtable)
        self.end = max(self.end, vtable + length, place + size)
        count = (length - 4) // 2
        offsets = struct.unpack_from(f"<{count}H", self._data, vtable + 4)
        found = {slot: place + offset for slot, offset in enumerate(offsets) if offset}
        beyond = [slot for slot in found if slots is not None and slot >= slots]
        if beyond:
            raise UnknownFieldError(f"field {beyond[0]} of a {kind} table")
        return found

    def _vector(self, place: int, element: int) -> int:
        length = self._uint(place)
        self.end = max(self.end, place + 4 + length * element)
        return length

    def _uint(self, place: int) -> int:
        return int(struct.unpack_from("<I", self._data, place)[0])


@cache
def _slots(schema: Any, kind: str) -> int | None:
    """How many fields the schema gives a table; None for what is not a table of one kind."""
    start = getattr(schema, f"{kind}Start", None)
    if start is None:
        return None
    counter = _Counter()
    start(counter)
    return counter.slots


@cache
def _names(schema: Any, union: str) -> dict[int, str]:
    numbers = vars(getattr(schema, union))
    return {number: name for name, number in numbers.items() if isinstance(number, int) and number}


class _Counter:
    """Replaces a FlatBuffer builder to count the fields of a table."""

    slots = 0

    def StartObject(self, slots: int) -> None:  # noqa: N802 (flatbuffers' own name)
        self.slots = slots
