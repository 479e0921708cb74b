"""A ``ModelT`` as the bytes of a ``.tflite`` file, its buffers aligned as the schema requires."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every TFLite file; the first four are the root table's offset."""

ALIGNMENT = 16
"""Bytes; what the schema's ``force_align`` asks of every buffer, so that mapped weights can be read
in place by vector instructions. The generated packer leaves it out."""


def pack(schema: Any, model: Any) -> bytes:
    """The bytes of a ModelT, each of its buffers aligned."""
    import flatbuffers

    contents = [np.empty(0, np.uint8) if each.data is None else each.data for each in model.buffers]
    model.buffers = [_aligned_buffer(schema, np.asarray(data, np.uint8)) for data in contents]
    builder = flatbuffers.Builder(sum(data.size for data in contents) + (1 << 16))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def gather_buffers(model: Any, content: bytes) -> None:
    """Take into the model what its file keeps behind the FlatBuffer, as the quantizer's do."""
    for buffer in model.buffers:
        if buffer.offset > 1:
            data = content[buffer.offset : buffer.offset + buffer.size]
            buffer.data = np.frombuffer(data, np.uint8)
        buffer.offset = buffer.size = 0


def _aligned_buffer(schema: Any, data: NDArray[np.uint8]) -> Any:
    class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
        def Pack(self, builder: Any) -> int:  # noqa: N802 (the schema's own name)
            if data.size:
                builder.Prep(ALIGNMENT, data.size)
            return int(super().Pack(builder))

    buffer = AlignedBuffer()
    buffer.data = data if data.size else None
    return buffer
