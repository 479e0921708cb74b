"""The TFLite form of each of our operators: one emitter each, one table.

Layouts and options: the schema and the kernels' documentation at
https://ai.google.dev/edge/litert/models/operations.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.writers.tflite_parts import (
    activation_code,
    input_tensors,
    output_tensors,
    padded_input,
    stride_options,
    tensor_between,
    zeros_around,
)
from mixnet_export.writers.tflite_tables import TfliteWriter
from mixnet_networks import Node
from mixnet_networks.graph.operators import FUSABLE

Emitter = Callable[[TfliteWriter, Node], None]


# Windows


def _window(node: Node) -> dict[str, int]:
    height, width = node.attributes["dilations"]
    return {**stride_options(node), "dilationHFactor": height, "dilationWFactor": width}


# Convolutions


def _bias(writer: TfliteWriter, node: Node, filters: int) -> int:
    """The bias; zeros if there is none, since the kernels require one."""
    arrays = writer.model.arrays(node)
    return writer.weight(f"{node.name}.bias", arrays.get("bias", np.zeros(filters)))


def _conv2d(writer: TfliteWriter, node: Node) -> None:
    """Kernel (h, w, in, out) to (out, h, w, in); groups follow from the kernel's channels."""
    source, padding = padded_input(writer, node)
    kernel = writer.model.arrays(node)["kernel"].transpose(3, 0, 1, 2)
    weights = [writer.weight(f"{node.name}.kernel", kernel), _bias(writer, node, len(kernel))]
    writer.operator(
        "CONV_2D",
        [source, *weights],
        output_tensors(writer, node),
        "Conv2DOptions",
        version=6 if node.attributes["groups"] > 1 else _dilated_version(node),
        padding=padding,
        fusedActivationFunction=activation_code(writer, node),
        **_window(node),
    )


def _depthwise_conv2d(writer: TfliteWriter, node: Node) -> None:
    """Kernel (h, w, c, m) to (1, h, w, c · m)."""
    source, padding = padded_input(writer, node)
    kernel = writer.model.arrays(node)["kernel"]
    flat = kernel.reshape(1, *kernel.shape[:2], -1)
    weights = [writer.weight(f"{node.name}.kernel", flat), _bias(writer, node, flat.shape[3])]
    writer.operator(
        "DEPTHWISE_CONV_2D",
        [source, *weights],
        output_tensors(writer, node),
        "DepthwiseConv2DOptions",
        version=_dilated_version(node),
        padding=padding,
        depthMultiplier=node.attributes["multiplier"],
        fusedActivationFunction=activation_code(writer, node),
        **_window(node),
    )


def _dilated_version(node: Node) -> int:
    """Version 2 of both convolutions added dilation."""
    return 1 if tuple(node.attributes["dilations"]) == (1, 1) else 2


def _dense(writer: TfliteWriter, node: Node) -> None:
    """Kernel (in, out) to (out, in)."""
    kernel = writer.model.arrays(node)["kernel"].T
    weights = [writer.weight(f"{node.name}.kernel", kernel), _bias(writer, node, len(kernel))]
    writer.operator(
        "FULLY_CONNECTED",
        input_tensors(writer, node) + weights,
        output_tensors(writer, node),
        "FullyConnectedOptions",
        fusedActivationFunction=activation_code(writer, node),
    )


def _batch_norm(writer: TfliteWriter, node: Node) -> None:
    """A multiplication and an addition; folding into a convolution is a lowering's work."""
    arrays = {role: array.astype(float) for role, array in writer.model.arrays(node).items()}
    scale = arrays["gamma"] / np.sqrt(arrays["variance"] + node.attributes["epsilon"])
    shift = arrays["beta"] - arrays["mean"] * scale
    scaled = tensor_between(writer, node, "scaled", writer.graph.shape(node.inputs[0]))
    constant = writer.weight(f"{node.name}.scale", scale)
    writer.operator("MUL", [*input_tensors(writer, node), constant], [scaled], "MulOptions")
    constant = writer.weight(f"{node.name}.shift", shift)
    writer.operator("ADD", [scaled, constant], output_tensors(writer, node), "AddOptions")


# Elementwise


