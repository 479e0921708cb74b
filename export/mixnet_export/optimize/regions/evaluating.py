"""Operators of a region in float64, by their definitions: the reference for both files.

It is independent of patterns and of the code that builds them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.document import Document
from mixnet_export.optimize.extracting import between
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.region import Place
from mixnet_networks.graph.padding import same_padding
from mixnet_runtimes.tflite.words import integers, names_of

Array = NDArray[Any]

STORED = {"FLOAT32": "<f4", "FLOAT16": "<f2", "INT32": "<i4", "INT64": "<i8"}


class UnknownOperatorError(Exception):
    """A region has an operator that is not defined here; the message is its kind."""


def evaluate(document: Document, place: Place, inputs: Sequence[Array]) -> list[Array]:
    """What the operators of a region compute, in float64.

    Raises UnknownOperatorError if one of them has no definition here, or is not float32.
    """
    graph = Graph(document, place.subgraph)
    values: dict[int, Array] = {
        tensor: np.asarray(value, np.float64)
        for tensor, value in zip(place.sources, inputs, strict=True)
    }
    tables = document.model.subgraphs[place.subgraph]
    for index in between(tables, place.sources, place.outputs):
        operator = graph.operators[index]
        kind = graph.kind(operator)
        if kind not in FUNCTIONS:
            raise UnknownOperatorError(kind)
        operands = [_value(graph, values, tensor) for tensor in integers(operator.inputs)]
        results = FUNCTIONS[kind](operands, operator.builtinOptions)
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
        names = names_of(document.schema.ActivationFunctionType)
        for tensor, result in zip(integers(operator.outputs), results, strict=True):
            values[tensor] = _activated(result, names.get(activation, ""))
    return [values[tensor] for tensor in place.outputs]


def _value(graph: Graph, values: Mapping[int, Array], tensor: int) -> Array | None:
    if tensor < 0:
        return None
    if tensor in values:
        return values[tensor]
    kind, given = graph.type(tensor), graph.tensor(tensor)
    data = graph.model.buffers[given.buffer].data
    if kind not in STORED or data is None:
        raise UnknownOperatorError(kind.lower())
    found = np.frombuffer(np.asarray(data, np.uint8).tobytes(), STORED[kind])
    found = found.reshape(integers(given.shape))
    return found.astype(np.float64) if kind.startswith("FLOAT") else found


def _activated(values: Array, name: str) -> Array:
    limits: Mapping[str, tuple[Any, Any]] = {
        "NONE": (None, None), "RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1),
    }  # fmt: skip
    if name not in limits:
        raise UnknownOperatorError(name)
    low, high = limits[name]
    return values if low is None else np.clip(values, low, high)


# Windows


def _windows(x: Array, kernel: tuple[int, int], options: Any) -> list[list[Array]]:
    """The input of each tap for every output, with zeros around the map by the padding."""
    strides = (options.strideH, options.strideW)
    dilations = (options.dilationHFactor, options.dilationWFactor)
    pads = [(0, 0), (0, 0)]
    if options.padding == 0:  # SAME
        axes = zip(x.shape[1:3], kernel, strides, dilations, strict=True)
        pads = [same_padding(*axis) for axis in axes]
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    counts = [
        (padded.shape[n + 1] - (kernel[n] - 1) * dilations[n] - 1) // strides[n] + 1 for n in (0, 1)
    ]
    return [
        [
            padded[
                :,
                i * dilations[0] : i * dilations[0] + (counts[0] - 1) * strides[0] + 1 : strides[0],
                j * dilations[1] : j * dilations[1] + (counts[1] - 1) * strides[1] + 1 : strides[1],
            ]
            for j in range(kernel[1])
        ]
        for i in range(kernel[0])
    ]


def _convolution(operands: list[Any], options: Any) -> list[Array]:
    """Kernel (out, h, w, in / groups); groups follow from its channels."""
    x, kernel, *rest = operands
    filters, height, width, channels = kernel.shape
    groups = x.shape[3] // channels
    seen = _windows(x, (height, width), options)
    parts = []
    for group in range(groups):
        own = slice(group * channels, (group + 1) * channels)
        size = filters // groups
        weights = kernel[group * size : (group + 1) * size]
        parts.append(
            sum(
                seen[i][j][..., own] @ weights[:, i, j].T
                for i in range(height)
                for j in range(width)
            )
        )
    return [_biased(np.concatenate(parts, 3), rest)]


def _depthwise(operands: list[Any], options: Any) -> list[Array]:
    """Kernel (1, h, w, c · m)."""
    x, kernel, *rest = operands
    _, height, width, filters = kernel.shape
    seen = _windows(x, (height, width), options)
    multiplier = filters // x.shape[3]
    total = sum(
        np.repeat(seen[i][j], multiplier, 3) * kernel[0, i, j]
        for i in range(height)
        for j in range(width)
    )
    return [_biased(np.asarray(total), rest)]


def _biased(values: Array, rest: Sequence[Array | None]) -> Array:
    return values + rest[0] if rest and rest[0] is not None else values


# Elementwise and moving


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -700, 700))))


def _gelu(x: Array, options: Any) -> Array:
    from scipy.special import erf

    if options is not None and options.approximate:
        return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + erf(x / np.sqrt(2))))


def _slice(operands: list[Any], options: Any) -> list[Array]:
    x, begin, size = operands
    ends = [b + s if s >= 0 else n for b, s, n in zip(begin, size, x.shape, strict=True)]
    return [x[tuple(slice(b, e) for b, e in zip(begin, ends, strict=True))]]


def _strided(operands: list[Any], options: Any) -> list[Array]:
    x, begin, end, steps = operands
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        raise UnknownOperatorError("STRIDED_SLICE with masks")
    cuts = [
        slice(
            None if options.beginMask >> n & 1 else int(begin[n]),
            None if options.endMask >> n & 1 else int(end[n]),
            int(steps[n]),
        )
        for n in range(len(begin))
    ]
    return [x[tuple(cuts)]]


def _split(operands: list[Any], options: Any) -> list[Array]:
    axis, x = operands
    return list(np.split(x, options.numSplits, int(np.reshape(axis, -1)[0])))


def _split_v(operands: list[Any], options: Any) -> list[Array]:
    x, sizes, axis = operands
    axis = int(np.reshape(axis, -1)[0])
    sizes = [int(size) for size in np.reshape(sizes, -1)]
    known = sum(size for size in sizes if size >= 0)
    sizes = [size if size >= 0 else x.shape[axis] - known for size in sizes]
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


def _unary(function: Callable[[Array], Array]) -> "Function":
    return lambda operands, options: [np.asarray(function(operands[0]))]


def _binary(function: Callable[[Array, Array], Array]) -> "Function":
    return lambda operands, options: [np.asarray(function(operands[0], operands[1]))]


Function = Callable[[list[Any], Any], list[Array]]

FUNCTIONS: Mapping[str, Function] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "ADD": _binary(np.add),
    "SUB": _binary(np.subtract),
    "MUL": _binary(np.multiply),
    "DIV": _binary(np.divide),
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "ABS": _unary(np.abs),
    "SQUARE": _unary(np.square),
    "TANH": _unary(np.tanh),
    "LOGISTIC": _unary(_sigmoid),
    "RELU": _unary(lambda x: np.maximum(x, 0)),
    "RELU6": _unary(lambda x: np.clip(x, 0, 6)),
    "HARD_SWISH": _unary(lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "GELU": lambda operands, options: [_gelu(operands[0], options)],
    "SLICE": _slice,
    "STRIDED_SLICE": _strided,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "CONCATENATION": lambda operands, options: [np.concatenate(operands, options.axis)],
    "TRANSPOSE": _binary(np.transpose),
    "RESHAPE": lambda operands, options: [np.reshape(operands[0], operands[1])],
    "PAD": _binary(np.pad),
    "MEAN": lambda operands, options: [
        np.mean(operands[0], tuple(np.reshape(operands[1], -1)), keepdims=bool(options.keepDims))
    ],
}
"""Operands (None for those left out) and options → outputs, before a fused activation."""
