"""Folding: batch norm into the weights before it, activations into the operator before them.

Both are exact up to rounding; batch norm is folded in float64.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_networks import Node
from mixnet_networks.graph.operators import FUSABLE, OPERATORS
from mixnet_networks.graph.parameters import group_names

Array = NDArray[Any]
Scaled = Callable[[Node, dict[str, Array], Array], dict[str, Array]]


def fold_batch_norm(model: Model) -> Model:
    """Multiply each batch norm that follows a convolution or dense layer into its weights.

    gamma · (W x + b - mean) / sqrt(variance + epsilon) + beta, where s is gamma / sqrt(…), is
    (s W) x + s (b - mean) + beta. A mixed or grouped convolution takes its share group by group.
    """
    return rewrite(model, _fold_norm)


def _fold_norm(rewriter: Rewriter, node: Node) -> Node | None:
    norm = rewriter.sole_consumer(node.outputs[0])
    plain = node.attributes.get("activation") is None
    if node.op not in _SCALING or norm is None or norm.op != "batch_norm" or not plain:
        rewriter.keep(node)
        return None
    statistics = _doubles(rewriter.source.arrays(norm))
    arrays = _doubles(rewriter.source.arrays(node))
    deviation = np.sqrt(statistics["variance"] + norm.attributes["epsilon"])
    scale = statistics["gamma"] / deviation
    shift = arrays.pop("bias", 0) - statistics["mean"]
    folded = _SCALING[node.op](node, arrays, scale)
    folded["bias"] = shift * scale + statistics["beta"]
    outputs = rewriter.keep(node, folded, bias=True)
    rewriter.replace(norm.outputs, outputs)
    return norm


def _doubles(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {role: array.astype(np.float64) for role, array in arrays.items()}


def _scale_last(node: Node, arrays: dict[str, Array], scale: Array) -> dict[str, Array]:
    return {role: array * scale for role, array in arrays.items()}


def _scale_depthwise(node: Node, arrays: dict[str, Array], scale: Array) -> dict[str, Array]:
    return {role: array * scale.reshape(array.shape[2:]) for role, array in arrays.items()}


def _scale_groups(node: Node, arrays: dict[str, Array], scale: Array) -> dict[str, Array]:
    """Group by group; the filters of a group are the last axes behind its kernel's window."""
    folded, start = {}, 0
    depthwise = node.op == "mixed_depthwise_conv2d"
    for name in group_names(node.attributes):
        kernel = arrays[f"{name}.kernel"]
        shape = kernel.shape[2:] if depthwise else kernel.shape[3:]
        size = int(np.prod(shape))
        folded[f"{name}.kernel"] = kernel * scale[start : start + size].reshape(shape)
        start += size
    return folded


_SCALING: Mapping[str, Scaled] = {
    "conv2d": _scale_last,
    "dense": _scale_last,
    "depthwise_conv2d": _scale_depthwise,
    "grouped_conv2d": _scale_groups,
    "mixed_depthwise_conv2d": _scale_groups,
}


def fuse_activations(model: Model) -> Model:
    """Let convolutions, dense layers and additions carry the ReLU or ReLU6 that follows them."""
    return rewrite(model, _fuse_activation)


def _fuse_activation(rewriter: Rewriter, node: Node) -> Node | None:
    activation = rewriter.sole_consumer(node.outputs[0])
    can_carry = "activation" in OPERATORS[node.op].attributes
    if not can_carry or node.attributes["activation"] or activation is None:
        rewriter.keep(node)
        return None
    if activation.op not in FUSABLE:
        rewriter.keep(node)
        return None
    outputs = rewriter.keep(node, activation=activation.op)
    rewriter.replace(activation.outputs, outputs)
    return activation