def _simple(code: str, options: str = "") -> Emitter:
    def emit(writer: TfliteWriter, node: Node) -> None:
        writer.operator(code, input_tensors(writer, node), output_tensors(writer, node), options)

    return emit


def _swish(writer: TfliteWriter, node: Node) -> None:
    """The product of x and LOGISTIC(x)."""
    (source,) = input_tensors(writer, node)
    gate = tensor_between(writer, node, "sigmoid", writer.graph.shape(node.inputs[0]))
    writer.operator("LOGISTIC", [source], [gate])
    writer.operator("MUL", [source, gate], output_tensors(writer, node), "MulOptions")


def _add(writer: TfliteWriter, node: Node) -> None:
    writer.operator(
        "ADD",
        input_tensors(writer, node),
        output_tensors(writer, node),
        "AddOptions",
        fusedActivationFunction=activation_code(writer, node),
    )


# Pools


def _max_pool(writer: TfliteWriter, node: Node) -> None:
    """Padding never wins: zeros in front of what a ReLU leaves, else the map's own edge."""
    if node.attributes["padding"] in ("same", "valid") or _is_positive(writer, node.inputs[0]):
        source, padding = padded_input(writer, node)
    else:
        source, padding = _edged(writer, node), int(writer.schema.Padding.VALID)
    _pool(writer, node, "MAX_POOL_2D", source, output_tensors(writer, node), padding)


def _is_positive(writer: TfliteWriter, tensor: str) -> bool:
    """Whether a ReLU leaves a tensor."""
    node = writer.graph.producer(tensor)
    return node is not None and (node.op in FUSABLE or node.attributes.get("activation") in FUSABLE)


def _edged(writer: TfliteWriter, node: Node) -> int:
    """The input of a pool with its outermost rows and columns repeated as padding.

    A window that reaches into the padding covers the edge too, so its largest element is the
    same. The lowest number as padding would ruin the range of a quantized tensor.
    """
    source, shape = writer.activation(node.inputs[0]), list(writer.graph.shape(node.inputs[0]))
    for axis, amounts in zip((1, 2), zeros_around(writer, node), strict=True):
        for side, amount in zip(("before", "after"), amounts, strict=True):
            for count in range(amount):
                name = f"{side}{axis}.{count}"
                edge = _edge(writer, node, name, source, shape, axis, side)
                parts = [edge, source] if side == "before" else [source, edge]
                shape[axis] += 1
                source = tensor_between(writer, node, name, tuple(shape))
                writer.operator("CONCATENATION", parts, [source], "ConcatenationOptions", axis=axis)
    return source


def _edge(
    writer: TfliteWriter,
    node: Node,
    name: str,
    source: int,
    shape: list[int],
    axis: int,
    side: str,
) -> int:
    """The first or last row or column of a map."""
    begin, size = [0] * 4, list(shape)
    begin[axis], size[axis] = 0 if side == "before" else shape[axis] - 1, 1
    edge = tensor_between(writer, node, f"{name}.edge", tuple(size))
    constants = [
        writer.integers(f"{node.name}.{name}.begin", begin),
        writer.integers(f"{node.name}.{name}.size", size),
    ]
    writer.operator("SLICE", [source, *constants], [edge], "SliceOptions")
    return edge


def _avg_pool(writer: TfliteWriter, node: Node) -> None:
    """Explicit padding counts in TFLite's mean, so its share is taken out by a constant."""
    source, padding = padded_input(writer, node)
    if source == writer.activation(node.inputs[0]):
        _pool(writer, node, "AVERAGE_POOL_2D", source, output_tensors(writer, node), padding)
        return
    mean = tensor_between(writer, node, "mean", writer.graph.shape(node.outputs[0]))
    _pool(writer, node, "AVERAGE_POOL_2D", source, [mean], padding)
    constant = writer.weight(f"{node.name}.correction", _pool_correction(writer, node))
    writer.operator("MUL", [mean, constant], output_tensors(writer, node), "MulOptions")


def _pool(
    writer: TfliteWriter, node: Node, code: str, source: int, outputs: list[int], padding: int
) -> None:
    height, width = node.attributes["kernel"]
    writer.operator(
        code,
        [source],
        outputs,
        "Pool2DOptions",
        padding=padding,
        filterHeight=height,
        filterWidth=width,
        **stride_options(node),
    )


