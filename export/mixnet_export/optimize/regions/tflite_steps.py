"""The operators of a ``.tflite`` subgraph as steps."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import is_constant
from mixnet_export.optimize.regions.steps import OTHER, Pads, Step, Steps, Tensor
from mixnet_export.optimize.values import LeftAloneError, constant, sizes_of
from mixnet_networks.graph.padding import resolve_padding
from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]

ACTIVATIONS = {0: None, 1: "relu", 3: "relu6"}
"""Activations of the neutral graph, by their numbers in the schema."""

Values = dict[str, Any]


def tflite_steps(graph: Graph) -> Steps:
    """The steps of a subgraph."""
    steps = tuple(_step(graph, place) for place in range(len(graph.operators)))
    used = {
        t for each in graph.operators for t in (*integers(each.inputs), *integers(each.outputs))
    }
    shapes: dict[Tensor, tuple[int, ...]] = {
        tensor: tuple(sizes_of(graph.tensor(tensor))) for tensor in used if _is_map(graph, tensor)
    }
    return Steps(steps, shapes, frozenset(graph.ports))


def _is_map(graph: Graph, tensor: int) -> bool:
    """Whether a tensor is a float32 feature map of known size, but for the batch."""
    if tensor < 0 or graph.type(tensor) != "FLOAT32" or graph.tensor(tensor).isVariable:
        return False
    sizes, given = sizes_of(graph.tensor(tensor)), graph.tensor(tensor).shapeSignature
    is_fixed = all(size >= 0 for size in integers(given)[1:])
    return len(sizes) == 4 and min(sizes) > 0 and is_fixed


def _step(graph: Graph, place: int) -> Step:
    operator = graph.operators[place]
    inputs = [t for t in integers(operator.inputs) if t >= 0 and not is_constant(graph, t)]
    outputs = tuple(integers(operator.outputs))
    kind, values = OTHER, dict[str, Any]()
    reader = READERS.get(graph.kind(operator))
    if reader is not None:
        try:
            kind, values = reader(graph, operator)
        except (LeftAloneError, AttributeError, IndexError, TypeError, ValueError):
            kind, values = OTHER, {}
    return Step(kind, place, tuple(inputs), outputs, values)


def _floats(graph: Graph, tensor: int) -> Array:
    if graph.type(tensor) != "FLOAT32" or not is_constant(graph, tensor):
        raise LeftAloneError("it is not a float32 constant")
    return constant(graph.model, graph.tensor(tensor), np.float32)


def _numbers(graph: Graph, tensor: int) -> list[Any]:
    dtype = {"INT32": np.int32, "INT64": np.int64}.get(graph.type(tensor))
    if dtype is None or not is_constant(graph, tensor):
        raise LeftAloneError("it is not an integer constant")
    found: list[Any] = constant(graph.model, graph.tensor(tensor), dtype).tolist()
    return found


def _activation(options: Any) -> str | None:
    number = options.fusedActivationFunction
    if number not in ACTIVATIONS:
        raise LeftAloneError("its activation is not supported")
    return ACTIVATIONS[number]


def _window(graph: Graph, operator: Any, kernel: Array) -> Values:
    options = operator.builtinOptions
    strides = (options.strideH, options.strideW)
    dilations = (options.dilationHFactor, options.dilationWFactor)
    _, height, width, _ = sizes_of(graph.tensor(integers(operator.inputs)[0]))
    padding = "same" if options.padding == graph.schema.Padding.SAME else "valid"
    pads: Pads = resolve_padding(
        padding, (height, width), (kernel.shape[0], kernel.shape[1]), strides, dilations
    )
    return {
        "kernel": kernel,
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
        "activation": _activation(options),
    }


def _bias(graph: Graph, operator: Any) -> Array | None:
    bias = (*integers(operator.inputs), -1)[2]
    return None if bias < 0 else _floats(graph, bias)


def _conv(graph: Graph, operator: Any) -> tuple[str, Values]:
    """Kernel (out, h, w, in) to (h, w, in, out)."""
    kernel = _floats(graph, integers(operator.inputs)[1]).transpose(1, 2, 3, 0)
    return "conv", _window(graph, operator, kernel) | {"bias": _bias(graph, operator)}


def _depthwise(graph: Graph, operator: Any) -> tuple[str, Values]:
    """Kernel (1, h, w, c · m) to (h, w, c, m)."""
    source, weights, *_ = integers(operator.inputs)
    flat = _floats(graph, weights)[0]
    channels = sizes_of(graph.tensor(source))[3]
    kernel = flat.reshape(*flat.shape[:2], channels, -1)
    return "depthwise", _window(graph, operator, kernel) | {"bias": _bias(graph, operator)}


def _slice(graph: Graph, operator: Any) -> tuple[str, Values]:
    source, begin, size = integers(operator.inputs)
    starts, counts = _numbers(graph, begin), _numbers(graph, size)
    return _cut(sizes_of(graph.tensor(source)), starts, counts)


def _strided(graph: Graph, operator: Any) -> tuple[str, Values]:
    """A slice with steps of one, and only begin and end masks."""
    source, begin, end, steps = integers(operator.inputs)
    options, sizes = operator.builtinOptions, sizes_of(graph.tensor(source))
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        raise LeftAloneError("its masks are not supported")
    if any(step != 1 for step in _numbers(graph, steps)):
        raise LeftAloneError("it skips elements")
    bounds = []
    for axis, (low, high, size) in enumerate(
        zip(_numbers(graph, begin), _numbers(graph, end), sizes, strict=True)
    ):
        first, last, _ = slice(
            None if options.beginMask >> axis & 1 else low,
            None if options.endMask >> axis & 1 else high,
        ).indices(size)
        bounds.append((first, last - first))
    return _cut(sizes, [low for low, _ in bounds], [count for _, count in bounds])


def _cut(sizes: list[int], starts: list[int], counts: list[int]) -> tuple[str, Values]:
    """A slice of one axis."""
    counts = [
        size - start if count < 0 else count
        for size, start, count in zip(sizes, starts, counts, strict=True)
    ]
    axes = [n for n in range(len(sizes)) if (starts[n], counts[n]) != (0, sizes[n])]
    if len(axes) > 1 or len(sizes) != 4:
        raise LeftAloneError("it cuts several axes")
    axis = axes[0] if axes else 3
    return "cut", {"axis": axis, "spans": [(starts[axis], counts[axis])]}


def _split(graph: Graph, operator: Any) -> tuple[str, Values]:
    axis, _ = integers(operator.inputs)
    return _spans(graph, operator, axis)


def _split_v(graph: Graph, operator: Any) -> tuple[str, Values]:
    _, _, axis = integers(operator.inputs)
    return _spans(graph, operator, axis)


def _spans(graph: Graph, operator: Any, axis: int) -> tuple[str, Values]:
    """The outputs' own sizes say where each begins."""
    number = int(np.reshape(_numbers(graph, axis), -1)[0]) % 4
    spans, start = [], 0
    for output in integers(operator.outputs):
        size = sizes_of(graph.tensor(output))[number]
        spans.append((start, size))
        start += size
    return "cut", {"axis": number, "spans": spans}


