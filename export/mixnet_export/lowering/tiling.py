"""Depthwise convolutions of more than 25 taps as sums of small ones. Exact up to rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_export.lowering.taps import MOST_TAPS, TILINGS, Piece
from mixnet_networks import Graph, Node
from mixnet_networks.graph.padding import Pair, resolve_padding, same_padding

Tiling = Callable[[Node], str]
"""Names the tiling of a depthwise convolution, or ``direct``."""


def tile_depthwise(
    model: Model, tiling: Tiling, floating: Callable[[Node], bool] = lambda node: False
) -> Model:
    """Replace each large depthwise convolution by the sum of its pieces.

    ``floating`` says of a convolution whether its pieces and their sums are to stay in float32
    within an int8 file: in int8 each partial sum is rounded, which no other layer suffers.

    A piece that is centred, so that SAME padding means the same for it as for the whole, reads
    the input as it is. For others the input is padded once and sliced. Taps that only ever meet
    padding, because the kernel is larger than the map, are left out: they cost time, and a piece
    made of them alone has an int8 range of nothing, which XNNPACK refuses.
    """

    def rule(rewriter: Rewriter, node: Node) -> None:
        name = tiling(node) if _is_large(node) else "direct"
        if name == "direct":
            rewriter.keep(node)
        else:
            added = _tile(rewriter, node, _pieces(rewriter, node, name))
            if len(added) > 1 and floating(node):
                rewriter.keep_floating(*added)

    return rewrite(model, rule)


def large_kernels(graph: Graph) -> int:
    """How many depthwise kernels have more taps than XNNPACK's largest microkernel."""
    kernels = [
        kernel
        for node in graph.nodes
        for kernel in node.attributes.get("kernels", (node.attributes.get("kernel"),))
        if "depthwise" in node.op
    ]
    return sum(height * width > MOST_TAPS for height, width in kernels)


def _is_large(node: Node) -> bool:
    """Already dilated kernels stay whole: the paper's dilated variant has nine taps."""
    if node.op != "depthwise_conv2d" or tuple(node.attributes["dilations"]) != (1, 1):
        return False
    height, width = node.attributes["kernel"]
    return bool(height * width > MOST_TAPS)


def _pieces(rewriter: Rewriter, node: Node, tiling: str) -> list[Piece]:
    """The pieces of the taps that meet the map."""
    graph = rewriter.source.graph
    _, *sizes, _ = graph.shape(node.inputs[0])
    _, *outputs, _ = graph.shape(node.outputs[0])
    kernel, strides = node.attributes["kernel"], node.attributes["strides"]
    pads = resolve_padding(node.attributes["padding"], (sizes[0], sizes[1]), kernel, strides)
    rows, columns = (
        _met(taps, size, count, stride, before)
        for taps, size, count, stride, (before, _) in zip(
            kernel, sizes, outputs, strides, pads, strict=True
        )
    )
    pieces = TILINGS[tiling](len(rows), len(columns))
    return [(rows[_cut(piece_rows)], columns[_cut(more)]) for piece_rows, more in pieces]


def _met(taps: int, size: int, outputs: int, stride: int, before: int) -> range:
    """The taps of one axis that meet the map under at least one output.

    >>> _met(9, size=2, outputs=2, stride=1, before=4)
    range(3, 6)
    """
    starts = range(-before, -before + outputs * stride, stride)
    met = [tap for tap in range(taps) if any(0 <= start + tap < size for start in starts)]
    return range(met[0], met[-1] + 1) if met else range(1)


def _cut(taps: range) -> slice:
    return slice(taps.start, taps.stop, taps.step)


