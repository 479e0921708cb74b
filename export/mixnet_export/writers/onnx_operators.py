"""The ONNX form of each of our operators: one emitter each, one table.

Source: the ONNX operator documentation, https://onnx.ai/onnx/operators/.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mixnet_export.writers.onnx_graph import AXES, TO_NCHW, TO_NHWC, OnnxWriter
from mixnet_networks import Node
from mixnet_networks.graph.padding import resolve_padding

Emitter = Callable[[OnnxWriter, Node], None]


# Windows


def _window(writer: OnnxWriter, node: Node) -> dict[str, Any]:
    """Kernel, strides and padding. Padding is always explicit: ``auto_pad`` is deprecated."""
    kernel, strides = node.attributes["kernel"], node.attributes["strides"]
    dilations = node.attributes.get("dilations", (1, 1))
    _, height, width, _ = writer.shape(node.inputs[0])
    padding = node.attributes["padding"]
    pads = resolve_padding(padding, (height, width), kernel, strides, dilations)
    (top, bottom), (left, right) = pads
    return {"kernel_shape": kernel, "strides": strides, "pads": [top, left, bottom, right]}


def _activated(
    writer: OnnxWriter, op_type: str, node: Node, inputs: list[str], **attributes: Any
) -> None:
    """A node with its fused activation, which is a separate node in ONNX."""
    activation, output = node.attributes["activation"], node.outputs[0]
    if activation is None:
        writer.node(op_type, node.name, inputs, [output], **attributes)
        return
    linear = f"{node.name}.linear"
    writer.node(op_type, node.name, inputs, [linear], **attributes)
    _ACTIVATIONS[activation](writer, f"{node.name}.{activation}", linear, output)


def _relu(writer: OnnxWriter, name: str, source: str, output: str) -> None:
    writer.node("Relu", name, [source], [output])


def _relu6(writer: OnnxWriter, name: str, source: str, output: str) -> None:
    bounds = [writer.weight(f"{name}.{key}", np.array(at)) for key, at in (("min", 0), ("max", 6))]
    writer.node("Clip", name, [source, *bounds], [output])


_ACTIVATIONS: Mapping[str, Callable[[OnnxWriter, str, str, str], None]] = {
    "relu": _relu,
    "relu6": _relu6,
}


# Convolutions


def _weights(writer: OnnxWriter, node: Node, kernel: Any) -> list[str]:
    names = [writer.weight(f"{node.name}.kernel", kernel)]
    if "bias" in node.parameters:
        names.append(writer.weight(f"{node.name}.bias", writer.model.arrays(node)["bias"]))
    return names


def _conv2d(writer: OnnxWriter, node: Node) -> None:
    """Kernel (h, w, in / groups, out) to (out, in / groups, h, w)."""
    kernel = writer.model.arrays(node)["kernel"].transpose(3, 2, 0, 1)
    _conv(writer, node, kernel, node.attributes["groups"])


def _depthwise_conv2d(writer: OnnxWriter, node: Node) -> None:
    """Kernel (h, w, c, m) to (c · m, 1, h, w), in c groups."""
    kernel = writer.model.arrays(node)["kernel"]
    height, width, channels, _ = kernel.shape
    flat = kernel.reshape(height, width, 1, -1).transpose(3, 2, 0, 1)
    _conv(writer, node, flat, channels)


def _conv(writer: OnnxWriter, node: Node, kernel: Any, groups: int) -> None:
    inputs = [node.inputs[0], *_weights(writer, node, kernel)]
    window = _window(writer, node)
    dilations = node.attributes["dilations"]
    _activated(writer, "Conv", node, inputs, group=groups, dilations=dilations, **window)


def _dense(writer: OnnxWriter, node: Node) -> None:
    """Kernel (in, out) to (out, in), as Gemm's users expect it."""
    kernel = writer.model.arrays(node)["kernel"].T
    _activated(writer, "Gemm", node, [node.inputs[0], *_weights(writer, node, kernel)], transB=1)


def _batch_norm(writer: OnnxWriter, node: Node) -> None:
    arrays = writer.model.arrays(node)
    roles = ("gamma", "beta", "mean", "variance")
    weights = [writer.weight(node.parameter_name(role), arrays[role]) for role in roles]
    inputs, outputs = [node.inputs[0], *weights], list(node.outputs)
    epsilon = node.attributes["epsilon"]
    writer.node("BatchNormalization", node.name, inputs, outputs, epsilon=epsilon)


# Elementwise


def _simple(op_type: str) -> Emitter:
    def emit(writer: OnnxWriter, node: Node) -> None:
        writer.node(op_type, node.name, list(node.inputs), list(node.outputs))

    return emit


def _swish(writer: OnnxWriter, node: Node) -> None:
    """The product of x and Sigmoid(x)."""
    source, gate = node.inputs[0], f"{node.name}.sigmoid"
    writer.node("Sigmoid", gate, [source], [gate])
    writer.node("Mul", node.name, [source, gate], list(node.outputs))


def _add(writer: OnnxWriter, node: Node) -> None:
    _activated(writer, "Add", node, list(node.inputs))


# Pools


