"""Finds the networks' own operators in the graphs of other exporters.

Mixed and grouped convolutions, batch norms after a concatenation, swish. Steps become nodes of the
neutral graph. A mixed convolution is a concatenation of depthwise convolutions, each of which reads
some channels of one tensor, in order; it is recognized whatever slicing, padding and change of
layout comes before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_export.optimize.regions.steps import Pads, Step, Steps, Tensor
from mixnet_networks.graph.padding import resolve_padding
from mixnet_networks.graph.parameters import group_names

Array = NDArray[Any]

NHWC = (0, 1, 2, 3)

NO_PADS: Pads = ((0, 0), (0, 0))

COMPOSITES = ("mixed_depthwise_conv2d", "grouped_conv2d")

SIMPLE = {"sigmoid": "sigmoid", "relu": "relu", "relu6": "relu6", "mul": "mul"}
"""Kinds of steps that are operators of the neutral graph, without attributes."""


@dataclass(frozen=True)
class Made:
    """A node of the neutral graph, and the operators that it replaces."""

    op: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    places: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)
    then: str | None = None
    """An activation after a batch norm, which then has the output."""


@dataclass(frozen=True)
class _View:
    """A tensor as some channels of another, zeros around them, its axes in another order."""

    base: Tensor
    start: int
    size: int
    pads: Pads = NO_PADS
    order: tuple[int, ...] = NHWC
    """For each axis of the tensor, the NHWC axis that it is."""
    places: tuple[int, ...] = ()
    """The operators between."""


class Recognizer:
    """Goes through the steps of a graph in order."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._readers = steps.readers()
        self._producers = {t: step for step in steps.steps for t in step.outputs}
        self._views: dict[Tensor, _View] = {}
        self._taken: set[int] = set()

    def nodes(self) -> list[Made]:
        """Everything that was recognized, in the order of computing."""
        found: list[Made] = []
        for step in self._steps.steps:
            self._look_through(step)
            if step.kind == "concat":
                made = self._composite(step)
                if made is not None:
                    found.append(made)
                    self._taken.update(made.places)
        parts = set(self._taken)
        found += [
            made
            for step in self._steps.steps
            if step.place not in parts and (made := self._plain(step)) is not None
        ]
        return sorted(found, key=lambda each: max(each.places))

    def is_private(self, tensor: Tensor) -> bool:
        """Whether exactly one step reads a tensor, and it is not used outside."""
        return len(self._readers.get(tensor, ())) == 1 and tensor not in self._steps.ports

    # Channels cut out, padded, turned

    def _look_through(self, step: Step) -> None:
        if step.kind not in ("cut", "pad", "turn") or len(step.inputs) != 1:
            return
        source = step.inputs[0]
        shape = self._steps.shapes.get(source)
        if shape is None:
            return
        view = self._views.get(source) or _View(source, 0, shape[3])
        for index, output in enumerate(step.outputs):
            seen = _seen(view, step, index)
            if seen is not None:
                self._views[output] = replace(seen, places=(*view.places, step.place))

    def _view(self, tensor: Tensor) -> _View | None:
        shape = self._steps.shapes.get(tensor)
        if tensor in self._views:
            return self._views[tensor]
        return None if shape is None else _View(tensor, 0, shape[3])

    # Mixed and grouped convolutions

    def _composite(self, step: Step) -> Made | None:
        """A mixed or grouped convolution that ends in this concatenation; None for any other."""
        parts = [self._producers.get(tensor) for tensor in step.inputs]
        kinds = {None if part is None else part.kind for part in parts}
        if step.values["axis"] != 3 or len(parts) < 2 or len(kinds) != 1:
            return None
        if kinds not in ({"depthwise"}, {"conv"}) or not all(map(self.is_private, step.inputs)):
            return None
        known = [part for part in parts if part is not None]
        views = [self._view(part.inputs[0]) for part in known]
        seen = [view for view in views if view is not None and view.order == NHWC]
        base = seen[0].base if seen else None
        if len(seen) != len(known) or base is None or not _is_partition(seen, base, self._steps):
            return None
        alike = {(part.values["strides"], part.values["activation"]) for part in known}
        padding = self._padding(base, known, seen)
        if len(alike) != 1 or padding is None:
            return None
        make = _mixed if kinds == {"depthwise"} else _grouped
        made = make(known, seen)
        if made is None:
            return None
        (strides, activation), *_ = alike
        made[1].update(strides=strides, padding=padding, activation=activation, bias=True)
        made[2]["bias"] = np.concatenate([_bias(part) for part in known])
        places = {step.place, *(part.place for part in known), *self._own(known, seen)}
        return Made(made[0], (base,), step.outputs[0], tuple(sorted(places)), made[1], made[2])

    def _own(self, parts: Sequence[Step], views: Sequence[_View]) -> set[int]:
        """The operators that slice channels for these parts only."""
        places = {place for view in views for place in view.places}
        inside = places | {part.place for part in parts}
        for step in reversed(self._steps.steps):
            if step.place in places:
                read = {r.place for t in step.outputs for r in self._readers.get(t, ())}
                if not read <= inside or set(step.outputs) & self._steps.ports:
                    places.discard(step.place)
                    inside.discard(step.place)
        return places

    def _padding(self, base: Tensor, parts: Sequence[Step], views: Sequence[_View]) -> Any:
        """One padding that gives every part its own zeros; None if there is none."""
        _, height, width, _ = self._steps.shapes[base]
        wanted = [
            _added(part.values["pads"], view.pads) for part, view in zip(parts, views, strict=True)
        ]
        for padding in ("same", "symmetric", *set(wanted)):
            given = [
                resolve_padding(
                    padding,
                    (height, width),
                    part.values["kernel"].shape[:2],
                    part.values["strides"],
                    part.values["dilations"],
                )
                for part in parts
            ]
            if given == wanted:
                return padding
        return None

    # The others

    def _plain(self, step: Step) -> Made | None:
        """A step as a separate node; None if it is not an operator of the neutral graph."""
        tensors = (*step.inputs, *step.outputs)
        if any(tensor not in self._steps.shapes for tensor in tensors):
            return None
        kind, place = step.kind, (step.place,)
        if kind in ("conv", "depthwise"):
            return self._convolution(step)
        if kind == "affine":
            return _norm(step)
        if kind == "mean":
            return Made("global_mean", step.inputs, step.outputs[0], place, {"keepdims": True})
        swish = self._swish(step) if kind == "sigmoid" else None
        if swish is not None or kind not in SIMPLE or self._is_swish(step):
            return swish
        return Made(SIMPLE[kind], step.inputs, step.outputs[0], place)

    def _convolution(self, step: Step) -> Made:
        values, (source, *_) = step.values, step.inputs
        _, height, width, _ = self._steps.shapes[source]
        kernel = values["kernel"]
        size = kernel.shape[:2]
        attributes = {key: values[key] for key in ("strides", "dilations", "activation")}
        window = ((height, width), size, values["strides"], values["dilations"])
        same = resolve_padding("same", *window) == values["pads"]
        attributes |= {"padding": "same" if same else values["pads"], "bias": True, "kernel": size}
        weights = {"kernel": kernel, "bias": _bias(step)}
        if step.kind == "conv":
            channels = self._steps.shapes[source][3]
            attributes |= {"filters": kernel.shape[3], "groups": channels // kernel.shape[2]}
            return Made("conv2d", (source,), step.outputs[0], (step.place,), attributes, weights)
        attributes["multiplier"] = kernel.shape[3]
        return Made(
            "depthwise_conv2d", (source,), step.outputs[0], (step.place,), attributes, weights
        )

    def _swish(self, step: Step) -> Made | None:
        """x · sigmoid(x), of which this is the sigmoid."""
        (source,), (gate,) = step.inputs, step.outputs
        if not self.is_private(gate):
            return None
        (reader,) = self._readers[gate]
        if reader.kind != "mul" or set(reader.inputs) != {source, gate}:
            return None
        return Made("swish", (source,), reader.outputs[0], (step.place, reader.place))

    def _is_swish(self, step: Step) -> bool:
        """Whether a step is the product of a swish, which its sigmoid represents."""
        if step.kind != "mul":
            return False
        producers = [self._producers.get(tensor) for tensor in step.inputs]
        return any(
            each is not None and each.kind == "sigmoid" and self._swish(each) is not None
            for each in producers
        )


def _seen(view: _View, step: Step, index: int) -> _View | None:
    """The view after a step; None if the step cannot be traced through."""
    if step.kind == "turn":
        order = tuple(view.order[axis] for axis in step.values["permutation"])
        return replace(view, order=order)
    if step.kind == "cut":
        start, size = step.values["spans"][index]
        if view.order[step.values["axis"]] != 3:
            return None
        return replace(view, start=view.start + start, size=size)
    amounts = {view.order[axis]: pair for axis, pair in enumerate(step.values["amounts"])}
    if any(amounts[0]) or any(amounts[3]):
        return None
    return replace(view, pads=_added(view.pads, (amounts[1], amounts[2])))


def _added(one: Pads, other: Pads) -> Pads:
    first, second = ((a[0] + b[0], a[1] + b[1]) for a, b in zip(one, other, strict=True))
    return first, second


def _is_partition(views: Sequence[_View], base: Tensor, steps: Steps) -> bool:
    """Whether views are all of a tensor's channels, in order."""
    end = 0
    for view in views:
        if view.base != base or view.start != end:
            return False
        end += view.size
    return bool(end == steps.shapes[base][3])


Parts = tuple[str, dict[str, Any], dict[str, Array]]
"""Operator, attributes and weights."""


def _mixed(parts: Sequence[Step], views: Sequence[_View]) -> Parts | None:
    multipliers = {part.values["kernel"].shape[3] for part in parts}
    sizes = [part.values["kernel"].shape[2] for part in parts]
    if len(multipliers) != 1 or sizes != [view.size for view in views]:
        return None
    attributes = {
        "channels": tuple(sizes),
        "kernels": tuple(part.values["kernel"].shape[:2] for part in parts),
        "dilations": tuple(part.values["dilations"] for part in parts),
        "multiplier": multipliers.pop(),
    }
    return "mixed_depthwise_conv2d", attributes, _kernels(parts, attributes)


def _grouped(parts: Sequence[Step], views: Sequence[_View]) -> Parts | None:
    kernels = {part.values["kernel"].shape[:2] for part in parts}
    sizes = [part.values["kernel"].shape[2] for part in parts]
    plain = all(part.values["dilations"] == (1, 1) for part in parts)
    if len(kernels) != 1 or not plain or sizes != [view.size for view in views]:
        return None
    attributes = {
        "channels": tuple(sizes),
        "filters": tuple(part.values["kernel"].shape[3] for part in parts),
        "kernel": kernels.pop(),
    }
    return "grouped_conv2d", attributes, _kernels(parts, attributes)


def _kernels(parts: Sequence[Step], attributes: dict[str, Any]) -> dict[str, Array]:
    names = group_names(attributes)
    pairs = zip(names, parts, strict=True)
    return {f"{name}.kernel": part.values["kernel"] for name, part in pairs}


def _bias(step: Step) -> Array:
    """A convolution's bias; zeros where there is none."""
    bias, (_, _, channels, last) = step.values["bias"], step.values["kernel"].shape
    count = channels * last if step.kind == "depthwise" else last
    return np.zeros(count, np.float32) if bias is None else np.asarray(bias).reshape(count)


def _norm(step: Step) -> Made:
    scale = np.asarray(step.values["scale"], np.float64)
    weights = {
        "gamma": scale,
        "beta": np.asarray(step.values["shift"], np.float64),
        "mean": np.zeros_like(scale),
        "variance": np.ones_like(scale),
    }
    return Made(
        "batch_norm",
        step.inputs,
        step.outputs[0],
        (step.place,),
        {"epsilon": 0.0},
        weights,
        step.values["activation"],
    )


def recognize(steps: Steps) -> list[Made]:
    """The nodes of a graph's steps, in order; nothing if one of them contradicts itself."""
    try:
        return Recognizer(steps).nodes()
    except MixnetError:
        return []
