"""int32 biases that fit: a channel whose weights are nearly zero gets a larger weight scale.

A bias is stored in steps of its input's scale times its channel's weight scale. If a channel's
weights are nearly zero the step is so small that the bias exceeds int32, and the runtime silently
computes another number (a bias of 4.0 became -0.0004). The output of such a channel is its bias, so
the scale of its weights is raised until the bias fits, and its weights are rounded again. Pure
arithmetic; ``bias_scales_tflite`` and ``bias_scales_onnx`` apply it to files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Channels = Mapping[str, tuple[int, ...]]
"""Numbers of output channels by the name of a layer, in the order of execution."""

INPUT_STEPS = 255
"""How far from its zero point an 8-bit input can be."""

SUM_LIMIT = 2**31 - 1
"""Bound on a bias and all products that are added to it."""

BIAS_LIMIT = 2**30
"""Bound on the bias alone, which leaves as much again for later corrections of it."""


@dataclass(frozen=True)
class Int8File:
    """An int8 file, and the channels whose weight scales were raised so that their biases fit."""

    content: bytes
    raised: Channels = field(default_factory=dict)


def fitting_scales(weights: Array, bias: Array, input_scale: float, scales: Array) -> Array:
    """The least scales, none below ``scales`` (out,), with which every bias fits into int32.

    ``weights`` (out, taps) and ``bias`` (out,) are real values.

    >>> weights, bias = np.array([[0.5, 1.0], [0.0, 1e-10]]), np.array([4.0, 4.0])
    >>> scales = np.array([1 / 127, 1e-10 / 127])
    >>> fitted = fitting_scales(weights, bias, 0.02, scales)
    >>> bool(fitted[0] == scales[0]), bool(np.isclose(4.0 / (0.02 * fitted[1]), 2**30))
    (True, True)
    """
    size = np.abs(bias.astype(np.float64)) / input_scale
    total = size + INPUT_STEPS * np.abs(weights.astype(np.float64)).sum(axis=1)
    needed = np.maximum(size / BIAS_LIMIT, total / SUM_LIMIT)
    return np.where(needed > scales, needed, scales)


def to_steps(values: Array, scales: Array, dtype: Any) -> Array:
    """Real values (out, …) in steps of their channel's scale (out,), within the type's range."""
    limits = np.iinfo(dtype)
    wide = scales.reshape(-1, *[1] * (values.ndim - 1))
    return np.clip(np.round(values / wide), limits.min, limits.max).astype(dtype)


def describe_raised(raised: Channels, most: int = 3) -> str:
    """The layers and channels in words, the first few by name.

    >>> describe_raised({"a": (0, 8), "b": (1,), "c": tuple(range(9)), "d": (2,)})
    'a: 0, 8; b: 1; c: 0, 1, 2, 3, 4, 5, … (9 channels); 1 further layer'
    """
    named = [f"{layer}: {_numbers(channels)}" for layer, channels in list(raised.items())[:most]]
    further = len(raised) - len(named)
    if further > 0:
        named.append(f"{further} further layer{'s' if further > 1 else ''}")
    return "; ".join(named)


def _numbers(channels: tuple[int, ...], most: int = 6) -> str:
    shown = ", ".join(map(str, channels[:most]))
    return shown if len(channels) <= most else f"{shown}, … ({len(channels)} channels)"
