"""Changes a ``.tflite`` file in its bytes, without rewriting it.

In a FlatBuffer, tables point forward to their content. A longer list can therefore be appended to
the file and its pointer changed, and numbers can be overwritten in place; everything else stays
byte for byte, including the quantizer's data after the FlatBuffer.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OUTPUTS_SLOT = 8
"""Offset of the field ``outputs`` in the vtable of the schema's SubGraph: the third field."""

_EXTERNAL = 1
"""A buffer's offset up to this means that its data is in the FlatBuffer itself."""


def with_outputs(content: bytes, tensors: Sequence[int]) -> bytes:
    """The file with other outputs of its first subgraph, by their numbers.

    Whatever a signature calls an output must stay among them.
    """
    from ai_edge_litert import schema_py_generated as schema

    subgraph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    field = subgraph._tab.Pos + subgraph._tab.Offset(_OUTPUTS_SLOT)
    edited = bytearray(content)
    edited += bytes(-len(edited) % 4)
    struct.pack_into("<I", edited, field, len(edited) - field)
    edited += struct.pack(f"<I{len(tensors)}i", len(tensors), *tensors)
    return bytes(edited)


def buffer_view(content: bytearray, number: int) -> NDArray[np.uint8]:
    """The bytes of one of a file's buffers, to be read and overwritten in place."""
    from ai_edge_litert import schema_py_generated as schema

    buffer: Any = schema.Model.GetRootAs(content, 0).Buffers(number)
    if buffer.Offset() > _EXTERNAL:
        start = buffer.Offset()
        return np.frombuffer(content, np.uint8)[start : start + buffer.Size()]
    if not buffer.DataLength():
        return np.empty(0, np.uint8)
    view: NDArray[np.uint8] = buffer.DataAsNumpy()
    return view
