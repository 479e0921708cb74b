"""Which operators of a ``.tflite`` file a delegate took over.

An interpreter keeps every operator of the file in its list and appends one for each partition, with
the tensors that enter and leave it. The operators of a partition are found by walking back from its
outputs to its inputs. Pure functions over such lists.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_runtimes.contents import Delegation


@dataclass(frozen=True)
class Node:
    """An operator as the interpreter lists it; tensors by index."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def delegation_of(before: Sequence[Node] | None, after: Sequence[Node] | None) -> Delegation:
    """Compare the operators before and after the interpreter applied its delegates."""
    if before is None or after is None:
        return Delegation(None, reason="this runtime does not list its operators")
    found = pieces(before, after) or []
    inside = {index for piece in found for index in piece}
    left = [node.kind for index, node in enumerate(before) if index not in inside]
    return Delegation(len(found), len(inside), len(left), dict(Counter(left)))


def pieces(before: Sequence[Node] | None, after: Sequence[Node] | None) -> list[list[int]] | None:
    """The operators of each partition, by index; partitions and indices in order of execution."""
    if before is None or after is None:
        return None
    return [sorted(_members(piece, before)) for piece in after[len(before) :]]


def _members(piece: Node, nodes: Sequence[Node]) -> set[int]:
    """Indices of the nodes between a partition's inputs and outputs."""
    producer = {tensor: index for index, node in enumerate(nodes) for tensor in node.outputs}
    borders = set(piece.inputs)
    members: set[int] = set()
    pending = [tensor for tensor in piece.outputs if tensor not in borders]
    while pending:
        index = producer.get(pending.pop())
        if index is None or index in members:
            continue
        members.add(index)
        pending += [tensor for tensor in nodes[index].inputs if tensor not in borders]
    return members
