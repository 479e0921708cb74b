"""Element types of ``.onnx`` files: their names, and how each stores its elements."""

from typing import Any

STANDARD_DOMAINS = ("", "ai.onnx")
"""Both names of the standard operator set."""

BITS = {
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64, "complex64": 64, "complex128": 128,
    "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8, "float8e5m2fnuz": 8, "float8e8m0": 8,
    "float4e2m1": 4, "int4": 4, "uint4": 4, "int2": 2, "uint2": 2,
    "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16,
    "int32": 32, "uint32": 32, "int64": 64, "uint64": 64,
}  # fmt: skip
"""Bits of one element in a constant's raw data; texts have none."""

FIELDS = {
    "float32": "float_data", "complex64": "float_data",
    "float64": "double_data", "complex128": "double_data",
    "int64": "int64_data", "uint32": "uint64_data", "uint64": "uint64_data",
    "string": "string_data",
}  # fmt: skip
"""Field of a constant's elements that are not raw, if not ``int32_data``."""

OTHER_NAMES = {"float": "float32", "double": "float64"}
"""ONNX's names of element types that are not numpy's."""


NO_NAMES = ("", "?", "-1", "None")
"""Placeholder of open sizes without names; two such sizes need not be equal."""


def stated_size(dimension: Any) -> int | str | None:
    """A size as a file states it: a number, a name, or None for an open one without a name."""
    if dimension.HasField("dim_value"):
        return int(dimension.dim_value) if dimension.dim_value >= 0 else None
    return None if dimension.dim_param in NO_NAMES else str(dimension.dim_param)


def dtype_name(number: int) -> str:
    """numpy's name of an ONNX element type, or ONNX's own in lower case."""
    from onnx import TensorProto

    if number not in TensorProto.DataType.values():
        return f"type{number}"
    name = str(TensorProto.DataType.Name(number)).lower()
    return OTHER_NAMES.get(name, name)


def entries(dtype: str, elements: int) -> int:
    """The number of entries in its field for this number of elements that are not raw.

    >>> entries("complex64", 3), entries("int4", 3), entries("float16", 3)
    (6, 2, 3)
    """
    if dtype.startswith("complex"):
        return 2 * elements
    bits = BITS.get(dtype, 8)
    return elements if bits >= 8 else (elements * bits + 7) // 8


def plain_domain(domain: str) -> str:
    """The name of an operator set; the standard one's is empty."""
    return "" if domain in STANDARD_DOMAINS else domain
