"""Element types of inputs and outputs, and the numpy arrays for them.

numpy has no bfloat16, no 8-bit floats and no text of any length; arrays of another type are used
for them, bit for bit.
"""

import numpy as np
from numpy.typing import DTypeLike

TEXT = "string"

STAND_INS = {
    "bfloat16": "uint16",
    "float8e4m3fn": "uint8",
    "float8e4m3fnuz": "uint8",
    "float8e5m2": "uint8",
    "float8e5m2fnuz": "uint8",
    "float8e8m0": "uint8",
}
"""The numpy type with the same bits, by ONNX's name in lower case."""


def array_type(name: str) -> np.dtype | None:
    """The type of an array that holds such elements; None for text, and where there is none.

    >>> array_type("float32"), array_type("bfloat16"), array_type("int4")
    (dtype('float32'), dtype('uint16'), None)
    """
    try:
        found = np.dtype(STAND_INS.get(name, name))
    except TypeError:
        return None
    # Packages may teach numpy further types, which runtimes do not take.
    return found if found.kind in "biufc" and name != TEXT else None


def can_be_made_up(name: str) -> bool:
    """Whether numbers of this type can be drawn: not where only a stand-in holds them."""
    return name not in STAND_INS and array_type(name) is not None


def describe_type(name: str) -> str:
    """The required array for such elements, for a message."""
    if name == TEXT:
        return "text (dtype <U)"
    held = array_type(name)
    if held is None:
        return f"{name}, which no numpy array holds"
    return name if held.name == name else f"{name}, as {held.name} of the same bits"


def holds(array_dtype: DTypeLike, name: str) -> bool:
    """Whether an array of this type holds elements of the named one, whatever its byte order."""
    given = np.dtype(array_dtype)
    if name == TEXT:
        return given.kind == "U"
    held = array_type(name)
    return held is not None and given.newbyteorder("=") == held
