"""An ``.onnx`` graph for rewriting: its constants as arrays, its shapes, the readers of tensors.

Nodes that compute constants from constants, as in paddings from torch's older exporter, are
computed here; they stay in the file until nothing reads them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SMALL = 1024
"""Largest number of elements of a weight whose values inference may need."""

LARGEST_CONSTANT = 1 << 20
"""Elements of a constant that is computed here; weights are given."""


@dataclass(frozen=True)
class OnnxGraph:
    """The main graph of a model."""

    model: Any
    constants: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    """Shapes of computed tensors, with an open batch as 1."""
    ports: frozenset[str]
    """Inputs, outputs, and what bodies of control flow read."""
    has_open_batch: bool

    @property
    def nodes(self) -> list[Any]:
        """The nodes in order."""
        return list(self.model.graph.node)


def read_graph(model: Any) -> OnnxGraph:
    """The main graph of a ModelProto whose nodes are in order."""
    constants = _given(model)
    known = 0
    while True:
        for node in model.graph.node:
            if node.output[0] not in constants and _is_foldable(node, constants):
                constants.update(_computed(model, node, constants))
        shapes, has_open_batch = _shapes(model, constants)
        if not has_open_batch:
            constants.update(_asked_shapes(model, constants, shapes))
        if len(constants) <= known:
            break
        known = len(constants)
    return OnnxGraph(model, constants, shapes, frozenset(ports_of(model)), has_open_batch)


def _given(model: Any) -> dict[str, Array]:
    """Weights, and what constant nodes hold."""
    from onnx import numpy_helper

    inputs = {each.name for each in model.graph.input}
    found = {
        each.name: numpy_helper.to_array(each)
        for each in model.graph.initializer
        if not each.external_data and each.name not in inputs
    }
    for node in model.graph.node:
        if node.op_type == "Constant" and not node.domain:
            found.update(_computed(model, node, {}))
    return found


def _asked_shapes(
    model: Any, constants: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Array]:
    """The results of Shape nodes for tensors with fixed sizes."""
    return {
        node.output[0]: np.array(shapes[node.input[0]], np.int64)
        for node in model.graph.node
        if node.op_type == "Shape"
        and not node.attribute
        and node.input[0] in shapes
        and node.output[0] not in constants
    }


def _is_foldable(node: Any, known: Mapping[str, Array]) -> bool:
    """Whether all that a node reads is known and small."""
    inputs = [name for name in node.input if name]
    is_pure = bool(inputs) and not node.domain and not any(a.HasField("g") for a in node.attribute)
    return (
        is_pure
        and not node.op_type.startswith("Random")
        and all(name in known and known[name].size < LARGEST_CONSTANT for name in inputs)
    )


def _computed(model: Any, node: Any, known: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of a node with constant inputs; empty if it cannot be computed here."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = [name for name in dict.fromkeys(node.input) if name]
    graph = helper.make_graph(
        [node],
        "constant",
        [_untyped(name, known[name]) for name in inputs],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=8)
    try:
        values = ReferenceEvaluator(alone).run(None, {name: known[name] for name in inputs})
    except Exception:  # an operator that onnx has no reference of, in as many ways
        return {}
    pairs = zip(node.output, values, strict=True)
    return {name: np.asarray(value) for name, value in pairs if np.size(value) < LARGEST_CONSTANT}


def _untyped(name: str, value: Array) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
    )


def _shapes(model: Any, constants: Mapping[str, Array]) -> tuple[dict[str, tuple[int, ...]], bool]:
    """Shapes by inference, constants given; and whether the batch is open."""
    import onnx

    copy = _without_weights(model, constants)
    has_open_batch = False
    for value in copy.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
            has_open_batch = True
    for value in copy.graph.output:  # stated with another batch, or with less than is known
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except Exception:  # inference raises errors of several kinds
        return {}, has_open_batch
    found: dict[str, tuple[int, ...]] = {}
    for value in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output):
        given = value.type.tensor_type
        dims = given.shape.dim
        if given.elem_type == onnx.TensorProto.FLOAT and all(d.HasField("dim_value") for d in dims):
            found[value.name] = tuple(int(d.dim_value) for d in dims)
    return found, has_open_batch


def _without_weights(model: Any, constants: Mapping[str, Array]) -> Any:
    """The model for inference: constants computed, large weights as inputs of their shape."""
    import onnx
    from onnx import helper, numpy_helper

    given, found = model.graph, onnx.ModelProto()
    found.ir_version = model.ir_version
    found.opset_import.extend(model.opset_import)
    graph = found.graph
    graph.name = given.name
    graph.input.extend(given.input)
    graph.output.extend(given.output)
    graph.node.extend(n for n in given.node if not all(name in constants for name in n.output))
    stored = {each.name for each in given.initializer}
    for each in given.initializer:
        if math.prod(each.dims) > SMALL and each.name not in {value.name for value in given.input}:
            graph.input.append(helper.make_tensor_value_info(each.name, each.data_type, each.dims))
        else:
            graph.initializer.append(each)
    for name in set(constants) - stored:
        graph.initializer.append(numpy_helper.from_array(constants[name], name))
    return found


def ports_of(model: Any) -> set[str]:
    """Names that others know: inputs, outputs, and what bodies of control flow read."""
    graph = model.graph
    found = {each.name for each in (*graph.input, *graph.output)}
    for node in graph.node:
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                found |= _read_inside(body)
    return found


def _read_inside(body: Any) -> set[str]:
    """All names that a body's nodes read, those from outside among them."""
    found = {name for node in body.node for name in node.input}
    found |= {each.name for each in body.output}
    for node in body.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found |= _read_inside(inner)
    return found
