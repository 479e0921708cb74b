"""Shapes within the bodies of If, Loop and Scan, inferred as for the graph around them.

A body is read with the types and values that its operator passes to it. Shapes that differ between
turns of a loop, or between branches, are left open, so that a stated shape is valid in every turn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mixnet_runtimes.onnx.deduce import Deduction

Bodies = Mapping[str, Any]
"""Graphs by the name of the attribute that holds them."""

PASSES = 4
"""Most readings of a loop's body until its types differ no more from turn to turn."""


def bodies_of(node: Any) -> dict[str, Any]:
    """The graphs that a node runs, by attribute; those of a list of graphs with their places."""
    found = {}
    for attribute in node.attribute:
        if attribute.HasField("g"):
            found[attribute.name] = attribute.g
        for place, graph in enumerate(attribute.graphs):
            found[f"{attribute.name}[{place}]"] = graph
    return found


def visit(scope: "Deduction", node: Any, key: str) -> None:
    """Learn about a node's bodies and, from them, about its outputs; never raises.

    ``key`` is where the node stands; that of a body is ``key.attribute``.
    """
    bodies = bodies_of(node)
    way = WAYS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    with suppress(Exception):
        # As for other operators: what cannot be deduced stays unknown, and is reported as such.
        if way is not None:
            way(scope, node, bodies, key)
            return
        for role, body in bodies.items():
            scope.faults += read_body(scope, body, f"{key}.{role}", {}, {}).faults


def read_body(
    scope: "Deduction", body: Any, key: str, types: Mapping[str, Any], values: Mapping[str, Any]
) -> "Deduction":
    """Read a body whose inputs have these types and values; write the inferred shapes into it."""
    child = scope.within(key)
    for name, known in types.items():
        if known is not None:
            child.types[name] = known
    for name, value in values.items():
        child.learn_value(name, value)
    child.read(body)
    child.state(body)
    return child


def _branches(scope: "Deduction", node: Any, bodies: Bodies, key: str) -> None:
    """If: an output has the shape of the branch that is taken, or what both have in common."""
    taken = scope.values.get(node.input[0])
    children = [
        read_body(scope, bodies[role], f"{key}.{role}", {}, {})
        for role in ("then_branch", "else_branch")
    ]
    _learn_faults(scope, children, taken)
    results = [
        [value.name for value in bodies[role].output] for role in ("then_branch", "else_branch")
    ]
    for place, name in enumerate(node.output):
        if taken is not None:
            branch = 0 if bool(taken) else 1
            _learn(scope, name, children[branch], results[branch][place])
        else:
            first, second = (
                child.types.get(names[place])
                for child, names in zip(children, results, strict=True)
            )
            _learn_type(scope, name, common(first, second))


def _learn_faults(scope: "Deduction", children: list["Deduction"], taken: Any | None) -> None:
    """One of two branches must run at these sizes: the one that is taken, if known."""
    needed = children if taken is None else [children[0 if bool(taken) else 1]]
    if all(child.faults for child in needed):
        scope.faults += needed[0].faults
    else:
        scope.idle += [fault for child in children for fault in child.faults]


def _loop(scope: "Deduction", node: Any, bodies: Bodies, key: str) -> None:
    from onnx import TensorProto
    from onnx.helper import make_tensor_type_proto

    body, carried = bodies["body"], list(node.input[2:])
    inputs = [value.name for value in body.input]
    results = [value.name for value in body.output]
    known: dict[str, Any] = {inputs[0]: make_tensor_type_proto(TensorProto.INT64, ())}
    values = {inputs[1]: np.array(True)}  # a turn begins only where it is
    values |= _unchanged(scope, body, carried, inputs[2:], results[1:])
    kept, child = _read_until_settled(
        scope, body, f"{key}.body", known, values,
        [scope.types.get(name) for name in carried], inputs[2:], results[1:],
    )  # fmt: skip
    scope.faults += child.faults
    for name, each in zip(node.output, kept, strict=False):
        _learn_type(scope, name, each)
    turns = scope.values.get(node.input[0]) if node.input[0] else None
    goes_on = child.values.get(results[0])
    count = int(turns) if turns is not None and goes_on is not None and bool(goes_on) else None
    for name, result in zip(node.output[len(carried) :], results[1 + len(carried) :], strict=True):
        _learn_type(scope, name, stacked(child.types.get(result), 0, count))


