"""Real values, and the integers of a quantized input or output for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.printable import printable
from mixnet_runtimes.session import TensorInfo

NOT_QUANTIZED = (0.0, 0)
"""The hint for a tensor without a scale."""

HINT = "its quantization is damaged; write the file again"


def checked(
    given: tuple[float, int], name: str, dtype: str, where: str = "the file"
) -> tuple[float, int]:
    """Scale and zero point of an input or output, as in the file.

    Raises MixnetError that begins with ``where`` unless the scale is finite and above 0, and the
    zero point a value of the type.
    """
    scale, zero_point = given
    if given == NOT_QUANTIZED:
        return given
    tensor = f"{where}: {printable(name)}"
    if not np.issubdtype(np.dtype(dtype), np.integer):
        raise MixnetError(f"{tensor} has a scale and is of type {dtype}, which has none", HINT)
    if not 0 < scale < np.inf:
        raise MixnetError(f"{tensor} has the scale {scale:g}, which is not above 0", HINT)
    limits = np.iinfo(dtype)
    if not limits.min <= zero_point <= limits.max:
        raise MixnetError(f"{tensor} is of type {dtype} with the zero point {zero_point}", HINT)
    return given


def to_stored(values: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Real values as an input's: rounded and clipped to its range if it is quantized."""
    if not info.scale:
        return np.ascontiguousarray(values, info.dtype)
    limits = np.iinfo(info.dtype)
    scaled = np.round(values / info.scale) + info.zero_point
    return np.ascontiguousarray(np.clip(scaled, limits.min, limits.max), info.dtype)


def to_real(values: NDArray[Any], info: TensorInfo) -> NDArray[np.float64]:
    """An output's real values."""
    exact = values.astype(np.float64)
    return (exact - info.zero_point) * info.scale if info.scale else exact
