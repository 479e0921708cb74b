"""Mixed and grouped convolutions in int8 as other exporters write them: split, convolve, join.

The integers and scales stay as they are, so that every value does. A split of what one convolution
computes becomes a convolution for each part. Convolutions of the parts of one tensor become one in
groups, or with zeros, unless their results are requantized on the way to the concatenation.
Partial sums of projections, which the float32 lowering has, would be rounded twice, so
concatenations stay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_common.printable import printable
from mixnet_export.lowering import Choice, find_plan
from mixnet_export.lowering.choice import NARROW
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import (
    LONGEST,
    Axes,
    channelwise,
    has_constants,
    is_constant,
)
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.regions.steps import Step
from mixnet_export.optimize.regions.tflite_steps import tflite_steps
from mixnet_export.optimize.values import (
    LeftAloneError,
    are_positive,
    constant,
    scales_of,
    sizes_of,
)
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import decoded_text, integers

PATTERN = "mixed convolution"

MARK = "mixnet_optimize"

DEPTHWISE, CONV = "DEPTHWISE_CONV_2D", "CONV_2D"


@dataclass(frozen=True)
class _Cut:
    """A tensor that is cut into all of its channels, in order."""

    base: int
    parts: tuple[int, ...]
    sizes: tuple[int, ...]
    places: tuple[int, ...]
    """The operators that cut."""


@dataclass(frozen=True)
class _Origin:
    """One convolution, and the operators channel by channel between it and a tensor."""

    convolution: int
    places: tuple[int, ...]
    axes: Axes


def find(document: Document, target: Target) -> list[Site | Stay]:
    """The splits of int8 tensors that the target's plan computes otherwise."""
    plan = find_plan("default", "tflite", target=target).general
    found: list[Site | Stay] = []
    for number in range(len(document.model.subgraphs)):
        graph = Graph(document, number)
        taken: set[int] = set()
        for cut in _cuts(graph):
            try:
                site = _site(graph, cut, plan)
            except LeftAloneError as reason:
                found.append(Stay(number, cut.places[-1], _name(graph, cut.base), str(reason)))
                continue
            if site is not None and not taken & set(site.region.operators):
                taken |= set(site.region.operators)
                found.append(site)
    return found


def _name(graph: Graph, tensor: int) -> str:
    return printable(decoded_text(graph.tensor(tensor).name)) or f"tensor {tensor}"


def _cuts(graph: Graph) -> Iterator[_Cut]:
    """Every tensor all of whose readers cut its channels, which all are in one part."""
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
        if all(_is_private(graph, part) and _alike(graph, base, part) for part in parts):
            yield _Cut(base, parts, sizes, tuple(step.place for step in steps))


def _is_private(graph: Graph, tensor: int) -> bool:
    return graph.readers[tensor] == 1 and tensor not in graph.ports


def _alike(graph: Graph, one: int, other: int) -> bool:
    """Whether two tensors are both of float32, or of int8 with the same one scale."""
    if graph.type(one) == graph.type(other) == "FLOAT32":
        return True
    first, second = (scales_of(graph.tensor(each)) for each in (one, other))
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    return same and len(first[0]) == 1 and graph.type(one) == graph.type(other) == "INT8"


def _readers(graph: Graph, parts: Sequence[int]) -> list[int]:
    """The operator that reads each part as its first operand, maybe behind a QUANTIZE."""
    first = {
        integers(each.inputs)[0]: n for n, each in enumerate(graph.operators) if len(each.inputs)
    }
    found = [first[part] for part in parts if part in first]
    for number, place in enumerate(found):
        operator = graph.operators[place]
        (made, *_) = integers(operator.outputs)
        if graph.kind(operator) == "QUANTIZE" and _is_private(graph, made):
            found[number] = first.get(made, place)
    return found


def _site(graph: Graph, cut: _Cut, plan: Choice) -> Site | None:
    """What becomes of a cut; None where it is of neither kind.

    Raises LeftAloneError where it is, and has to stay.
    """
    readers = _readers(graph, cut.parts)
    kinds = {graph.kind(graph.operators[place]) for place in readers}
    if len(readers) != len(cut.parts):
        return None
    if kinds == {DEPTHWISE}:
        return _branches(graph, cut, plan, readers)
    return _joined(graph, cut, plan, readers) if kinds == {CONV} else None


# A convolution for each part


def _branches(graph: Graph, cut: _Cut, plan: Choice, readers: Sequence[int]) -> Site | None:
    (output, *_) = integers(graph.operators[readers[0]].outputs)
    _, height, width, _ = sizes_of(graph.tensor(output))
    origin = _origin(graph, cut.base)
    if origin is None or plan.mixing(height * width) != "branches":
        return None  # slices, by another pattern
    source = integers(graph.operators[origin.convolution].inputs)[0]
    kernels = "+".join(_kernel(graph, place) for place in readers)
    operators = tuple(sorted({origin.convolution, *origin.places, *cut.places}))
    region = Region(
        PATTERN,
        graph.number,
        operators,
        (source,),
        cut.parts,
        _name(graph, cut.base),
        f"mixed {kernels} in int8: a branch for each kernel",
    )

    def build(editor: GraphEditor) -> None:
        start = 0
        for part, size in zip(cut.parts, cut.sizes, strict=True):
            _branch(editor, origin, cut.base, part, range(start, start + size))
            start += size

    return Site(region, build)


