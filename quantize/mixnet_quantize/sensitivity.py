"""The quantization error of each layer in dB, int8 against float32, by layer name.

A layer is an activation with the same name in both files. One input is in memory at a time. It only
measures.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.decibels import decibels
from mixnet_quantize.activations.observe import observe_file
from mixnet_quantize.activations.observer import Array, Observer


@dataclass(frozen=True)
class LayerError:
    """The difference of a layer's activation between two files, over all inputs."""

    name: str
    operator: str
    """In the float32 file's own word: ``CONV_2D``, ``Conv``."""
    signal: float
    """Mean square of the float32 activation."""
    noise: float
    """Mean square of the difference."""
    shift: float
    """Mean square of the channels' mean difference: the part of the noise that a bias corrects."""

    @property
    def db(self) -> float:
        """Signal-to-quantization-noise ratio, 10·log10(signal / noise); infinite where equal."""
        return decibels(self.signal, self.noise)


def layer_errors(
    float_path: Path,
    int8_path: Path,
    samples: Iterable[NDArray[np.float32]],
    *,
    threads: int = 2,
    step: Callable[[], object] = lambda: None,
) -> list[LayerError]:
    """The error at every layer that two files share, in the float32 file's order.

    ``samples`` are preprocessed inputs (batch, height, width, channels), for ``.onnx`` files too;
    ``step`` is called after each. Any pair of files works whose tensors share names: lowerings and
    formats may differ, then fewer layers are shared. Raises MixnetError if a file is broken or
    there is no sample.
    """
    exact = observe_file(float_path, threads=threads)
    rounded = observe_file(int8_path, threads=threads)
    return layer_differences(exact, rounded, samples, step)


def layer_differences(
    exact: Observer,
    rounded: Observer,
    samples: Iterable[NDArray[np.float32]],
    step: Callable[[], object] = lambda: None,
) -> list[LayerError]:
    """The error at every layer that two opened files share."""
    pairs = _pairs(exact, rounded)
    sums = {name: _Sums() for name in pairs}
    for sample in samples:
        exact.run(sample)
        rounded.run(sample)
        for name, other in pairs.items():
            sums[name].add(exact.value(name), rounded.value(other))
            if not sums[name].is_finite:
                raise MixnetError(
                    f"the activation {name} is not finite",
                    "in float16 it may exceed 65504; keep that layer in float32",
                )
        step()
    measured = {name: each for name, each in sums.items() if each.count}
    if not measured:
        raise MixnetError("no layer was compared", "give images and files of the same network")
    return [each.result(name, exact.operators[name]) for name, each in measured.items()]


def worst(errors: Sequence[LayerError], count: int) -> list[LayerError]:
    """The layers with the lowest ratio of signal to noise, worst first."""
    return sorted(errors, key=lambda each: each.db)[:count]


def _pairs(exact: Observer, rounded: Observer) -> Mapping[str, str]:
    """Activations of the same name, and the outputs whatever they are called."""
    pairs = {name: name for name in exact.operators if name in rounded.operators}
    for name, other in zip(exact.outputs, rounded.outputs, strict=False):
        if name in exact.operators and other in rounded.operators:
            pairs.setdefault(name, other)
    return pairs


class _Sums:
    """Running sums of one layer, in float64."""

    def __init__(self) -> None:
        self.count = 0
        self._signal = self._noise = 0.0
        self._difference: Any = 0.0
        self._rows = 0

    def add(self, exact: Array, rounded: Array) -> None:
        """Take in one pair of activations; those of different shapes can't be compared."""
        if exact.shape != rounded.shape:
            return
        difference = rounded - exact
        flat = exact.reshape(-1)
        noise = difference.reshape(-1)
        self._signal += float(np.dot(flat, flat))
        self._noise += float(np.dot(noise, noise))
        rows = difference.reshape(-1, difference.shape[-1]) if difference.ndim else noise
        self._difference = self._difference + rows.sum(axis=0, dtype=np.float64)
        self._rows += rows.shape[0]
        self.count += exact.size

    @property
    def is_finite(self) -> bool:
        """Whether everything taken in was finite."""
        return math.isfinite(self._signal) and math.isfinite(self._noise)

    def result(self, name: str, operator: str) -> LayerError:
        """The record over everything taken in."""
        shift = float(np.mean(np.square(self._difference / self._rows)))
        return LayerError(
            name, operator, self._signal / self.count, self._noise / self.count, shift
        )
