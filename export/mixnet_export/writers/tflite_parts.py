"""Helpers of the TFLite emitters: input and output tensors, padding, strides."""

import numpy as np

from mixnet_export.writers.tflite_tables import TfliteWriter
from mixnet_networks import Node, Tensor
from mixnet_networks.graph.padding import Pair, resolve_padding

_ACTIVATIONS = {None: "NONE", "relu": "RELU", "relu6": "RELU6"}


def activation_code(writer: TfliteWriter, node: Node) -> int:
    """The activation that an operator has built in, as the schema's number."""
    name = _ACTIVATIONS[node.attributes["activation"]]
    return int(getattr(writer.schema.ActivationFunctionType, name))


def input_tensors(writer: TfliteWriter, node: Node) -> list[int]:
    """The tensors that a node reads, as numbers."""
    return [writer.activation(name) for name in node.inputs]


def output_tensors(writer: TfliteWriter, node: Node) -> list[int]:
    """The tensors that a node writes, as numbers."""
    return [writer.activation(name) for name in node.outputs]


def tensor_between(writer: TfliteWriter, node: Node, suffix: str, shape: tuple[int, ...]) -> int:
    """A new tensor inside of what a node becomes."""
    return writer.declare(Tensor(f"{node.name}.{suffix}", shape))


def padded_input(writer: TfliteWriter, node: Node) -> tuple[int, int]:
    """The input of a windowed operator and its padding option.

    TFLite has SAME and VALID; any other padding becomes a separate operator.
    """
    source, padding = writer.activation(node.inputs[0]), node.attributes["padding"]
    options = writer.schema.Padding
    if padding in ("same", "valid"):
        return source, int(options.SAME if padding == "same" else options.VALID)
    pads = np.array([(0, 0), *zeros_around(writer, node), (0, 0)])
    if not pads.any():
        return source, int(options.VALID)
    shape = np.array(writer.graph.shape(node.inputs[0])) + pads.sum(axis=1)
    padded = tensor_between(writer, node, "pad", tuple(int(size) for size in shape))
    amounts = writer.integers(f"{node.name}.paddings", pads)
    writer.operator("PAD", [source, amounts], [padded], "PadOptions")
    return padded, int(options.VALID)


def zeros_around(writer: TfliteWriter, node: Node) -> tuple[Pair, Pair]:
    """The padding of a windowed operator as zeros around height and width."""
    _, height, width, _ = writer.graph.shape(node.inputs[0])
    return resolve_padding(
        node.attributes["padding"],
        (height, width),
        node.attributes["kernel"],
        node.attributes["strides"],
        node.attributes.get("dilations", (1, 1)),
    )


def stride_options(node: Node) -> dict[str, int]:
    """The strides as a table of options has them."""
    height, width = node.attributes["strides"]
    return {"strideH": height, "strideW": width}
