"""The content of an ``.onnx`` model, as the plain records of ``contents``.

Every graph is described, the file's own and those that If, Loop and Scan run. A record has the
number and type of weights, and the value of constants with one element.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from mixnet_runtimes.contents import MAIN, Axis, Body, FileContents, FileTensor, Operator, Shape
from mixnet_runtimes.onnx import bodies as onnx_bodies
from mixnet_runtimes.onnx import shapes as onnx_shapes
from mixnet_runtimes.onnx import walk as onnx_walk
from mixnet_runtimes.onnx.metadata import decoded_text, metadata_of
from mixnet_runtimes.onnx.types import STANDARD_DOMAINS, dtype_name, plain_domain, stated_size


def describe_onnx(
    model: Any,
    stated: Mapping[str, tuple[Axis, ...] | None],
    numbers: onnx_shapes.Numbers,
    sha256: str,
    size_bytes: int,
    warnings: tuple[str, ...],
) -> FileContents:
    """The contents of a model whose shapes are inferred; ``stated`` are those that it came with.

    ``numbers`` are lone values that it computes from shapes, by the key of the graph and by name.
    """
    graphs = dict(_graphs(MAIN, model.graph, None, numbers))
    own = graphs.pop(MAIN)
    constants = {name for name, each in own.tensors.items() if each.role == "constant"}
    tensors = dict(own.tensors)
    for name in (*own.inputs, *own.outputs):
        tensors[name] = replace(tensors[name], stated=stated.get(name))
    return FileContents(
        format="onnx",
        sha256=sha256,
        size_bytes=size_bytes,
        inputs={name: tensors[name] for name in own.inputs if name not in constants},
        outputs={name: tensors[name] for name in own.outputs},
        operators=own.operators,
        tensors=tensors,
        warnings=warnings,
        bodies=graphs,
        origin=_origin(model),
        metadata=metadata_of(model),
        external=_external(model),
    )


def with_scales(contents: FileContents, scales: Mapping[str, tuple[float, int]]) -> FileContents:
    """The contents with the scales and zero points of inputs and outputs, by their names."""

    def scaled(tensors: Mapping[str, FileTensor]) -> dict[str, FileTensor]:
        return {
            name: replace(each, scale=scales[name][0], zero_point=scales[name][1])
            if name in scales
            else each
            for name, each in tensors.items()
        }

    return (
        replace(contents, inputs=scaled(contents.inputs), outputs=scaled(contents.outputs))
        if scales
        else contents
    )


def stated_shapes(model: Any) -> dict[str, tuple[Axis, ...] | None]:
    """The shapes of inputs and outputs in the file's own words, by name."""
    found: dict[str, tuple[Axis, ...] | None] = {}
    for value in (*model.graph.input, *model.graph.output):
        tensor = value.type.tensor_type
        has_shape = tensor.HasField("shape")
        found[value.name] = tuple(map(stated_size, tensor.shape.dim)) if has_shape else None
    return found


def _origin(model: Any) -> dict[str, str]:
    opsets = {each.domain: each.version for each in model.opset_import}
    found = {
        "producer": " ".join(
            map(decoded_text, (model.producer_name, model.producer_version))
        ).strip(),
        "opset": str(opsets.get("", opsets.get("ai.onnx", ""))),
        "IR version": str(model.ir_version),
        "description": decoded_text(model.doc_string),
        "graph": decoded_text(model.graph.name),
    }
    found |= {
        f"opset {domain}": str(version)
        for domain, version in opsets.items()
        if domain not in STANDARD_DOMAINS
    }
    return {key: value for key, value in found.items() if value}


def _external(model: Any) -> tuple[str, ...]:
    """The paths of the files beside the model with its constants, each once."""
    places = (
        entry.value
        for graph in onnx_walk.graphs(model.graph)
        for tensor in onnx_walk.constants(graph)
        for entry in tensor.external_data
        if entry.key == "location"
    )
    return tuple(dict.fromkeys(places))


def _graphs(
    key: str, graph: Any, outer: str | None, numbers: onnx_shapes.Numbers
) -> Iterator[tuple[str, Body]]:
    """The graph and all graphs within it, by key; protobuf limits their depth."""
    tensors = _tensors(graph, _constants(graph, key), numbers.get(key, {}))
    operators = []
    places = itertools.count()
    for node in graph.node:
        if _is_constant(node):
            continue
        found = onnx_bodies.bodies_of(node)
        place = next(places) if found else None
        bodies = {role: f"{key}/{place}.{role}" for role in found}
        for role, inner in found.items():
            yield from _graphs(bodies[role], inner, key, numbers)
        operators.append(_operator(node, bodies))
    inputs = tuple(value.name for value in graph.input)
    outputs = tuple(value.name for value in graph.output)
    yield key, Body(decoded_text(graph.name), inputs, outputs, tuple(operators), tensors, outer)