def _kernel(graph: Graph, place: int) -> str:
    _, height, width, _ = sizes_of(graph.tensor(integers(graph.operators[place].inputs)[1]))
    return f"{height}×{width}"


def _origin(graph: Graph, tensor: int) -> _Origin | None:
    """The one convolution that a tensor is computed from; None where it is not so simple."""
    convolutions, places, axes = set[int](), set[int](), Axes()
    pending, channels = [tensor], sizes_of(graph.tensor(tensor))[3]
    while pending and len(places) <= LONGEST:
        now = pending.pop()
        place = graph.producers.get(now)
        if place is None or place in places | convolutions:
            if place is None:
                return None
            continue
        operator = graph.operators[place]
        if graph.kind(operator) == CONV:
            convolutions.add(place)
            continue
        computed = [t for t in integers(operator.inputs) if t >= 0 and not is_constant(graph, t)]
        found = channelwise(graph, place, set(computed), channels)
        if found is None or graph.kind(operator) == DEPTHWISE:
            return None
        if any(sizes_of(graph.tensor(t)) != sizes_of(graph.tensor(tensor)) for t in computed):
            return None
        axes.update(found)
        places.add(place)
        pending += computed
    if pending or len(convolutions) != 1:
        return None
    (convolution,) = convolutions
    return _checked(graph, tensor, _Origin(convolution, tuple(sorted(places)), axes))


def _checked(graph: Graph, tensor: int, origin: _Origin) -> _Origin | None:
    """None where others read what lies between, or the convolution is none of all channels."""
    operator = graph.operators[origin.convolution]
    source, weights, *_ = integers(operator.inputs)
    types = {graph.type(each) for each in (source, weights)}
    if not has_constants(graph, origin.convolution) or types != {"INT8"}:
        return None
    if sizes_of(graph.tensor(weights))[3] != sizes_of(graph.tensor(source))[3]:
        return None  # groups
    inside = {
        made
        for place in (origin.convolution, *origin.places)
        for made in integers(graph.operators[place].outputs)
    } - {tensor}
    read = [t for place in origin.places for t in integers(graph.operators[place].inputs)]
    is_closed = all(graph.readers[each] == read.count(each) for each in inside)
    return origin if is_closed and not inside & graph.ports else None


def _branch(editor: GraphEditor, origin: _Origin, base: int, part: int, own: range) -> None:
    """The convolution and what follows it for some channels, which end in ``part``."""
    now: dict[int, int] = {base: part}
    for place in (origin.convolution, *origin.places):
        operator = editor.graph.operators[place]
        (output,) = integers(operator.outputs)
        if output not in now:
            sizes = [*integers(editor.graph.tensors[output].shape)[:3], len(own)]
            name = f"{name_of(editor.graph, part)}/{MARK}/{name_of(editor.graph, output)}"
            now[output] = editor.activation_like(name, sizes, output)
        if place == origin.convolution:
            source, weights, *rest = integers(operator.inputs)
            inputs = [source, *(_picked(editor, each, (0,), own) for each in (weights, *rest))]
        else:
            inputs = [
                now[each]
                if each in now
                else _picked(editor, each, origin.axes.get((place, each), ()), own)
                for each in integers(operator.inputs)
            ]
        editor.clone(place, inputs, [now[output]])


def _picked(editor: GraphEditor, tensor: int, axes: Sequence[int], own: range) -> int:
    """A constant with some of its channels; as it is where it has none."""
    for axis in axes:
        name = f"{name_of(editor.graph, tensor)}/{MARK}/{own.start}"
        tensor = editor.picked(name, tensor, axis, own)
    return tensor


# One convolution for all parts


def _joined(graph: Graph, cut: _Cut, plan: Choice, readers: Sequence[int]) -> Site | None:
    """The convolutions of all parts as one in groups, or with zeros between."""
    outputs = [integers(graph.operators[place].outputs)[0] for place in readers]
    place = _concatenation(graph, outputs)
    if place is None or graph.type(cut.base) != "INT8":
        return None
    if any(integers(graph.operators[n].inputs)[0] not in cut.parts for n in readers):
        raise LeftAloneError("its parts are requantized before their convolutions")
    _check_joinable(graph, readers)
    (output,) = integers(graph.operators[place].outputs)
    if not all(_alike(graph, output, each) for each in outputs):
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
        _name(graph, output),
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
            return place if all(_is_private(graph, part) for part in parts) else None
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
