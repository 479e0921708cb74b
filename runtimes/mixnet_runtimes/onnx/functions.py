"""Inlines the model-local functions of an ``.onnx`` file.

A kilobyte of functions that call each other twice expands to gigabytes, so the result is counted
first.
"""

from dataclasses import dataclass
from typing import Any

from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx.types import plain_domain
from mixnet_runtimes.onnx.walk import all_nodes, bodies, graphs, inner_graphs

MOST_DEPTH = 50
"""Limit of nested calls; a call's name is part of every name within it."""

MOST_NODES, MOST_BYTES = 20_000, 32 << 20
"""That inlining may add to a file."""

Key = tuple[str, str, str]
"""Domain, name and overload of a function."""


@dataclass(frozen=True)
class Cost:
    """The size of something when its functions are inlined."""

    nodes: int = 0
    bytes: int = 0
    depth: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        depth = max(self.depth, other.depth)
        return Cost(self.nodes + other.nodes, self.bytes + other.bytes, depth)


def inline(model: Any) -> Any:
    """The model without functions. Raises ModelError if that is too much or cannot be done."""
    if not model.functions:
        return model
    _check_cost(model)
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the C++ inliner raises whatever it likes
        raise ModelError(f"its functions cannot be inlined ({error})") from error


def _check_cost(model: Any) -> None:
    functions = {
        (plain_domain(each.domain), each.name, each.overload): each for each in model.functions
    }
    costs: dict[Key, Cost] = {}
    for key in functions:
        _learn(key, functions, costs)
    total = Cost()
    for graph in graphs(model.graph):
        for node in graph.node:
            total += _cost(node, functions, costs)
    own = sum(1 for _ in all_nodes(model))
    if total.nodes > own + MOST_NODES or total.bytes > model.ByteSize() + MOST_BYTES:
        raise ModelError(
            f"its functions expand to {total.nodes:,} nodes and {total.bytes / 1e6:,.0f} MB"
        )


def _learn(start: Key, functions: dict[Key, Any], costs: dict[Key, Cost]) -> None:
    """The cost of a function, those that it calls first. Raises ModelError for a circle."""
    path: dict[Key, None] = {}
    pending = [start]
    while pending:
        key = pending[-1]
        if key in costs:
            pending.pop()
            continue
        called = {_key(node) for node in _nodes(functions[key])} & functions.keys()
        unknown = called - costs.keys()
        if not unknown:
            costs[key] = _of_function(functions[key], functions, costs)
            path.pop(key, None)
            continue
        path[key] = None
        circle = unknown & path.keys()
        if circle:
            raise ModelError(f"its function {min(circle)[1]!r} calls itself")
        pending += sorted(unknown)


def _of_function(function: Any, functions: dict[Key, Any], costs: dict[Key, Cost]) -> Cost:
    total = Cost()
    for node in _nodes(function):
        total += _cost(node, functions, costs)
    if total.depth >= MOST_DEPTH:
        raise ModelError(f"its functions call each other more than {MOST_DEPTH} levels deep")
    return Cost(total.nodes, total.bytes, total.depth + 1)


def _cost(node: Any, functions: dict[Key, Any], costs: dict[Key, Cost]) -> Cost:
    """A node alone, without the graphs within it, or its expanded function."""
    key = _key(node)
    if key not in functions:
        return Cost(1, node.ByteSize() - sum(body.ByteSize() for body in bodies(node)))
    called = costs[key]
    # Every node within gets the call's name before its own names.
    names = len(node.name) + len(node.op_type) + 8
    return Cost(called.nodes, called.bytes + called.nodes * 4 * names, called.depth)


def _nodes(function: Any) -> list[Any]:
    found = list(function.node)
    for graph in inner_graphs(function.node):
        found += graph.node
    return found


def _key(node: Any) -> Key:
    return (plain_domain(node.domain), node.op_type, node.overload)
