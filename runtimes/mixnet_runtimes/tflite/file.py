"""Reads a ``.tflite`` file: a FlatBuffer with the identifier TFL3, by LiteRT's schema.

It checks what an interpreter assumes and otherwise crashes or computes NaN for, so that a broken
file is an error with its name. It runs nothing and stores no weights.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.errors import install_hint
from mixnet_common.hashing import sha256
from mixnet_common.system_faults import fault_of
from mixnet_runtimes import rawfile
from mixnet_runtimes.contents import FileContents
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.tflite import check as tflite_check
from mixnet_runtimes.tflite import contents as tflite_contents
from mixnet_runtimes.tflite import tables as tflite_tables
from mixnet_runtimes.tflite.pack import IDENTIFIER

SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
"""Modules with the object API of schema.fbs; tflite-runtime ships none."""


def read(path: Path, signature: str | None = None, content: bytes | None = None) -> FileContents:
    """Read a ``.tflite`` file as one of its signatures sees it, by default the main subgraph's.

    ``content`` is described in the file's place, where it was rewritten in memory. Raises
    MixnetError if it is broken, UsageError for a signature that it has not.
    """
    model, data = read_model(path)
    if content is not None:
        model = parse(path, content)
    try:
        return tflite_contents.describe_tflite(
            model, find_schema(), sha256(data), len(data), signature
        )
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault


def read_model(path: Path) -> tuple[Any, bytes]:
    """The ModelT of a ``.tflite`` file, checked, and the file. Raises MixnetError."""
    if find_schema() is None:
        raise MixnetError(
            f"reading {path} needs the TFLite schema of LiteRT, which is not installed",
            install_hint("ai-edge-litert"),
        )
    data = rawfile.load(path)
    return parse(path, data), data


def checked_bytes(path: Path, content: bytes | None = None) -> bytes:
    """The file's bytes, safe to pass to an interpreter as far as can be checked.

    ``content`` stands in the file's place. Where no schema is installed only the identifier is
    checked.
    """
    data = rawfile.load(path) if content is None else content
    if find_schema() is None:
        _check_identifier(path, data)
    else:
        parse(path, data)
    return data


def parse(path: Path, data: bytes) -> Any:
    """The ModelT in the bytes of a ``.tflite`` file, checked. Raises MixnetError."""
    schema = find_schema()
    assert schema is not None
    _check_identifier(path, data)
    try:
        tflite_tables.check_extent(data, schema)
        model = schema.ModelT.InitFromPackedBuf(data)
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    except Exception as error:
        # The generated readers follow whatever offsets they find: struct.error, ValueError,
        # TypeError, UnicodeDecodeError, ... all mean that an offset or a length is wrong.
        raise rawfile.broken(path, f"its tables cannot be read ({error})") from error
    try:
        tflite_check.check_model(model, data, schema)
    except ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    return model


def find_schema() -> Any | None:
    """The module with the schema's object API, or None if none is installed."""
    for name in SCHEMAS:
        try:
            return import_module(name)
        except ImportError as error:
            if fault_of(error) is not None:
                raise  # it is installed, and an unchecked file may crash its runtime
    return None


def _check_identifier(path: Path, data: bytes) -> None:
    if data[4:8] != IDENTIFIER:
        raise rawfile.broken(path, "it lacks the identifier TFL3")
