"""Mixed and grouped convolutions in operators that runtimes support.

``expand_groups`` is the paper's literal form: split, convolve, concatenate (Figure 3). It is exact,
runs everywhere, and is slow on most runtimes: a reference for comparisons. ``join_groups`` makes
one convolution of a grouped one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_networks import Node
from mixnet_networks.graph.operators import OPERATORS
from mixnet_networks.graph.parameters import group_names

_SHARED = ("strides", "padding", "activation")


def expand_groups(model: Model, form: Callable[[Node], str] = lambda node: "split") -> Model:
    """Replace every mixed or grouped convolution by parts, one convolution each, and a concat.

    ``form`` says how the parts come about: ``split``, or ``slices``, which XNNPACK's delegate takes
    at any number of sizes.
    """

    def rule(rewriter: Rewriter, node: Node) -> None:
        if OPERATORS[node.op].composite:
            _expand(rewriter, node, form(node))
        else:
            rewriter.keep(node)

    return rewrite(model, rule)


def _split(rewriter: Rewriter, node: Node) -> tuple[str, ...]:
    source, sizes = rewriter.now(node.inputs[0]), node.attributes["channels"]
    return rewriter.add("split", f"{node.name}.split", source, sizes=sizes)


def _slices(rewriter: Rewriter, node: Node) -> tuple[str, ...]:
    parts, start = [], 0
    for name, size in zip(group_names(node.attributes), node.attributes["channels"], strict=True):
        source = rewriter.now(node.inputs[0])
        parts.append(rewriter.slice_channels(f"{node.name}.{name}.slice", source, start, size))
        start += size
    return tuple(parts)


def _expand(rewriter: Rewriter, node: Node, form: str) -> None:
    arrays = rewriter.source.arrays(node)
    names = group_names(node.attributes)
    parts = _slices(rewriter, node) if form == "slices" else _split(rewriter, node)
    biases = _split_bias(node, arrays)
    outputs: list[str] = []
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        weights = {"kernel": arrays[f"{name}.kernel"]} | biases[index]
        op, attributes = _convolution(node, index)
        outputs += rewriter.add(
            op, f"{node.name}.{name}", part, weights, bias="bias" in weights, **attributes
        )
    if form == "slices":
        joined = rewriter.concat(node.name, tuple(outputs), node.outputs)
    else:
        joined = rewriter.add("concat", node.name, tuple(outputs), outputs=node.outputs)
    rewriter.replace(node.outputs, joined)


def join_groups(model: Model, form: Callable[[Node], str]) -> Model:
    """Make one convolution of grouped ones.

    ``form`` says how: ``grouped``, a convolution with equal groups, or ``dense``, block-diagonal
    weights filled up with zeros, which also serves groups of unequal sizes; or ``split``, not yet.
    """

    def rule(rewriter: Rewriter, node: Node) -> None:
        if node.op == "grouped_conv2d" and form(node) != "split":
            _join(rewriter, node, form(node))
        else:
            rewriter.keep(node)

    return rewrite(model, rule)


def _join(rewriter: Rewriter, node: Node, form: str) -> None:
    attributes = node.attributes
    is_equal = len(set(attributes["channels"])) == 1 == len(set(attributes["filters"]))
    grouped = form == "grouped" and is_equal
    arrays = rewriter.source.arrays(node)
    kernels = [arrays[f"{name}.kernel"] for name in group_names(attributes)]
    kernel = np.concatenate(kernels, axis=3) if grouped else dense_kernel(kernels)
    bias = {role: array for role, array in arrays.items() if role == "bias"}
    outputs = rewriter.add(
        "conv2d",
        node.name,
        rewriter.now(node.inputs[0]),
        {"kernel": kernel} | bias,
        outputs=node.outputs,
        filters=sum(attributes["filters"]),
        kernel=attributes["kernel"],
        groups=len(kernels) if grouped else 1,
        bias=bool(bias),
        **{key: attributes[key] for key in _SHARED},
    )
    rewriter.replace(node.outputs, outputs)


def dense_kernel(kernels: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One kernel (h, w, in, out) for all groups, with zeros wherever a group sees no input."""
    height, width = kernels[0].shape[:2]
    channels = sum(kernel.shape[2] for kernel in kernels)
    filters = sum(kernel.shape[3] for kernel in kernels)
    dense = np.zeros((height, width, channels, filters), kernels[0].dtype)
    row = column = 0
    for kernel in kernels:
        _, _, inputs, outputs = kernel.shape
        dense[:, :, row : row + inputs, column : column + outputs] = kernel
        row, column = row + inputs, column + outputs
    return dense


def _convolution(node: Node, index: int) -> tuple[str, dict[str, Any]]:
    """The operator of one group and its attributes."""
    attributes = {key: node.attributes[key] for key in _SHARED}
    if node.op == "grouped_conv2d":
        own = {"filters": node.attributes["filters"][index], "kernel": node.attributes["kernel"]}
        return "conv2d", attributes | own
    own = {
        "kernel": node.attributes["kernels"][index],
        "dilations": node.attributes["dilations"][index],
        "multiplier": node.attributes["multiplier"],
    }
    return "depthwise_conv2d", attributes | own


def _split_bias(node: Node, arrays: dict[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
    """Each group's share of the bias; empty if there is none."""
    if node.op == "grouped_conv2d":
        sizes = node.attributes["filters"]
    else:
        sizes = [size * node.attributes["multiplier"] for size in node.attributes["channels"]]
    if "bias" not in arrays:
        return [{} for _ in sizes]
    return [{"bias": part} for part in np.split(arrays["bias"], np.cumsum(sizes)[:-1])]
