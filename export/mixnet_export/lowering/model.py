"""A graph with its weights, and the replay by which every lowering rewrites it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks import Graph, GraphBuilder, Node

Arrays = Mapping[str, NDArray[Any]]

MOST_CONCATENATED = 5


@dataclass(frozen=True)
class Model:
    """A graph and the arrays of its parameters, by their names in the graph."""

    graph: Graph
    weights: Arrays
    floating: tuple[str, ...] = ()
    """Nodes that are to stay in float32 when the file is quantized to int8."""

    def arrays(self, node: Node) -> dict[str, NDArray[Any]]:
        """The weights of one node by role."""
        return {role: self.weights[node.parameter_name(role)] for role in node.parameters}


class Rewriter:
    """Replays a model node by node into a new one.

    A rule either keeps a node or adds others and says by ``replace`` which new tensor stands for
    which old one; later nodes then read the new tensor. What the rules leave is the same network:
    inputs keep their names, and so do outputs that no rule replaces.
    """

    def __init__(self, source: Model) -> None:
        self.source = source
        self._builder = GraphBuilder(source.graph.name)
        self._weights: dict[str, NDArray[Any]] = {}
        self._floating = list(source.floating)
        self._now = {
            tensor.name: self._builder.input(tensor.name, tensor.shape)
            for tensor in source.graph.inputs
        }

    def now(self, tensor: str) -> str:
        """The new name of a tensor of the old graph."""
        return self._now[tensor]

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of a new tensor."""
        return self._builder.shape(tensor)

    def add(
        self,
        op: str,
        name: str,
        inputs: tuple[str, ...] | str,
        weights: Arrays | None = None,
        *,
        outputs: tuple[str, ...] = (),
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Add a node that reads new tensors, with its weights by role; returns its outputs."""
        node = self._builder.add_node(op, name, inputs, outputs=outputs, **attributes)
        for role, array in (weights or {}).items():
            self._weights[node.parameter_name(role)] = np.asarray(array, np.float32)
        return node.outputs

    def keep(self, node: Node, weights: Arrays | None = None, **changes: Any) -> tuple[str, ...]:
        """Add an old node again, with other weights or attributes if given; returns its outputs."""
        outputs = self.add(
            node.op,
            node.name,
            tuple(self.now(tensor) for tensor in node.inputs),
            self.source.arrays(node) if weights is None else weights,
            outputs=node.outputs,
            **{**node.attributes, **changes},
        )
        self.replace(node.outputs, outputs)
        return outputs

    def keep_floating(self, *names: str) -> None:
        """Say of new nodes that they are to stay in float32 when the file is quantized."""
        self._floating += names

    def slice_channels(self, name: str, tensor: str, start: int, size: int) -> str:
        """Add a slice of a new feature map's channels; returns its name."""
        *map_shape, _ = self.shape(tensor)
        (sliced,) = self.add("slice", name, tensor, begin=(0, 0, 0, start), size=(*map_shape, size))
        return sliced

    def concat(
        self, name: str, parts: tuple[str, ...], outputs: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Add a concatenation of new tensors' channels; returns its outputs.

        Where there are many, the last ones are joined first: XNNPACK's delegate takes no
        CONCATENATION of more than five inputs.
        """
        while (surplus := len(parts) - MOST_CONCATENATED) > 0:
            kept = len(parts) - min(surplus + 1, MOST_CONCATENATED)
            parts = (*parts[:kept], *self.add("concat", f"{name}.last{kept}", parts[kept:]))
        return self.add("concat", name, parts, outputs=outputs)

    def replace(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """Replace old tensors by new ones."""
        self._now.update(zip(old, new, strict=True))

    def sole_consumer(self, tensor: str) -> Node | None:
        """The only node that reads an old tensor; None if there are more, or it is an output."""
        readers = self.source.graph.consumers(tensor)
        is_output = tensor in self.source.graph.outputs
        return readers[0] if len(readers) == 1 and not is_output else None

    def finish(self) -> Model:
        """The rewritten model."""
        outputs = (self.now(tensor) for tensor in self.source.graph.outputs)
        graph = self._builder.build(*outputs)
        names = {node.name for node in graph.nodes}
        floating = tuple(name for name in self._floating if name in names)
        return Model(graph, self._weights, floating)


Rule = Callable[[Rewriter, Node], Node | None]
"""Adds what a node becomes. Returns the next node if that was absorbed as well, to be skipped."""


def rewrite(model: Model, rule: Rule) -> Model:
    """Apply a rule to every node, in order."""
    rewriter = Rewriter(model)
    absorbed: set[str] = set()
    for node in model.graph.nodes:
        if node.name not in absorbed and (extra := rule(rewriter, node)):
            absorbed.add(extra.name)
    return rewriter.finish()
