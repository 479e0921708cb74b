"""Which operators are affected when the channels of a tensor are reordered.

The order passes through channelwise operators, including the product with a gate
(squeeze-and-excite), and ends in the weights of the convolutions and dense layers that read all
channels. Pure bookkeeping: nothing is changed here.
"""

from dataclasses import dataclass, field

from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.channelwise import (
    Axes,
    channelwise,
    has_constants,
    is_constant,
)
from mixnet_export.optimize.values import sizes_of
from mixnet_runtimes.tflite.words import integers

MOST_OPERATORS = 60
"""Touched by one order; more is not a block of a network."""


class _NotPossibleError(Exception):
    """Some reader cannot take another order."""


@dataclass
class Reordering:
    """The effect of a new order of a tensor's channels on a graph."""

    inside: set[int] = field(default_factory=set)
    """Tensors whose channels are in the new order."""
    axes: Axes = field(default_factory=dict)
    """Axes in that order, by an operator (the first) and its constant (the second)."""
    places: set[int] = field(default_factory=set)
    """Operators that are touched."""

    def sources(self, graph: Graph) -> list[int]:
        """Computed tensors that the touched operators read and that do not change."""
        made = {t for place in self.places for t in integers(graph.operators[place].outputs)}
        read = [t for place in sorted(self.places) for t in integers(graph.operators[place].inputs)]
        wanted = {t for t in read if t >= 0 and not is_constant(graph, t)}
        return sorted(wanted - self.inside - made)

    def outputs(self, graph: Graph) -> list[int]:
        """Tensors that come out as they were."""
        made = {t for place in self.places for t in integers(graph.operators[place].outputs)}
        return sorted(made - self.inside)


def reorder(graph: Graph, tensor: int) -> Reordering | None:
    """The effect of a new order of a tensor's channels; None if it is not possible."""
    try:
        return _Spreading(graph, tensor).spread()
    except _NotPossibleError:
        return None


class _Spreading:
    """The spreading of an order from one tensor."""

    def __init__(self, graph: Graph, tensor: int) -> None:
        self._graph = graph
        self._channels = sizes_of(graph.tensor(tensor))[-1]
        self._readers: dict[int, list[int]] = {}
        for place, operator in enumerate(graph.operators):
            for each in set(integers(operator.inputs)):
                self._readers.setdefault(each, []).append(place)
        self._found = Reordering()
        self._open: list[int] = []
        self._take_in(tensor)

    def spread(self) -> Reordering:
        """Follow the order to its ends."""
        while self._open:
            for place in self._readers.get(self._open.pop(), ()):
                self._pass(place)
        if not self._found.places:
            raise _NotPossibleError
        return self._found

    def _take_in(self, tensor: int) -> None:
        given = self._graph.tensor(tensor)
        if tensor in self._found.inside:
            return
        if tensor in self._graph.ports or given.isVariable:
            raise _NotPossibleError
        if sizes_of(given)[-1:] != [self._channels]:
            raise _NotPossibleError
        self._found.inside.add(tensor)
        self._open.append(tensor)

    def _touch(self, place: int, axes: Axes) -> None:
        self._found.places.add(place)
        for key, own in axes.items():
            self._found.axes[key] = tuple(dict.fromkeys([*self._found.axes.get(key, ()), *own]))
        if len(self._found.places) > MOST_OPERATORS:
            raise _NotPossibleError

    def _pass(self, place: int) -> None:
        """An operator that reads a tensor in the new order."""
        operator = self._graph.operators[place]
        kind, (first, *rest) = self._graph.kind(operator), integers(operator.inputs)
        axis = {"CONV_2D": 3, "FULLY_CONNECTED": 1}.get(kind)
        if axis is not None:
            self._end(place, first, rest, axis)
            return
        for other in rest:
            computed = other >= 0 and not is_constant(self._graph, other)
            if computed and other not in self._found.inside:
                self._pull(other)
        if first not in self._found.inside:
            self._pull(first)
        axes = channelwise(self._graph, place, self._found.inside, self._channels)
        if axes is None:
            raise _NotPossibleError
        self._touch(place, axes)
        self._take_in(integers(operator.outputs)[0])

    def _end(self, place: int, first: int, rest: list[int], axis: int) -> None:
        """A convolution or dense layer that reads all channels: its weights take the order."""
        kernel = sizes_of(self._graph.tensor(rest[0])) if rest else []
        is_read = first in self._found.inside and not set(rest) & self._found.inside
        if not is_read or not has_constants(self._graph, place) or len(kernel) != axis + 1:
            raise _NotPossibleError
        if kernel[axis] != self._channels:
            raise _NotPossibleError
        self._touch(place, {(place, rest[0]): (axis,)})

    def _pull(self, tensor: int) -> None:
        """A tensor that meets one in the new order: what computes it has to give it in that order.

        Unless it has one channel, which is the same for all.
        """
        graph = self._graph
        if sizes_of(graph.tensor(tensor))[-1:] == [1] and self._channels > 1:
            raise _NotPossibleError
        place = graph.producers.get(tensor)
        if place is None:
            raise _NotPossibleError
        operator = graph.operators[place]
        if graph.kind(operator) == "CONV_2D" and has_constants(graph, place):
            _, weights, *rest = integers(operator.inputs)
            self._touch(place, {(place, each): (0,) for each in (weights, *rest)})
            self._take_in(tensor)
            return
        for each in integers(operator.inputs):
            if each not in self._found.inside and not is_constant(graph, each):
                self._pull(each)
        axes = channelwise(graph, place, self._found.inside, self._channels)
        if axes is None:
            raise _NotPossibleError
        self._touch(place, axes)
        self._take_in(tensor)
