"""Full bias correction: an int8 file whose layers are right on average (Nagel et al. 2019, 4.2).

Rounded weights, clipped ranges and the errors of earlier layers shift the mean of each channel. The
shift is measured over images, layer after layer, and subtracted from the bias, which is stored in
32 bits, at no cost. Only biases change; ranges and weights do not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_quantize.activations.observe import TFLITE, observe
from mixnet_quantize.activations.observer import Observer
from mixnet_quantize.corrections.linear import Array, Linear, LinearFile, mean_output

FOLDS = 4
"""Parts of the images that are averaged apart, to see on what they agree."""

Samples = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Correction:
    """An int8 file with corrected biases, and what that changed."""

    content: bytes
    layers: int
    """Layers that were corrected."""
    shift: float
    """Before: mean over layers of the root mean square of the channels' shift, relative to that of
    their float32 means."""


def correct_biases(
    form: str,
    float32: bytes,
    int8: bytes,
    samples: Samples,
    *,
    threads: int = 2,
    step: Callable[[], object] = lambda: None,
) -> Correction:
    """Take the mean error of each layer's channels over the samples out of the int8 file's biases.

    ``samples`` are inputs (batch, height, width, channels); 32 to 100 images are enough. Layers are
    corrected in the order of their depth, all of one depth at once, and later ones are measured
    on inputs that are corrected already: correcting all at once would make later layers undo what
    earlier ones have undone, and diverges. So the int8 file runs on all samples once for each
    depth, which is cheap since only one depth's inputs are looked at. ``step`` is called after
    each. Raises MixnetError without samples, or where the files share no layer.
    """
    if not samples:
        raise MixnetError("biases cannot be corrected without images", "give calibration images")
    exact, rounded = _open(form, float32), _open(form, int8)
    wanted, given = exact.layers(), rounded.layers()
    shared = [name for name in wanted if name in given]
    if not shared:
        raise MixnetError("no layer of the int8 file is in the float32 file under the same name")
    targets = _means(form, float32, [wanted[name] for name in shared], samples, threads)
    shifts = []
    for _, level in groupby(sorted(shared, key=lambda name: given[name].depth), _depth(given)):
        names = list(level)
        means = _means(form, rounded.content(), [given[name] for name in names], samples, threads)
        for name in names:
            error = means[name] - targets[name]
            rounded.add_to_bias(name, -agreed(error))
            shifts.append(_relative(error.mean(axis=0), targets[name].mean(axis=0)))
        step()
    return Correction(rounded.content(), len(shared), float(np.mean(shifts)))


def agreed(errors: Array) -> Array:
    """The mean of (folds, channels) errors, as far as the folds agree: (channels,).

    Every channel is shrunk by the part of the layer's squared mean error that chance explains
    (James & Stein's estimator, with the folds' spread as the measure of chance): what only some
    images show would be noise added to all others.

    >>> agreed(np.array([[1.0, -2.0], [1.0, -2.0]])).tolist()
    [1.0, -2.0]
    >>> abs(agreed(np.array([[1.0, -2.0], [-1.0, 2.0]]))).tolist()
    [0.0, 0.0]
    """
    mean: Array = errors.mean(axis=0)
    if len(errors) < 2 or not mean.any():
        return mean
    chance = np.mean(errors.var(axis=0, ddof=1) / len(errors))
    shrunk: Array = mean * max(0.0, 1 - chance / np.mean(mean**2))
    return shrunk


def _open(form: str, content: bytes) -> LinearFile:
    if form == TFLITE:
        from mixnet_quantize.corrections.linear_tflite import TfliteLinearFile

        return TfliteLinearFile(content)
    from mixnet_quantize.corrections.linear_onnx import OnnxLinearFile

    return OnnxLinearFile(content)


def _depth(layers: Mapping[str, Linear]) -> Callable[[str], int]:
    return lambda name: layers[name].depth


def _means(
    form: str, content: bytes, layers: Collection[Linear], samples: Samples, threads: int
) -> dict[str, Array]:
    """The mean of each channel before the activation by layer, (folds, channels)."""
    inputs = {layer.input for layer in layers}
    observer = observe(content, form, only=inputs, threads=threads)
    folds = [samples[start::FOLDS] for start in range(min(FOLDS, len(samples)))]
    means = [_mean_inputs(observer, inputs, fold) for fold in folds]
    return {
        layer.name: np.stack([mean_output(layer, each[layer.input]) for each in means])
        for layer in layers
    }


def _mean_inputs(
    observer: Observer, names: Iterable[str], samples: Samples
) -> dict[str, NDArray[np.float64]]:
    """The mean over images of some activations, or of the file's input itself."""
    sums: dict[str, Any] = dict.fromkeys(names, 0.0)
    for sample in samples:
        observer.run(sample)
        for name, total in sums.items():
            values = sample if name == observer.input.name else observer.value(name)
            sums[name] = total + values.mean(axis=0, dtype=np.float64)
    return {name: total / len(samples) for name, total in sums.items()}


def _relative(error: Array, mean: Array) -> float:
    size = float(np.sqrt(np.mean(mean**2)))
    return float(np.sqrt(np.mean(error**2))) / size if size else 0.0
