"""How many multiply-adds an operator of a file takes, and which of its constants are settings.

One table for each format. A kind of operator that is new is one more row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

Sizes = tuple[int, ...]
Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """The multiply-adds of one kind of operator."""

    macs: Callable[[Sizes, Sizes, Sizes, Attributes], int]
    """From the shapes of data, weights and output, and the attributes."""
    data: int = 0
    """Position of the data among the inputs."""
    weights: int = 1
    bias: int | None = 2
    """Position of the bias; None where there is none."""


def _conv(axes: slice) -> Callable[[Sizes, Sizes, Sizes, Attributes], int]:
    """Output elements × the weights' sizes along ``axes``: what one output element sums."""
    return lambda _data, weights, output, _attributes: prod(output) * prod(weights[axes])


def _transposed(axes: slice) -> Callable[[Sizes, Sizes, Sizes, Attributes], int]:
    """Input elements × the weights' sizes along ``axes``: what one input element adds to."""
    return lambda data, weights, _output, _attributes: prod(data) * prod(weights[axes])


def _product(transpose: str = "") -> Callable[[Sizes, Sizes, Sizes, Attributes], int]:
    """Output elements × the length that is summed over, told by the data's last axis.

    ``transpose`` names the attribute that makes it the last but one.
    """

    def macs(data: Sizes, _weights: Sizes, output: Sizes, attributes: Attributes) -> int:
        return prod(output) * data[-2 if attributes.get(transpose) else -1]

    return macs


def _dense(_data: Sizes, weights: Sizes, output: Sizes, _attributes: Attributes) -> int:
    """TFLite's dense layer: weights are (outputs, inputs); the data may have any shape."""
    return prod(output) * weights[-1]


TFLITE = {
    "CONV_2D": Rule(_conv(slice(1, None))),  # (out, h, w, in / groups)
    "DEPTHWISE_CONV_2D": Rule(_conv(slice(1, 3))),  # (1, h, w, out)
    "CONV_3D": Rule(_conv(slice(0, 4))),  # (d, h, w, in / groups, out)
    "TRANSPOSE_CONV": Rule(_transposed(slice(0, 3)), data=2, bias=3),  # (out, h, w, in)
    "CONV_3D_TRANSPOSE": Rule(_transposed(slice(0, 4)), data=2, bias=3),  # (d, h, w, out, in)
    "FULLY_CONNECTED": Rule(_dense),
    "BATCH_MATMUL": Rule(_product("adjX"), bias=None),
}

_ONNX_CONV = _conv(slice(1, None))  # (out, in / groups, …)
_ONNX_TRANSPOSED = _transposed(slice(1, None))  # (in, out / groups, …)

ONNX = {
    "Conv": Rule(_ONNX_CONV),
    "FusedConv": Rule(_ONNX_CONV),
    "NhwcConv": Rule(_ONNX_CONV),
    "NhwcFusedConv": Rule(_ONNX_CONV),
    "ConvInteger": Rule(_ONNX_CONV, bias=None),
    "QLinearConv": Rule(_ONNX_CONV, weights=3, bias=8),
    "ConvTranspose": Rule(_ONNX_TRANSPOSED),
    "Gemm": Rule(_product("transA")),
    "FusedGemm": Rule(_product("transA")),
    "QGemm": Rule(_product("transA"), weights=3, bias=6),
    "MatMul": Rule(_product(), bias=None),
    "MatMulInteger": Rule(_product(), bias=None),
    "QLinearMatMul": Rule(_product(), weights=3, bias=None),
    "DynamicQuantizeMatMul": Rule(_product(), bias=4),
}

TABLES: dict[str, dict[str, Rule]] = {"tflite": TFLITE, "onnx": ONNX}

EVERY: tuple[int, ...] = tuple(range(64))
_REST = EVERY[1:]

SETTINGS: dict[str, Mapping[str, Sequence[int]]] = {
    "tflite": {"PADV2": _REST, "MIRROR_PAD": _REST, "POW": (1,), "RANGE": EVERY, "FILL": EVERY},
    "onnx": {
        # scales and zero points
        "QuantizeLinear": _REST,
        "DequantizeLinear": _REST,
        "QLinearConv": (1, 2, 4, 5, 6, 7),
        "QLinearMatMul": (1, 2, 4, 5, 6, 7),
        "QGemm": (1, 2, 4, 5, 7, 8),
        "ConvInteger": (2, 3),
        "MatMulInteger": (2, 3),
        "DynamicQuantizeMatMul": (2, 3),
        "QLinearAdd": (1, 2, 4, 5, 6, 7),
        "QLinearMul": (1, 2, 4, 5, 6, 7),
        "QLinearSigmoid": _REST,
        "QLinearLeakyRelu": _REST,
        "QLinearSoftmax": _REST,
        "QLinearAveragePool": _REST,
        "QLinearGlobalAveragePool": _REST,
        "QLinearConcat": (0, 1, *(i for i in EVERY if i > 2 and i % 3 != 2)),
        # limits, amounts, sizes
        "Clip": _REST,
        "Pad": _REST,
        "Resize": _REST,
        "Upsample": _REST,
        "Pow": (1,),
        "Dropout": _REST,
        "Range": EVERY,
        "ConstantOfShape": EVERY,
        "OneHot": EVERY,
    },
}
"""Inputs, by position, whose constants steer an operator and are no weights."""

LOOKUPS_AND_ARITHMETIC = frozenset(
    {
        *("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU"),
        *("GATHER", "EMBEDDING_LOOKUP", "CONCATENATION", "PACK", "SELECT_V2", "SUM", "MEAN"),
        *("QUANTIZE", "DEQUANTIZE", "PADV2"),
        *("Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "PRelu", "Gather", "Concat"),
        *("BatchNormalization", "InstanceNormalization", "LayerNormalization"),
        *("GroupNormalization", "SkipLayerNormalization", "RMSNormalization"),
        *("QLinearAdd", "QLinearMul", "QLinearConcat", "QuantizeLinear", "DequantizeLinear"),
        *("Identity", "Split", "Reshape"),
    }
)
"""Operators that may hold parameters and take no multiply-adds in the sense of this count."""
