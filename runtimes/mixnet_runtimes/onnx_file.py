"""Reads an ``.onnx`` file: a protobuf whose nodes name the tensors they join.

Shapes that the file does not state are inferred (see ``onnx_shapes``). It runs nothing and keeps
no weights; files that store their weights beside them are read without those.
"""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.hashing import sha256
from mixnet_runtimes import onnx_shapes, rawfile
from mixnet_runtimes.contents import FileContents, FileTensor, Operator, Shape

STANDARD_DOMAINS = ("", "ai.onnx")

BITS = {
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64,
    "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16,
    "int32": 32, "uint32": 32, "int64": 64, "uint64": 64, "int4": 4, "uint4": 4,
}  # fmt: skip
"""Bits of one element in an initializer's raw data."""

OTHER_NAMES = {"float": "float32", "double": "float64"}
"""ONNX's names of element types that are not numpy's."""


def read(path: Path) -> FileContents:
    """Read the main graph of an ``.onnx`` file. Raises MixnetError where it is broken."""
    model = read_model(path)
    data = rawfile.load(path)
    warnings = list(_warnings(model))
    unknown = onnx_shapes.infer(model)
    if unknown:
        named = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
        warnings.append(f"sizes unknown of {len(unknown)} tensors: {named}")
    stored = _constants(model)
    tensors = _tensors(model, stored)
    graph = model.graph
    return FileContents(
        format="onnx",
        sha256=sha256(data),
        size_bytes=len(data),
        inputs={
            value.name: tensors[value.name] for value in graph.input if value.name not in stored
        },
        outputs={value.name: tensors[value.name] for value in graph.output},
        operators=tuple(_operator(node) for node in graph.node if not _is_constant(node)),
        tensors=tensors,
        warnings=tuple(warnings),
    )


def read_model(path: Path) -> Any:
    """The ModelProto of a file, with local functions inlined. Raises MixnetError."""
    data = rawfile.load(path)
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
    if any(node.op_type in ("If", "Loop", "Scan") for node in model.graph.node):
        yield "the bodies of If, Loop and Scan are left out"
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


def _is_constant(node: Any) -> bool:
    return node.op_type == "Constant" and node.domain in STANDARD_DOMAINS


def _constants(model: Any) -> dict[str, FileTensor]:
    """Initializers and the values of Constant nodes, which are the same thing said otherwise."""
    found = {}
    for tensor in model.graph.initializer:
        found[tensor.name] = _constant(tensor.name, tensor, prod(tensor.dims))
    for sparse in model.graph.sparse_initializer:
        values = sparse.values
        found[values.name] = _constant(values.name, values, prod(values.dims), tuple(sparse.dims))
    for node in model.graph.node:
        if _is_constant(node):
            found[node.output[0]] = _constant_node(node)
    return found


def _constant(name: str, tensor: Any, stored: int, shape: Shape | None = None) -> FileTensor:
    return FileTensor(
        name=name,
        shape=tuple(tensor.dims) if shape is None else shape,
        dtype=dtype_name(tensor.data_type),
        role="constant",
        stored=stored,
        buffer=name,
    )


def _constant_node(node: Any) -> FileTensor:
    """The value of a Constant node: a tensor, or numbers written as an attribute."""
    name = node.output[0]
    for attribute in node.attribute:
        if attribute.name == "value":
            return _constant(name, attribute.t, prod(attribute.t.dims))
        if attribute.name == "sparse_value":
            values = attribute.sparse_tensor.values
            return _constant(name, values, prod(values.dims), tuple(attribute.sparse_tensor.dims))
        if attribute.name in ("value_float", "value_int"):
            return _numbers(name, attribute.name, ())
        if attribute.name in ("value_floats", "value_ints"):
            count = len(attribute.floats) + len(attribute.ints)
            return _numbers(name, attribute.name, (count,))
    return FileTensor(name, None, "string", "constant", 1, name)


def _numbers(name: str, attribute: str, shape: tuple[int, ...]) -> FileTensor:
    dtype = "float32" if "float" in attribute else "int64"
    return FileTensor(name, shape, dtype, "constant", prod(shape), name)


def _tensors(model: Any, constants: dict[str, FileTensor]) -> dict[str, FileTensor]:
    graph = model.graph
    tensors: dict[str, FileTensor] = {}
    for role, values in (
        ("activation", graph.value_info),
        ("output", graph.output),
        ("input", graph.input),
    ):
        for value in values:
            tensors[value.name] = FileTensor(
                value.name,
                onnx_shapes.shape_of(value.type),
                dtype_name(value.type.tensor_type.elem_type),
                role,
            )
    for node in graph.node:
        for name in node.output:
            if name and name not in tensors:
                tensors[name] = FileTensor(name, None, "unknown", "activation")
    return tensors | constants


def _operator(node: Any) -> Operator:
    from onnx import AttributeProto, helper

    # Subgraphs and tensors stay out: a record describes, it does not carry data.
    plain = [
        attribute
        for attribute in node.attribute
        if attribute.type
        in (
            AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING,
            AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS,
        )
    ]  # fmt: skip
    return Operator(
        name=node.name or (node.output[0] if node.output else node.op_type),
        kind=node.op_type,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={each.name: _readable(helper.get_attribute_value(each)) for each in plain},
        domain="" if node.domain in STANDARD_DOMAINS else node.domain,
    )


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | float) else tuple(value)


def dtype_name(number: int) -> str:
    """numpy's name of an ONNX element type, or ONNX's own in lower case."""
    from onnx import TensorProto

    if number not in TensorProto.DataType.values():
        return f"type{number}"
    name = str(TensorProto.DataType.Name(number)).lower()
    return OTHER_NAMES.get(name, name)
