"""Shapes that an ``.onnx`` file computes while it runs, inferred node by node.

Exporters write arithmetic on shapes into the graph (timm's SAME padding is: Shape, Div, Ceil, Sub,
Pad), and onnx's inference over the whole graph loses it at the first Div. Here the shapes of each
node's outputs are inferred from its inputs' shapes and values, and a node of such arithmetic is
evaluated if all its inputs and outputs are known and small: one pass, in which weights and
activations are never computed.

A file of a kilobyte can request values of gigabytes, or tensors of a billion axes; no step here
makes more than ``SMALL`` values, and shapes with more axes than a tensor can have are dropped.
"""

import itertools
from collections import ChainMap
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.system_faults import fault_of
from mixnet_runtimes.contents import MAIN
from mixnet_runtimes.onnx import bodies as onnx_bodies
from mixnet_runtimes.onnx import microsoft as onnx_microsoft
from mixnet_runtimes.onnx.check import MOST_AXES
from mixnet_runtimes.onnx.deducible import (
    DOUBTFUL,
    FOLDABLE,
    MICROSOFT,
    NEWER,
    REAL,
    SMALL,
    UNSIZED,
)
from mixnet_runtimes.onnx.node_inference import NodeInference
from mixnet_runtimes.onnx.types import plain_domain
from mixnet_runtimes.onnx.walk import graphs

Array = NDArray[Any]


FEWEST_VISITS, VISITS_EACH = 10_000, 4
"""Limit of visited nodes, those of bodies each time that they are read: this number, or this
multiple of the number of nodes. Everything beyond stays unknown."""


def deduce(model: Any) -> "Deduction":
    """All that can be inferred from the model's inputs, for its own graph and for all bodies.

    In the bodies the shapes are stated too.
    """
    deduction = Deduction(model)
    deduction.types.update({value.name: value.type for value in model.graph.input})
    deduction.read(model.graph, check=True)
    return deduction


