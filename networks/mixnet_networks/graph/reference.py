"""The oracle: every operator in plain numpy, slow and obvious.

It computes in the float type of its inputs, feature maps as (batch, height, width, channels). It
never optimises: exported files are compared with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_networks.graph import Graph, Node
from mixnet_networks.graph.padding import output_sizes, resolve_padding
from mixnet_networks.graph.parameters import group_names

Array = NDArray[Any]
Weights = Mapping[str, Array]
Attributes = Mapping[str, Any]
Function = Callable[[list[Array], Attributes, Weights], Array | list[Array]]
"""Inputs, attributes and the node's weights by role, to one output or a list of them."""

Observer = Callable[[Node, list[Array]], None]


def evaluate(
    graph: Graph,
    weights: dict[str, Array],
    inputs: Mapping[str, Array],
    *,
    before: Observer | None = None,
    keep: Sequence[str] = (),
) -> dict[str, Array]:
    """Run a graph on arrays named like its inputs.

    Returns the outputs by name, and beside them the tensors named in ``keep``. ``before`` is
    called with each node and its inputs just before it runs; it may change ``weights``. Raises
    MixnetError if an input is missing or misshaped.
    """
    values = {tensor.name: _checked(inputs, tensor.name, tensor.shape) for tensor in graph.inputs}
    wanted = {*graph.outputs, *keep}
    last_use = {tensor: node.name for node in graph.nodes for tensor in node.inputs}
    for node in graph.nodes:
        arguments = [values[name] for name in node.inputs]
        if before:
            before(node, arguments)
        own = {role: weights[node.parameter_name(role)] for role in node.parameters}
        results = FUNCTIONS[node.op](arguments, node.attributes, own)
        values.update(zip(node.outputs, _as_list(results), strict=True))
        for name in set(node.inputs):
            if last_use[name] == node.name and name not in wanted:
                del values[name]
    return {name: values[name] for name in values if name in wanted}


def _checked(inputs: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    if name not in inputs:
        raise MixnetError(f"no array for the input {name}")
    if inputs[name].shape != shape:
        raise MixnetError(f"the input {name} has the shape {shape}, not {inputs[name].shape}")
    return inputs[name]


def _as_list(results: Array | list[Array]) -> list[Array]:
    return results if isinstance(results, list) else [results]


# Activations


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return np.minimum(np.maximum(x, 0), 6)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow at either end."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small).astype(x.dtype) / (1 + small))


def swish(x: Array) -> Array:
    """x · sigmoid(x) (Ramachandran et al. 2017)."""
    return x * sigmoid(x)


_ACTIVATIONS: Mapping[str | None, Callable[[Array], Array]] = {
    None: lambda x: x,
    "relu": relu,
    "relu6": relu6,
}


def _finish(y: Array, attributes: Attributes, weights: Weights) -> Array:
    """Bias and fused activation."""
    if "bias" in weights:
        y = y + weights["bias"]
    return _ACTIVATIONS[attributes["activation"]](y)


# Windows


def _taps(
    x: Array, kernel: Any, strides: Any, dilations: Any, padding: Any, fill: float = 0
) -> Iterator[tuple[int, int, Array]]:
    """For each position (i, j) in the window, the input element under it for every output."""
    sizes = (x.shape[1], x.shape[2])
    height, width = output_sizes(padding, sizes, kernel, strides, dilations)
    pads = resolve_padding(padding, sizes, kernel, strides, dilations)
    padded = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill) if np.any(pads) else x
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilations[0], j * dilations[1]
            bottom, right = top + (height - 1) * strides[0], left + (width - 1) * strides[1]
            rows = slice(top, bottom + 1, strides[0])
            columns = slice(left, right + 1, strides[1])
            yield i, j, padded[:, rows, columns]


def _convolve(x: Array, kernel: Array, attributes: Attributes, dilations: Any = (1, 1)) -> Array:
    taps = _taps(x, kernel.shape[:2], attributes["strides"], dilations, attributes["padding"])
    return np.asarray(sum(part @ kernel[i, j] for i, j, part in taps))


def _depthwise(x: Array, kernel: Array, attributes: Attributes, dilations: Any) -> Array:
    """Equation (1): output channel c·m + q is input channel c under the q-th filter of c."""
    multiplier = kernel.shape[3]
    x = np.repeat(x, multiplier, axis=3) if multiplier > 1 else x
    flat = kernel.reshape(*kernel.shape[:2], -1)
    taps = _taps(x, kernel.shape[:2], attributes["strides"], dilations, attributes["padding"])
    return np.asarray(sum(part * flat[i, j] for i, j, part in taps))


def _split(x: Array, sizes: Sequence[int], axis: int = 3) -> list[Array]:
    return np.split(x, np.cumsum(sizes)[:-1], axis=axis)


# Operators


