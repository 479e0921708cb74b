"""TFLite's model metadata as plain dictionaries, read from and written to its FlatBuffer.

A table of a FlatBuffer is a row of numbered slots. ``TABLES`` gives the slots of each table that we
use, in the order of the published schema (``metadata_schema.fbs``, identifier M001); the rest is
one function for each direction. An unknown or broken buffer raises SchemaError.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

IDENTIFIER = b"M001"
ROOT = "ModelMetadata"

TABLES: Mapping[str, Mapping[str, str]] = {
    "ModelMetadata": {
        "name": "string",
        "description": "string",
        "version": "string",
        "subgraph_metadata": "[SubGraphMetadata]",
        "author": "string",
        "license": "string",
        "associated_files": "[AssociatedFile]",
        "min_parser_version": "string",
    },
    "SubGraphMetadata": {
        "name": "string",
        "description": "string",
        "input_tensor_metadata": "[TensorMetadata]",
        "output_tensor_metadata": "[TensorMetadata]",
    },
    "TensorMetadata": {
        "name": "string",
        "description": "string",
        "dimension_names": "[string]",
        "content": "Content",
        "process_units": "[ProcessUnit]",
        "stats": "Stats",
        "associated_files": "[AssociatedFile]",
    },
    "Content": {"content_properties": "ContentProperties"},
    "ImageProperties": {"color_space": "byte", "default_size": "ImageSize"},
    "ImageSize": {"width": "uint", "height": "uint"},
    "ProcessUnit": {"options": "ProcessUnitOptions"},
    "NormalizationOptions": {"mean": "[float]", "std": "[float]"},
    "Stats": {"max": "[float]", "min": "[float]"},
    "AssociatedFile": {"name": "string", "description": "string", "type": "byte"},
}
"""Each table's slots, by name: a scalar, a string, a table, a union, or a vector of those."""

UNIONS: Mapping[str, Mapping[int, str]] = {
    "ContentProperties": {2: "ImageProperties"},
    "ProcessUnitOptions": {1: "NormalizationOptions"},
}
"""The members that we use, by the number in the slot before the union's own."""

RGB, GRAYSCALE = 1, 2
"""Values of ``color_space``."""

TENSOR_AXIS_LABELS = 2
"""Value of an associated file's ``type``: one label for each element along the last axis."""

MOST_ELEMENTS = 10_000
"""No vector of a real file is longer; a longer one is a wrong length."""


class SchemaError(Exception):
    """The bytes are not model metadata."""


def encode(values: Mapping[str, Any]) -> bytes:
    """Model metadata as a FlatBuffer; a union is a pair of its member's name and values."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(_write_table(builder, ROOT, values), IDENTIFIER)
    return bytes(builder.Output())


def decode(data: bytes) -> dict[str, Any]:
    """The argument of ``encode``; absent values, and tables that we do not use, are left out."""
    from flatbuffers.table import Table

    if data[4:8] != IDENTIFIER:
        raise SchemaError("it lacks the identifier M001")
    try:
        return _read_table(Table(data, struct.unpack_from("<I", data)[0]), ROOT)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        # The library follows whatever offsets it finds, and fails in all these ways.
        raise SchemaError(f"an offset or a length is wrong ({error})") from error


# Writing


def _write_table(builder: Any, table: str, values: Mapping[str, Any]) -> int:
    """Children stand before their table, which is then a row of slots."""
    ready = []
    slot = 0
    for name, kind in TABLES[table].items():
        if kind in UNIONS:
            if name in values:
                member, content = values[name]
                number = next(key for key, value in UNIONS[kind].items() if value == member)
                ready.append((slot, "byte", number))
                ready.append((slot + 1, "offset", _write_table(builder, member, content)))
            slot += 1
        elif name in values:
            ready.append((slot, *_write_value(builder, kind, values[name])))
        slot += 1
    builder.StartObject(slot)
    for place, kind, value in ready:
        _FILL[kind](builder, place, value)
    return int(builder.EndObject())


_FILL: Mapping[str, Callable[[Any, int, Any], None]] = {
    "byte": lambda builder, slot, value: builder.PrependInt8Slot(slot, value, 0),
    "uint": lambda builder, slot, value: builder.PrependUint32Slot(slot, value, 0),
    "offset": lambda builder, slot, value: builder.PrependUOffsetTRelativeSlot(slot, value, 0),
}


def _write_value(builder: Any, kind: str, value: Any) -> tuple[str, Any]:
    """The content of a slot: a number itself, or the offset of the data written here."""
    if kind in ("byte", "uint"):
        return kind, value
    if kind.startswith("["):
        return "offset", _write_vector(builder, kind[1:-1], value)
    if kind == "string":
        return "offset", builder.CreateString(value)
    return "offset", _write_table(builder, kind, value)


def _write_vector(builder: Any, kind: str, values: Any) -> int:
    ready = [
        value if kind == "float" else _write_value(builder, kind, value)[1] for value in values
    ]
    builder.StartVector(4, len(ready), 4)
    prepend = builder.PrependFloat32 if kind == "float" else builder.PrependUOffsetTRelative
    for value in reversed(ready):  # a FlatBuffer grows from its end
        prepend(value)
    return int(builder.EndVector())


# Reading


def _read_table(table: Any, kind: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    slot = 0
    for name, field in TABLES[kind].items():
        place = table.Offset(4 + 2 * slot)
        if field in UNIONS:
            value = table.Offset(4 + 2 * (slot + 1))
            member = UNIONS[field].get(table.Bytes[place + table.Pos]) if place else None
            if member and value:
                values[name] = (member, _read_table(_follow(table, value + table.Pos), member))
            slot += 1
        elif place:
            values[name] = _read_value(table, field, place)
        slot += 1
    return values


def _follow(table: Any, position: int) -> Any:
    """The table that an offset leads to."""
    return type(table)(table.Bytes, table.Indirect(position))


def _read_value(table: Any, kind: str, place: int) -> Any:
    position = table.Pos + place
    if kind == "byte":
        return table.Bytes[position]
    if kind == "uint":
        return struct.unpack_from("<I", table.Bytes, position)[0]
    if kind == "string":
        return bytes(table.String(position)).decode()
    if kind.startswith("["):
        return _read_vector(table, kind[1:-1], place)
    return _read_table(_follow(table, position), kind)


def _read_vector(table: Any, kind: str, place: int) -> list[Any]:
    start, length = table.Vector(place), table.VectorLen(place)
    if length > MOST_ELEMENTS:
        raise SchemaError(f"a vector of {length} elements")
    positions = range(start, start + 4 * length, 4)
    if kind == "float":
        return [struct.unpack_from("<f", table.Bytes, position)[0] for position in positions]
    if kind == "string":
        return [bytes(table.String(position)).decode() for position in positions]
    return [_read_table(_follow(table, position), kind) for position in positions]
