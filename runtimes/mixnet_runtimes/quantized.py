"""Real values and the integers that a quantized input or output holds for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_runtimes.session import TensorInfo


def to_stored(values: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Real values as an input takes them: rounded and cut to its range where it is quantized."""
    if not info.scale:
        return np.ascontiguousarray(values, info.dtype)
    limits = np.iinfo(info.dtype)
    scaled = np.round(values / info.scale) + info.zero_point
    return np.ascontiguousarray(np.clip(scaled, limits.min, limits.max), info.dtype)


def to_real(values: NDArray[Any], info: TensorInfo) -> NDArray[np.float64]:
    """An output's real values."""
    exact = values.astype(np.float64)
    return (exact - info.zero_point) * info.scale if info.scale else exact