def _pad(graph: Graph, operator: Any) -> tuple[str, Values]:
    amounts = [tuple(pair) for pair in _numbers(graph, integers(operator.inputs)[1])]
    if len(amounts) != 4 or min(min(pair) for pair in amounts) < 0:
        raise LeftAloneError("it does not pad height and width")
    return "pad", {"amounts": amounts}


def _transpose(graph: Graph, operator: Any) -> tuple[str, Values]:
    order = _numbers(graph, integers(operator.inputs)[1])
    if sorted(order) != [0, 1, 2, 3]:
        raise LeftAloneError("it does not transpose an image")
    return "turn", {"permutation": tuple(order)}


def _concat(graph: Graph, operator: Any) -> tuple[str, Values]:
    if operator.builtinOptions.fusedActivationFunction:
        raise LeftAloneError("it has an activation")
    if any(is_constant(graph, tensor) for tensor in integers(operator.inputs)):
        raise LeftAloneError("it has a constant part")
    return "concat", {"axis": operator.builtinOptions.axis % 4}


def _arithmetic(kind: str) -> "Reader":
    def read(graph: Graph, operator: Any) -> tuple[str, Values]:
        first, second = integers(operator.inputs)
        activation = _activation(operator.builtinOptions)
        if not is_constant(graph, first) and not is_constant(graph, second):
            if kind != "MUL" or activation is not None:
                raise LeftAloneError("it is not a product")
            return "mul", {}
        is_first = is_constant(graph, first)
        values = _by_channel(graph, first if is_first else second, integers(operator.outputs)[0])
        ones, zeros = np.ones_like(values), np.zeros_like(values)
        scale, shift = {
            "MUL": (values, zeros),
            "ADD": (ones, values),
            "SUB": (-ones, values) if is_first else (ones, -values),
        }[kind]
        return "affine", {"scale": scale, "shift": shift, "activation": activation}

    return read


def _by_channel(graph: Graph, tensor: int, output: int) -> Array:
    """A constant as one value a channel."""
    values, sizes = _floats(graph, tensor), sizes_of(graph.tensor(output))
    if len(sizes) != 4 or values.size not in (1, sizes[3]):
        raise LeftAloneError("it does not have one value per channel")
    if values.size > 1 and values.shape[-1] != sizes[3]:
        raise LeftAloneError("it does not have one value per channel")
    return np.broadcast_to(values.reshape(-1), (sizes[3],)).astype(np.float64)


def _mean(graph: Graph, operator: Any) -> tuple[str, Values]:
    axes = integers(operator.inputs)[1]
    numbers = {int(n) % 4 for n in np.reshape(_numbers(graph, axes), -1)}
    if numbers != {1, 2} or not operator.builtinOptions.keepDims:
        raise LeftAloneError("it is not a mean over height and width")
    return "mean", {}


def _same(kind: str) -> "Reader":
    return lambda graph, operator: (kind, {})


Reader = Callable[[Graph, Any], tuple[str, Values]]

READERS: Mapping[str, Reader] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "PAD": _pad,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concat,
    "ADD": _arithmetic("ADD"),
    "SUB": _arithmetic("SUB"),
    "MUL": _arithmetic("MUL"),
    "LOGISTIC": _same("sigmoid"),
    "RELU": _same("relu"),
    "RELU6": _same("relu6"),
    "MEAN": _mean,
}
