"""Whether the tensors of convolutions and dense layers fit each other, in both formats.

Runtimes check this only when they open or run a file; counting needs it before it uses a shape.
Sizes that a file leaves open are not judged. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import prod
from typing import Any

from mixnet_runtimes.contents import FileContents, FileTensor, Operator
from mixnet_runtimes.faults import ModelError

Sizes = tuple[int, ...]
Attributes = Mapping[str, Any]
Tensor = Callable[[str], FileTensor | None]


@dataclass(frozen=True)
class Operands:
    """Positions of an operator's tensors, and the relations between their shapes."""

    axes: tuple[int, int]
    """The fewest and most axes of the weights."""
    data: int = 0
    weights: int = 1
    bias: int | None = 2
    outputs: Callable[[Sizes, Attributes], int] | None = None
    """The number of biases, from the shape of the weights; None if it is not checked."""
    fewest: int = 1
    """The fewest axes of the data."""
    elements: Callable[[Sizes, Sizes, Attributes], int] | None = None
    """Elements of the output, from the shapes of data and weights, if shapes are not inferred."""
    channels: Callable[[Sizes, Attributes], int] | None = None
    """Channels of the data on axis 1, from the shape of the weights, if inference ignores it."""


def _along(axis: int) -> Callable[[Sizes, Attributes], int]:
    return lambda weights, _attributes: weights[axis]


def _grouped(weights: Sizes, attributes: Attributes) -> int:
    """Weights are (out, in / groups, …), a transposed convolution's (in, out / groups, …)."""
    return int(weights[1] * attributes.get("group", 1))


def _columns(weights: Sizes, attributes: Attributes) -> int:
    return weights[0 if attributes.get("transB") else 1]


