"""Which channels of a graph's tensors must have the same scale, so that results stay the same.

Scaling a channel by a positive number passes unchanged through every positively homogeneous
operator: ReLU, sums, concatenation, slices, pools, padding with zeros. It ends at a linear layer,
whose weights can compensate it. Channels that reach a sigmoid, a swish or a ReLU6, or are an input
or output of the graph, cannot be scaled.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.graph import Graph, Node

LINEAR = ("conv2d", "grouped_conv2d", "depthwise_conv2d", "mixed_depthwise_conv2d", "dense")
HOMOGENEOUS = (None, "relu")
"""Activations f with f(s x) = s f(x) for every s > 0. ReLU6 is none: its bound would move."""

Indices = NDArray[np.int64]
Rule = Callable[["Classes", Graph, Node], None]


class Classes:
    """Every channel of every tensor as a member of a class that shares one scale (union-find)."""

    def __init__(self, graph: Graph) -> None:
        sizes = {name: tensor.shape[-1] for name, tensor in graph.tensors.items()}
        ends = np.cumsum(list(sizes.values()))
        self._members: dict[str, Indices] = {
            name: np.arange(end - size, end)
            for (name, size), end in zip(sizes.items(), ends, strict=True)
        }
        # the last number stands for the scale 1
        self._parents = list(range(int(ends[-1]) + 1))
        self.fixed = int(ends[-1])

    def __len__(self) -> int:
        return len(self._parents)

    def members(self, tensor: str) -> Indices:
        """The numbers of a tensor's channels."""
        return self._members[tensor]

    def of(self, tensor: str) -> Indices:
        """The class of each channel of a tensor."""
        return np.array([self._root(int(index)) for index in self._members[tensor]])

    def fix(self, tensor: str) -> None:
        """Let a tensor keep its scale."""
        for index in self._members[tensor]:
            self._join(self.fixed, int(index))

    def is_fixed(self, tensor: str) -> bool:
        """Whether all of a tensor keeps its scale."""
        fixed = self._root(self.fixed)
        return all(self._root(int(index)) == fixed for index in self._members[tensor])

    def join(self, some: Indices, others: Indices) -> None:
        """Let channels share a scale, one by one; a single channel with all."""
        for one, other in zip(*np.broadcast_arrays(some, others), strict=True):
            self._join(int(one), int(other))

    def fixed_class(self) -> int:
        """The class of all channels that keep their scale."""
        return self._root(self.fixed)

    def _root(self, index: int) -> int:
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def _join(self, one: int, other: int) -> None:
        self._parents[self._root(other)] = self._root(one)


def scale_classes(graph: Graph) -> Classes:
    """The classes of all channels of a graph, before or after lowering; batch norm is not undone.

    Nodes are taken in order, so that a product knows whether its factors keep their scale.
    """
    classes = Classes(graph)
    for tensor in graph.inputs:
        classes.fix(tensor.name)
    for node in graph.nodes:
        _RULES.get(node.op, _keep_scale)(classes, graph, node)
        if node.attributes.get("activation") not in HOMOGENEOUS:
            classes.fix(node.outputs[0])
    for name in graph.outputs:
        classes.fix(name)
    return classes


def _keep_scale(classes: Classes, graph: Graph, node: Node) -> None:
    for tensor in (*node.inputs, *node.outputs):
        classes.fix(tensor)


def _pass(classes: Classes, graph: Graph, node: Node) -> None:
    """Every input has the output's channels."""
    output = classes.members(node.outputs[0])
    for tensor in node.inputs:
        classes.join(output, classes.members(tensor))


def _absorb(classes: Classes, graph: Graph, node: Node) -> None:
    """The weights of a linear layer stand between its input's scales and its output's."""


def _concat(classes: Classes, graph: Graph, node: Node) -> None:
    if not _is_last(graph, node):
        _pass(classes, graph, node)
        return
    parts = [classes.members(tensor) for tensor in node.inputs]
    classes.join(classes.members(node.outputs[0]), np.concatenate(parts))


def _split(classes: Classes, graph: Graph, node: Node) -> None:
    source = classes.members(node.inputs[0])
    if not _is_last(graph, node):
        for tensor in node.outputs:
            classes.join(source, classes.members(tensor))
        return
    parts = [classes.members(tensor) for tensor in node.outputs]
    classes.join(source, np.concatenate(parts))


def _slice(classes: Classes, graph: Graph, node: Node) -> None:
    begin, size = node.attributes["begin"][-1], node.attributes["size"][-1]
    source = classes.members(node.inputs[0])[begin : begin + size]
    classes.join(source, classes.members(node.outputs[0]))


def _pad(classes: Classes, graph: Graph, node: Node) -> None:
    """Zeros are zeros at any scale; new channels would be others."""
    same = tuple(node.attributes["paddings"][-1]) == (0, 0)
    (_pass if same else _keep_scale)(classes, graph, node)


def _reshape(classes: Classes, graph: Graph, node: Node) -> None:
    """Dropping or adding axes of one element leaves the channels in their order."""
    before, after = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    same = before[-1] == after[-1] and before[0] == after[0]
    plain = all(size == 1 for size in (*before[1:-1], *after[1:-1]))
    (_pass if same and plain else _keep_scale)(classes, graph, node)


def _mul(classes: Classes, graph: Graph, node: Node) -> None:
    """A gate that keeps its scale, as squeeze-and-excite's, lets the other factor's through."""
    first, second = node.inputs
    for gate, other in ((second, first), (first, second)):
        wide = graph.shape(other)[-1] == graph.shape(node.outputs[0])[-1]
        if classes.is_fixed(gate) and wide:
            classes.join(classes.members(node.outputs[0]), classes.members(other))
            return
    _keep_scale(classes, graph, node)


def _is_last(graph: Graph, node: Node) -> bool:
    axis = node.attributes["axis"]
    return bool(axis % len(graph.shape(node.inputs[0])) == len(graph.shape(node.inputs[0])) - 1)


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(LINEAR, _absorb),
    **dict.fromkeys(("relu", "add", "max_pool", "avg_pool", "global_mean"), _pass),
    "concat": _concat,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "reshape": _reshape,
    "mul": _mul,
}
"""Others keep the scale on both sides: sigmoid, swish, ReLU6, transpose, batch norm."""