def _scan(scope: "Deduction", node: Any, bodies: Bodies, key: str) -> None:
    """Scan since opset 9; the one of opset 8 has a batch, and its shapes stay unknown."""
    if scope.opset < 9:
        scope.faults += read_body(scope, bodies["body"], f"{key}.body", {}, {}).faults
        return
    body = bodies["body"]
    values = {each.name: each for each in node.attribute}
    scanned = values["num_scan_inputs"].i
    states = len(node.input) - scanned
    axes = list(values["scan_input_axes"].ints) if "scan_input_axes" in values else [0] * scanned
    inputs, results = [each.name for each in body.input], [each.name for each in body.output]
    types = [scope.types.get(name) for name in node.input]
    slices = [without(each, axis) for each, axis in zip(types[states:], axes, strict=True)]
    length = _size_along(types[states], axes[0])
    kept, child = _read_until_settled(
        scope, body, f"{key}.body", dict(zip(inputs[states:], slices, strict=True)), {},
        types[:states], inputs[:states], results[:states],
    )  # fmt: skip
    scope.faults += child.faults
    for name, each in zip(node.output, kept, strict=False):
        _learn_type(scope, name, each)
    ways = values.get("scan_output_axes")
    for place, (name, result) in enumerate(
        zip(node.output[states:], results[states:], strict=True)
    ):
        axis = ways.ints[place] if ways is not None else 0
        _learn_type(scope, name, stacked(child.types.get(result), axis, length))


WAYS: Mapping[str, Callable[["Deduction", Any, Bodies, str], None]] = {
    "If": _branches,
    "Loop": _loop,
    "Scan": _scan,
}


def _read_until_settled(
    scope: "Deduction", body: Any, key: str, known: Mapping[str, Any], values: Mapping[str, Any],
    first: Sequence[Any], inputs: Sequence[str], results: Sequence[str],
) -> tuple[list[Any], "Deduction"]:  # fmt: skip
    """Read a loop's body with types of its states that hold in every turn; those, and the reading.

    ``first`` are the states' types in the first turn.
    """
    kept = list(first)
    for _ in range(PASSES):
        types = {**known, **dict(zip(inputs, kept, strict=False))}
        child = read_body(scope, body, key, types, values)
        after = [child.types.get(name) for name in results[: len(kept)]]
        before, kept = kept, [common(*pair) for pair in zip(kept, after, strict=True)]
        if kept == before:
            return kept, child
        forget(body)
    return [None] * len(kept), read_body(scope, body, key, known, values)


def _unchanged(
    scope: "Deduction", body: Any, carried: list[str], inputs: list[str], results: list[str]
) -> dict[str, Any]:
    """The values that a loop passes unchanged from turn to turn."""
    sources = {node.output[0]: node.input[0] for node in body.node if node.op_type == "Identity"}
    return {
        inside: scope.values[outside]
        for outside, inside, result in zip(carried, inputs, results, strict=False)
        if outside in scope.values and inside in (result, sources.get(result))
    }


def forget(graph: Any) -> None:
    """Drop every shape that a graph and the graphs within it state for what they compute."""
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for body in bodies_of(node).values():
            forget(body)


def _learn(scope: "Deduction", name: str, child: "Deduction", source: str) -> None:
    if source in child.values:
        scope.learn_value(name, child.values[source])
    else:
        _learn_type(scope, name, child.types.get(source))


def _learn_type(scope: "Deduction", name: str, known: Any | None) -> None:
    if name and known is not None:
        scope.types[name] = known


def _sizes(known: Any) -> Iterator[int | None]:
    for each in known.tensor_type.shape.dim:
        yield each.dim_value if each.HasField("dim_value") else None


def _size_along(known: Any | None, axis: int) -> int | None:
    if known is None or not known.tensor_type.HasField("shape"):
        return None
    return list(_sizes(known))[axis]


def _typed(known: Any, sizes: Sequence[int | None] | None) -> Any:
    from onnx.helper import make_tensor_type_proto

    return make_tensor_type_proto(known.tensor_type.elem_type, sizes)


def common(first: Any | None, second: Any | None) -> Any | None:
    """The common part of two types, as a type with open sizes; None if there is none."""
    if first is None or second is None or first == second:
        return first if first == second else None
    if not (first.HasField("tensor_type") and second.HasField("tensor_type")):
        return None
    if first.tensor_type.elem_type != second.tensor_type.elem_type:
        return None
    if not (first.tensor_type.HasField("shape") and second.tensor_type.HasField("shape")):
        return _typed(first, None)
    pairs = list(_sizes(first)), list(_sizes(second))
    if len(pairs[0]) != len(pairs[1]):
        return _typed(first, None)
    return _typed(first, [a if a == b else None for a, b in zip(*pairs, strict=True)])


def without(known: Any | None, axis: int) -> Any | None:
    """The type of a slice of a tensor."""
    if known is None or not known.tensor_type.HasField("shape"):
        return None
    sizes = list(_sizes(known))
    del sizes[axis]
    return _typed(known, sizes)


def stacked(known: Any | None, axis: int, count: int | None) -> Any | None:
    """The type of ``count`` such tensors side by side; of an open number where that is None."""
    if known is None or not known.tensor_type.HasField("shape"):
        return None
    sizes = list(_sizes(known))
    sizes.insert(axis if axis >= 0 else len(sizes) + 1 + axis, count)
    return _typed(known, sizes)
