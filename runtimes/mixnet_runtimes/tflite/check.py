"""Checks of a TFLite model before it is passed to an interpreter.

An interpreter trusts indices and sizes: a wrong one crashes it, or makes it read memory outside the
weights. Each check raises ModelError with the reason; none reads weights' values.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.tflite import operands as tflite_operands
from mixnet_runtimes.tflite.words import integers, kind_of, names_of

BITS = {
    "FLOAT64": 64, "INT64": 64, "UINT64": 64, "COMPLEX64": 64, "COMPLEX128": 128,
    "FLOAT32": 32, "INT32": 32, "UINT32": 32,
    "FLOAT16": 16, "BFLOAT16": 16, "INT16": 16, "UINT16": 16,
    "INT8": 8, "UINT8": 8, "BOOL": 8,
    "INT4": 4, "UINT4": 4, "INT2": 2,
}  # fmt: skip
"""Bits of one stored element; types that are not listed have no fixed size."""

MAX_ELEMENTS = 2**31
"""No interpreter addresses more bytes in a tensor; a larger one is a wrong byte in the file."""


SUBGRAPHS = ("subgraph", "subgraphindex", "subgraphindices")
"""Suffixes of the options that name the subgraphs of an operator."""


def check_model(model: Any, data: bytes, schema: Any) -> None:
    """Check a whole model; ``data`` is its file."""
    _check_tables(model)
    for subgraph in model.subgraphs:
        _check_subgraph(model, subgraph, data, schema)
    _check_calls(model)


def _check_tables(model: Any) -> None:
    """The parts that every model has are there."""
    if not model.subgraphs or any(each is None for each in model.subgraphs):
        raise ModelError("it has no subgraph")
    if not model.buffers or any(each is None for each in model.buffers):
        raise ModelError("it has no buffers")
    if any(code is None for code in model.operatorCodes or ()):
        raise ModelError("an operator code is missing")
    if any(not each.tensors or None in each.tensors for each in model.subgraphs):
        raise ModelError("it has no tensors")


def _check_subgraph(model: Any, subgraph: Any, data: bytes, schema: Any) -> None:
    """Indices are in range, operators in order, and constants have the bytes of their shape."""
    for index, tensor in enumerate(subgraph.tensors):
        _check_tensor(model, index, tensor, data, schema)
    for what, indices in (("input", subgraph.inputs), ("output", subgraph.outputs)):
        _check_indices(subgraph, indices, f"the model's {what}", optional=False)
    _check_operators(model, subgraph, schema)


def constant_bytes(model: Any, tensor: Any) -> int:
    """Number of bytes that the file stores for a tensor; 0 for a computed one."""
    buffer = model.buffers[tensor.buffer]
    if buffer.data is not None and len(buffer.data):
        return len(buffer.data)
    # Files of over 2 GB keep buffers behind the FlatBuffer; offsets 0 and 1 mean "not so".
    return int(buffer.size) if getattr(buffer, "offset", 0) > 1 else 0


def _check_tensor(model: Any, index: int, tensor: Any, data: bytes, schema: Any) -> None:
    if not 0 <= tensor.buffer < len(model.buffers):
        raise ModelError(f"tensor {index} has buffer {tensor.buffer} of {len(model.buffers)}")
    sizes = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    elements = _product(sizes)
    if any(size < 0 for size in sizes) or elements > MAX_ELEMENTS:
        raise ModelError(f"tensor {index} has the shape {sizes}")
    stored = constant_bytes(model, tensor)
    buffer = model.buffers[tensor.buffer]
    if getattr(buffer, "offset", 0) > 1 and buffer.offset + buffer.size > len(data):
        raise ModelError(f"tensor {index} is stored beyond the file's end")
    expected = _expected_bytes(tensor, elements, schema)
    if stored and expected is not None and stored != expected:
        raise ModelError(
            f"tensor {index} of shape {sizes} needs {expected} bytes, but {stored} are stored"
        )
    _check_scales(index, tensor, sizes)


def _expected_bytes(tensor: Any, elements: int, schema: Any) -> int | None:
    """Bytes of a constant of this shape and type, or None if they cannot be told."""
    names = {value: key for key, value in vars(schema.TensorType).items()}
    bits = BITS.get(names.get(tensor.type, ""))
    if bits is None or tensor.sparsity is not None:
        return None
    return (elements * bits + 7) // 8


def _check_scales(index: int, tensor: Any, sizes: list[int]) -> None:
    """Several scales need an axis with as many elements."""
    scale = None if tensor.quantization is None else tensor.quantization.scale
    if scale is None or len(scale) <= 1 or tensor.quantization.details is not None:
        return
    axis = tensor.quantization.quantizedDimension
    if not 0 <= axis < len(sizes) or sizes[axis] != len(scale):
        raise ModelError(
            f"tensor {index} of shape {sizes} has {len(scale)} scales along axis {axis}"
        )


def _check_operators(model: Any, subgraph: Any, schema: Any) -> None:
    builtins = names_of(schema.BuiltinOperator)
    kinds = [kind_of(code, builtins) for code in model.operatorCodes or ()]
    written = _known_from_start(model, subgraph)
    for index, operator in enumerate(subgraph.operators or ()):
        if operator is None or not 0 <= operator.opcodeIndex < len(model.operatorCodes or ()):
            raise ModelError(f"operator {index} has no valid operator code")
        _check_indices(subgraph, operator.inputs, f"operator {index}", optional=True)
        _check_indices(subgraph, operator.outputs, f"operator {index}", optional=False)
        kind, inputs = kinds[operator.opcodeIndex], integers(operator.inputs)
        tflite_operands.check(kind, inputs, integers(operator.outputs), operator.builtinOptions)
        for called in (called for _, indices in subgraphs_of(operator) for called in indices):
            if not 0 <= called < len(model.subgraphs):
                raise ModelError(f"{kind} calls subgraph {called} of {len(model.subgraphs)}")
        for tensor in inputs:
            if tensor >= 0 and tensor not in written:
                raise ModelError(f"operator {index} reads tensor {tensor} before it is computed")
        written.update(integers(operator.outputs))
    for tensor in integers(subgraph.outputs):
        if tensor not in written:
            raise ModelError(f"output tensor {tensor} is never computed")


def _known_from_start(model: Any, subgraph: Any) -> set[int]:
    """Inputs, variables and constants; one without elements counts as a constant."""
    return set(integers(subgraph.inputs)) | {
        index
        for index, tensor in enumerate(subgraph.tensors)
        if tensor.isVariable
        or constant_bytes(model, tensor)
        or (tensor.shape is not None and 0 in tensor.shape)
    }


def subgraphs_of(operator: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The options of an operator that name subgraphs, with the subgraphs' numbers."""
    options = operator.builtinOptions or operator.builtinOptions2
    for name, value in ({} if options is None else vars(options)).items():
        if name.lower().endswith(SUBGRAPHS) and value is not None:
            yield name, tuple(int(index) for index in np.atleast_1d(value))


def _check_calls(model: Any) -> None:
    """No subgraph runs itself, be it through others."""
    calls: list[set[int]] = []
    count = len(model.subgraphs)
    for subgraph in model.subgraphs:
        found = [pair for each in subgraph.operators or () for pair in subgraphs_of(each)]
        calls.append({index for _, indices in found for index in indices})
    callers: dict[int, list[int]] = {}
    for caller, called in enumerate(calls):
        for index in called:
            callers.setdefault(index, []).append(caller)
    waiting = [len(called) for called in calls]
    ready = [index for index, missing in enumerate(waiting) if not missing]
    for index in ready:  # it grows
        for caller in callers.get(index, ()):
            waiting[caller] -= 1
            if not waiting[caller]:
                ready.append(caller)
    if len(ready) < count:
        raise ModelError(f"subgraph {min(set(range(count)) - set(ready))} calls itself")


def _check_indices(subgraph: Any, indices: Any, owner: str, *, optional: bool) -> None:
    lowest = -1 if optional else 0
    for index in integers(indices):
        if not lowest <= index < len(subgraph.tensors):
            raise ModelError(f"{owner} names tensor {index} of {len(subgraph.tensors)}")


def _product(sizes: list[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result
