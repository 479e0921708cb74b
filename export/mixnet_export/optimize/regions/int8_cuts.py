"""Tensors of a quantized file that are split into parts of their channels, and their readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_common.printable import printable
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.steps import Step
from mixnet_export.optimize.regions.tflite_steps import tflite_steps
from mixnet_export.optimize.values import scales_of, sizes_of
from mixnet_runtimes.tflite.words import decoded_text, integers


@dataclass(frozen=True)
class Cut:
    """A tensor that is split into all of its channels, in order."""

    base: int
    parts: tuple[int, ...]
    sizes: tuple[int, ...]
    places: tuple[int, ...]
    """The operators that split it."""


def name_in(graph: Graph, tensor: int) -> str:
    """A tensor's name, as it may be printed."""
    return printable(decoded_text(graph.tensor(tensor).name)) or f"tensor {tensor}"


def find_cuts(graph: Graph) -> Iterator[Cut]:
    """Every tensor whose readers all split its channels, each channel in exactly one part."""
    cutting: dict[int, list[Step]] = {}
    for step in tflite_steps(graph).steps:
        if step.kind == "cut" and len(step.inputs) == 1 and step.values["axis"] == 3:
            cutting.setdefault(int(str(step.inputs[0])), []).append(step)
    for base, steps in cutting.items():
        spans = sorted(
            (start, size, int(str(tensor)))
            for step in steps
            for (start, size), tensor in zip(step.values["spans"], step.outputs, strict=True)
        )
        ends = [0, *np.cumsum([size for _, size, _ in spans]).tolist()]
        is_whole = [start for start, _, _ in spans] == ends[:-1]
        if len(spans) < 2 or not is_whole or ends[-1] != sizes_of(graph.tensor(base))[3]:
            continue
        if base in graph.ports or graph.readers[base] != len(steps):
            continue
        parts, sizes = tuple(t for _, _, t in spans), tuple(size for _, size, _ in spans)
        if all(is_private(graph, part) and are_alike(graph, base, part) for part in parts):
            yield Cut(base, parts, sizes, tuple(step.place for step in steps))


def is_private(graph: Graph, tensor: int) -> bool:
    """Whether exactly one operator reads a tensor, and it is not used outside."""
    return graph.readers[tensor] == 1 and tensor not in graph.ports


def are_alike(graph: Graph, one: int, other: int) -> bool:
    """Whether two tensors are both of float32, or of int8 with the same one scale."""
    if graph.type(one) == graph.type(other) == "FLOAT32":
        return True
    first, second = (scales_of(graph.tensor(each)) for each in (one, other))
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    return same and len(first[0]) == 1 and graph.type(one) == graph.type(other) == "INT8"


def readers_of(graph: Graph, parts: Sequence[int]) -> list[int]:
    """The operator that reads each part as its first operand, maybe behind a QUANTIZE."""
    first = {
        integers(each.inputs)[0]: n for n, each in enumerate(graph.operators) if len(each.inputs)
    }
    found = [first[part] for part in parts if part in first]
    for number, place in enumerate(found):
        operator = graph.operators[place]
        (made, *_) = integers(operator.outputs)
        if graph.kind(operator) == "QUANTIZE" and is_private(graph, made):
            found[number] = first.get(made, place)
    return found
