"""Depth multipliers above 1, for which XNNPACK has no depthwise kernel of any size.

A convolution of c channels with multiplier m becomes m convolutions with multiplier 1 and a
concatenation. This changes the order of the channels, which is undone in the weights of the
convolution that reads them, through channelwise operators. Without such a reader, the convolution
before it computes every channel m times.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_common.printable import printable
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import Axes, chain_back
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.regions.reordering import reorder
from mixnet_export.optimize.values import LeftAloneError, sizes_of
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import decoded_text, integers, kind_of, names_of

DEPTHWISE = "DEPTHWISE_CONV_2D"

MARK = "mixnet_optimize"

LEAST_CHANNELS = 4
"""Input channels below which the runtime's own way costs less than depthwise convolutions."""

MOST_MULTIPLES = 8

MULTIPLIER = "XNNPACK has no depthwise kernel with a depth multiplier"


@dataclass(frozen=True)
class _Multiplied:
    """A depthwise convolution with a multiplier."""

    place: int
    channels: int
    multiplier: int
    pad: int | None
    """A PAD before it that only it reads, to be repeated for every multiple."""

    @property
    def order(self) -> list[int]:
        """The channel of the original that stands at each place behind the concatenation."""
        return [
            channel * self.multiplier + multiple
            for multiple in range(self.multiplier)
            for channel in range(self.channels)
        ]


def find(document: Document, target: Target) -> list[Site | Stay]:
    """The convolutions with multipliers, with what can be made of them."""
    found: list[Site | Stay] = []
    taken: set[tuple[int, int]] = set()
    for number in range(len(document.model.subgraphs)):
        for each in _all(Graph(document, number), max(target.tiles("float32"))):
            if isinstance(each, Site):
                places = {(number, place) for place in each.region.operators}
                if places & taken:
                    continue
                taken |= places
            found.append(each)
    return found


def _all(graph: Graph, most_taps: int) -> Iterator[Site | Stay]:
    for place, operator in enumerate(graph.operators):
        if graph.kind(operator) != DEPTHWISE:
            continue
        inputs, (output, *_) = integers(operator.inputs), integers(operator.outputs)
        kernel, source = sizes_of(graph.tensor(inputs[1])), sizes_of(graph.tensor(inputs[0]))
        if len(kernel) != 4 or len(source) != 4 or kernel[3] <= source[3]:
            continue
        name = printable(decoded_text(graph.tensor(output).name)) or f"operator {place}"
        try:
            yield _site(graph, place, most_taps)
        except LeftAloneError as reason:
            yield Stay(graph.number, place, name, f"{MULTIPLIER}, and {reason}")


