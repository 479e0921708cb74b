"""A ``.tflite`` file as tables that can be changed, and its bytes again.

Everything that is not changed stays equal field by field: names, signatures, subgraphs, metadata,
the zip archive after the model. Buffers stored by offset after the FlatBuffer are moved into it. A
file of which something would be lost is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.hashing import sha256
from mixnet_common.readers import show
from mixnet_export.optimize.archive import Archive, find_archive, moved
from mixnet_export.optimize.unknown import UnknownFieldError, flatbuffer_end
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite.pack import gather_buffers, pack
from mixnet_runtimes.tflite.words import decoded_text, kind_of, names_of

Array = NDArray[Any]

METADATA_KEY = "mixnet_optimize"
"""The entry in a file's metadata with its origin and target."""

SCHEMA_VERSION = 3

INDEXING = ("model_control_dependencies",)
"""Metadata that speak of operators by their numbers."""

COMPILED = ("DISPATCH_OP", "edgetpu-custom-op", "edgetpu-custom-op-v2")
"""Custom operators that hold a program for an NPU."""

LARGEST = 2**31 - 1
"""Bytes; offsets in a FlatBuffer reach no further."""


@dataclass
class Document:
    """A file that was read."""

    path: Path
    content: bytes
    model: Any
    schema: Any
    archive: Archive | None

    @property
    def hash(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.content)

    def provenance(self) -> Mapping[str, Any] | None:
        """The record of an earlier rewriting in the file; None if there was none."""
        for entry in self.model.metadata or ():
            if (
                entry is not None
                and decoded_text(entry.name) == METADATA_KEY
                and 0 <= entry.buffer < len(self.model.buffers)
            ):
                data = self.model.buffers[entry.buffer].data
                return _json_object(b"" if data is None else bytes(bytearray(data)))
        return None

    def kinds(self) -> list[str]:
        """The kinds of operators by the number of their code."""
        builtins = names_of(self.schema.BuiltinOperator)
        return [kind_of(code, builtins) for code in self.model.operatorCodes or ()]


def read_document(path: Path) -> Document:
    """Read a file. Raises MixnetError if it is broken, or holds what would get lost."""
    model, content = tflite_file.read_model(path)
    schema = tflite_file.find_schema()
    try:
        end = flatbuffer_end(content, schema)
    except UnknownFieldError as error:
        raise _refused(path, f"it has {error}, which the installed schema does not know") from error
    _check_kept(path, model)
    try:
        archive = find_archive(content)
    except MixnetError as error:
        raise MixnetError(f"cannot optimize {show(path)}: {error}", error.hint) from error
    _check_tail(path, model, content, end, archive)
    gather_buffers(model, content)
    return Document(path, content, model, schema, archive)


def write_document(document: Document, model: Any, provenance: Mapping[str, Any]) -> bytes:
    """The file's bytes with another model, whose metadata describe it."""
    _remember(document.schema, model, provenance)
    packed = pack(document.schema, model)
    if document.archive is not None:
        packed += moved(document.archive, len(packed))
    if len(packed) > LARGEST:
        raise _refused(document.path, "the result would be larger than 2 GB")
    return packed


def fresh_model(document: Document) -> Any:
    """A separate model to change, its buffers gathered."""
    model = document.schema.ModelT.InitFromPackedBuf(document.content)
    gather_buffers(model, document.content)
    return model


def reason_to_leave(document: Document) -> str:
    """Why a whole file cannot be changed; empty if it can."""
    kinds = document.kinds()
    compiled = [kind for kind in kinds if kind in COMPILED]
    if compiled:
        return f"it has operators that are compiled for an NPU ({compiled[0]})"
    provenance = document.provenance()
    if provenance is not None:
        target = str(provenance.get("target", "a runtime"))[:50]
        return f"it is already optimized, for {target}; for another runtime, optimize the original"
    return ""


def _check_kept(path: Path, model: Any) -> None:
    """Refuse a file that has what unpacking loses, or what changes would make wrong."""
    if model.version != SCHEMA_VERSION:
        raise _refused(path, f"it is of version {model.version} of the schema, not 3")
    if model.externalBuffers or model.externalBufferGroups:
        raise _refused(path, "its weights are in other files")
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            quantization = tensor.quantization
            if quantization is not None and quantization.detailsType and not quantization.details:
                raise _refused(path, "a tensor is quantized in a way that the schema lacks")
        for operator in subgraph.operators or ():
            if operator.largeCustomOptionsOffset > 1:
                raise _refused(path, "a custom operator keeps its options behind the model")
    for entry in model.metadata or ():
        if decoded_text(entry.name) in INDEXING:
            name = decoded_text(entry.name)
            raise _refused(path, f"its metadata ({name}) refers to operators by number")


def _check_tail(path: Path, model: Any, content: bytes, end: int, archive: Archive | None) -> None:
    """Refuse bytes behind the model that belong to nothing known."""
    stored = [each.offset + each.size for each in model.buffers if each.offset > 1]
    known, last = max([end, *stored]), len(content) if archive is None else archive.start
    if content[known:last].strip(b"\0"):
        raise _refused(path, f"{last - known:,} bytes behind the model are of unknown purpose")


def _remember(schema: Any, model: Any, provenance: Mapping[str, Any]) -> None:
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(json.dumps(provenance, sort_keys=True).encode(), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = METADATA_KEY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]


def _json_object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(path: Path, why: str) -> MixnetError:
    return MixnetError(f"cannot optimize {show(path)}: {why}", "the file is not changed")
