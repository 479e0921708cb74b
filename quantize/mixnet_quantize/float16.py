"""The range of float16."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError

LARGEST = float(np.finfo(np.float16).max)


def check_fits(name: str, weights: NDArray[Any]) -> None:
    """Raise MixnetError, naming the weights, where one would become infinite in float16."""
    largest = float(np.abs(weights).max(initial=0))
    if largest > LARGEST:
        raise MixnetError(
            f"{name} holds {largest:.3g}, and the largest float16 value is {LARGEST:g}",
            "use --precision float32, int8 or int8-dynamic",
        )