def _convolved(channels: int) -> Callable[[Sizes, Sizes, Attributes], int]:
    """TFLite's convolutions; ``channels``: the axis of the weights that has the output's."""

    def elements(data: Sizes, weights: Sizes, attributes: Attributes) -> int:
        found = data[0] * weights[channels]
        for axis, side in ((1, "H"), (2, "W")):
            stride = max(1, attributes.get(f"stride{side}", 1))
            reach = (weights[axis] - 1) * attributes.get(f"dilation{side}Factor", 1) + 1
            same = attributes.get("padding", 0) == 0
            found *= -(-(data[axis] if same else data[axis] - reach + 1) // stride)
        return int(found)

    return elements


def _dense(data: Sizes, weights: Sizes, _attributes: Attributes) -> int:
    return prod(data) // max(1, weights[1]) * weights[0]


def _product(data: Sizes, weights: Sizes, attributes: Attributes) -> int:
    rows = data[-1 if attributes.get("adjX") else -2]
    columns = weights[-2 if attributes.get("adjY") else -1]
    batch = zip_longest(reversed(data[:-2]), reversed(weights[:-2]), fillvalue=1)
    return rows * columns * prod(max(pair) for pair in batch)


_CONV = Operands((3, 64), outputs=_along(0), fewest=3)
_CONV_NCHW = replace(_CONV, channels=_grouped)
_GEMM = Operands((2, 2), outputs=_columns, fewest=2)
_PRODUCT = Operands((1, 64), bias=None)

TABLES: dict[str, dict[str, Operands]] = {
    "tflite": {
        "CONV_2D": Operands((4, 4), outputs=_along(0), fewest=4, elements=_convolved(0)),
        "DEPTHWISE_CONV_2D": Operands((4, 4), outputs=_along(3), fewest=4, elements=_convolved(3)),
        "CONV_3D": Operands((5, 5), outputs=_along(4), fewest=5),
        "TRANSPOSE_CONV": Operands((4, 4), data=2, bias=3, outputs=_along(0), fewest=4),
        "CONV_3D_TRANSPOSE": Operands((5, 5), data=2, bias=3, outputs=_along(3), fewest=5),
        "FULLY_CONNECTED": Operands((2, 2), outputs=_along(0), elements=_dense),
        "BATCH_MATMUL": Operands((2, 64), bias=None, fewest=2, elements=_product),
    },
    "onnx": {
        **dict.fromkeys(("Conv", "FusedConv"), _CONV_NCHW),
        **dict.fromkeys(("NhwcConv", "NhwcFusedConv"), _CONV),
        "ConvInteger": Operands((3, 64), bias=None, fewest=3),
        "QLinearConv": Operands((3, 64), weights=3, bias=8, outputs=_along(0), fewest=3),
        "ConvTranspose": Operands((3, 64), outputs=_grouped, fewest=3),
        **dict.fromkeys(("Gemm", "FusedGemm"), _GEMM),
        "QGemm": Operands((2, 2), weights=3, bias=6, outputs=_columns, fewest=2),
        **dict.fromkeys(("MatMul", "MatMulInteger", "DynamicQuantizeMatMul"), _PRODUCT),
        "QLinearMatMul": Operands((1, 64), weights=3, bias=None),
    },
}
"""Operands by format and kind of operator."""

DOMAINS = ("", "com.microsoft")
"""In any other operator set the same name may mean something else."""


def check(contents: FileContents) -> None:
    """Raise ModelError if the tensors of a layer cannot belong together."""
    table = TABLES[contents.format]
    for operator in contents.operators:
        operands = table.get(operator.kind)
        if operands is not None and operator.domain in DOMAINS:
            _check(operator, operands, contents.tensor)


def _check(operator: Operator, operands: Operands, tensor: Tensor) -> None:
    data = _shape(operator, operands.data, tensor)
    weights = _shape(operator, operands.weights, tensor)
    if data is not None and len(data) < operands.fewest:
        _refuse_axes(operator, "data", data, f"{operands.fewest} or more")
    if weights is None:
        return
    fewest, most = operands.axes
    if not fewest <= len(weights) <= most:
        needed = str(fewest) if fewest == most else f"{fewest} or more"
        _refuse_axes(operator, "weights", weights, needed)
    if None in weights:
        return
    known: Sizes = tuple(size or 0 for size in weights)
    _check_bias(operator, operands, known, tensor)
    if operands.channels is not None and data is not None and data[1] is not None:
        channels = operands.channels(known, operator.attributes)
        # of onnxruntime's own operators some take images with their channels last
        if data[1] != channels and not operator.attributes.get("channels_last"):
            raise ModelError(f"{_name(operator)} has data of {data[1]} channels for {channels}")
    if operands.elements is not None and data is not None and None not in data:
        sizes: Sizes = tuple(size or 0 for size in data)
        _check_output(operator, operands.elements(sizes, known, operator.attributes), tensor)


def _check_bias(operator: Operator, operands: Operands, weights: Sizes, tensor: Tensor) -> None:
    if operands.bias is None or operands.outputs is None:
        return
    bias = _shape(operator, operands.bias, tensor)
    if bias is None or None in bias:
        return
    outputs = operands.outputs(weights, operator.attributes)
    # A Gemm broadcasts its bias, and any bias may have an axis of 1 more.
    found = bias[-1] if bias else 1
    gemm = len(weights) == 2
    if found != outputs and not (gemm and found == 1):
        raise ModelError(f"{_name(operator)} has a bias of {found} for {outputs} channels")


def _check_output(operator: Operator, expected: int, tensor: Tensor) -> None:
    stated = tensor(operator.outputs[0]) if operator.outputs else None
    if stated is None or stated.elements in (None, expected) or not operator.attributes:
        return
    raise ModelError(
        f"{_name(operator)} gives {expected:,} elements, but the shape"
        f" {list(stated.shape or ())} is stated"
    )


def _shape(operator: Operator, place: int, tensor: Tensor) -> tuple[int | None, ...] | None:
    if place >= len(operator.inputs):
        return None
    found = tensor(operator.inputs[place])
    return None if found is None else found.shape


def _refuse_axes(operator: Operator, what: str, shape: tuple[int | None, ...], needed: str) -> None:
    sizes = ["?" if size is None else size for size in shape]
    raise ModelError(f"{_name(operator)} has {what} of shape {sizes}; {needed} axes are needed")


def _name(operator: Operator) -> str:
    return f"{operator.kind} {operator.name!r}"
