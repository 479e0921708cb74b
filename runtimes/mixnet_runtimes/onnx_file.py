"""Reads an ``.onnx`` file: a protobuf whose nodes name the tensors they join.

Shapes that the file does not state are inferred (see ``onnx_shapes``). It runs nothing and keeps
no weights; files that store their weights beside them are read without those.
"""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError, UsageError
from mixnet_common.hashing import sha256
from mixnet_runtimes import onnx_contents, onnx_shapes, rawfile
from mixnet_runtimes.contents import FileContents
from mixnet_runtimes.onnx_contents import dtype_name

BITS = {
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64,
    "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16,
    "int32": 32, "uint32": 32, "int64": 64, "uint64": 64, "int4": 4, "uint4": 4,
}  # fmt: skip
"""Bits of one element in an initializer's raw data."""


def read(path: Path, signature: str | None = None, content: bytes | None = None) -> FileContents:
    """Read the graphs of an ``.onnx`` file.

    ``content`` is described in the file's place, where it was rewritten in memory. Raises
    MixnetError where it is broken, UsageError for a signature, which the format has not.
    """
    if signature is not None:
        raise UsageError(
            f"{path.name} has no signature {signature!r}", "only .tflite files have signatures"
        )
    model = read_model(path, content)
    data = rawfile.load(path)
    warnings = list(_warnings(model))
    stated = onnx_contents.stated_shapes(model)
    inferred = onnx_shapes.infer(model)
    if inferred.unknown:
        named = ", ".join(inferred.unknown[:3]) + (", …" if len(inferred.unknown) > 3 else "")
        warnings.append(f"sizes unknown of {len(inferred.unknown)} tensors: {named}")
    return onnx_contents.describe(
        model, stated, inferred.numbers, sha256(data), len(data), tuple(warnings)
    )


def read_model(path: Path, content: bytes | None = None) -> Any:
    """The ModelProto of a file, with local functions inlined. Raises MixnetError.

    ``content`` stands in the file's place.
    """
    data = rawfile.load(path) if content is None else content
    try:
        import onnx
    except ImportError as error:
        hint = "pip install onnx"
        raise MixnetError(f"cannot read {path}: onnx is not installed", hint) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, which has no typed home
        raise rawfile.broken(path, "it is no protobuf of a model") from error
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise rawfile.broken(path, "it holds no graph")
    if not _is_text(model):
        raise rawfile.broken(path, "its names are no text")
    if model.functions:
        model = _inline(path, model)
    _check_order(path, model.graph)
    for initializer in model.graph.initializer:
        _check_size(path, initializer)
    return model


def _is_text(model: Any) -> bool:
    """False where a name is not UTF-8: protobuf then gives bytes in place of str."""
    graph = model.graph
    words = [each.domain for each in model.opset_import]
    for node in graph.node:
        words += [*node.input, *node.output, node.name, node.op_type, node.domain]
        words += [attribute.name for attribute in node.attribute]
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        words.append(value.name)
    words += [each.values.name for each in graph.sparse_initializer]
    return all(isinstance(word, str) for word in words)


def _inline(path: Path, model: Any) -> Any:
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the C++ inliner raises whatever it likes
        raise rawfile.broken(path, f"its functions cannot be inlined ({error})") from error


def _warnings(model: Any) -> Iterable[str]:
    if any(tensor.external_data for tensor in model.graph.initializer):
        yield "weights lie in files beside this one, which its size and hash leave out"


def _check_order(path: Path, graph: Any) -> None:
    """Every tensor that a node reads has been written by then, as ONNX demands."""
    written = {value.name for value in graph.input} | {""}
    written.update(tensor.name for tensor in graph.initializer)
    written.update(tensor.values.name for tensor in graph.sparse_initializer)
    for node in graph.node:
        for name in node.input:
            if name not in written:
                raise rawfile.broken(path, f"{node.op_type} reads {name!r} before it is computed")
        written.update(node.output)
    for value in graph.output:
        if value.name not in written:
            raise rawfile.broken(path, f"output {value.name!r} is never computed")


def _check_size(path: Path, tensor: Any) -> None:
    """The type is one of ONNX's, and raw data has the bytes that shape and type ask for."""
    dtype = dtype_name(tensor.data_type)
    if dtype == "undefined" or dtype.startswith("type"):
        raise rawfile.broken(path, f"constant {tensor.name!r} has no type")
    bits = BITS.get(dtype)
    if any(size < 0 for size in tensor.dims):
        raise rawfile.broken(path, f"constant {tensor.name!r} has the shape {list(tensor.dims)}")
    if bits is None or not tensor.raw_data:
        return
    expected = (prod(tensor.dims) * bits + 7) // 8
    if len(tensor.raw_data) != expected:
        raise rawfile.broken(
            path,
            f"constant {tensor.name!r} of shape {list(tensor.dims)} needs {expected} bytes,"
            f" but {len(tensor.raw_data)} are stored",
        )