def _site(graph: Graph, place: int, most_taps: int) -> Site:
    """The rewriting of a convolution. Raises LeftAloneError if there is none."""
    operator = graph.operators[place]
    source, weights, *rest = integers(operator.inputs)
    (output,) = integers(operator.outputs)
    graph.check_fixed(source, output)
    channels, (_, height, width, filters) = (
        sizes_of(graph.tensor(source))[3],
        sizes_of(graph.tensor(weights)),
    )
    if channels < LEAST_CHANNELS:
        raise LeftAloneError(f"its input has {channels} channel{'s' * (channels != 1)}")
    if filters % channels or filters // channels > MOST_MULTIPLES:
        raise LeftAloneError("its multiplier is not a small whole number")
    _check_constant(graph, weights)
    for bias in rest:
        _check_constant(graph, bias)
    pad = _own_pad(graph, source) if height * width > most_taps else None
    multiplied = _Multiplied(place, channels, filters // channels, pad)
    words = f"{height}×{width} depthwise, multiplier {multiplied.multiplier}"
    return _reordered(graph, multiplied, words) or _repeated(graph, multiplied, words)


def _check_constant(graph: Graph, tensor: int) -> None:
    """Raise LeftAloneError for a weight that is computed, or not of a known type."""
    given = graph.tensor(tensor)
    data = graph.model.buffers[given.buffer].data
    if tensor < 0 or tensor in graph.producers or data is None or not len(data):
        raise LeftAloneError("its weights are computed in the file")
    if graph.type(tensor) not in ("FLOAT32", "INT8", "INT32") or given.sparsity is not None:
        raise LeftAloneError("its weights have an unsupported form")


def _own_pad(graph: Graph, source: int) -> int | None:
    producer = graph.producers.get(source)
    if producer is None or graph.readers[source] != 1 or source in graph.ports:
        return None
    return producer if graph.kind(graph.operators[producer]) == "PAD" else None


# One convolution a multiple


def _reordered(graph: Graph, multiplied: _Multiplied, words: str) -> Site | None:
    """The multiples one after another, for readers whose weights can be put in their order."""
    place = multiplied.place
    (output,) = integers(graph.operators[place].outputs)
    reordering = reorder(graph, output)
    if reordering is None:
        return None
    pads = [] if multiplied.pad is None else [multiplied.pad]
    source = integers(graph.operators[(pads or [place])[0]].inputs)[0]
    region = Region(
        "depth multiplier",
        graph.number,
        (*pads, place, *sorted(reordering.places)),
        tuple(dict.fromkeys([source, *reordering.sources(graph)])),
        tuple(reordering.outputs(graph)),
        printable(decoded_text(graph.tensor(output).name)),
        f"{words}: one convolution a multiple",
    )

    def build(editor: GraphEditor) -> None:
        now = {output: _multiples(editor, multiplied)}
        _follow(editor, sorted(reordering.places), reordering.axes, now, multiplied.order)

    return Site(region, build)


def _multiples(editor: GraphEditor, multiplied: _Multiplied) -> int:
    """The convolutions and their concatenation, of which the tensor is returned."""
    place, graph = multiplied.place, editor.graph
    operator = graph.operators[place]
    source, weights, *rest = integers(operator.inputs)
    (output,) = integers(operator.outputs)
    name = f"{name_of(graph, output)}/{MARK}"
    shape = [*integers(graph.tensors[output].shape)[:3], multiplied.channels]
    parts = []
    for multiple in range(multiplied.multiplier):
        own = range(multiple, multiplied.channels * multiplied.multiplier, multiplied.multiplier)
        read = source if multiplied.pad is None else _pad_again(editor, multiplied.pad, multiple)
        picked = [editor.picked(f"{name}/kernel{multiple}", weights, 3, own)]
        for bias in rest:
            picked.append(editor.picked(f"{name}/bias{multiple}", bias, 0, own))
        parts.append(editor.activation_like(f"{name}/multiple{multiple}", shape, output))
        _once(editor, place, [read, *picked], parts[-1])
    joined = editor.activation_like(
        f"{name}/multiples", integers(graph.tensors[output].shape), output
    )
    version = 2 if graph.tensors[output].type == editor.editor.schema.TensorType.INT8 else 1
    editor.operator(
        place, "CONCATENATION", parts, [joined], "ConcatenationOptions", version=version, axis=3
    )
    return joined


def _once(editor: GraphEditor, place: int, inputs: Sequence[int], output: int) -> None:
    """The convolution with multiplier 1 on other tensors."""
    operator = editor.clone(place, inputs, [output])
    operator.builtinOptions = copy.copy(operator.builtinOptions)
    operator.builtinOptions.depthMultiplier = 1


def _pad_again(editor: GraphEditor, pad: int, multiple: int) -> int:
    """A PAD of this multiple's own, so that tiles may take it into themselves."""
    source, amounts = integers(editor.graph.operators[pad].inputs)[:2]
    (padded,) = integers(editor.graph.operators[pad].outputs)
    shape = integers(editor.graph.tensors[padded].shape)
    name = f"{name_of(editor.graph, padded)}/{MARK}/{multiple}"
    again = editor.activation_like(name, shape, padded)
    editor.clone(pad, [source, amounts], [again])
    return again


def _follow(
    editor: GraphEditor, places: Sequence[int], axes: Axes, now: dict[int, int], order: list[int]
) -> None:
    """Repeat operators on channels in another order; ``now`` maps old tensors to new ones.

    ``order`` may name a channel several times, which then is there several times. An operator that
    reads all channels and leaves no trace of their order keeps its output.
    """
    for place in places:
        operator = editor.graph.operators[place]
        inputs = [
            now[each] if each in now else _picked(editor, each, axes.get((place, each), ()), order)
            for each in integers(operator.inputs)
        ]
        (output,) = integers(operator.outputs)
        if _keeps_order(editor, place, axes):
            sizes = [*integers(editor.graph.tensors[output].shape)[:-1], len(order)]
            name = f"{name_of(editor.graph, output)}/{MARK}"
            now[output] = editor.activation_like(name, sizes, output)
        editor.clone(place, inputs, [now.get(output, output)])


def _keeps_order(editor: GraphEditor, place: int, axes: Axes) -> bool:
    """Whether an operator's output has the order: not where its weights take it up."""
    operator = editor.graph.operators[place]
    names = names_of(editor.editor.schema.BuiltinOperator)
    kind = kind_of(editor.editor.model.operatorCodes[operator.opcodeIndex], names)
    if kind not in ("CONV_2D", "FULLY_CONNECTED"):
        return True
    return 0 in axes.get((place, integers(operator.inputs)[1]), ())


def _picked(editor: GraphEditor, tensor: int, axes: Sequence[int], order: list[int]) -> int:
    """A constant with some of its axes in the order."""
    for axis in axes:
        name = f"{name_of(editor.graph, tensor)}/{MARK}"
        tensor = editor.picked(name, tensor, axis, order)
    return tensor


# The channels several times


def _repeated(graph: Graph, multiplied: _Multiplied, words: str) -> Site:
    """The convolution before it computes each channel once per reader.

    Raises LeftAloneError if there is none.
    """
    place = multiplied.place
    source, *_ = integers(graph.operators[place].inputs)
    (output,) = integers(graph.operators[place].outputs)
    chain = chain_back(graph, source)
    if chain is None:
        raise LeftAloneError("no neighbouring convolution can reorder its channels")
    first = integers(graph.operators[chain.convolution].inputs)[0]
    region = Region(
        "depth multiplier",
        graph.number,
        (chain.convolution, *chain.places, place),
        (first,),
        (output,),
        printable(decoded_text(graph.tensor(output).name)),
        f"{words}: each channel computed {multiplied.multiplier} times before it",
    )
    order = np.repeat(np.arange(multiplied.channels), multiplied.multiplier).tolist()

    def build(editor: GraphEditor) -> None:
        convolution = editor.graph.operators[chain.convolution]
        read, weights, *rest = integers(convolution.inputs)
        (made,) = integers(convolution.outputs)
        name = f"{name_of(editor.graph, made)}/{MARK}"
        picked = [editor.picked(f"{name}/kernel", weights, 0, order)]
        picked += [editor.picked(f"{name}/bias", bias, 0, order) for bias in rest]
        shape = [*integers(editor.graph.tensors[made].shape)[:3], len(order)]
        repeated = editor.activation_like(f"{name}/repeated", shape, made)
        editor.clone(chain.convolution, [read, *picked], [repeated])
        now = {made: repeated}
        _follow(editor, chain.places, chain.axes, now, order)
        _, *operands = integers(editor.graph.operators[place].inputs)
        _once(editor, place, [now[source], *operands], output)

    return Site(region, build)
