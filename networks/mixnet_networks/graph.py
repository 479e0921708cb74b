"""The neutral graph: what a network computes, without its weights and without any file format.

A graph is data: tensors with NHWC shapes, nodes in topological order. Weights live beside it as a
mapping from name to array, so counting needs none. Nothing here executes or writes a graph.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mixnet_common import MixnetError

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


class GraphBuilder:
    """Appends nodes one by one, working out each output's shape by the operator's own rule."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._inputs: list[Tensor] = []
        self._nodes: list[Node] = []
        self._tensors: dict[str, Tensor] = {}
        self._names: set[str] = set()

    @property
    def length(self) -> int:
        """How many nodes there are so far."""
        return len(self._nodes)

    def input(self, name: str, shape: Shape) -> str:
        """Declare an input of the graph; returns its name."""
        tensor = Tensor(name, shape)
        self._inputs.append(tensor)
        self._add_tensor(tensor)
        return name

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor added before."""
        return self._tensors[tensor].shape

    def add(
        self,
        op: str,
        name: str,
        inputs: tuple[str, ...] | str,
        *,
        outputs: tuple[str, ...] = (),
        **attributes: Any,
    ) -> str:
        """Append a node and return the name of its first output.

        An output is called like the node; several are numbered ``name:0``, ``name:1``. Raises
        MixnetError where the operator's shape rule refuses the inputs.
        """
        node = self.add_node(op, name, inputs, outputs=outputs, **attributes)
        return node.outputs[0]

    def add_node(
        self,
        op: str,
        name: str,
        inputs: tuple[str, ...] | str,
        *,
        outputs: tuple[str, ...] = (),
        **attributes: Any,
    ) -> Node:
        """Append a node and return it."""
        from mixnet_networks.operators import infer

        inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        if name in self._names:
            raise MixnetError(f"two nodes of {self.name} are called {name}")
        self._names.add(name)
        shapes, attributes, parameters = infer(
            op, name, tuple(self.shape(each) for each in inputs), attributes
        )
        if not outputs:
            numbered = tuple(f"{name}:{index}" for index in range(len(shapes)))
            outputs = (name,) if len(shapes) == 1 else numbered
        for output, shape in zip(outputs, shapes, strict=True):
            self._add_tensor(Tensor(output, shape))
        node = Node(name, op, inputs, outputs, attributes, parameters)
        self._nodes.append(node)
        return node

    def build(self, *outputs: str) -> Graph:
        """The finished graph with the named outputs."""
        return Graph(
            self.name, tuple(self._inputs), outputs, tuple(self._nodes), dict(self._tensors)
        )

    def _add_tensor(self, tensor: Tensor) -> None:
        if tensor.name in self._tensors:
            raise MixnetError(f"two tensors of {self.name} are called {tensor.name}")
        self._tensors[tensor.name] = tensor