def _max_pool(writer: OnnxWriter, node: Node) -> None:
    window = _window(writer, node)
    writer.node("MaxPool", node.name, list(node.inputs), list(node.outputs), **window)


def _avg_pool(writer: OnnxWriter, node: Node) -> None:
    window = _window(writer, node) | {"count_include_pad": 0}
    writer.node("AveragePool", node.name, list(node.inputs), list(node.outputs), **window)


def _global_mean(writer: OnnxWriter, node: Node) -> None:
    """GlobalAveragePool keeps height and width; Flatten drops them."""
    if node.attributes["keepdims"]:
        writer.node("GlobalAveragePool", node.name, list(node.inputs), list(node.outputs))
        return
    pooled = f"{node.name}.pooled"
    writer.node("GlobalAveragePool", pooled, list(node.inputs), [pooled])
    writer.node("Flatten", node.name, [pooled], list(node.outputs), axis=1)


# Data movement


def _axis(writer: OnnxWriter, node: Node) -> int:
    axis = int(node.attributes["axis"])
    return AXES[axis] if len(writer.shape(node.inputs[0])) == 4 else axis


def _concat(writer: OnnxWriter, node: Node) -> None:
    axis = _axis(writer, node)
    writer.node("Concat", node.name, list(node.inputs), list(node.outputs), axis=axis)


def _split(writer: OnnxWriter, node: Node) -> None:
    sizes = writer.integers(f"{node.name}.sizes", node.attributes["sizes"])
    axis = _axis(writer, node)
    writer.node("Split", node.name, [node.inputs[0], sizes], list(node.outputs), axis=axis)


def _slice(writer: OnnxWriter, node: Node) -> None:
    """Begin and end along each axis; all axes are named, in the file's order."""
    begin, sizes = (_reordered(node.attributes[key]) for key in ("begin", "size"))
    end = [start + size for start, size in zip(begin, sizes, strict=True)]
    constants = [
        writer.integers(f"{node.name}.{key}", values)
        for key, values in (("begin", begin), ("end", end), ("axes", range(len(begin))))
    ]
    writer.node("Slice", node.name, [node.inputs[0], *constants], list(node.outputs))


def _pad(writer: OnnxWriter, node: Node) -> None:
    pairs = _reordered(node.attributes["paddings"])
    flat = [before for before, _ in pairs] + [after for _, after in pairs]
    amounts = writer.integers(f"{node.name}.paddings", flat)
    writer.node("Pad", node.name, [node.inputs[0], amounts], list(node.outputs))


def _reordered(values: Any) -> list[Any]:
    """Values for each axis, in the order of the file's axes."""
    return [values[axis] for axis in TO_NCHW] if len(values) == 4 else list(values)


def _reshape(writer: OnnxWriter, node: Node) -> None:
    shape = writer.integers(f"{node.name}.shape", node.attributes["shape"])
    _in_graph_order(
        writer,
        node,
        lambda source, output: writer.node("Reshape", node.name, [source, shape], [output]),
    )


def _transpose(writer: OnnxWriter, node: Node) -> None:
    permutation = list(node.attributes["permutation"])
    _in_graph_order(
        writer,
        node,
        lambda source, output: writer.node(
            "Transpose", node.name, [source], [output], perm=permutation
        ),
    )


def _in_graph_order(writer: OnnxWriter, node: Node, emit: Callable[[str, str], None]) -> None:
    """Emit a node whose meaning depends on the order of axes between two changes of layout."""
    (source,), (output,) = node.inputs, node.outputs
    if len(writer.shape(source)) == 4:
        ordered = f"{node.name}.nhwc"
        writer.node("Transpose", ordered, [source], [ordered], perm=TO_NHWC)
        source = ordered
    if len(writer.shape(output)) == 4:
        result = f"{node.name}.result"
        emit(source, result)
        writer.node("Transpose", f"{node.name}.nchw", [result], [output], perm=TO_NCHW)
    else:
        emit(source, output)


def _channel_shuffle(writer: OnnxWriter, node: Node) -> None:
    """A transposition of (group, channel in it)."""
    batch, height, width, channels = writer.shape(node.inputs[0])
    groups = node.attributes["groups"]
    grouped = (batch, groups, channels // groups, height, width)
    steps = [f"{node.name}.grouped", f"{node.name}.turned"]
    shape = writer.integers(f"{node.name}.grouping", grouped)
    writer.node("Reshape", steps[0], [node.inputs[0], shape], [steps[0]])
    writer.node("Transpose", steps[1], [steps[0]], [steps[1]], perm=(0, 2, 1, 3, 4))
    shape = writer.integers(f"{node.name}.shape", (batch, channels, height, width))
    writer.node("Reshape", node.name, [steps[1], shape], list(node.outputs))


EMITTERS: Mapping[str, Emitter] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "relu": _simple("Relu"),
    "relu6": lambda writer, node: _relu6(writer, node.name, node.inputs[0], node.outputs[0]),
    "sigmoid": _simple("Sigmoid"),
    "swish": _swish,
    "add": _add,
    "mul": _simple("Mul"),
    "concat": _concat,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_mean": _global_mean,
    "reshape": _reshape,
    "transpose": _transpose,
    "channel_shuffle": _channel_shuffle,
}
