"""One delegate partition: rewrites operators that XNNPACK does not support into equal ones.

Splits by a list of sizes, or into more parts than the delegate supports, become slices;
concatenations of too many tensors become a tree of small ones; sums of many tensors become
additions. These only move data, or add in the same order, so rounding does not change. A dense
layer whose weights are computed, as in attention, becomes the matrix product that it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mixnet_common.printable import printable
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import is_constant
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.values import LeftAloneError, constant, sizes_of
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import decoded_text, integers

MARK = "mixnet_optimize"

PATTERN = "one partition"

TYPES = ("FLOAT32", "INT8")
"""Types of tensors whose operators XNNPACK supports."""

Build = Callable[[GraphEditor], None]


def find(document: Document, target: Target) -> list[Site | Stay]:
    """The operators that can be rewritten into a form that the target's delegate supports."""
    found: list[Site | Stay] = []
    for number in range(len(document.model.subgraphs)):
        graph = Graph(document, number)
        for place, operator in enumerate(graph.operators):
            rule = RULES.get(graph.kind(operator))
            if rule is None or not _used(graph, operator):
                continue
            try:
                made = rule(graph, place, target)
            except (LeftAloneError, AttributeError, IndexError, TypeError, ValueError):
                continue
            if made is not None:
                found.append(_site(graph, place, *made))
    return found


def _site(graph: Graph, place: int, what: str, build: Build) -> Site:
    operator = graph.operators[place]
    sources = [t for t in integers(operator.inputs) if t >= 0 and not is_constant(graph, t)]
    outputs = _used(graph, operator)
    name = printable(decoded_text(graph.tensor(outputs[0]).name)) or f"operator {place}"
    region = Region(
        PATTERN,
        graph.number,
        (place,),
        tuple(dict.fromkeys(sources)),
        tuple(outputs),
        name,
        what,
    )
    return Site(region, build)


def _used(graph: Graph, operator: Any) -> list[int]:
    """The outputs of an operator that something reads."""
    return [t for t in integers(operator.outputs) if graph.readers[t] or t in graph.ports]


def _check(graph: Graph, tensors: Sequence[int]) -> None:
    """Raise LeftAloneError unless all are of one type that is delegated, equally quantized."""
    first = tensors[0]
    for tensor in tensors:
        given = graph.tensor(tensor)
        if graph.type(tensor) not in TYPES or graph.type(tensor) != graph.type(first):
            raise LeftAloneError("its type is not delegated")
        if given.isVariable or min(sizes_of(given), default=0) < 1:
            raise LeftAloneError("its sizes are not known")
        if any(size < 0 for size in integers(given.shapeSignature)[1:]):
            raise LeftAloneError("its sizes are open")
        if repr(_scales(given)) != repr(_scales(graph.tensor(first))):
            raise LeftAloneError("its scales differ")


def _scales(tensor: Any) -> Any:
    given = tensor.quantization
    if given is None or given.scale is None:
        return None
    zeros = given.zeroPoint if given.zeroPoint is not None else []
    return np.asarray(given.scale).tolist(), np.asarray(zeros).tolist()


# Splits


def _split(graph: Graph, place: int, target: Target) -> tuple[str, Build] | None:
    """SPLIT into more parts than are delegated, or fewer."""
    operator = graph.operators[place]
    least, most = target.rules.split or (1, 1 << 30)
    axis, source = integers(operator.inputs)
    outputs = integers(operator.outputs)
    return None if least <= len(outputs) <= most else _slices(graph, place, source, axis)


def _split_v(graph: Graph, place: int, target: Target) -> tuple[str, Build]:
    """SPLIT_V, which is not delegated at all."""
    source, sizes, axis = integers(graph.operators[place].inputs)
    if not is_constant(graph, sizes):
        raise LeftAloneError("its sizes are computed")
    return _slices(graph, place, source, axis)


def _slices(graph: Graph, place: int, source: int, axis: int) -> tuple[str, Build]:
    """A slice for each output that is read."""
    operator = graph.operators[place]
    outputs = integers(operator.outputs)
    _check(graph, [source, *outputs])
    whole = sizes_of(graph.tensor(source))
    if not is_constant(graph, axis):
        raise LeftAloneError("its axis is computed")
    number = int(constant(graph.model, graph.tensor(axis), np.int32).reshape(-1)[0]) % len(whole)
    sizes = [sizes_of(graph.tensor(output))[number] for output in outputs]
    if sum(sizes) != whole[number] or (number == 0 and graph.has_open_batch(source)):
        raise LeftAloneError("its parts do not cover it")
    read = set(_used(graph, operator))
    is_open = graph.has_open_batch(source)

    def build(editor: GraphEditor) -> None:
        start = 0
        for output, size in zip(outputs, sizes, strict=True):
            if output in read:
                begin = [start if n == number else 0 for n in range(len(whole))]
                count = [size if n == number else each for n, each in enumerate(whole)]
                count[0] = -1 if is_open else count[0]
                _slice(editor, place, source, output, begin, count)
            start += size

    return f"{graph.kind(operator)} into {len(outputs)}: slices", build


