"""The operator table: for each operator its attributes, shape rule, weights and cost.

A new operator is one row here, one function in ``reference`` and one emitter in each writer; a test
names whatever is missing. Composite operators describe a network and never reach a writer: a
lowering expands them first.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixnet_common import MixnetError
from mixnet_networks.graph import Graph, Node, Shape
from mixnet_networks.graph.padding import output_sizes
from mixnet_networks.graph.parameters import (
    Attributes,
    Shapes,
    conv_parameters,
    dense_parameters,
    depthwise_parameters,
    grouped_parameters,
    mixed_parameters,
    no_parameters,
    norm_parameters,
)

REQUIRED = object()
"""Marks an attribute that has no default."""


def _no_macs(node: Node, inputs: Shapes, outputs: Shapes) -> int:
    return 0


@dataclass(frozen=True)
class Operator:
    """One row of the table.

    ``shapes`` gives the outputs' shapes; ``parameters`` the shape of each weight by role;
    ``macs`` the multiply-adds of the whole batch, convolutions and dense layers only.
    """

    shapes: Callable[[Shapes, Attributes], Shapes]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parameters: Callable[[Shapes, Attributes], Mapping[str, Shape]] = no_parameters
    macs: Callable[[Node, Shapes, Shapes], int] = _no_macs
    composite: bool = False


# Shape rules


def _same_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    return (shapes[0],)


def _broadcast(shapes: Shapes, attributes: Attributes) -> Shapes:
    first, second = shapes
    if len(first) != len(second):
        raise MixnetError(f"cannot combine shapes {first} and {second}")
    if any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
        raise MixnetError(f"cannot broadcast {first} with {second}")
    return (tuple(max(a, b) for a, b in zip(first, second, strict=True)),)


def _window(shape: Shape, attributes: Attributes, kernel: Any, dilations: Any) -> Shape:
    batch, height, width, _ = shape
    sizes = output_sizes(
        attributes["padding"], (height, width), kernel, attributes["strides"], dilations
    )
    return (batch, *sizes)


def _conv_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    channels, groups, filters = shapes[0][3], attributes["groups"], attributes["filters"]
    if channels % groups or filters % groups:
        raise MixnetError(f"{channels} to {filters} channels do not divide into {groups} groups")
    window = _window(shapes[0], attributes, attributes["kernel"], attributes["dilations"])
    return ((*window, filters),)


def _depthwise_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    window = _window(shapes[0], attributes, attributes["kernel"], attributes["dilations"])
    return ((*window, shapes[0][3] * attributes["multiplier"]),)


def _grouped_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    _check_partition(attributes["channels"], shapes[0][3])
    window = _window(shapes[0], attributes, attributes["kernel"], (1, 1))
    return ((*window, sum(attributes["filters"])),)


def _mixed_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    _check_partition(attributes["channels"], shapes[0][3])
    windows = {
        _window(shapes[0], attributes, kernel, dilations)
        for kernel, dilations in zip(attributes["kernels"], attributes["dilations"], strict=True)
    }
    if len(windows) != 1:
        raise MixnetError("the groups of a mixed depthwise convolution differ in output size")
    return ((*windows.pop(), shapes[0][3] * attributes["multiplier"]),)


def _check_partition(parts: Sequence[int], channels: int) -> None:
    if sum(parts) != channels or min(parts) < 1:
        raise MixnetError(f"groups of {tuple(parts)} channels do not partition {channels} channels")


def _pool_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    return ((*_window(shapes[0], attributes, attributes["kernel"], (1, 1)), shapes[0][3]),)


def _dense_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    if len(shapes[0]) != 2:
        raise MixnetError(f"a dense layer takes (batch, features), not {shapes[0]}")
    return ((shapes[0][0], attributes["units"]),)


def _mean_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    batch, _, _, channels = shapes[0]
    return ((batch, 1, 1, channels) if attributes["keepdims"] else (batch, channels),)


def _concat_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    axis = attributes["axis"]
    rest = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(rest) != 1:
        raise MixnetError(f"cannot concatenate {shapes} along axis {axis}")
    total = sum(shape[axis] for shape in shapes)
    return ((*shapes[0][:axis], total, *shapes[0][axis + 1 :]),)


def _split_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    axis, shape = attributes["axis"], shapes[0]
    _check_partition(attributes["sizes"], shape[axis])
    return tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in attributes["sizes"])


def _slice_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    ends = [begin + size for begin, size in _begin_size(attributes)]
    if any(end > have for end, have in zip(ends, shapes[0], strict=True)):
        raise MixnetError(f"a slice up to {tuple(ends)} results in the shape {shapes[0]}")
    return (tuple(attributes["size"]),)


def _begin_size(attributes: Attributes) -> list[tuple[int, int]]:
    return list(zip(attributes["begin"], attributes["size"], strict=True))


def _pad_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    pairs = zip(shapes[0], attributes["paddings"], strict=True)
    return (tuple(size + before + after for size, (before, after) in pairs),)


def _reshape_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    if math.prod(shapes[0]) != math.prod(attributes["shape"]):
        raise MixnetError(f"cannot reshape {shapes[0]} to {tuple(attributes['shape'])}")
    return (tuple(attributes["shape"]),)


def _transpose_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    return (tuple(shapes[0][axis] for axis in attributes["permutation"]),)


def _shuffle_shape(shapes: Shapes, attributes: Attributes) -> Shapes:
    channels, groups = shapes[0][-1], attributes["groups"]
    if groups < 1 or channels % groups:
        raise MixnetError(f"{channels} channels do not divide into {groups} groups")
    return (shapes[0],)


# Weights


# Costs


def _conv_macs(node: Node, inputs: Shapes, outputs: Shapes) -> int:
    return math.prod(outputs[0][:3]) * math.prod(node.parameters["kernel"])


def _dense_macs(node: Node, inputs: Shapes, outputs: Shapes) -> int:
    return math.prod(outputs[0][:-1]) * math.prod(node.parameters["kernel"])


def _group_macs(node: Node, inputs: Shapes, outputs: Shapes) -> int:
    kernels = (shape for role, shape in node.parameters.items() if role.endswith("kernel"))
    return math.prod(outputs[0][:3]) * sum(math.prod(shape) for shape in kernels)


# The table

_CONV = {"strides": (1, 1), "padding": "same", "bias": False, "activation": None}
_POOL = {"kernel": REQUIRED, "strides": (1, 1), "padding": "valid"}

OPERATORS: Mapping[str, Operator] = {
    "conv2d": Operator(
        _conv_shape,
        {"filters": REQUIRED, "kernel": REQUIRED, "dilations": (1, 1), "groups": 1, **_CONV},
        conv_parameters,
        _conv_macs,
    ),
    "depthwise_conv2d": Operator(
        _depthwise_shape,
        {"kernel": REQUIRED, "dilations": (1, 1), "multiplier": 1, **_CONV},
        depthwise_parameters,
        _conv_macs,
    ),
    "grouped_conv2d": Operator(
        _grouped_shape,
        {"channels": REQUIRED, "filters": REQUIRED, "kernel": REQUIRED, **_CONV},
        grouped_parameters,
        _group_macs,
        composite=True,
    ),
    "mixed_depthwise_conv2d": Operator(
        _mixed_shape,
        {
            "channels": REQUIRED,
            "kernels": REQUIRED,
            "dilations": REQUIRED,
            "multiplier": 1,
            **_CONV,
        },
        mixed_parameters,
        _group_macs,
        composite=True,
    ),
    "dense": Operator(
        _dense_shape,
        {"units": REQUIRED, "bias": True, "activation": None},
        dense_parameters,
        _dense_macs,
    ),
    "batch_norm": Operator(
        _same_shape, {"epsilon": REQUIRED, "initial_gamma": 1.0}, norm_parameters
    ),
    "relu": Operator(_same_shape),
    "relu6": Operator(_same_shape),
    "sigmoid": Operator(_same_shape),
    "swish": Operator(_same_shape),
    "add": Operator(_broadcast, {"activation": None}),
    "mul": Operator(_broadcast),
    "concat": Operator(_concat_shape, {"axis": 3}),
    "split": Operator(_split_shape, {"sizes": REQUIRED, "axis": 3}),
    "slice": Operator(_slice_shape, {"begin": REQUIRED, "size": REQUIRED}),
    "pad": Operator(_pad_shape, {"paddings": REQUIRED}),
    "max_pool": Operator(_pool_shape, _POOL),
    "avg_pool": Operator(_pool_shape, _POOL),
    "global_mean": Operator(_mean_shape, {"keepdims": False}),
    "reshape": Operator(_reshape_shape, {"shape": REQUIRED}),
    "transpose": Operator(_transpose_shape, {"permutation": REQUIRED}),
    "channel_shuffle": Operator(_shuffle_shape, {"groups": REQUIRED}),
}

FUSABLE = ("relu", "relu6")
"""Activations that a convolution, a dense layer or an addition can carry as an attribute."""

TRAINABLE = ("kernel", "bias", "gamma", "beta")
"""Roles that training changes; a batch norm's mean and variance are statistics (Table 2)."""


