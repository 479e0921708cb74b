"""The neutral graph: the computation of a network, without its weights and without a file format.

A graph is data: tensors with NHWC shapes, nodes in topological order. Weights are a separate
mapping from name to array, so counting does not need them. Nothing here executes or writes a graph.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]
"""Sizes along each axis; feature maps are (batch, height, width, channels)."""


@dataclass(frozen=True)
class Tensor:
    """An activation: its name survives into exported files. The element type is float32."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Node:
    """One application of an operator.

    ``inputs`` and ``outputs`` are names of tensors. ``parameters`` gives the shape of each weight
    by its role; the array itself is called ``{node.name}.{role}``.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Shape] = field(default_factory=dict)

    def parameter_name(self, role: str) -> str:
        """The name under which a weight of this node is stored."""
        return f"{self.name}.{role}"


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, with the shape of every tensor between them."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor by name."""
        return self.tensors[tensor].shape

    def producer(self, tensor: str) -> Node | None:
        """The node that computes a tensor; None for an input of the graph."""
        return next((node for node in self.nodes if tensor in node.outputs), None)

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read a tensor."""
        return tuple(node for node in self.nodes if tensor in node.inputs)

    def parameters(self) -> Iterator[tuple[str, Node, str, Shape]]:
        """Every weight of the graph: its name, its node, its role there, and its shape."""
        for node in self.nodes:
            for role, shape in node.parameters.items():
                yield node.parameter_name(role), node, role, shape