def _slice(
    editor: GraphEditor, place: int, source: int, output: int, begin: list[int], count: list[int]
) -> None:
    name = f"{name_of(editor.graph, output)}/{MARK}"
    constants = [
        editor.constant(f"{name}/{key}", np.array(values, np.int32))
        for key, values in (("begin", begin), ("size", count))
    ]
    is_int8 = editor.graph.tensors[source].type == editor.editor.schema.TensorType.INT8
    version = 2 if is_int8 else 1
    editor.operator(place, "SLICE", [source, *constants], [output], "SliceOptions", version)


# Concatenations


def _concatenation(graph: Graph, place: int, target: Target) -> tuple[str, Build] | None:
    """More tensors than are delegated: the last ones are joined first."""
    operator = graph.operators[place]
    _, most = target.rules.concatenation or (1, 1 << 30)
    parts, (output,) = integers(operator.inputs), integers(operator.outputs)
    if len(parts) <= most:
        return None
    _check(graph, [*parts, output])
    options = operator.builtinOptions
    sizes = sizes_of(graph.tensor(output))
    axis = options.axis % len(sizes)
    if options.fusedActivationFunction or (axis == 0 and graph.has_open_batch(output)):
        raise LeftAloneError("it has an activation")
    version = 2 if graph.type(output) == "INT8" else 1

    def build(editor: GraphEditor) -> None:
        for inputs, made in _tree(editor, parts, output, axis, most):
            editor.operator(
                place, "CONCATENATION", inputs, [made], "ConcatenationOptions", version, axis=axis
            )

    return f"CONCATENATION of {len(parts)}: a tree", build


def _tree(
    editor: GraphEditor, parts: list[int], output: int, axis: int, most: int
) -> Iterator[tuple[list[int], int]]:
    """Inputs and output of each concatenation, in the order of computing."""
    name = f"{name_of(editor.graph, output)}/{MARK}"
    whole = integers(editor.graph.tensors[output].shape)
    while (surplus := len(parts) - most) > 0:
        kept = len(parts) - min(surplus + 1, most)
        last = parts[kept:]
        size = sum(integers(editor.graph.tensors[each].shape)[axis] for each in last)
        shape = [size if n == axis else each for n, each in enumerate(whole)]
        made = editor.activation_like(f"{name}/last{kept}", shape, output)
        yield last, made
        parts = [*parts[:kept], made]
    yield parts, output


# Sums


def _sum(graph: Graph, place: int, target: Target) -> tuple[str, Build]:
    """ADD_N, which adds in this order too."""
    parts, (output,) = (
        integers(graph.operators[place].inputs),
        integers(graph.operators[place].outputs),
    )
    _check(graph, [*parts, output])
    if len(parts) < 2 or graph.type(output) != "FLOAT32":
        raise LeftAloneError("it has no inputs to add")

    def build(editor: GraphEditor) -> None:
        name, shape = f"{name_of(editor.graph, output)}/{MARK}", sizes_of(graph.tensor(output))
        total = parts[0]
        for number, part in enumerate(parts[1:], start=1):
            is_last = number == len(parts) - 1
            made = output if is_last else editor.activation(f"{name}/sum{number}", shape, output)
            editor.operator(place, "ADD", [total, part], [made], "AddOptions")
            total = made

    return f"ADD_N of {len(parts)}: additions", build


# Matrix products


def _product(graph: Graph, place: int, target: Target) -> tuple[str, Build] | None:
    """FULLY_CONNECTED with computed weights: a product with their transpose.

    Weights that are only dequantized are packed once by the delegate, as constants are.
    """
    operator = graph.operators[place]
    source, weights, *rest = integers(operator.inputs)
    (output,), options = integers(operator.outputs), operator.builtinOptions
    if not target.matrix_products or _is_packed(graph, weights):
        return None
    _check(graph, [source, weights, output])
    if any(each >= 0 for each in rest) or options.fusedActivationFunction or options.weightsFormat:
        raise LeftAloneError("it has more than a product")
    (rows, depth), (columns, same) = (sizes_of(graph.tensor(each)) for each in (source, weights))
    is_product = depth == same and sizes_of(graph.tensor(output)) == [rows, columns]
    is_open = graph.has_open_batch(source, weights, output)
    if graph.type(output) != "FLOAT32" or not is_product or is_open:
        raise LeftAloneError("it is not a product of two float32 matrices of known sizes")

    def build(editor: GraphEditor) -> None:
        editor.operator(
            place, "BATCH_MATMUL", [source, weights], [output], "BatchMatMulOptions", adjY=True
        )

    return "FULLY_CONNECTED with computed weights: a matrix product", build


def _is_packed(graph: Graph, weights: int) -> bool:
    """Whether weights are a constant, or one that is dequantized or made dense."""
    producer = graph.producers.get(weights)
    if producer is None:
        return is_constant(graph, weights)
    operator = graph.operators[producer]
    is_unpacked = graph.kind(operator) in ("DEQUANTIZE", "DENSIFY")
    return is_unpacked and is_constant(graph, integers(operator.inputs)[0])


RULES: Mapping[str, Callable[[Graph, int, Target], tuple[str, Build] | None]] = {
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "CONCATENATION": _concatenation,
    "ADD_N": _sum,
    "FULLY_CONNECTED": _product,
}
"""By operator: its rewriting and the function for it; None if it is delegated unchanged."""
