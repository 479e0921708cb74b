"""The paper's literal form of mixed and grouped convolutions: split, convolve, concatenate.

Figure 3 of the paper and the authors' code write MDConv this way. It is exact, it runs everywhere,
and it is slow on most runtimes: it is the yardstick, not the recommendation.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_networks import Node
from mixnet_networks.operators import OPERATORS, group_names

_SHARED = ("strides", "padding", "activation")


def expand_groups(model: Model) -> Model:
    """Replace every mixed or grouped convolution by a split, one convolution a group, a concat."""
    return rewrite(model, _expand)


def _expand(rewriter: Rewriter, node: Node) -> None:
    if not OPERATORS[node.op].composite:
        rewriter.keep(node)
        return
    arrays = rewriter.source.arrays(node)
    names = group_names(node.attributes)
    parts = rewriter.add(
        "split",
        f"{node.name}.split",
        rewriter.now(node.inputs[0]),
        sizes=node.attributes["channels"],
    )
    biases = _split_bias(node, arrays)
    outputs: list[str] = []
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        weights = {"kernel": arrays[f"{name}.kernel"]} | biases[index]
        op, attributes = _convolution(node, index)
        outputs += rewriter.add(
            op, f"{node.name}.{name}", part, weights, bias="bias" in weights, **attributes
        )
    joined = rewriter.add("concat", node.name, tuple(outputs), outputs=node.outputs)
    rewriter.replace(node.outputs, joined)


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
    """Each group's share of the bias; empty where there is none."""
    if node.op == "grouped_conv2d":
        sizes = node.attributes["filters"]
    else:
        sizes = [size * node.attributes["multiplier"] for size in node.attributes["channels"]]
    if "bias" not in arrays:
        return [{} for _ in sizes]
    return [{"bias": part} for part in np.split(arrays["bias"], np.cumsum(sizes)[:-1])]
