"""Channelwise operators, and chains of them after a convolution."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.values import LeftAloneError, constant, scales_of, sizes_of
from mixnet_runtimes.tflite.words import integers

ALONE = ("ABS", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6",
         "RELU_N1_TO_1", "SQUARE", "TANH", "AVERAGE_POOL_2D", "MAX_POOL_2D")  # fmt: skip
"""Operators of one operand that treat every channel equally."""

PAIRED = ("ADD", "DIV", "MUL", "SUB", "MAXIMUM", "MINIMUM")
"""Operators of two operands: a computed one, and a constant or a similarly computed one."""

LONGEST = 12
"""Limit of a chain's operators; no network has longer ones."""

Axes = dict[tuple[int, int], tuple[int, ...]]
"""Channel axes, by an operator (the first) and a constant that it reads (the second)."""


@dataclass(frozen=True)
class Chain:
    """Operators in order, and the convolution before them."""

    places: tuple[int, ...]
    convolution: int
    axes: Axes


def chain_back(graph: Graph, tensor: int) -> Chain | None:
    """From a convolution to a tensor that a single operator reads; None if there is none."""
    places: list[int] = []
    axes: Axes = {}
    channels = sizes_of(graph.tensor(tensor))[-1]
    while len(places) <= LONGEST:
        place = graph.producers.get(tensor)
        if tensor in graph.ports or graph.readers[tensor] != 1 or place is None:
            return None
        if graph.kind(graph.operators[place]) == "CONV_2D" and has_constants(graph, place):
            return Chain(tuple(reversed(places)), place, axes)
        inputs = integers(graph.operators[place].inputs)
        computed = [each for each in inputs if not is_constant(graph, each)]
        found = channelwise(graph, place, set(computed), channels)
        if len(computed) != 1 or found is None:
            return None
        axes.update(found)
        places.append(place)
        tensor = computed[0]
    return None


def has_constants(graph: Graph, place: int) -> bool:
    """Whether all operands but the first are constants of a known type."""
    _, *operands = integers(graph.operators[place].inputs)
    known = ("FLOAT32", "INT8", "INT32")
    return all(is_constant(graph, each) and graph.type(each) in known for each in operands)


def channelwise(graph: Graph, place: int, inside: set[int], channels: int) -> Axes | None:
    """The constants by channel of an operator that works channel by channel; None for others.

    ``inside`` are the computed tensors that it may read.
    """
    operator = graph.operators[place]
    kind, inputs = graph.kind(operator), integers(operator.inputs)
    if len(integers(operator.outputs)) != 1 or (inputs[0] not in inside and kind not in PAIRED):
        return None
    if kind == "DEPTHWISE_CONV_2D":
        return _depthwise(graph, place, channels)
    if kind in _MOVING:
        return {} if _MOVING[kind](graph, place, channels) else None
    if kind not in (*ALONE, *PAIRED):
        return None
    axes: Axes = {}
    for tensor in (each for each in inputs if each not in inside):
        sizes = sizes_of(graph.tensor(tensor))
        known = is_constant(graph, tensor) and graph.type(tensor) in ("FLOAT32", "INT8")
        if not known or (sizes and sizes[-1] not in (1, channels)):
            return None
        if sizes and sizes[-1] != 1:
            axes[place, tensor] = (len(sizes) - 1,)
    return axes


def _converted(graph: Graph, place: int, channels: int) -> bool:
    """Whether a conversion treats every channel equally, with one scale for all."""
    operator = graph.operators[place]
    ends = (integers(operator.inputs)[0], integers(operator.outputs)[0])
    return all(len(scales_of(graph.tensor(each))[0]) <= 1 for each in ends)


def _depthwise(graph: Graph, place: int, channels: int) -> Axes | None:
    _, weights, *rest = integers(graph.operators[place].inputs)
    fits = has_constants(graph, place) and sizes_of(graph.tensor(weights))[3] == channels
    return {(place, weights): (3,), **{(place, b): (0,) for b in rest}} if fits else None


def _mean(graph: Graph, place: int, channels: int) -> bool:
    """Whether a mean is over other axes than that of channels."""
    source, axes = integers(graph.operators[place].inputs)
    count = len(sizes_of(graph.tensor(source)))
    numbers = _numbers(graph, axes)
    return numbers is not None and all(n % count != count - 1 for n in numbers.reshape(-1))


def _pad(graph: Graph, place: int, channels: int) -> bool:
    """Whether a PAD leaves channels alone."""
    numbers = _numbers(graph, integers(graph.operators[place].inputs)[1])
    return numbers is not None and numbers.ndim == 2 and not numbers[-1].any()


def _reshape(graph: Graph, place: int, channels: int) -> bool:
    """Whether channels stay the last axis."""
    operator = graph.operators[place]
    ends = (integers(operator.inputs)[0], integers(operator.outputs)[0])
    return all(sizes_of(graph.tensor(each))[-1:] == [channels] for each in ends)


_MOVING = {
    "DEQUANTIZE": _converted, "MEAN": _mean, "PAD": _pad, "QUANTIZE": _converted,
    "RESHAPE": _reshape,
}  # fmt: skip


def _numbers(graph: Graph, tensor: int) -> Any:
    """The values of an integer constant; None if it is none."""
    if not is_constant(graph, tensor) or graph.type(tensor) != "INT32":
        return None
    try:
        return constant(graph.model, graph.tensor(tensor), np.int32)
    except LeftAloneError:
        return None


def is_constant(graph: Graph, tensor: int) -> bool:
    """Whether a tensor has values in the file."""
    if tensor < 0 or tensor in graph.producers or tensor in graph.ports:
        return False
    data: Any = graph.model.buffers[graph.tensor(tensor).buffer].data
    return data is not None and len(data) > 0 and graph.tensor(tensor).sparsity is None
