"""The nodes of an ``.onnx`` graph as steps: NCHW feature maps as NHWC ones."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.onnx.graph import OnnxGraph
from mixnet_export.optimize.regions.steps import OTHER, Pads, Step, Steps, Tensor
from mixnet_networks.graph.padding import resolve_padding

Array = NDArray[Any]

Values = dict[str, Any]

AXES = (0, 3, 1, 2)
"""The NHWC axis that each NCHW axis is."""


class _UnknownFormError(Exception):
    """A node has an unknown form."""


def onnx_steps(graph: OnnxGraph) -> Steps:
    """The steps of a graph."""
    steps = tuple(_step(graph, place, node) for place, node in enumerate(graph.nodes))
    shapes: dict[Tensor, tuple[int, ...]] = {
        name: (shape[0], shape[2], shape[3], shape[1])
        for name, shape in graph.shapes.items()
        if len(shape) == 4 and min(shape) > 0
    }
    return Steps(steps, shapes, frozenset(graph.ports))


def _step(graph: OnnxGraph, place: int, node: Any) -> Step:
    inputs = tuple(name for name in node.input if name and name not in graph.constants)
    outputs = tuple(name for name in node.output if name)
    kind, values = OTHER, dict[str, Any]()
    reader = READERS.get(node.op_type) if not node.domain else None
    if reader is not None:
        try:
            kind, values = reader(graph, node, _attributes(node))
        except (_UnknownFormError, KeyError, IndexError, ValueError, TypeError):
            kind, values = OTHER, {}
    return Step(kind, place, inputs, outputs, values)


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _shape(graph: OnnxGraph, name: str) -> tuple[int, ...]:
    shape = graph.shapes[name]
    if len(shape) != 4:
        raise _UnknownFormError
    return shape


def _conv(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    """Kernel (out, in / groups, h, w) to (h, w, in / groups, out), or (h, w, c, m)."""
    source, weights, *rest = node.input
    stored = graph.constants[weights]
    _, channels, height, width = _shape(graph, source)
    filters, own, rows, columns = stored.shape
    if stored.dtype != np.float32:
        raise _UnknownFormError
    groups = attributes.get("group", 1)
    strides = tuple(attributes.get("strides", (1, 1)))
    dilations = tuple(attributes.get("dilations", (1, 1)))
    values: Values = {
        "strides": strides,
        "dilations": dilations,
        "activation": None,
        "bias": graph.constants[rest[0]] if rest and rest[0] else None,
        "pads": _pads(attributes, (height, width), (rows, columns), strides, dilations),
    }
    if groups == channels > 1 and own == 1:
        kernel = stored.reshape(channels, filters // channels, rows, columns)
        return "depthwise", values | {"kernel": kernel.transpose(2, 3, 0, 1)}
    return "conv", values | {"kernel": stored.transpose(2, 3, 1, 0)}


def _pads(attributes: Values, sizes: Any, kernel: Any, strides: Any, dilations: Any) -> Pads:
    how = attributes.get("auto_pad", b"NOTSET")
    if how in (b"NOTSET", b""):
        top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
        return (top, bottom), (left, right)
    names = {b"VALID": "valid", b"SAME_UPPER": "same"}
    return resolve_padding(names[how], sizes, kernel, strides, dilations)


def _norm(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    gamma, beta, mean, variance = (
        graph.constants[name].astype(np.float64) for name in node.input[1:]
    )
    if attributes.get("training_mode", 0) or len([name for name in node.output if name]) > 1:
        raise _UnknownFormError
    scale = gamma / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    return "affine", {"scale": scale, "shift": beta - mean * scale, "activation": None}


def _arithmetic(kind: str) -> "Reader":
    def read(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
        first, second = node.input
        known = [name in graph.constants for name in (first, second)]
        if not any(known):
            if kind != "Mul":
                raise _UnknownFormError
            return "mul", {}
        values = _by_channel(graph, first if known[0] else second, node.output[0])
        ones, zeros = np.ones_like(values), np.zeros_like(values)
        scale, shift = {
            "Mul": (values, zeros),
            "Add": (ones, values),
            "Sub": (-ones, values) if known[0] else (ones, -values),
        }[kind]
        return "affine", {"scale": scale, "shift": shift, "activation": None}

    return read


def _by_channel(graph: OnnxGraph, name: str, output: str) -> Array:
    """A constant as one value a channel."""
    values, channels = graph.constants[name], _shape(graph, output)[1]
    if values.size == channels and values.shape[-3:] == (channels, 1, 1):
        return values.reshape(-1).astype(np.float64)
    if values.size != 1 or values.ndim > 4:
        raise _UnknownFormError
    return np.full(channels, float(values.reshape(-1)[0]))


def _clip(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    bounds = [graph.constants[name] for name in node.input[1:] if name]
    bounds = bounds or [np.asarray(attributes[key]) for key in ("min", "max")]
    if [float(np.reshape(each, -1)[0]) for each in bounds] != [0.0, 6.0]:
        raise _UnknownFormError
    return "relu6", {}


def _mean(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    axes = attributes.get("axes")
    if axes is None:
        axes = graph.constants[node.input[1]].tolist()
    if {axis % 4 for axis in axes} != {2, 3} or not attributes.get("keepdims", 1):
        raise _UnknownFormError
    _shape(graph, node.input[0])
    return "mean", {}


def _pool(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    _shape(graph, node.input[0])
    return "mean", {}


def _concat(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    if any(name in graph.constants for name in node.input):
        raise _UnknownFormError
    return "concat", {"axis": AXES[attributes["axis"] % 4]}


def _split(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    axis = attributes.get("axis", 0) % 4
    spans, start = [], 0
    for output in node.output:
        size = _shape(graph, output)[axis]
        spans.append((start, size))
        start += size
    return "cut", {"axis": AXES[axis], "spans": spans}


def _slice(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    """A slice of one axis, without steps."""
    shape = _shape(graph, node.input[0])
    starts, ends, *rest = (graph.constants[name].reshape(-1).tolist() for name in node.input[1:])
    axes = rest[0] if rest else list(range(len(starts)))
    if len(rest) > 1 and set(rest[1]) != {1}:
        raise _UnknownFormError
    spans = {}
    for axis, start, end in zip(axes, starts, ends, strict=True):
        first, last, _ = slice(start, end).indices(shape[axis % 4])
        if (first, last) != (0, shape[axis % 4]):
            spans[axis % 4] = (first, last - first)
    if len(spans) != 1:
        raise _UnknownFormError
    ((axis, span),) = spans.items()
    return "cut", {"axis": AXES[axis], "spans": [span]}


def _pad(graph: OnnxGraph, node: Any, attributes: Values) -> tuple[str, Values]:
    values = [name for name in node.input[2:] if name]
    is_zero = all(not graph.constants[name].any() for name in values[:1])
    if attributes.get("mode", b"constant") != b"constant" or not is_zero or len(values) > 1:
        raise _UnknownFormError
    numbers = graph.constants[node.input[1]].reshape(-1).tolist()
    if len(numbers) != 8 or min(numbers) < 0:
        raise _UnknownFormError
    pairs = [(numbers[n], numbers[n + 4]) for n in range(4)]
    return "pad", {"amounts": [pairs[0], pairs[2], pairs[3], pairs[1]]}


def _same(kind: str) -> "Reader":
    return lambda graph, node, attributes: (kind, {})


Reader = Callable[[OnnxGraph, Any, Values], tuple[str, Values]]

READERS: Mapping[str, Reader] = {
    "Conv": _conv,
    "BatchNormalization": _norm,
    "Add": _arithmetic("Add"),
    "Sub": _arithmetic("Sub"),
    "Mul": _arithmetic("Mul"),
    "Clip": _clip,
    "ReduceMean": _mean,
    "GlobalAveragePool": _pool,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
    "Sigmoid": _same("sigmoid"),
    "Relu": _same("relu"),
}
