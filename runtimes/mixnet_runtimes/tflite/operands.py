"""The minimum numbers of inputs and outputs of TFLite operators, and their options.

TFLite's schema does not define them; kernels assume them, and so does code that reads an operator's
weights.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mixnet_runtimes.faults import ModelError

ONE = (
    "AVERAGE_POOL_2D L2_POOL_2D MAX_POOL_2D CONCATENATION DEPTH_TO_SPACE SPACE_TO_DEPTH DEQUANTIZE"
    " QUANTIZE FLOOR CEIL ROUND L2_NORMALIZATION LOCAL_RESPONSE_NORMALIZATION LOGISTIC RELU RELU6"
    " RELU_N1_TO_1 RELU_0_TO_1 RESHAPE SOFTMAX LOG_SOFTMAX TANH SQUEEZE EXP CAST NEG SIN COS LOG"
    " SQRT RSQRT SHAPE RANK FAKE_QUANT PACK UNPACK SQUARE ZEROS_LIKE LEAKY_RELU ABS UNIQUE ADD_N"
    " WHERE ELU MATRIX_DIAG HARD_SWISH IF GELU SIGN BITCAST DENSIFY"
)
TWO = (
    "ADD SUB MUL DIV PAD GATHER TRANSPOSE MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY"
    " REDUCE_ALL CONV_2D DEPTHWISE_CONV_2D CONV_3D FULLY_CONNECTED BATCH_MATMUL RESIZE_BILINEAR"
    " RESIZE_NEAREST_NEIGHBOR EMBEDDING_LOOKUP TOPK_V2 SPLIT PRELU MAXIMUM MINIMUM ARG_MAX ARG_MIN"
    " LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL TILE EXPAND_DIMS POW LOGICAL_AND"
    " LOGICAL_OR FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE MIRROR_PAD REVERSE_V2 GATHER_ND FILL CUMSUM"
    " BROADCAST_TO RFFT2D BROADCAST_ARGS ATAN2 BITWISE_XOR RIGHT_SHIFT REVERSE_SEQUENCE SEGMENT_SUM"
)
THREE = (
    "TRANSPOSE_CONV CONV_3D_TRANSPOSE SLICE SELECT SELECT_V2 SPLIT_V BATCH_TO_SPACE_ND"
    " SPACE_TO_BATCH_ND PADV2 SCATTER_ND RANGE DYNAMIC_UPDATE_SLICE DILATE UNSORTED_SEGMENT_SUM"
    " UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD"
)
FOUR = "STRIDED_SLICE ONE_HOT SPARSE_TO_DENSE"
MORE = {  # an LSTM of the basic kernel has 5, one of the full kernel 20
    "LSTM": 5, "UNIDIRECTIONAL_SEQUENCE_LSTM": 20, "BIDIRECTIONAL_SEQUENCE_LSTM": 39,
    "RNN": 5, "UNIDIRECTIONAL_SEQUENCE_RNN": 5, "BIDIRECTIONAL_SEQUENCE_RNN": 12, "SVDF": 5,
    "NON_MAX_SUPPRESSION_V4": 5, "NON_MAX_SUPPRESSION_V5": 6,
}  # fmt: skip

FEWEST: Mapping[str, int] = MORE | {
    kind: count
    for count, kinds in ((1, ONE), (2, TWO), (3, THREE), (4, FOUR))
    for kind in kinds.split()
}
"""Kind → its fewest inputs; each of these kinds has an output, too."""

OPTIONAL = frozenset(MORE)
"""Kinds of which any input may be left out (as tensor -1)."""

OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "CONV_3D": "Conv3DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
}
"""Kind → the table of its options; of another table a kernel reads what is not there."""


def check(kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> None:
    """Raise ModelError if an operator lacks operands, or has another operator's options."""
    fewest = FEWEST.get(kind)
    if fewest is None:
        return
    there: Callable[[int], bool] = (lambda _index: True) if kind in OPTIONAL else (lambda i: i >= 0)
    found = sum(1 for index in inputs[:fewest] if there(index))
    if found < fewest:
        raise ModelError(f"{kind} has {found} of {fewest} inputs")
    if not outputs:
        raise ModelError(f"{kind} has 0 of 1 outputs")
    needed = OPTIONS.get(kind)
    if None not in (needed, options) and type(options).__name__ != f"{needed}T":
        wrong = type(options).__name__.removesuffix("T")
        raise ModelError(f"{kind} has {wrong} in place of {needed}")
