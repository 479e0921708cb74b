"""Groups of a mixed depthwise convolution that share one kernel size, small kernels zero-padded.

A 3x3 group computed as 5x5 costs more multiply-adds and saves a group, with its split and concat.
Exact: the added taps are zeros.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_networks import Node
from mixnet_networks.graph.padding import resolve_padding
from mixnet_networks.graph.parameters import group_names

Merging = Callable[[Node], Sequence[int]]
"""Numbers of neighbouring groups to merge, in order: (2, 1) merges the first two of three."""


def merge_kernels(model: Model, merging: Merging) -> Model:
    """Merge neighbouring groups of mixed depthwise convolutions, by ``merging`` for each.

    Dilated groups, and groups with other padding than SAME or symmetric, stay as they are.
    """

    def rule(rewriter: Rewriter, node: Node) -> None:
        sizes = merging(node) if node.op == "mixed_depthwise_conv2d" else ()
        if any(size > 1 for size in sizes) and _is_mergeable(rewriter, node):
            _merge(rewriter, node, sizes)
        else:
            rewriter.keep(node)

    return rewrite(model, rule)


def _is_mergeable(rewriter: Rewriter, node: Node) -> bool:
    """Whether every group's kernel, grown to the largest, keeps its place under its padding."""
    attributes = node.attributes
    if attributes["padding"] not in ("same", "symmetric"):
        return False
    if set(attributes["dilations"]) != {(1, 1)}:
        return False
    _, height, width, _ = rewriter.source.graph.shape(node.inputs[0])
    places = set()
    for kernel in attributes["kernels"]:
        pads = resolve_padding(
            attributes["padding"], (height, width), kernel, attributes["strides"]
        )
        places.add(tuple(2 * before - taps for (before, _), taps in zip(pads, kernel, strict=True)))
    return len(places) == 1


def _merge(rewriter: Rewriter, node: Node, sizes: Sequence[int]) -> None:
    arrays = rewriter.source.arrays(node)
    attributes = dict(node.attributes)
    names = group_names(attributes)
    bounds = np.cumsum([0, *sizes])
    runs = [slice(start, end) for start, end in pairwise(bounds)]
    kernels = [tuple(map(max, zip(*attributes["kernels"][run], strict=True))) for run in runs]
    merged = [
        np.concatenate([_grow(arrays[f"{name}.kernel"], kernel) for name in names[run]], axis=2)
        for run, kernel in zip(runs, kernels, strict=True)
    ]
    bias = {role: array for role, array in arrays.items() if role == "bias"}
    if len(merged) == 1:
        _single(rewriter, node, merged[0], bias)
        return
    attributes |= {
        "kernels": tuple(kernels),
        "channels": tuple(sum(attributes["channels"][run]) for run in runs),
        "dilations": ((1, 1),) * len(runs),
    }
    weights = {
        f"{name}.kernel": kernel
        for name, kernel in zip(group_names(attributes), merged, strict=True)
    }
    rewriter.keep(node, weights | bias, **attributes)


def _single(
    rewriter: Rewriter, node: Node, kernel: NDArray[Any], bias: dict[str, NDArray[Any]]
) -> None:
    shared = ("strides", "padding", "multiplier", "bias", "activation")
    outputs = rewriter.add(
        "depthwise_conv2d",
        node.name,
        rewriter.now(node.inputs[0]),
        {"kernel": kernel} | bias,
        outputs=node.outputs,
        kernel=kernel.shape[:2],
        **{key: node.attributes[key] for key in shared},
    )
    rewriter.replace(node.outputs, outputs)


def _grow(kernel: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """The same kernel in the middle of a larger one."""
    margins = [(want - have) // 2 for want, have in zip(size, kernel.shape[:2], strict=True)]
    return np.pad(kernel, [*((margin, margin) for margin in margins), (0, 0), (0, 0)])