def conv2d(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """2-D convolution (cross-correlation, as every framework means it), in equal groups."""
    groups = attributes["groups"]
    kernels = np.split(weights["kernel"], groups, axis=3)
    parts = np.split(inputs[0], groups, axis=3)
    dilations = attributes["dilations"]
    outputs = [
        _convolve(part, kernel, attributes, dilations)
        for part, kernel in zip(parts, kernels, strict=True)
    ]
    return _finish(np.concatenate(outputs, axis=3), attributes, weights)


def depthwise_conv2d(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """Depthwise convolution, Equation (1) of the paper."""
    y = _depthwise(inputs[0], weights["kernel"], attributes, attributes["dilations"])
    return _finish(y, attributes, weights)


def grouped_conv2d(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """Convolution in groups of any sizes, each with its own kernel."""
    parts = zip(_split(inputs[0], attributes["channels"]), group_names(attributes), strict=True)
    outputs = [_convolve(part, weights[f"{name}.kernel"], attributes) for part, name in parts]
    return _finish(np.concatenate(outputs, axis=3), attributes, weights)


def mixed_depthwise_conv2d(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """MDConv, Equations (2) and (3): a kernel size for each group of channels, then concat."""
    parts = zip(
        _split(inputs[0], attributes["channels"]),
        group_names(attributes),
        attributes["dilations"],
        strict=True,
    )
    outputs = [
        _depthwise(part, weights[f"{name}.kernel"], attributes, dilations)
        for part, name, dilations in parts
    ]
    return _finish(np.concatenate(outputs, axis=3), attributes, weights)


def dense(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """x @ kernel + bias over the last axis."""
    return _finish(inputs[0] @ weights["kernel"], attributes, weights)


def batch_norm(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """gamma · (x - mean) / sqrt(variance + epsilon) + beta, with stored statistics."""
    scale = weights["gamma"] / np.sqrt(weights["variance"] + attributes["epsilon"])
    return np.asarray((inputs[0] - weights["mean"]) * scale + weights["beta"])


def add(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """Elementwise sum, with broadcasting."""
    return _finish(inputs[0] + inputs[1], attributes, weights)


def pad(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """Zeros before and after each axis."""
    return np.pad(inputs[0], attributes["paddings"])


def slice_(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """The box that starts at ``begin`` and has the shape ``size``."""
    pairs = zip(attributes["begin"], attributes["size"], strict=True)
    return inputs[0][tuple(slice(begin, begin + size) for begin, size in pairs)]


def max_pool(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """The largest element under the window; padding never wins."""
    window = (attributes["kernel"], attributes["strides"], (1, 1), attributes["padding"])
    taps = [part for _, _, part in _taps(inputs[0], *window, fill=-np.inf)]
    return np.asarray(np.max(taps, axis=0))


def avg_pool(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """The mean of the elements under the window; padding is not counted, as in TensorFlow."""
    window = (attributes["kernel"], attributes["strides"], (1, 1), attributes["padding"])
    total = sum(part for _, _, part in _taps(inputs[0], *window))
    count = sum(part for _, _, part in _taps(np.ones_like(inputs[0]), *window))
    return np.asarray(total / count)


def global_mean(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """The mean over height and width."""
    return np.asarray(inputs[0].mean(axis=(1, 2), keepdims=attributes["keepdims"]))


def channel_shuffle(inputs: list[Array], attributes: Attributes, weights: Weights) -> Array:
    """One channel of each group in turn (Zhang et al. 2018, ShuffleNet, Section 3.1)."""
    *sizes, channels = inputs[0].shape
    groups = attributes["groups"]
    grouped = inputs[0].reshape(*sizes, groups, channels // groups)
    return np.asarray(np.swapaxes(grouped, -1, -2).reshape(inputs[0].shape))


FUNCTIONS: Mapping[str, Function] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "grouped_conv2d": grouped_conv2d,
    "mixed_depthwise_conv2d": mixed_depthwise_conv2d,
    "dense": dense,
    "batch_norm": batch_norm,
    "relu": lambda inputs, attributes, weights: relu(inputs[0]),
    "relu6": lambda inputs, attributes, weights: relu6(inputs[0]),
    "sigmoid": lambda inputs, attributes, weights: sigmoid(inputs[0]),
    "swish": lambda inputs, attributes, weights: swish(inputs[0]),
    "add": add,
    "mul": lambda inputs, attributes, weights: inputs[0] * inputs[1],
    "concat": lambda inputs, attributes, weights: np.concatenate(inputs, attributes["axis"]),
    "split": lambda inputs, attributes, weights: _split(
        inputs[0], attributes["sizes"], attributes["axis"]
    ),
    "slice": slice_,
    "pad": pad,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_mean": global_mean,
    "reshape": lambda inputs, attributes, weights: inputs[0].reshape(attributes["shape"]),
    "transpose": lambda inputs, attributes, weights: inputs[0].transpose(attributes["permutation"]),
    "channel_shuffle": channel_shuffle,
}
