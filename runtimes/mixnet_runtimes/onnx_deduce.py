"""Shapes that an ``.onnx`` file computes while it runs, deduced node by node.

Exporters write arithmetic on shapes into the graph (timm's SAME padding is: Shape, Div, Ceil, Sub,
Pad), and onnx's inference over the whole graph loses it at the first Div. Here each node is either
evaluated, where all that it reads is known and small, or its output's shape is inferred from its
inputs' shapes and values: one pass, in which weights and activations are never computed.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SMALL = 256
"""Most elements of a tensor whose values may matter for a shape."""

NEWER = {"QuantizeLinear", "DequantizeLinear"}
"""Evaluated as in opset 19, the first that onnx's evaluator knows them in; nothing had changed."""


def deduce(model: Any) -> dict[str, Any]:
    """Tensor name → TypeProto, for whatever can be deduced from the model's inputs."""
    import onnx

    model_types = {value.name: value.type for value in model.graph.input}
    deduction = Deduction(model, model_types)
    for tensor in model.graph.initializer:
        deduction.types[tensor.name] = onnx.helper.make_tensor_type_proto(
            tensor.data_type, tensor.dims
        )
        if int(np.prod(tensor.dims, dtype=np.float64)) <= SMALL and not tensor.external_data:
            # A type that numpy lacks leaves the value unknown, and no shape hangs on it.
            with suppress(TypeError, ValueError, KeyError):
                deduction.learn_value(tensor.name, onnx.numpy_helper.to_array(tensor))
    for node in model.graph.node:
        deduction.visit(node)
    return deduction.types


class Deduction:
    """What is known so far of the tensors of one model: types with shapes, and small values."""

    def __init__(self, model: Any, types: Mapping[str, Any]) -> None:
        self.types: dict[str, Any] = dict(types)
        self.values: dict[str, Array] = {}
        self._opsets = list(model.opset_import)
        self._versions = {entry.domain: entry.version for entry in model.opset_import}
        self._ir_version = model.ir_version

    def visit(self, node: Any) -> None:
        """Learn what there is to learn about a node's outputs; never raises."""
        names = [name for name in node.input if name]
        ways = [self._learn_shape] if node.op_type == "Shape" else [self._infer]
        if self._is_foldable(node, names):
            ways.insert(0, self._evaluate)
        for way in ways:
            with suppress(Exception):
                # An operator that onnx can neither evaluate nor infer leaves its outputs unknown,
                # which the reader of the file reports.
                way(node)
                return

    def learn_value(self, name: str, value: Array) -> None:
        """Remember a value and the type that follows from it."""
        from onnx import helper

        self.values[name] = value
        self.types[name] = helper.make_tensor_type_proto(
            helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )

    def _learn_shape(self, node: Any) -> None:
        dimensions = self.types[node.input[0]].tensor_type.shape.dim
        sizes = [each.dim_value if each.HasField("dim_value") else None for each in dimensions]
        bounds = {each.name: each.i for each in node.attribute}
        part = sizes[bounds.get("start", 0) : bounds.get("end", len(sizes))]
        if None not in part:
            self.learn_value(node.output[0], np.array(part, np.int64))

    def _is_foldable(self, node: Any, names: list[str]) -> bool:
        if node.domain or any(attribute.g.node for attribute in node.attribute):
            return False
        if node.op_type.startswith("Random") or node.op_type in ("Multinomial", "Bernoulli"):
            return False
        # Expand and the like make large tensors of small ones.
        if node.op_type in ("ConstantOfShape", "Expand", "Tile", "Range", "Resize"):
            return self._stays_small(node)
        return all(name in self.values for name in names)

    def _stays_small(self, node: Any) -> bool:
        if node.op_type != "ConstantOfShape" or node.input[0] not in self.values:
            return False
        return float(np.prod(self.values[node.input[0]].astype(np.float64))) <= SMALL

    def _evaluate(self, node: Any) -> None:
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        inputs = [name for name in dict.fromkeys(node.input) if name]
        graph = helper.make_graph(
            [node],
            "one node",
            [helper.make_value_info(name, self.types[name]) for name in inputs],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        )
        opsets = [helper.make_opsetid("", 19)] if node.op_type in NEWER else self._opsets
        model = helper.make_model(graph, opset_imports=opsets)
        results = ReferenceEvaluator(model).run(None, {name: self.values[name] for name in inputs})
        for name, value in zip((name for name in node.output if name), results, strict=True):
            self.learn_value(name, np.asarray(value))

    def _infer(self, node: Any) -> None:
        from onnx import defs, numpy_helper, shape_inference

        names = [name for name in node.input if name]
        schema = defs.get_schema(node.op_type, self._versions[node.domain], node.domain)
        self.types.update(
            shape_inference.infer_node_outputs(
                schema,
                node,
                {name: self.types[name] for name in names if name in self.types},
                {
                    name: numpy_helper.from_array(self.values[name], name)
                    for name in names
                    if name in self.values
                },
                opset_imports=self._opsets,
                ir_version=self._ir_version,
            )
        )
