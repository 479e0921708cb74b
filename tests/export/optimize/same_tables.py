"""Compares two models table by table and field by field, after decoding."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def differences(one: Any, other: Any, path: str = "model") -> Iterator[str]:
    """Where two decoded tables differ; buffers by their content, wherever it is stored."""
    if type(one).__name__ == "BufferT":
        first, second = (b"" if b.data is None else bytes(bytearray(b.data)) for b in (one, other))
        if first != second:
            yield f"{path}: {len(first)} and {len(second)} bytes"
    elif hasattr(one, "__dict__") and type(one) is type(other):
        for key in vars(one):
            yield from differences(getattr(one, key), getattr(other, key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        yield from _entries(one, other, path)
    elif isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        if not np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f"):
            yield f"{path}: {one} and {other}"
    elif repr(one) != repr(other):
        yield f"{path}: {one!r} and {other!r}"


def _entries(one: list[Any], other: list[Any], path: str) -> Iterator[str]:
    if len(one) != len(other):
        yield f"{path}: {len(one)} and {len(other)} entries"
    for number, (first, second) in enumerate(zip(one, other, strict=False)):
        yield from differences(first, second, f"{path}[{number}]")


def without_provenance(model: Any) -> Any:
    """The model without what ``optimize`` appends to metadata and buffers of any file."""
    assert model.metadata[-1].name == b"mixnet_optimize"
    assert model.metadata[-1].buffer == len(model.buffers) - 1
    model.metadata = model.metadata[:-1] or None
    model.buffers.pop()
    return model
