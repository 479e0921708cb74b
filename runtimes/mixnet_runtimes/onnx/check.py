"""Checks of an ``.onnx`` model before it is indexed, its shapes are inferred, or it is run.

Graphs within nodes (branches, bodies) are checked like the main one. Each check raises ModelError
with the reason; none reads weights' values. Nodes may be in any order, as in onnxruntime: they are
sorted. ``onnx_operands`` checks operands, ``onnx_functions`` functions.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx.external_data import external_place, is_external
from mixnet_runtimes.onnx.operands import Operands
from mixnet_runtimes.onnx.order import sort_nodes
from mixnet_runtimes.onnx.types import BITS, FIELDS, dtype_name, entries
from mixnet_runtimes.onnx.walk import (
    all_nodes,
    constants,
    graphs,
    inner_graphs,
    sparse_constants,
    stated_values,
)

MOST_NODES = 50_000
"""The largest language models have a third of it."""

MOST_AXES = 64
"""Limit of a tensor's axes, as in numpy."""

MOST_ELEMENTS = 2**40
"""Limit of a tensor's elements; no machine can store this many."""


def check_text(model: Any) -> None:
    """Every name is UTF-8; protobuf returns bytes for others."""
    words = [each.domain for each in model.opset_import]
    for function in model.functions:
        words += [function.name, function.domain, *function.input, *function.output]
        words += [each.domain for each in function.opset_import]
    bodies = [graph for function in model.functions for graph in inner_graphs(function.node)]
    for graph in (*graphs(model.graph), *bodies):
        for value in stated_values(graph):
            words.append(value.name)
            words += [each.dim_param for each in value.type.tensor_type.shape.dim]
        for tensor in constants(graph):
            words.append(tensor.name)
            words += [word for each in tensor.external_data for word in (each.key, each.value)]
        words += [sparse.values.name for sparse in graph.sparse_initializer]
    for node in all_nodes(model):
        words += [*node.input, *node.output, node.name, node.op_type, node.domain]
        words += [attribute.name for attribute in node.attribute]
    if not all(isinstance(word, str) for word in words):
        raise ModelError("its names are not text")


def check_model(model: Any) -> bool:
    """Check a model whose functions are inlined, and sort its nodes.

    True if they were out of order. Raises ModelError for what cannot be.
    """
    operands = Operands(model.opset_import)
    count = 0
    for graph in graphs(model.graph):
        count += len(graph.node)
        if count > MOST_NODES:
            raise ModelError(f"it has more than {MOST_NODES:,} nodes")
        for value in stated_values(graph):
            _check_stated(value)
        for node in graph.node:
            operands.check(node)
        for tensor in constants(graph):
            check_constant(tensor)
        for sparse in sparse_constants(graph):
            check_sizes(f"constant {sparse.values.name!r}", list(sparse.dims))
        _check_unique(graph)
    return sort_nodes(model.graph)


def check_constant(tensor: Any) -> None:
    """It has a type of ONNX's, a shape that can be, and the elements that both ask for."""
    name, dtype, shape = repr(tensor.name), dtype_name(tensor.data_type), list(tensor.dims)
    if dtype == "undefined" or dtype.startswith("type"):
        raise ModelError(f"constant {name} has no type")
    check_sizes(f"constant {name}", shape)
    if is_external(tensor):
        external_place(tensor)
        return
    if tensor.raw_data:
        needed, stored = (prod(shape) * BITS.get(dtype, 0) + 7) // 8, len(tensor.raw_data)
        what = "bytes"
    else:
        needed = entries(dtype, prod(shape))
        stored = len(getattr(tensor, FIELDS.get(dtype, "int32_data")))
        what = "elements"
    if needed and not stored:
        raise ModelError(f"constant {name} of shape {shape} has no data")
    if needed != stored:
        raise ModelError(
            f"constant {name} of shape {shape} needs {needed} {what}, but {stored} are stored"
        )


def check_sizes(what: str, sizes: Sequence[int]) -> None:
    """Raise ModelError for sizes that no tensor can have; ``what`` names it."""
    if len(sizes) > MOST_AXES:
        raise ModelError(f"{what} has {len(sizes):,} axes")
    if any(size < 0 for size in sizes):
        raise ModelError(f"{what} has the shape {list(sizes)}")
    if prod(size for size in sizes if size) > MOST_ELEMENTS:
        raise ModelError(f"{what} has the shape {list(sizes)}, more than fits into memory")


def _check_stated(value: Any) -> None:
    dimensions = value.type.tensor_type.shape.dim
    # Some exporters write -1 for an open size.
    open_ones = [1 if each.dim_value == -1 else each.dim_value for each in dimensions]
    check_sizes(repr(value.name), open_ones)


def _check_unique(graph: Any) -> None:
    """Each name is written once; an input may have a constant as its default."""
    inputs = {value.name for value in graph.input}
    stored = [tensor.name for tensor in graph.initializer]
    stored += [sparse.values.name for sparse in graph.sparse_initializer]
    computed = [name for node in graph.node for name in node.output if name]
    _refuse_twice(value.name for value in graph.input)
    _refuse_twice(stored)
    _refuse_twice([*computed, *(inputs | set(stored))])


def _refuse_twice(names: Iterable[str]) -> None:
    for name, uses in Counter(names).items():
        if uses > 1:
            raise ModelError(f"{name!r} is written {uses} times")
