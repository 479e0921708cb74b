"""Reads a ``.tflite`` file: a FlatBuffer with the identifier TFL3, by the schema that LiteRT ships.

It checks what an interpreter takes for granted and crashes or computes NaN over, so that a broken
file ends here with its name. It runs nothing and keeps no weights.
"""

from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.hashing import sha256
from mixnet_runtimes import rawfile, tflite_check
from mixnet_runtimes.contents import FileContents, FileTensor, Operator, Shape

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every TFLite file; the first four are the root table's offset."""

SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
"""Modules with the object API of schema.fbs; tflite-runtime ships none."""


def read(path: Path) -> FileContents:
    """Read the first subgraph of a ``.tflite`` file. Raises MixnetError where it is broken."""
    model, data = read_model(path)
    try:
        return _describe(model, data, find_schema())
    except tflite_check.ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault


def read_model(path: Path) -> tuple[Any, bytes]:
    """The ModelT of a ``.tflite`` file, and the file. Raises MixnetError where it is broken."""
    schema = find_schema()
    if schema is None:
        raise MixnetError(
            f"cannot read {path}: no TFLite schema is installed", "pip install ai-edge-litert"
        )
    data = rawfile.load(path)
    return _parse(path, data, schema), data


def checked_bytes(path: Path) -> bytes:
    """The file's bytes, safe to hand to an interpreter as far as can be told from outside.

    Where no schema is installed only the identifier is checked.
    """
    data = rawfile.load(path)
    schema = find_schema()
    if schema is None:
        _check_identifier(path, data)
        return data
    model = _parse(path, data, schema)
    try:
        for subgraph in model.subgraphs:
            tflite_check.check_subgraph(model, subgraph, data, schema)
    except tflite_check.ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    return data


def find_schema() -> Any | None:
    """The module with the schema's object API, or None where none is installed."""
    for name in SCHEMAS:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _check_identifier(path: Path, data: bytes) -> None:
    if data[4:8] != IDENTIFIER:
        raise rawfile.broken(path, "it lacks the identifier TFL3")


def _parse(path: Path, data: bytes, schema: Any) -> Any:
    """The ModelT of a file, its tables all there and of the right Python types."""
    _check_identifier(path, data)
    try:
        model = schema.ModelT.InitFromPackedBuf(data)
    except Exception as error:
        # The generated readers follow whatever offsets they find: struct.error, ValueError,
        # TypeError, UnicodeDecodeError, ... all mean that an offset or a length is wrong.
        raise rawfile.broken(path, f"its tables cannot be read ({error})") from error
    try:
        tflite_check.check_tables(model)
    except tflite_check.ModelError as fault:
        raise rawfile.broken(path, str(fault)) from fault
    return model


def _describe(model: Any, data: bytes, schema: Any) -> FileContents:
    subgraph = model.subgraphs[0]
    for each in model.subgraphs:
        tflite_check.check_subgraph(model, each, data, schema)
    names = _unique_names(subgraph.tensors)
    roles = _roles(model, subgraph)
    types = _names_of(schema.TensorType)
    tensors = [
        _tensor(model, tensor, names[index], roles[index], types)
        for index, tensor in enumerate(subgraph.tensors)
    ]
    ports = _signature_names(model)
    return FileContents(
        format="tflite",
        sha256=sha256(data),
        size_bytes=len(data),
        inputs={ports[0].get(i, names[i]): tensors[i] for i in _list(subgraph.inputs)},
        outputs={ports[1].get(i, names[i]): tensors[i] for i in _list(subgraph.outputs)},
        operators=_operators(model, subgraph, names, schema),
        tensors={tensor.name: tensor for tensor in tensors},
        warnings=_warnings(model),
    )


def _warnings(model: Any) -> tuple[str, ...]:
    further = len(model.subgraphs) - 1
    if not further:
        return ()
    return (f"{further} further subgraphs (branches, loops, other signatures) are left out",)


