"""Builds a graph node by node; the operator table determines the outputs of each node."""

from typing import Any

from mixnet_common import MixnetError
from mixnet_networks.graph import Graph, Node, Shape, Tensor
from mixnet_networks.graph.operators import infer


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
        """The number of nodes so far."""
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
        MixnetError if the operator's shape rule refuses the inputs.
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
        inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        if name in self._names:
            raise MixnetError(f"two nodes of {self.name} have the name {name}")
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
            raise MixnetError(f"two tensors of {self.name} have the name {tensor.name}")
        self._tensors[tensor.name] = tensor
