"""onnx's own shape inference, for one node at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Types = dict[str, Any]
"""``onnx.TypeProto`` by a tensor's name."""
Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class NodeInference:
    """The data of a model for inference, besides the node."""

    opsets: list[Any]
    versions: Mapping[str, int]
    """The version of each set of operators, by its domain."""
    ir_version: int

    @classmethod
    def of(cls, model: Any) -> "NodeInference":
        """That of a model, from the operator sets that it imports."""
        opsets = list(model.opset_import)
        return cls(opsets, {each.domain: each.version for each in opsets}, model.ir_version)

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return int(self.versions.get("", self.versions.get("ai.onnx", 1)))

    def infer(self, node: Any, known: Types, values: Values) -> Types:
        """The types of a node's outputs, from its inputs' ``known`` types and values.

        Raises onnx's errors: SchemaError for an unknown operator, InferenceError for inputs that do
        not fit.
        """
        from onnx import checker, defs

        schema = defs.get_schema(node.op_type, self.versions[node.domain], node.domain)
        own = {name: values[name] for name in known if name in values}
        try:
            return self._ask(schema, node, known, own)
        except checker.ValidationError:
            # Quantized tensors where a standard operator stands in for onnxruntime's, weights of
            # rare types: the shape is that of floats.
            return self._ask_as_floats(schema, node, known, own)

    def _ask_as_floats(
        self, schema: Any, node: Any, known: Types, values: dict[str, NDArray[Any]]
    ) -> Types:
        from onnx import TensorProto, TypeProto

        kept = (TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT)
        floats = {}
        for name, each in known.items():
            floats[name] = TypeProto()
            floats[name].CopyFrom(each)
            if each.tensor_type.elem_type not in kept:
                floats[name].tensor_type.elem_type = TensorProto.FLOAT
                values.pop(name, None)
        found = self._ask(schema, node, floats, values)
        for each in found.values():
            if each.tensor_type.elem_type == TensorProto.FLOAT:
                each.tensor_type.elem_type = known[node.input[0]].tensor_type.elem_type
        return found

    def _ask(self, schema: Any, node: Any, known: Types, values: Values) -> Types:
        from onnx import numpy_helper, shape_inference

        return dict(
            shape_inference.infer_node_outputs(
                schema,
                node,
                known,
                {name: numpy_helper.from_array(value, name) for name, value in values.items()},
                opset_imports=self.opsets,
                ir_version=self.ir_version,
            )
        )