def _unique_names(tensors: list[Any]) -> list[str]:
    """Names as text; an empty one, or one that is used twice, gets its index appended."""
    raw = [text(tensor.name) for tensor in tensors]
    uses = Counter(raw)
    return [
        name if name and uses[name] == 1 else f"{name}#{index}" for index, name in enumerate(raw)
    ]


def _roles(model: Any, subgraph: Any) -> list[str]:
    inputs, outputs = set(_list(subgraph.inputs)), set(_list(subgraph.outputs))
    return [
        "constant"
        if tflite_check.constant_bytes(model, tensor)
        else "input"
        if index in inputs
        else "output"
        if index in outputs
        else "activation"
        for index, tensor in enumerate(subgraph.tensors)
    ]


def _tensor(model: Any, tensor: Any, name: str, role: str, types: dict[int, str]) -> FileTensor:
    shape = _shape(tensor)
    scale = None if tensor.quantization is None else tensor.quantization.scale
    constant = role == "constant"
    return FileTensor(
        name=name,
        shape=shape,
        dtype=types.get(tensor.type, f"type{tensor.type}").lower(),
        role=role,
        stored=int(np.prod(_list(tensor.shape), dtype=np.int64)) if constant else 0,
        buffer=str(tensor.buffer) if constant else "",
        quantized=scale is not None and len(scale) > 0,
    )


def _shape(tensor: Any) -> Shape:
    """The tensor's sizes; open ones (-1 in the shape signature) as None, an open batch as 1."""
    sizes = _list(tensor.shape)
    signature = _list(tensor.shapeSignature)
    if len(signature) != len(sizes):
        return tuple(sizes)
    return tuple(
        None if open_size == -1 and axis > 0 else size
        for axis, (size, open_size) in enumerate(zip(sizes, signature, strict=True))
    )


def _operators(model: Any, subgraph: Any, names: list[str], schema: Any) -> tuple[Operator, ...]:
    kinds = [_kind(code, _names_of(schema.BuiltinOperator)) for code in model.operatorCodes]
    operators = []
    for operator in _list(subgraph.operators):
        outputs = tuple(_name(names, index) for index in _list(operator.outputs))
        kind = kinds[operator.opcodeIndex]
        operators.append(
            Operator(
                name=outputs[0] if outputs else kind,
                kind=kind,
                inputs=tuple(_name(names, index) for index in _list(operator.inputs)),
                outputs=outputs,
                attributes=_attributes(operator),
            )
        )
    return tuple(operators)


def _kind(code: Any, builtins: dict[int, str]) -> str:
    # Old files have the code in a byte, newer ones in an int; the larger one holds.
    number = max(code.deprecatedBuiltinCode, code.builtinCode)
    kind = builtins.get(number, f"BUILTIN_{number}")
    return text(code.customCode) if kind == "CUSTOM" else kind


def _attributes(operator: Any) -> dict[str, Any]:
    options = operator.builtinOptions or operator.builtinOptions2
    if options is None:
        return {}
    return {
        key: tuple(value.tolist()) if isinstance(value, np.ndarray) else value
        for key, value in vars(options).items()
    }


def _signature_names(model: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Tensor index → the first signature's name for it, for inputs and for outputs."""
    for signature in _list(model.signatureDefs):
        if signature.subgraphIndex == 0:
            return (
                {entry.tensorIndex: text(entry.name) for entry in _list(signature.inputs)},
                {entry.tensorIndex: text(entry.name) for entry in _list(signature.outputs)},
            )
    return {}, {}


def text(raw: bytes | str | None) -> str:
    """A FlatBuffer string as text; some schemas give bytes, and None for an absent one."""
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""


def _name(names: list[str], index: int) -> str:
    return names[index] if index >= 0 else ""


def _names_of(enumeration: Any) -> dict[int, str]:
    return {value: key for key, value in vars(enumeration).items() if isinstance(value, int)}


def _list(vector: Any) -> list[Any]:
    """A FlatBuffer vector as a list: None where absent, an array where numeric."""
    if vector is None:
        return []
    return vector.tolist() if isinstance(vector, np.ndarray) else list(vector)
