"""Arrays of bfloat16, a type that numpy lacks: float32 without its last 16 bits.

The conversion to float32 is lossless. The files have been opened, and thus checked, by safetensors
before.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.readers import opened, parse_json

KIND = "BF16"
"""The type's name in safetensors."""


def from_bits(bits: NDArray[Any]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 numbers, given as uint16.

    >>> from_bits(np.array([0x3F80, 0xC040], np.uint16))
    array([ 1., -3.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def read_bfloat16(path: Path, names: list[str]) -> dict[str, NDArray[np.float32]]:
    """Arrays of that type from a ``.safetensors`` file, as float32, of any shape."""
    arrays = {}
    with opened(path) as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = parse_json(file.read(length), str(path))
        for name in names:
            start, end = header[name]["data_offsets"]
            file.seek(8 + length + start)
            bits = np.frombuffer(file.read(end - start), "<u2")
            arrays[name] = from_bits(bits).reshape(header[name]["shape"])
    return arrays