def _is_constant(node: Any) -> bool:
    return node.op_type == "Constant" and node.domain in STANDARD_DOMAINS


def _constants(graph: Any, key: str) -> dict[str, FileTensor]:
    """Initializers and the values of Constant nodes, which are the same thing said otherwise."""
    found = {}
    for tensor in graph.initializer:
        found[tensor.name] = _constant(tensor.name, tensor, key)
    for sparse in graph.sparse_initializer:
        found[sparse.values.name] = _sparse(sparse.values.name, sparse, key)
    for node in graph.node:
        if _is_constant(node) and node.output:
            found[node.output[0]] = _constant_node(node, key)
    return found


def _constant(name: str, tensor: Any, key: str) -> FileTensor:
    stored = prod(tensor.dims)
    return FileTensor(
        name=name,
        shape=tuple(tensor.dims),
        dtype=dtype_name(tensor.data_type),
        role="constant",
        stored=stored,
        buffer=_buffer(name, tensor, key),
        value=_lone_value(tensor) if stored == 1 else None,
    )


def _sparse(name: str, tensor: Any, key: str) -> FileTensor:
    values = tensor.values
    return FileTensor(
        name=name,
        shape=tuple(tensor.dims),
        dtype=dtype_name(values.data_type),
        role="constant",
        stored=prod(values.dims),
        buffer=_buffer(name, values, key),
        sparse=True,
    )


def _buffer(name: str, tensor: Any, key: str) -> str:
    """What two constants with the same bytes have in common: their place in a file beside it."""
    place = {entry.key: entry.value for entry in tensor.external_data}
    if "location" in place:
        return f"{place['location']}@{place.get('offset', 0)}"
    return f"{key}:{name}" if key else name


def _lone_value(tensor: Any) -> float | None:
    """The number in a tensor of one element; None for a text, or a type that numpy lacks."""
    from onnx import numpy_helper

    if tensor.external_data:
        return None
    try:
        return _number(numpy_helper.to_array(tensor).reshape(-1)[0].item())
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


def _constant_node(node: Any, key: str) -> FileTensor:
    """The value of a Constant node: a tensor, or numbers written as an attribute."""
    name = node.output[0]
    for attribute in node.attribute:
        if attribute.name == "value":
            return _constant(name, attribute.t, key)
        if attribute.name == "sparse_value":
            return _sparse(name, attribute.sparse_tensor, key)
        if attribute.name in ("value_float", "value_int"):
            lone = attribute.f if attribute.name == "value_float" else attribute.i
            return replace(_numbers(name, attribute.name, (), key), value=lone)
        if attribute.name in ("value_floats", "value_ints"):
            count = len(attribute.floats) + len(attribute.ints)
            return _numbers(name, attribute.name, (count,), key)
    return FileTensor(name, None, "string", "constant", 1, name)


def _numbers(name: str, attribute: str, shape: tuple[int, ...], key: str) -> FileTensor:
    dtype = "float32" if "float" in attribute else "int64"
    buffer = f"{key}:{name}" if key else name
    return FileTensor(name, shape, dtype, "constant", prod(shape), buffer)


def _tensors(
    graph: Any, constants: dict[str, FileTensor], numbers: Mapping[str, float]
) -> dict[str, FileTensor]:
    tensors: dict[str, FileTensor] = {}
    for role, values in (
        ("activation", graph.value_info),
        ("output", graph.output),
        ("input", graph.input),
    ):
        for value in values:
            shape: Shape | None = onnx_shapes.shape_of(value.type)
            dtype = dtype_name(value.type.tensor_type.elem_type)
            tensors[value.name] = FileTensor(
                value.name, shape, dtype, role, value=numbers.get(value.name)
            )
    for node in graph.node:
        for name in node.output:
            if name and name not in tensors:
                number = numbers.get(name)
                tensors[name] = FileTensor(name, None, "unknown", "activation", value=number)
    return tensors | constants


def _operator(node: Any, bodies: Mapping[str, str]) -> Operator:
    from onnx import AttributeProto, helper

    # Subgraphs and tensors stay out: a record describes, it does not carry data.
    plain = [
        attribute
        for attribute in node.attribute
        if attribute.type
        in (
            AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING,
            AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS,
        )
    ]  # fmt: skip
    return Operator(
        name=node.name or (node.output[0] if node.output else node.op_type),
        kind=node.op_type,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={each.name: _readable(helper.get_attribute_value(each)) for each in plain},
        domain=plain_domain(node.domain),
        bodies=bodies,
    )


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | float) else tuple(value)
