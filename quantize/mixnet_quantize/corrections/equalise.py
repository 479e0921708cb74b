"""Cross-layer equalization (Nagel et al. 2019, 4.1): an equal network with smaller rounding errors.

If only ReLU, sums and data movement are between layers, a channel can be made smaller by one
layer's weights and larger by the next one's. The channels of a tensor, which share one scale in an
int8 file, thus get similar ranges. Scales are powers of two, hence every result is equal bit for
bit. No graph is changed and no file is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks.graph import Graph, Node
from mixnet_networks.graph.parameters import group_names
from mixnet_quantize.corrections.channels import LINEAR, Classes, scale_classes

Array = NDArray[Any]
Arrays = Mapping[str, Array]

SWEEPS = 50
"""Maximum of rounds; a chain of layers takes about one round per layer."""
SETTLED = 1e-3
"""Stop where no scale changes by more than this part of it."""


@dataclass(frozen=True)
class Equalised:
    """New weights for the same graph, and where they differ."""

    weights: dict[str, Array]
    pairs: tuple[tuple[str, str], ...]
    """Layers (before, after) between which scales were free to move."""
    channels: int
    """Scales that were free: channels that must go together are counted once."""


def equalise(graph: Graph, weights: Arrays, maxima: Arrays | None = None) -> Equalised:
    """Balance the ranges of weights between neighbouring layers, by channel.

    Fold batch norm first: what it scales isn't seen here. ``maxima``: for some tensors the greatest
    absolute value of each channel over calibration images; they then stand for the weights of the
    layers before in the balance, so that activations are evened out too, at the cost of the weights
    that read them.
    """
    classes = scale_classes(graph)
    parts = [part for node in graph.nodes if node.op in LINEAR for part in _parts(node)]
    maxima = maxima or {}
    logs = np.zeros(len(classes))
    arrays = {part.kernel: part.unfold(weights[part.kernel]) for part in parts}
    sides = _sides(parts, classes)
    measured = {
        name: (classes.of(name), np.asarray(values, np.float64)) for name, values in maxima.items()
    }
    free = _free(sides, classes)
    for _ in range(SWEEPS):
        step = _step(sides, arrays, measured, logs, len(classes))
        step[~free] = 0
        logs += step
        if np.abs(step).max(initial=0) < SETTLED:
            break
    scales = np.exp2(np.round(logs))
    return Equalised(
        _scaled(graph, weights, parts, sides, scales), _pairs(sides, free), int(free.sum())
    )


@dataclass(frozen=True)
class _Part:
    """One kernel of a linear node, with the channels that it reads and writes."""

    node: Node
    kernel: str
    reads: slice
    writes: slice
    groups: int
    """A depthwise kernel has as many as channels."""

    def unfold(self, array: Array) -> Array:
        """Absolute weights as (taps, in / groups, groups, out / groups), in float64."""
        shape = array.shape
        taps = int(np.prod(shape[:-2], dtype=int))
        inside = 1 if self.node.op.endswith("depthwise_conv2d") else shape[-2]
        return np.abs(array).astype(np.float64).reshape(taps, inside, self.groups, -1)


def _parts(node: Node) -> Iterator[_Part]:
    attributes, depthwise = node.attributes, node.op.endswith("depthwise_conv2d")
    everything = slice(None)
    if "channels" not in attributes:
        name = node.parameter_name("kernel")
        groups = node.parameters["kernel"][2] if depthwise else attributes.get("groups", 1)
        yield _Part(node, name, everything, everything, groups)
        return
    reads = writes = 0
    for index, name in enumerate(group_names(attributes)):
        inputs = attributes["channels"][index]
        outputs = inputs * attributes["multiplier"] if depthwise else attributes["filters"][index]
        yield _Part(
            node,
            node.parameter_name(f"{name}.kernel"),
            slice(reads, reads + inputs),
            slice(writes, writes + outputs),
            inputs if depthwise else 1,
        )
        reads, writes = reads + inputs, writes + outputs


_Sides = list[tuple[_Part, NDArray[np.int64], NDArray[np.int64]]]
"""For each part: the class of every channel it reads, and of every channel it writes."""


def _sides(parts: list[_Part], classes: Classes) -> _Sides:
    def side(tensor: str, span: slice) -> NDArray[np.int64]:
        return classes.of(tensor)[span]

    return [
        (part, side(part.node.inputs[0], part.reads), side(part.node.outputs[0], part.writes))
        for part in parts
    ]


def _free(sides: _Sides, classes: Classes) -> NDArray[np.bool_]:
    """Classes that some layer writes and some layer reads, and that nothing fixes."""
    written, read = np.zeros(len(classes), bool), np.zeros(len(classes), bool)
    for _, reads, writes in sides:
        read[reads] = True
        written[writes] = True
    free: NDArray[np.bool_] = written & read
    free[classes.fixed_class()] = False
    return free


def _step(
    sides: _Sides,
    arrays: Arrays,
    measured: Mapping[str, tuple[NDArray[np.int64], Array]],
    logs: Array,
    count: int,
) -> Array:
    """How much larger (log2) each class should become, so that both sides' ranges meet halfway.

    A class scaled by s has s times the range before it and 1/s of the weights behind it; the
    middle is s = sqrt(behind / before).
    """
    before, behind = np.zeros(count), np.zeros(count)
    for part, reads, writes in sides:
        kernel = _rescaled(part, arrays[part.kernel], logs, reads, writes)
        np.maximum.at(behind, reads, kernel.max(axis=(0, 3)).T.reshape(-1))
        if part.node.outputs[0] not in measured:
            np.maximum.at(before, writes, kernel.max(axis=(0, 1)).reshape(-1))
    for members, values in measured.values():
        np.maximum.at(before, members, values * np.exp2(logs[members]))
    known = (before > 0) & (behind > 0)
    step = np.zeros(count)
    step[known] = 0.5 * np.log2(behind[known] / before[known])
    return step


def _rescaled(
    part: _Part,
    kernel: Array,
    logs: Array,
    reads: NDArray[np.int64],
    writes: NDArray[np.int64],
) -> Array:
    """An unfolded kernel under scales: divided by those it reads, multiplied by those it writes."""
    inputs = np.exp2(-logs[reads]).reshape(part.groups, -1).T[None, :, :, None]
    outputs = np.exp2(logs[writes]).reshape(part.groups, -1)[None, None]
    return np.asarray(kernel * inputs * outputs)


def _scaled(
    graph: Graph, weights: Arrays, parts: list[_Part], sides: _Sides, scales: Array
) -> dict[str, Array]:
    """All weights, those of linear layers under the scales; powers of two round nothing."""
    result = dict(weights)
    logs = np.log2(scales)
    for part, reads, writes in sides:
        array = weights[part.kernel]
        taps = int(np.prod(array.shape[:-2], dtype=int))
        inside = 1 if part.node.op.endswith("depthwise_conv2d") else array.shape[-2]
        unfolded = array.reshape(taps, inside, part.groups, -1)
        changed = _rescaled(part, unfolded, logs, reads, writes)
        result[part.kernel] = changed.reshape(array.shape).astype(array.dtype)
    for node in {part.node.name: part.node for part in parts}.values():
        if "bias" in node.parameters:
            name = node.parameter_name("bias")
            written = [writes for part, _, writes in sides if part.node is node]
            bias = weights[name] * scales[np.concatenate(written)]
            result[name] = bias.astype(weights[name].dtype)
    return result


def _pairs(sides: _Sides, free: NDArray[np.bool_]) -> tuple[tuple[str, str], ...]:
    """Which layers share free classes, in the graph's order."""
    writers: dict[int, list[str]] = {}
    for part, _, writes in sides:
        for index in {int(each) for each in writes if free[each]}:
            writers.setdefault(index, []).append(part.node.name)
    found: dict[tuple[str, str], None] = {}
    for part, reads, _ in sides:
        for index in sorted({int(each) for each in reads if free[each]}):
            found |= dict.fromkeys((name, part.node.name) for name in writers[index])
    return tuple(found)
