"""A few operators of a model as a model of their own, to be run alone."""

import copy
from typing import Any

from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers


def extract(model: Any, schema: Any, subgraph: int, source: int, output: int) -> bytes:
    """The file of what computes the tensor ``output`` from ``source`` and constants."""
    graph = model.subgraphs[subgraph]
    operators = _between(graph, source, output)
    tensors: list[int] = [source, output]
    for operator in operators:
        used = [*integers(operator.inputs), *integers(operator.outputs)]
        tensors += [tensor for tensor in used if tensor >= 0]
    places = {index: place for place, index in enumerate(dict.fromkeys(tensors))}
    part = schema.ModelT()
    part.version, part.operatorCodes = model.version, model.operatorCodes
    part.buffers = [schema.BufferT()]
    piece = schema.SubGraphT()
    piece.tensors = [_copied(model, part, graph.tensors[index], schema) for index in places]
    piece.tensors[0].buffer = 0
    piece.operators = [_moved(operator, places) for operator in operators]
    piece.inputs, piece.outputs, piece.name = [0], [places[output]], "part"
    part.subgraphs = [piece]
    return pack(schema, part)


def _between(graph: Any, source: int, output: int) -> list[Any]:
    """The operators from one tensor to another, in order."""
    producers = {
        tensor: index
        for index, operator in enumerate(graph.operators)
        for tensor in integers(operator.outputs)
    }
    pending, members = [output], set()
    while pending:
        tensor = pending.pop()
        index = producers.get(tensor)
        if tensor == source or index is None or index in members:
            continue
        members.add(index)
        pending += integers(graph.operators[index].inputs)
    return [graph.operators[index] for index in sorted(members)]


def _copied(model: Any, part: Any, tensor: Any, schema: Any) -> Any:
    """A tensor of fixed size, with its own buffer where it has values."""
    moved = copy.copy(tensor)
    moved.shapeSignature = None
    data = model.buffers[tensor.buffer].data
    moved.buffer = 0
    if data is not None and len(data):
        buffer = schema.BufferT()
        buffer.data = data
        moved.buffer = len(part.buffers)
        part.buffers.append(buffer)
    return moved


def _moved(operator: Any, places: dict[int, int]) -> Any:
    moved = copy.copy(operator)
    moved.inputs = [places.get(index, -1) for index in integers(operator.inputs)]
    moved.outputs = [places[index] for index in integers(operator.outputs)]
    moved.debugMetadataIndex = -1
    return moved
