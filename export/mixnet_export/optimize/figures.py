"""Figures of a file: its size, its delegate partitions, its peak activation memory."""

from pathlib import Path
from typing import Any

import numpy as np

from mixnet_export.optimize.records import Figures
from mixnet_runtimes.registry import runtime_name
from mixnet_runtimes.targets import Target, target_of
from mixnet_runtimes.tflite import check as tflite_check
from mixnet_runtimes.tflite.words import integers, names_of


def figures(
    size_bytes: int, model: Any, schema: Any, partitions: int | None, reason: str
) -> Figures:
    """The numbers of a file, of which ``model`` are the tables."""
    return Figures(size_bytes, partitions, reason, peak_activations(model, schema))


def why_unknown(path: Path, target: Target) -> str:
    """Why the partitions on the target cannot be found out here; empty if they can.

    This machine's runtime has to follow the target's rules.
    """
    name, _, version = runtime_name(path).rpartition(" ")
    here = target_of(name, version)
    if here is None or not here.is_like(target):
        return f"{target.title} is not installed here ({name} {version} is)"
    return ""


def peak_activations(model: Any, schema: Any) -> int:
    """Peak activation bytes of the main graph, as runtimes plan them.

    Every tensor lives from the operator that writes it to the last one that reads it.
    """
    graph = model.subgraphs[0]
    operators = graph.operators or ()
    last: dict[int, int] = {}
    first: dict[int, int] = dict.fromkeys(integers(graph.inputs), 0)
    for place, operator in enumerate(operators):
        for tensor in integers(operator.inputs):
            last[tensor] = place
        for tensor in integers(operator.outputs):
            first.setdefault(tensor, place)
            last.setdefault(tensor, place)
    for tensor in integers(graph.outputs):
        last[tensor] = max(0, len(operators) - 1)
    changes = np.zeros(len(operators) + 1, np.int64)
    for tensor, place in first.items():
        if not tflite_check.constant_bytes(model, graph.tensors[tensor]):
            size = _bytes(graph.tensors[tensor], schema)
            changes[place] += size
            changes[last.get(tensor, place) + 1] -= size
    return int(np.cumsum(changes).max(initial=0))


def _bytes(tensor: Any, schema: Any) -> int:
    name = names_of(schema.TensorType).get(tensor.type, "")
    return (
        int(np.prod(integers(tensor.shape), dtype=np.int64)) * tflite_check.BITS.get(name, 32) // 8
    )