def _tile(rewriter: Rewriter, node: Node, pieces: list[Piece]) -> list[str]:
    """Add the pieces and their sums; returns these nodes' names."""
    arrays = rewriter.source.arrays(node)
    source = _Source(rewriter, node)
    activation = node.attributes["activation"]
    single = len(pieces) == 1
    partial: list[str] = []
    names = [node.name if single else f"{node.name}.piece{index}" for index in range(len(pieces))]
    for index, piece in enumerate(pieces):
        weights = {"kernel": arrays["kernel"][np.ix_(*piece)]}
        if index == 0 and "bias" in arrays:
            weights["bias"] = arrays["bias"]
        x, padding = source.under(piece, f"piece{index}")
        partial += rewriter.add(
            "depthwise_conv2d",
            names[index],
            x,
            weights,
            outputs=node.outputs if single else (),
            kernel=tuple(len(taps) for taps in piece),
            dilations=_steps(piece),
            strides=node.attributes["strides"],
            padding=padding,
            multiplier=node.attributes["multiplier"],
            bias="bias" in weights,
            activation=activation if single else None,
        )
    total = add_up(rewriter, node.name, partial, node.outputs, activation)
    rewriter.replace(node.outputs, (total,))
    return names + sum_names(node.name, len(partial))


def sum_names(name: str, count: int) -> list[str]:
    """The additions that sum up these tensors; the last one has the name itself.

    >>> sum_names("n", 3), sum_names("n", 1)
    (['n.sum1', 'n'], [])
    """
    return [f"{name}.sum{index}" for index in range(1, count - 1)] + [name] * (count > 1)


def add_up(
    rewriter: Rewriter, name: str, parts: list[str], outputs: tuple[str, ...], activation: Any
) -> str:
    """The sum of some tensors; the last addition has the name, the outputs and the activation."""
    total = parts[0]
    for part, sum_name in zip(parts[1:], sum_names(name, len(parts)), strict=True):
        final = sum_name == name
        (total,) = rewriter.add(
            "add",
            sum_name,
            (total, part),
            outputs=outputs if final else (),
            activation=activation if final else None,
        )
    return total


def _steps(piece: Piece) -> Pair:
    """A piece's dilation; one row or column has none."""
    rows, columns = (taps.step if len(taps) > 1 else 1 for taps in piece)
    return rows, columns


class _Source:
    """The input of a large convolution, and what of it each piece is to read."""

    def __init__(self, rewriter: Rewriter, node: Node) -> None:
        self._rewriter = rewriter
        self._node = node
        self._x = rewriter.now(node.inputs[0])
        _, *sizes, self._channels = rewriter.shape(self._x)
        self._sizes = (sizes[0], sizes[1])
        self._output = rewriter.source.graph.shape(node.outputs[0])[1:3]
        attributes = node.attributes
        self._strides = attributes["strides"]
        self._pads = resolve_padding(
            attributes["padding"], self._sizes, attributes["kernel"], self._strides
        )
        self._padded = ""

    def under(self, piece: Piece, name: str) -> tuple[str, str]:
        """The tensor that a piece reads, and its padding."""
        if all(self._is_centred(axis, taps) for axis, taps in enumerate(piece)):
            return self._x, "same"
        starts = [taps[0] for taps in piece]
        spans = [
            (count - 1) * stride + taps[-1] - taps[0] + 1
            for count, stride, taps in zip(self._output, self._strides, piece, strict=True)
        ]
        batch = self._rewriter.shape(self._x)[0]
        (sliced,) = self._rewriter.add(
            "slice",
            f"{self._node.name}.{name}.slice",
            self._pad_once(),
            begin=(0, *starts, 0),
            size=(batch, *spans, self._channels),
        )
        return sliced, "valid"

    def _is_centred(self, axis: int, taps: range) -> bool:
        """Whether SAME padding puts this piece's first tap where the whole kernel has it."""
        if self._node.attributes["padding"] != "same":
            return False
        step = taps.step if len(taps) > 1 else 1
        before, _ = same_padding(self._sizes[axis], len(taps), self._strides[axis], step)
        return before == self._pads[axis][0] - taps[0]

    def _pad_once(self) -> str:
        if not self._padded:
            self._padded = self._x
            if np.any(self._pads):
                (self._padded,) = self._rewriter.add(
                    "pad",
                    f"{self._node.name}.pad",
                    self._x,
                    paddings=((0, 0), *self._pads, (0, 0)),
                )
        return self._padded
