"""Shapes that an ``.onnx`` file computes while it runs, deduced node by node.

Exporters write arithmetic on shapes into the graph (timm's SAME padding is: Shape, Div, Ceil, Sub,
Pad), and onnx's inference over the whole graph loses it at the first Div. Here each node is either
evaluated, where all that it reads is known and small, or its output's shape is inferred from its
inputs' shapes and values: one pass, in which weights and activations are never computed.
"""

import itertools
from collections import ChainMap
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_runtimes import onnx_bodies, onnx_microsoft
from mixnet_runtimes.contents import MAIN

Array = NDArray[Any]

SMALL = 256
"""Most elements of a tensor whose values may matter for a shape."""

NEWER = {"QuantizeLinear", "DequantizeLinear"}
"""Evaluated as in opset 19, the first that onnx's evaluator knows them in; nothing had changed."""


MICROSOFT = "com.microsoft"

REAL = {1, 10, 11, 16}
"""Element types that onnxruntime computes in: float, float16, double, bfloat16."""

MOST_VISITS = 200_000
"""Of nodes, those of bodies each time that they are read; what lies beyond stays unknown."""


def deduce(model: Any) -> "Deduction":
    """Whatever can be deduced from the model's inputs, of its own graph and of all bodies.

    In the bodies the shapes are stated too.
    """
    deduction = Deduction(model)
    deduction.types.update({value.name: value.type for value in model.graph.input})
    deduction.read(model.graph)
    return deduction


class Deduction:
    """What is known so far of the tensors of one graph: types with shapes, and small values.

    It sees the graph around it; ``numbers`` are the lone values of all graphs, by key and name.
    """

    def __init__(self, model: Any, key: str = MAIN, outer: "Deduction | None" = None) -> None:
        self.types: ChainMap[str, Any] = ChainMap({}, *(outer.types.maps if outer else ()))
        self.values: ChainMap[str, Array] = ChainMap({}, *(outer.values.maps if outer else ()))
        self.numbers: dict[str, dict[str, float]] = outer.numbers if outer else {}
        self._budget: Iterator[int] = outer._budget if outer else iter(range(MOST_VISITS))
        self._key = key
        self._model = model
        self._opsets = list(model.opset_import)
        self._versions = {entry.domain: entry.version for entry in model.opset_import}
        self._ir_version = model.ir_version

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return int(self._versions.get("", self._versions.get("ai.onnx", 1)))

    def within(self, key: str) -> "Deduction":
        """One for a body of this graph."""
        return Deduction(self._model, key, self)

    def read(self, graph: Any) -> None:
        """Learn what there is to learn about a graph whose inputs are known already."""
        import onnx

        for tensor in graph.initializer:
            self.types[tensor.name] = onnx.helper.make_tensor_type_proto(
                tensor.data_type, tensor.dims
            )
            if int(np.prod(tensor.dims, dtype=np.float64)) <= SMALL and not tensor.external_data:
                # A type that numpy lacks leaves the value unknown, and no shape hangs on it.
                with suppress(TypeError, ValueError, KeyError):
                    self.learn_value(tensor.name, onnx.numpy_helper.to_array(tensor))
        places = itertools.count()
        for node in graph.node:
            if next(self._budget, None) is None:
                break
            if any(each.HasField("g") or each.graphs for each in node.attribute):
                onnx_bodies.visit(self, node, f"{self._key}/{next(places)}")
            else:
                self.visit(node)
        self.numbers[self._key] = {
            name: value.reshape(-1)[0].item()
            for name, value in self.values.maps[0].items()
            if value.size == 1 and value.dtype.kind in "biuf"
        }

    def state(self, graph: Any) -> None:
        """State in a body what is known of its tensors, in place of what it says itself."""
        known = self.types.maps[0]
        stated = {**{value.name: value.type for value in graph.value_info}, **known}
        ports = {value.name for value in (*graph.input, *graph.output)}
        computed = [name for node in graph.node for name in node.output if name not in ports]
        kept = {name: stated[name] for name in computed if name in stated}
        for value in (*graph.input, *graph.output):
            if value.name in known:
                value.type.CopyFrom(known[value.name])
        del graph.value_info[:]
        for name, each in kept.items():
            graph.value_info.add(name=name, type=each)

    def visit(self, node: Any) -> None:
        """Learn what there is to learn about a node's outputs; never raises."""
        names = [name for name in node.input if name]
        asked = {"Shape": self._learn_shape, "Size": self._learn_size}
        ways = [asked.get(node.op_type, self._infer)]
        if node.domain == MICROSOFT:
            ways = [self._learn_microsoft]
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

    def _sizes(self, name: str) -> list[int | None]:
        tensor = self.types[name].tensor_type
        if not tensor.HasField("shape"):
            raise ValueError(f"not even the number of axes of {name} is known")
        dimensions = tensor.shape.dim
        return [each.dim_value if each.HasField("dim_value") else None for each in dimensions]

    def _learn_size(self, node: Any) -> None:
        sizes = [size for size in self._sizes(node.input[0]) if size is not None]
        if len(sizes) == len(self._sizes(node.input[0])):
            self.learn_value(node.output[0], np.array(prod(sizes), np.int64))

    def _learn_shape(self, node: Any) -> None:
        from onnx import TensorProto
        from onnx.helper import make_tensor_type_proto

        sizes = self._sizes(node.input[0])
        bounds = {each.name: each.i for each in node.attribute}
        part = sizes[bounds.get("start", 0) : bounds.get("end", len(sizes))]
        if None not in part:
            self.learn_value(node.output[0], np.array(part, np.int64))
        else:
            self.types[node.output[0]] = make_tensor_type_proto(TensorProto.INT64, (len(part),))

    def _learn_microsoft(self, node: Any) -> None:
        from onnx import TensorProto
        from onnx.helper import get_attribute_value, make_tensor_type_proto

        attributes = {each.name: get_attribute_value(each) for each in node.attribute}
        known = [self.types.get(name) if name else None for name in node.input]
        sizes = [
            None if each is None or not each.tensor_type.HasField("shape") else self._sizes(name)
            for name, each in zip(node.input, known, strict=True)
        ]
        kinds = [each.tensor_type.elem_type for each in known if each is not None]
        kind = next((each for each in kinds if each in REAL), TensorProto.FLOAT)
        found = onnx_microsoft.SHAPES[node.op_type](sizes, attributes)
        for name, shape in zip(node.output, found, strict=False):
            if name and shape is not None:
                self.types[name] = make_tensor_type_proto(kind, shape)

    def _is_foldable(self, node: Any, names: list[str]) -> bool:
        if node.domain:
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
