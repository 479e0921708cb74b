"""The expanded size of a FlatBuffer, counted before the schema's readers unpack it.

Tables refer to others by offsets, and a file may refer to one table a hundred thousand times; each
reference becomes separate objects. In a file of any real writer, everything reachable is about as
large as the file itself. Offsets beyond the file's end are found here, too.
"""

import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

from mixnet_runtimes.faults import ModelError

MOST_TABLES = 150_000
"""Limit of a file's tables; a large language model has a third of it."""

TABLE_BYTES = 12
"""What a table counts beside its fields: where it is referred to, and what unpacking it costs."""

SLACK_BYTES = 1 << 16
"""Writers share empty tables and equal texts, which counts more in a small file."""

Field = tuple[str, Any]
"""What a field holds: ``("tables", their kind)``, ``("table", its kind)``, ``("vector", bytes of an
element)``; ``("options", slot of its type)`` for a union of operators' options."""

TEXT: Field = ("vector", 1)
BYTES: Field = ("vector", 1)
INTS: Field = ("vector", 4)
LONGS: Field = ("vector", 8)

TABLES: Mapping[str, Mapping[int, Field]] = {
    "Model": {
        1: ("tables", "OperatorCode"), 2: ("tables", "SubGraph"), 3: TEXT, 4: ("tables", "Buffer"),
        5: INTS, 6: ("tables", "Metadata"), 7: ("tables", "SignatureDef"),
    },
    "OperatorCode": {1: TEXT},
    "SubGraph": {0: ("tables", "Tensor"), 1: INTS, 2: INTS, 3: ("tables", "Operator"), 4: TEXT},
    "Tensor": {
        0: INTS, 3: TEXT, 4: ("table", "QuantizationParameters"), 6: ("table", "Sparsity"), 7: INTS,
        9: ("tables", "VariantSubType"),
    },
    "QuantizationParameters": {0: INTS, 1: INTS, 2: INTS, 3: LONGS, 5: ("table", "Details")},
    "Details": {},
    "Sparsity": {0: INTS, 1: INTS, 2: ("tables", "DimensionMetadata")},
    "DimensionMetadata": {3: ("table", "Numbers"), 5: ("table", "Numbers")},
    "Numbers": {0: BYTES},
    "VariantSubType": {0: INTS},
    "Operator": {
        1: INTS, 2: INTS, 4: ("options", 3), 5: BYTES, 7: BYTES, 8: INTS, 12: ("options", 11),
    },
    "Buffer": {},  # its data is looked at and never copied
    "Metadata": {0: TEXT},
    "SignatureDef": {0: ("tables", "TensorMap"), 1: ("tables", "TensorMap"), 2: TEXT},
    "TensorMap": {0: TEXT},
}  # fmt: skip
"""Table → the fields, by their slot in schema.fbs, that are not lone numbers."""

UNIONS = {3: "BuiltinOptions", 11: "BuiltinOptions2"}
"""The slot of a union's type in Operator → the union."""


def check_extent(data: bytes, schema: Any) -> None:
    """Raise ModelError for a file that unfolds to more than it holds, or points out of itself."""
    walk = _Walk(data, schema)
    try:
        walk.table("Model", *struct.unpack_from("<I", data, 0))
    except struct.error as error:
        raise ModelError("an offset points beyond the file's end") from error


class _Walk:
    """A walk through all tables of a file, with what may still be seen on it."""

    def __init__(self, data: bytes, schema: Any) -> None:
        self._data = data
        self._schema = schema
        self._bytes = 2 * len(data) + SLACK_BYTES
        self._tables = MOST_TABLES

    def table(self, kind: str, place: int) -> None:
        """Walk through a table and all that it refers to."""
        vtable = self._vtable(place)
        for slot, (what, detail) in TABLES[kind].items():
            field = self._field(place, vtable, slot)
            if not field:
                continue
            target = self._target(field)
            if what == "table":
                self.table(detail, target)
            elif what == "options":
                self._options(place, vtable, detail, target)
            elif what == "tables":
                for index in range(self._length(target, 4)):
                    self.table(detail, self._target(target + 4 + 4 * index))
            else:
                self._length(target, detail)

    def _options(self, place: int, vtable: int, slot: int, target: int) -> None:
        """Options of an operator: of the few that hold more than lone numbers, that too."""
        self._vtable(target)
        field = self._field(place, vtable, slot)
        kind = _kinds(self._schema, UNIONS[slot]).get(self._data[field] if field else 0)
        if kind is None:
            return
        for read in _readers(self._schema, kind):
            table = getattr(self._schema, kind)()
            table.Init(self._data, target)
            found = getattr(table, read)()
            self._spend(8 * found if isinstance(found, int) else len(found or ()))

    def _vtable(self, place: int) -> int:
        """Position of a table's list of fields."""
        self._tables -= 1
        if self._tables < 0:
            raise ModelError(f"it has more than {MOST_TABLES:,} tables")
        vtable = place - struct.unpack_from("<i", self._data, place)[0]
        if not 0 <= vtable < len(self._data):
            raise ModelError("a table points beyond the file")
        length, size = struct.unpack_from("<HH", self._data, vtable)
        if vtable + length > len(self._data) or place + size > len(self._data):
            raise ModelError("a table runs beyond the file's end")
        self._spend(TABLE_BYTES + size)
        return int(vtable)

    def _field(self, place: int, vtable: int, slot: int) -> int:
        """Position of a field; 0 if the table omits it."""
        at = 4 + 2 * slot
        if at + 2 > struct.unpack_from("<H", self._data, vtable)[0]:
            return 0
        offset = struct.unpack_from("<H", self._data, vtable + at)[0]
        return place + int(offset) if offset else 0

    def _target(self, field: int) -> int:
        """Target of the offset in a field; offsets lead forward."""
        return field + int(struct.unpack_from("<I", self._data, field)[0])

    def _length(self, vector: int, element: int) -> int:
        """The length of a vector within the file."""
        length = int(struct.unpack_from("<I", self._data, vector)[0])
        if vector + 4 + length * element > len(self._data):
            raise ModelError("a vector runs beyond the file's end")
        self._spend(4 + length * element)
        return length

    def _spend(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise ModelError("its tables refer to each other so often that they expand to more")


@cache
def _kinds(schema: Any, union: str) -> dict[int, str]:
    """The tables of a union, by number."""
    numbers = vars(getattr(schema, union))
    return {number: name for name, number in numbers.items() if isinstance(number, int) and number}


@cache
def _readers(schema: Any, kind: str) -> tuple[str, ...]:
    """The methods that return the lengths of an options table's vectors and texts."""
    found = []
    table = getattr(schema, kind)
    for field, default in vars(getattr(schema, f"{kind}T")()).items():
        name = field[:1].upper() + field[1:]
        if default is None:
            found.append(f"{name}Length" if hasattr(table, f"{name}Length") else name)
    return tuple(found)
