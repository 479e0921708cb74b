"""Extracts a few operators of a model as a separate model."""

import copy
from collections.abc import Sequence
from typing import Any

from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers


def extract(
    model: Any, schema: Any, subgraph: int, sources: Sequence[int], outputs: Sequence[int]
) -> bytes:
    """The file of what computes the tensors ``outputs`` from ``sources`` and constants."""
    graph = model.subgraphs[subgraph]
    operators = [graph.operators[place] for place in between(graph, sources, outputs)]
    tensors: list[int] = [*sources, *outputs]
    for operator in operators:
        used = [*integers(operator.inputs), *integers(operator.outputs)]
        tensors += [tensor for tensor in used if tensor >= 0]
    places = {index: place for place, index in enumerate(dict.fromkeys(tensors))}
    part = schema.ModelT()
    part.version, part.operatorCodes = model.version, model.operatorCodes
    part.buffers = [schema.BufferT()]
    piece = schema.SubGraphT()
    piece.tensors = [_copied(model, part, graph.tensors[index], schema) for index in places]
    for source in sources:
        piece.tensors[places[source]].buffer = 0
    piece.operators = [_moved(operator, places) for operator in operators]
    piece.inputs = [places[source] for source in sources]
    piece.outputs, piece.name = [places[output] for output in outputs], "part"
    part.subgraphs = [piece]
    return pack(schema, part)


def between(graph: Any, sources: Sequence[int], outputs: Sequence[int]) -> list[int]:
    """The places of the operators from some tensors to others, in order."""
    producers = {
        tensor: index
        for index, operator in enumerate(graph.operators)
        for tensor in integers(operator.outputs)
    }
    pending, members = list(outputs), set()
    while pending:
        tensor = pending.pop()
        index = producers.get(tensor)
        if tensor in sources or index is None or index in members:
            continue
        members.add(index)
        pending += integers(graph.operators[index].inputs)
    return sorted(members)


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