def _pool_correction(writer: TfliteWriter, node: Node) -> NDArray[Any]:
    """Window size over the elements of the map under it, for each output: (1, h, w, 1)."""
    _, *sizes, _ = writer.graph.shape(node.inputs[0])
    _, *output, _ = writer.graph.shape(node.outputs[0])
    kernel, strides = node.attributes["kernel"], node.attributes["strides"]
    pads = zeros_around(writer, node)
    counts = []
    for axis in (0, 1):
        starts = np.arange(output[axis]) * strides[axis] - pads[axis][0]
        ends = np.minimum(starts + kernel[axis], sizes[axis])
        counts.append(ends - np.maximum(starts, 0))
    return np.asarray(kernel[0] * kernel[1] / np.outer(*counts))[None, :, :, None]


def _global_mean(writer: TfliteWriter, node: Node) -> None:
    axes = writer.integers(f"{node.name}.axes", [1, 2])
    writer.operator(
        "MEAN",
        [*input_tensors(writer, node), axes],
        output_tensors(writer, node),
        "ReducerOptions",
        keepDims=node.attributes["keepdims"],
    )


# Data movement


def _concat(writer: TfliteWriter, node: Node) -> None:
    writer.operator(
        "CONCATENATION",
        input_tensors(writer, node),
        output_tensors(writer, node),
        "ConcatenationOptions",
        axis=node.attributes["axis"],
    )


def _split(writer: TfliteWriter, node: Node) -> None:
    """SPLIT_V: a split by a list of sizes, as the authors' code has it."""
    sizes = writer.integers(f"{node.name}.sizes", node.attributes["sizes"])
    axis = writer.integers(f"{node.name}.axis", node.attributes["axis"])
    outputs = output_tensors(writer, node)
    writer.operator(
        "SPLIT_V",
        [*input_tensors(writer, node), sizes, axis],
        outputs,
        "SplitVOptions",
        numSplits=len(outputs),
    )


def _with_integers(code: str, options: str, *keys: str) -> Emitter:
    """An operator that takes its attributes as int32 constants."""

    def emit(writer: TfliteWriter, node: Node) -> None:
        constants = [writer.integers(f"{node.name}.{key}", node.attributes[key]) for key in keys]
        writer.operator(
            code, input_tensors(writer, node) + constants, output_tensors(writer, node), options
        )

    return emit


def _channel_shuffle(writer: TfliteWriter, node: Node) -> None:
    """A transposition of (group, channel in it), on maps laid flat to stay within four axes."""
    batch, height, width, channels = writer.graph.shape(node.inputs[0])
    groups = node.attributes["groups"]
    grouped = (batch, height * width, groups, channels // groups)
    shuffled = (*grouped[:2], grouped[3], groups)
    steps = [
        tensor_between(writer, node, "grouped", grouped),
        tensor_between(writer, node, "turned", shuffled),
    ]
    shape = writer.integers(f"{node.name}.grouping", grouped)
    writer.operator("RESHAPE", [*input_tensors(writer, node), shape], [steps[0]], "ReshapeOptions")
    order = writer.integers(f"{node.name}.permutation", [0, 1, 3, 2])
    writer.operator("TRANSPOSE", [steps[0], order], [steps[1]], "TransposeOptions")
    shape = writer.integers(f"{node.name}.shape", (batch, height, width, channels))
    writer.operator("RESHAPE", [steps[1], shape], output_tensors(writer, node), "ReshapeOptions")


EMITTERS: Mapping[str, Emitter] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "relu": _simple("RELU"),
    "relu6": _simple("RELU6"),
    "sigmoid": _simple("LOGISTIC"),
    "swish": _swish,
    "add": _add,
    "mul": _simple("MUL", "MulOptions"),
    "concat": _concat,
    "split": _split,
    "slice": _with_integers("SLICE", "SliceOptions", "begin", "size"),
    "pad": _with_integers("PAD", "PadOptions", "paddings"),
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_mean": _global_mean,
    "reshape": _with_integers("RESHAPE", "ReshapeOptions", "shape"),
    "transpose": _with_integers("TRANSPOSE", "TransposeOptions", "permutation"),
    "channel_shuffle": _channel_shuffle,
}
