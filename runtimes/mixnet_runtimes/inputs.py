"""Inputs to measure with: seeded numbers of the right shape and type, which mean nothing."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def seeded_input(
    shape: tuple[int, ...], dtype: DTypeLike, rng: np.random.Generator
) -> NDArray[Any]:
    """Normal numbers for floats, the full range for 8- and 16-bit integers, 0 and 1 for the rest.

    Wider integers are indices or sizes more often than pixels.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    if kind.kind in "iu" and kind.itemsize <= 2:
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)
    return rng.integers(0, 2, size=shape).astype(kind)