class Deduction:
    """What is known so far of the tensors of one graph: types with shapes, and small values.

    It sees the graph around it; ``numbers`` are the lone values of all graphs, by key and name,
    ``faults`` this graph's operators that cannot take their inputs, ``idle`` those of branches that
    need not run, and ``lies`` the stated shapes that contradict the inferred ones, in words.
    """

    def __init__(self, model: Any, key: str = MAIN, outer: "Deduction | None" = None) -> None:
        self.types: ChainMap[str, Any] = ChainMap({}, *(outer.types.maps if outer else ()))
        self.values: ChainMap[str, Array] = ChainMap({}, *(outer.values.maps if outer else ()))
        self.numbers: dict[str, dict[str, float]] = outer.numbers if outer else {}
        self.faults: list[str] = []
        self.idle: list[str] = outer.idle if outer else []
        self.lies: list[str] = outer.lies if outer else []
        self._budget: Iterator[int] = outer._budget if outer else _visits(model)
        self._key = key
        self._model = model
        self._inference = NodeInference.of(model)

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return self._inference.opset

    def within(self, key: str) -> "Deduction":
        """One for a body of this graph."""
        return Deduction(self._model, key, self)

    def read(self, graph: Any, *, check: bool = False) -> None:
        """Learn what there is to learn about a graph whose inputs are known already.

        With ``check``, stated shapes that contradict the inferred ones are among the lies.
        """
        self._learn_constants(graph)
        stated = {value.name: value.type for value in (*graph.value_info, *graph.output)}
        places = itertools.count()
        for node in graph.node:
            if next(self._budget, None) is None:
                break
            if any(each.HasField("g") or each.graphs for each in node.attribute):
                onnx_bodies.visit(self, node, f"{self._key}/{next(places)}")
            else:
                self.visit(node)
            for name in node.output:
                if name in stated:
                    self._compare(node, name, stated[name], check)
        self.numbers[self._key] = {
            name: value.reshape(-1)[0].item()
            for name, value in self.values.maps[0].items()
            if value.size == 1 and value.dtype.kind in "biuf"
        }

    def _learn_constants(self, graph: Any) -> None:
        from onnx.helper import make_tensor_type_proto

        for tensor in graph.initializer:
            self._learn_constant(tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            values = sparse.values
            self.types[values.name] = make_tensor_type_proto(values.data_type, sparse.dims)

    def _learn_constant(self, name: str, tensor: Any) -> None:
        from onnx.helper import make_tensor_type_proto
        from onnx.numpy_helper import to_array

        self.types[name] = make_tensor_type_proto(tensor.data_type, tensor.dims)
        if prod(tensor.dims) <= SMALL and not tensor.external_data:
            # A type that numpy lacks leaves the value unknown, and no shape hangs on it.
            with suppress(TypeError, ValueError, KeyError):
                value = to_array(tensor)
                if value.dtype.kind in "biuf":
                    self.learn_value(name, value)

    def _compare(self, node: Any, name: str, stated: Any, check: bool) -> None:
        """Take over what is stated and was not inferred; where both differ, what was inferred."""
        known, claimed = self._sizes_of(self.types.get(name)), self._sizes_of(stated)
        if claimed is None:
            return
        if known is None:
            self.types[name] = stated
            return
        pairs = list(zip_longest(known, claimed))
        gaps = [abs(a - b) for a, b in pairs if a is not None and b is not None]
        if len(known) != len(claimed) and None in claimed:
            return  # names of open sizes claim little, and runtimes do not mind them
        if len(known) != len(claimed) or any(gaps):
            near = len(known) == len(claimed) and max(gaps) == 1
            if node.op_type in DOUBTFUL and near:
                self.types[name] = stated
            elif check:
                self.lies.append(
                    f"{name!r} is declared as {_words(claimed)}, but {node.op_type} gives"
                    f" {_words(known)}"
                )
        elif None in known:
            self._learn_sizes(name, [b if a is None else a for a, b in pairs])

    def _learn_sizes(self, name: str, sizes: list[int | None]) -> None:
        from onnx.helper import make_tensor_type_proto

        element = self.types[name].tensor_type.elem_type
        self.types[name] = make_tensor_type_proto(element, sizes)

    def _sizes_of(self, known: Any | None) -> list[int | None] | None:
        if known is None or not known.tensor_type.HasField("shape"):
            return None
        return [
            each.dim_value if each.HasField("dim_value") and each.dim_value >= 0 else None
            for each in known.tensor_type.shape.dim
        ]

    def state(self, graph: Any) -> None:
        """Write the known types of a body's tensors into it, replacing its own."""
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
        ways = {
            "Shape": self._learn_shape,
            "Size": self._learn_size,
            "Constant": self._learn_constant_node,
        }
        if node.domain == MICROSOFT:
            with suppress(Exception):
                self._learn_microsoft(node)
            return
        # An operator that onnx can neither infer nor evaluate leaves its outputs unknown, which
        # the reader of the file reports.
        if plain_domain(node.domain) == "" and node.op_type in ways:
            with suppress(Exception):
                ways[node.op_type](node)
                return
        self._infer(node)
        if self._is_foldable(node):
            with suppress(Exception):
                self._evaluate(node)

    def learn_value(self, name: str, value: Array) -> None:
        """Remember a value, if it is small, and the type that follows from it."""
        from onnx import helper

        if value.size <= SMALL:
            self.values[name] = value
        self.types[name] = helper.make_tensor_type_proto(
            helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )

    def _sizes(self, name: str) -> list[int | None]:
        tensor = self.types[name].tensor_type
        if not tensor.HasField("shape"):
            raise ValueError(f"the number of axes of {name} is not known")
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

    def _learn_constant_node(self, node: Any) -> None:
        (attribute,) = node.attribute
        if attribute.name == "value":
            self._learn_constant(node.output[0], attribute.t)
        else:
            self._infer(node)
            self._evaluate(node)

    def _is_foldable(self, node: Any) -> bool:
        names = [name for name in node.input if name]
        if node.op_type not in FOLDABLE or plain_domain(node.domain):
            return False
        if not all(name in self.values for name in names):
            return False
        if sum(self.values[name].size for name in names) > SMALL:
            return False
        return node.op_type in UNSIZED or all(map(self._is_small, filter(None, node.output)))

    def _is_small(self, name: str) -> bool:
        sizes = self._sizes_of(self.types.maps[0].get(name))
        # One that is empty may be made of a large one that is cut.
        return (
            sizes is not None
            and prod(1 if size == 0 else size or SMALL + 1 for size in sizes) <= SMALL
        )

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
        opsets = [helper.make_opsetid("", 19)] if node.op_type in NEWER else self._inference.opsets
        model = helper.make_model(graph, opset_imports=opsets)
        results = ReferenceEvaluator(model).run(None, {name: self.values[name] for name in inputs})
        for name, value in zip((name for name in node.output if name), results, strict=True):
            self.learn_value(name, np.asarray(value))

    def _infer(self, node: Any) -> None:
        from onnx import shape_inference

        names = [name for name in node.input if name]
        known = {name: self.types[name] for name in names if name in self.types}
        try:
            found = self._inference.infer(node, known, self.values)
        except shape_inference.InferenceError as error:
            if all(self._is_whole(name) for name in names):
                text = " ".join(str(error).split())[:400]
                self.faults.append(f"{node.op_type} {node.name or node.output[0]!r}: {text}")
            return
        except Exception as error:
            if fault_of(error) is not None:
                raise
            return  # no schema, no version of its set, a type that is not a C enumerator
        for name, each in found.items():
            if len(each.tensor_type.shape.dim) <= MOST_AXES:
                self.types[name] = each

    def _is_whole(self, name: str) -> bool:
        sizes = self._sizes_of(self.types.get(name))
        return sizes is not None and None not in sizes


def _visits(model: Any) -> Iterator[int]:
    count = sum(len(graph.node) for graph in graphs(model.graph))
    return iter(range(max(FEWEST_VISITS, VISITS_EACH * count)))


def _words(sizes: list[int | None]) -> list[int | str]:
    return ["?" if size is None else size for size in sizes]