def infer(
    op: str, name: str, inputs: Shapes, attributes: Mapping[str, Any]
) -> tuple[Shapes, Attributes, Mapping[str, Shape]]:
    """Output shapes, all attributes and the weights' shapes of a node-to-be.

    Raises MixnetError, naming the node, where an attribute is unknown or missing or the inputs'
    shapes do not fit.
    """
    try:
        row = OPERATORS[op]
    except KeyError:
        raise MixnetError(f"{name}: there is no operator {op}") from None
    complete = {**row.attributes, **attributes}
    if len(complete) > len(row.attributes):
        raise MixnetError(f"{name}: unknown attributes {sorted(complete.keys() - row.attributes)}")
    if REQUIRED in complete.values():
        missing = sorted(key for key, value in complete.items() if value is REQUIRED)
        raise MixnetError(f"{name}: missing attributes {missing}")
    try:
        return row.shapes(inputs, complete), complete, row.parameters(inputs, complete)
    except MixnetError as error:
        raise MixnetError(f"{name}: {error.message}", error.hint) from error


def macs(node: Node, graph: Graph) -> int:
    """Multiply-adds of one node for the graph's whole batch, convolutions and dense layers only."""
    inputs = tuple(graph.shape(tensor) for tensor in node.inputs)
    outputs = tuple(graph.shape(tensor) for tensor in node.outputs)
    return OPERATORS[node.op].macs(node, inputs, outputs)


def is_trainable(role: str) -> bool:
    """Whether a weight of this role counts among a network's parameters."""
    return role.rpartition(".")[2] in TRAINABLE


def parameter_count(nodes: Iterable[Node]) -> int:
    """The trainable parameters of some nodes, as the paper's tables count them."""
    shapes = (item for node in nodes for item in node.parameters.items())
    return sum(math.prod(shape) for role, shape in shapes if is_trainable(role))
