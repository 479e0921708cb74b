"""Joins the convolutions of the parts of one int8 tensor into one, grouped or with zeros."""

from collections.abc import Sequence

import numpy as np

from mixnet_export.lowering import Choice
from mixnet_export.lowering.choice import NARROW
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import has_constants
from mixnet_export.optimize.regions.int8_cuts import Cut, are_alike, is_private, name_in
from mixnet_export.optimize.regions.region import Region, Site
from mixnet_export.optimize.values import (
    LeftAloneError,
    are_positive,
    constant,
    scales_of,
    sizes_of,
)
from mixnet_runtimes.tflite.words import integers

PATTERN = "mixed convolution"

MARK = "mixnet_optimize"


def joined(graph: Graph, cut: Cut, plan: Choice, readers: Sequence[int]) -> Site | None:
    """The convolutions of all parts as one in groups, or with zeros between."""
    outputs = [integers(graph.operators[place].outputs)[0] for place in readers]
    place = _concatenation(graph, outputs)
    if place is None or graph.type(cut.base) != "INT8":
        return None
    if any(integers(graph.operators[n].inputs)[0] not in cut.parts for n in readers):
        raise LeftAloneError("its parts are requantized before their convolutions")
    _check_joinable(graph, readers)
    (output,) = integers(graph.operators[place].outputs)
    if not all(are_alike(graph, output, each) for each in outputs):
        raise LeftAloneError("its parts are requantized where they are joined")
    how = plan.groups
    if how == "auto":
        how = "grouped" if min(cut.sizes) >= NARROW else "dense"
    filters = [sizes_of(graph.tensor(each))[3] for each in outputs]
    if len(set(cut.sizes)) > 1 or len(set(filters)) > 1:
        how = "dense"  # groups are of equal size
    if how == "split":
        return None
    operators = tuple(sorted({*cut.places, *readers, place}))
    region = Region(
        PATTERN,
        graph.number,
        operators,
        (cut.base,),
        (output,),
        name_in(graph, output),
        f"{len(readers)} groups in int8: one convolution"
        + (" in groups" if how == "grouped" else ", zeros between groups"),
    )

    def build(editor: GraphEditor) -> None:
        _join(editor, graph, readers, how, cut.base, output)

    return Site(region, build)


def _concatenation(graph: Graph, parts: Sequence[int]) -> int | None:
    """The operator that joins these tensors in this order, and nothing else."""
    for place, operator in enumerate(graph.operators):
        if graph.kind(operator) != "CONCATENATION" or integers(operator.inputs) != list(parts):
            continue
        options = operator.builtinOptions
        if options.axis % 4 == 3 and not options.fusedActivationFunction:
            return place if all(is_private(graph, part) for part in parts) else None
    return None


def _check_joinable(graph: Graph, places: Sequence[int]) -> None:
    """Raise LeftAloneError unless convolutions differ in nothing but their weights."""
    seen = set()
    for place in places:
        operator = graph.operators[place]
        source, weights, *rest = integers(operator.inputs)
        if len(rest) != 1 or graph.type(weights) != "INT8" or graph.type(rest[0]) != "INT32":
            raise LeftAloneError("its convolutions are not of int8 weights with biases")
        scales, zeros = scales_of(graph.tensor(weights))
        if not has_constants(graph, place) or zeros.any() or not are_positive(scales):
            raise LeftAloneError("its weights are computed or have zero points")
        _, height, width, channels = sizes_of(graph.tensor(weights))
        if channels != sizes_of(graph.tensor(source))[3]:
            raise LeftAloneError("its convolutions are in groups")
        options = sorted(vars(operator.builtinOptions).items())
        seen.add((height, width, operator.opcodeIndex, repr(options)))
    if len(seen) != 1:
        raise LeftAloneError("its convolutions are not alike")


def _join(
    editor: GraphEditor, graph: Graph, places: Sequence[int], how: str, base: int, output: int
) -> None:
    kernels, biases, scales = [], [], []
    for place in places:
        _, weights, bias = integers(graph.operators[place].inputs)
        kernel = constant(graph.model, graph.tensor(weights), np.int8)
        kernels.append(kernel)
        biases.append(constant(graph.model, graph.tensor(bias), np.int32).reshape(-1))
        own, _ = scales_of(graph.tensor(weights))
        scales.append(np.broadcast_to(own, (kernel.shape[0],)))
    if how == "grouped":
        joined = np.concatenate(kernels)
    else:
        shape = (sum(len(k) for k in kernels), *kernels[0].shape[1:3])
        joined = np.zeros((*shape, sum(k.shape[3] for k in kernels)), np.int8)
        row = column = 0
        for kernel in kernels:
            rows, columns = len(kernel), kernel.shape[3]
            joined[row : row + rows, :, :, column : column + columns] = kernel
            row, column = row + rows, column + columns
    (scale, *_), _ = scales_of(graph.tensor(base))
    name, own = f"{name_of(editor.graph, output)}/{MARK}", np.concatenate(scales)
    nothing = np.zeros(len(own), np.int64)
    operands = [
        editor.quantized_constant(f"{name}/kernel", joined, own, nothing, axis=0),
        editor.quantized_constant(
            f"{name}/bias", np.concatenate(biases), own * scale, nothing, axis=0
        ),
    ]
    editor.clone(places[-1], [base, *operands], [output])
