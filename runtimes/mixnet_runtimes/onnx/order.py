"""Sorts the nodes of an ``.onnx`` graph: each after the nodes whose results it reads.

ONNX requires this order; onnxruntime does not, and some writers leave nodes out of order. Each node
stays as near to its position as possible.
"""

import heapq
from dataclasses import dataclass
from typing import Any

from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx.walk import bodies, names_given


@dataclass(frozen=True)
class Scope:
    """The names that a graph has or computes, and those that it sees of the graphs around it."""

    names: set[str]
    outer: "Scope | None" = None

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.outer is not None and name in self.outer)


@dataclass(frozen=True)
class Needs:
    """What the nodes of a graph read of it, each with the graphs within it; by place."""

    reads: list[set[str]]
    bodies: list[list["Needs"]]
    free: set[str]
    """Tensors that the graph reads but neither has nor computes."""


def sort_nodes(graph: Any) -> bool:
    """Sort the nodes of a graph and of all graphs within it; True if that changed any.

    Raises ModelError if a node reads what nothing computes, or what waits for its own result.
    """
    return _sort(graph, _needs(graph), None)


def _needs(graph: Any) -> Needs:
    within = [[_needs(body) for body in bodies(node)] for node in graph.node]
    reads = [
        {name for name in node.input if name}.union(*(each.free for each in inner))
        for node, inner in zip(graph.node, within, strict=True)
    ]
    known = {"", *names_given(graph), *(name for node in graph.node for name in node.output)}
    outputs = {value.name for value in graph.output}
    return Needs(reads, within, outputs.union(*reads) - known)


def _sort(graph: Any, needs: Needs, outer: Scope | None) -> bool:
    scope = Scope({"", *names_given(graph)}, outer)
    changed = not _is_sorted(graph, needs.reads, scope)
    places = list(range(len(needs.reads)))
    if changed:
        places = _order(graph, needs.reads, scope)
        rank = {place: number for number, place in enumerate(places)}
        numbers = iter(range(len(places)))
        graph.node.sort(key=lambda _node: rank[next(numbers)])
    scope.names.update(name for node in graph.node for name in node.output)
    for value in graph.output:
        if value.name not in scope:
            raise ModelError(f"output {value.name!r} is never computed")
    for node, place in zip(graph.node, places, strict=True):
        for body, inner in zip(bodies(node), needs.bodies[place], strict=True):
            changed |= _sort(body, inner, scope)
    return changed


def _is_sorted(graph: Any, reads: list[set[str]], scope: Scope) -> bool:
    written: set[str] = set()
    for node, names in zip(graph.node, reads, strict=True):
        if not all(name in written or name in scope for name in names):
            return False
        written.update(node.output)
    return True


def _order(graph: Any, reads: list[set[str]], scope: Scope) -> list[int]:
    """The places of the nodes in an order that can be computed; the first of several first."""
    writers = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    readers: dict[int, list[int]] = {}
    missing = [0] * len(reads)
    for place, names in enumerate(reads):
        for name in sorted(name for name in names if name not in scope):
            if name not in writers:
                kind = graph.node[place].op_type
                raise ModelError(f"{kind} reads {name!r}, which is never computed")
            readers.setdefault(writers[name], []).append(place)
            missing[place] += 1
    ready = [place for place, count in enumerate(missing) if not count]
    order: list[int] = []
    while ready:
        place = heapq.heappop(ready)
        order.append(place)
        for reader in readers.get(place, ()):
            missing[reader] -= 1
            if not missing[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(reads):
        left = next(place for place, count in enumerate(missing) if count)
        name = min(name for name in reads[left] if name not in scope)
        raise ModelError(f"{graph.node[left].op_type} reads {name!r} before it is computed")
    return order
