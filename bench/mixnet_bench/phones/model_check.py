"""Whether a file can be a model, by its first bytes: checked before it is sent to a phone.

It opens no runtime and reads only a few bytes, even of a file of gigabytes.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from mixnet_common import MixnetError
from mixnet_common.readers import opened

TFLITE_MARK = b"TFL3"
GRAPH = 7
"""The field of an ONNX model that holds its graph."""

MOST_FIELDS = 10_000
"""Limit of a model's own fields, including metadata."""

WRONG = "export it again, or give the right file"


def refuse_foreign(paths: Sequence[Path]) -> None:
    """Raise MixnetError for the first file that is empty or not of its name's format."""
    for path in paths:
        with opened(path) as file:
            size = file.seek(0, os.SEEK_END)
            if size == 0:
                raise MixnetError(f"{path} is empty", WRONG)
            file.seek(0)
            check = _is_tflite if path.suffix.lower() == ".tflite" else _is_onnx
            if not check(file, size):
                raise MixnetError(f"{path} is not a valid {path.suffix.lower()} file", WRONG)


def _is_tflite(file: IO[bytes], size: int) -> bool:
    """Whether its identifier stands where FlatBuffers put it."""
    return file.read(8)[4:8] == TFLITE_MARK


def _is_onnx(file: IO[bytes], size: int) -> bool:
    """Whether it is a chain of protobuf fields that ends with the file and holds a graph.

    Of each field only its head is read: a number that ends the chain is what zeros begin with.
    """
    found = False
    for _ in range(MOST_FIELDS):
        key = _varint(file)
        if key is None:
            return found and file.tell() == size
        length = {0: 0, 1: 8, 2: None, 5: 4}.get(key & 7, -1)
        if key >> 3 == 0 or length == -1:
            return False
        value = _varint(file) if key & 7 in (0, 2) else 0
        if value is None:
            return False
        if file.seek(value if length is None else length, os.SEEK_CUR) > size:
            return False
        found = found or key >> 3 == GRAPH
    return False


def _varint(file: IO[bytes]) -> int | None:
    """The next number; None at the end of the file, or where it has no end."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    return None
