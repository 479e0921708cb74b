"""Iterates over an ``.onnx`` model, whose nodes contain further graphs in their attributes."""

from collections.abc import Iterable, Iterator
from typing import Any


def graphs(graph: Any) -> Iterator[Any]:
    """A graph and all graphs within it, at any depth."""
    yield graph
    yield from inner_graphs(graph.node)


def inner_graphs(nodes: Iterable[Any]) -> Iterator[Any]:
    """All graphs within nodes, at any depth."""
    pending = [body for node in nodes for body in bodies(node)]
    while pending:
        graph = pending.pop()
        yield graph
        pending += [body for node in graph.node for body in bodies(node)]


def bodies(node: Any) -> list[Any]:
    """The graphs that are attributes of a node: branches, the body of a loop."""
    found = []
    for attribute in node.attribute:
        if attribute.HasField("g"):
            found.append(attribute.g)
        found += attribute.graphs
    return found


def all_nodes(model: Any) -> Iterator[Any]:
    """Every node of a model, those in bodies and functions too."""
    for graph in graphs(model.graph):
        yield from graph.node
    for function in model.functions:
        yield from function.node
        for graph in inner_graphs(function.node):
            yield from graph.node


def stated_values(graph: Any) -> Iterator[Any]:
    """Everything of which a graph states type and shape, but in the graphs within it."""
    yield from graph.input
    yield from graph.output
    yield from graph.value_info


def constants(graph: Any) -> Iterator[Any]:
    """Every TensorProto of a graph, but those of the graphs within it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
    for sparse in sparse_constants(graph):
        yield sparse.values
        yield sparse.indices


def sparse_constants(graph: Any) -> Iterator[Any]:
    """Every SparseTensorProto of a graph, but those of the graphs within it."""
    yield from graph.sparse_initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor"):
                yield attribute.sparse_tensor
            yield from attribute.sparse_tensors


def names_given(graph: Any) -> Iterator[str]:
    """The names that a graph has before it computes anything: its inputs and constants."""
    yield from (value.name for value in graph.input)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (sparse.values.name for sparse in graph.sparse_initializer)
