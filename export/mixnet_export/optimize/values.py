"""Values, scales and sizes of tensors, if they have a known form."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]


class LeftAloneError(Exception):
    """An operator has an unknown form; the message gives the reason."""


def constant(model: Any, tensor: Any, dtype: Any) -> Array:
    """The values of a constant of this type, in its shape. Raises LeftAloneError if none are."""
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data):
        raise LeftAloneError("its weights or bias are computed in the file")
    if tensor.sparsity is not None:
        raise LeftAloneError("its weights or bias are sparse")
    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.dtype(dtype).newbyteorder("<"))
    sizes = integers(tensor.shape)
    if values.size != int(np.prod(sizes, dtype=np.int64)):
        raise LeftAloneError("its weights or bias do not have the size of their shape")
    return values.reshape(sizes).astype(dtype)


def scales_of(tensor: Any) -> tuple[Array, Array]:
    """Scales and zero points of a tensor; empty if it is not quantized."""
    given = tensor.quantization
    if given is None or given.scale is None or given.details is not None:
        return np.empty(0), np.empty(0, np.int64)
    scales = np.asarray(given.scale, np.float64).reshape(-1)
    zeros = np.zeros(len(scales)) if given.zeroPoint is None else given.zeroPoint
    return scales, np.asarray(zeros, np.int64).reshape(-1)


def are_positive(scales: Array) -> bool:
    """Whether scales are such that something can be computed with them."""
    return bool(np.isfinite(scales).all() and (scales > 0).all())


def sizes_of(tensor: Any) -> list[int]:
    """A tensor's shape; empty if the file does not say."""
    return integers(tensor.shape)
