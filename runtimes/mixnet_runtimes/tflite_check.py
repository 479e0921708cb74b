"""What must hold in a TFLite model before it is handed to an interpreter.

An interpreter trusts indices and sizes: a wrong one crashes it, or makes it compute on memory that
is not the weights. Each check raises ModelError with what is wrong; none looks at weights' values.
"""

from typing import Any

import numpy as np

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


class ModelError(Exception):
    """Something in the model cannot be."""


def check_tables(model: Any) -> None:
    """The parts that every model has are there."""
    if not model.subgraphs or any(each is None for each in model.subgraphs):
        raise ModelError("it has no subgraph")
    if not model.buffers or any(each is None for each in model.buffers):
        raise ModelError("it has no buffers")
    if any(code is None for code in model.operatorCodes or ()):
        raise ModelError("an operator code is missing")
    if any(not each.tensors or None in each.tensors for each in model.subgraphs):
        raise ModelError("it has no tensors")


def check_subgraph(model: Any, subgraph: Any, data: bytes, schema: Any) -> None:
    """Indices are in range, operators in order, and constants have the bytes of their shape."""
    for index, tensor in enumerate(subgraph.tensors):
        _check_tensor(model, index, tensor, data, schema)
    for what, indices in (("input", subgraph.inputs), ("output", subgraph.outputs)):
        _check_indices(subgraph, indices, f"the model's {what}", optional=False)
    _check_operators(model, subgraph)


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
    """Bytes of a constant of this shape and type, or None where they cannot be told."""
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


def _check_operators(model: Any, subgraph: Any) -> None:
    written = _known_from_start(model, subgraph)
    for index, operator in enumerate(subgraph.operators or ()):
        if operator is None or not 0 <= operator.opcodeIndex < len(model.operatorCodes or ()):
            raise ModelError(f"operator {index} is of no kind that the file lists")
        _check_indices(subgraph, operator.inputs, f"operator {index}", optional=True)
        _check_indices(subgraph, operator.outputs, f"operator {index}", optional=False)
        for tensor in _integers(operator.inputs):
            if tensor >= 0 and tensor not in written:
                raise ModelError(f"operator {index} reads tensor {tensor} before it is computed")
        written.update(_integers(operator.outputs))
    for tensor in _integers(subgraph.outputs):
        if tensor not in written:
            raise ModelError(f"output tensor {tensor} is never computed")


def _known_from_start(model: Any, subgraph: Any) -> set[int]:
    """Inputs, variables and constants; one without elements counts as a constant."""
    return set(_integers(subgraph.inputs)) | {
        index
        for index, tensor in enumerate(subgraph.tensors)
        if tensor.isVariable
        or constant_bytes(model, tensor)
        or (tensor.shape is not None and 0 in tensor.shape)
    }


def _check_indices(subgraph: Any, indices: Any, owner: str, *, optional: bool) -> None:
    lowest = -1 if optional else 0
    for index in _integers(indices):
        if not lowest <= index < len(subgraph.tensors):
            raise ModelError(f"{owner} names tensor {index} of {len(subgraph.tensors)}")


def _integers(vector: Any) -> list[int]:
    return [] if vector is None else [int(index) for index in np.asarray(vector).reshape(-1)]


def _product(sizes: list[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result
