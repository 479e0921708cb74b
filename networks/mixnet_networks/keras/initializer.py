"""The authors' initial kernels, drawn by numpy.

Keras's own initializers draw them in the backend, and JAX compiles one program for each shape, so
that building a MixNet takes a minute. There is no other difference.
"""

import math
import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("mixnet_networks")
class FanOutNormal(keras.initializers.Initializer):  # type: ignore[misc]
    """Normal with variance 2 / fan_out, for kernels (height, width, in, out).

    Without a ``seed`` every kernel differs, as ``keras.utils.set_random_seed`` says.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """A kernel of that shape."""
        height, width, _, filters = shape
        # Keras draws its seeds from here too, and set_random_seed sets it.
        seed = random.getrandbits(32) if self.seed is None else self.seed
        deviation = math.sqrt(2 / (height * width * filters))
        kernel = np.random.default_rng(seed).normal(0, deviation, tuple(shape))
        return keras.ops.convert_to_tensor(kernel.astype(np.float32), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments for an equal initializer."""
        return {"seed": self.seed}
