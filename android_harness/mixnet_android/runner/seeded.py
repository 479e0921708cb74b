"""The runner's seeded inputs, generated again on the host so that both use the same numbers.

The rule is in the runner's README.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1


def seeded_input(shape: tuple[int, ...], dtype: str, seed: int, index: int) -> NDArray[Any]:
    """Input ``index`` of a model as ``mixnet-runner --seed SEED`` makes it.

    Floats lie in [-1, 1), 8- and 16-bit integers in their full range, all others are 0 or 1.
    """
    kind = np.dtype(dtype)
    raw = _splitmix64((seed + (index << 32)) & MASK, prod(shape))
    values: NDArray[Any]
    if kind == np.float16:
        values = (raw >> np.uint64(53)) * 2.0**-10 - 1
    elif kind.kind == "f":
        values = (raw >> np.uint64(40)) * 2.0**-23 - 1
    elif kind.kind in "iu" and kind.itemsize <= 2:
        values = raw.astype(f"u{kind.itemsize}").view(kind)
    else:
        values = raw & np.uint64(1)
    return np.asarray(values.astype(kind).reshape(shape))


def _splitmix64(state: int, count: int) -> NDArray[np.uint64]:
    """Steele, Lea and Flood's generator (OOPSLA 2014), ``count`` numbers at once."""
    steps = np.arange(1, count + 1, dtype=np.uint64)
    z = np.uint64(state) + steps * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
