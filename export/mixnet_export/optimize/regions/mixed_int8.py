"""Mixed and grouped int8 convolutions of other exporters: split, convolve, join.

Integers and scales do not change, so neither does any value. A split of one convolution's output
becomes a convolution per part. Convolutions of the parts of one tensor become one, grouped or with
zeros, unless their results are requantized before the concatenation. Partial sums of projections,
as in the float32 lowering, would be rounded twice, so concatenations stay. ``int8_cuts`` finds the
splits, ``int8_groups`` joins convolutions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mixnet_export.lowering import Choice, find_plan
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
from mixnet_export.optimize.regions.int8_cuts import Cut, find_cuts, name_in, readers_of
from mixnet_export.optimize.regions.int8_groups import MARK, PATTERN, joined
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.values import (
    LeftAloneError,
    sizes_of,
)
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import integers

DEPTHWISE, CONV = "DEPTHWISE_CONV_2D", "CONV_2D"


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
        for cut in find_cuts(graph):
            try:
                site = _site(graph, cut, plan)
            except LeftAloneError as reason:
                found.append(Stay(number, cut.places[-1], name_in(graph, cut.base), str(reason)))
                continue
            if site is not None and not taken & set(site.region.operators):
                taken |= set(site.region.operators)
                found.append(site)
    return found


def _site(graph: Graph, cut: Cut, plan: Choice) -> Site | None:
    """The rewriting of a split; None if it is of neither kind.

    Raises LeftAloneError if it is, and has to stay.
    """
    readers = readers_of(graph, cut.parts)
    kinds = {graph.kind(graph.operators[place]) for place in readers}
    if len(readers) != len(cut.parts):
        return None
    if kinds == {DEPTHWISE}:
        return _branches(graph, cut, plan, readers)
    return joined(graph, cut, plan, readers) if kinds == {CONV} else None


# A convolution for each part


def _branches(graph: Graph, cut: Cut, plan: Choice, readers: Sequence[int]) -> Site | None:
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
        name_in(graph, cut.base),
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
    """The one convolution that a tensor is computed from; None if it is not so simple."""
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
    """None if other operators read intermediate tensors, or the convolution lacks some channels."""
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
    """A constant with some of its channels; unchanged if it has none."""
    for axis in axes:
        name = f"{name_of(editor.graph, tensor)}/{MARK}/{own.start}"
        tensor = editor.picked(name, tensor, axis, own)
    return tensor
