"""TFLite's operators: which have multiply-adds and how many, which constants are settings.

Every operator of the schema is in one of the tables, which a test checks: an operator in none of
them is foreign, and a count names it.
"""

from collections.abc import Mapping, Sequence

from mixnet_bench.counting import products, recurrent
from mixnet_bench.counting.operands import Rule

RULES: Mapping[str, Rule] = {
    "CONV_2D": Rule(products.convolution(slice(1, None)), image=0),  # (out, h, w, in / groups)
    "DEPTHWISE_CONV_2D": Rule(products.convolution(slice(1, 3)), image=0),  # (1, h, w, out)
    "CONV_3D": Rule(products.convolution(slice(0, 4)), image=0),  # (d, h, w, in / groups, out)
    # (output shape, weights, data, bias); weights (out, h, w, in) and (d, h, w, out, in)
    "TRANSPOSE_CONV": Rule(products.transposed(slice(0, 3), data=2), (1, 3), image=2),
    "CONV_3D_TRANSPOSE": Rule(products.transposed(slice(0, 4), data=2), (1, 3), image=2),
    "FULLY_CONNECTED": Rule(products.dense),
    "BATCH_MATMUL": Rule(products.product("adjX", "adjY"), (1,)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(recurrent.FULL, (*range(1, 18), *range(20, 24))),
    "LSTM": Rule(recurrent.lstm_step, (*range(1, 18), *range(20, 24))),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Rule(
        recurrent.sequence(*range(1, 9), 16, *range(18, 26), 33, *range(40, 48)),
        (*range(1, 35), *range(40, 48)),
    ),
    "RNN": Rule(recurrent.sequence(1, 2), (1, 2, 3)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Rule(recurrent.sequence(1, 2), (1, 2, 3)),
    "BIDIRECTIONAL_SEQUENCE_RNN": Rule(
        recurrent.sequence(1, 2, 5, 6, 10, 11), (1, 2, 3, 5, 6, 7, 10, 11)
    ),
    "SVDF": Rule(recurrent.sequence(1, 2), (1, 2, 3)),  # by features, then by time
    "STABLEHLO_CONVOLUTION": Rule(products.stable_convolution, (1,)),
    "STABLEHLO_DOT_GENERAL": Rule(products.dot_general, (1,)),
    # an operator of MediaPipe's: (data, weights, bias)
    "Convolution2DTransposeBias": Rule(products.transposed(slice(0, 3)), image=0),
}

UNKNOWN_PRODUCTS = frozenset(
    {
        *("FlexMatMul", "FlexBatchMatMul", "FlexBatchMatMulV2", "FlexBatchMatMulV3", "FlexEinsum"),
        *("FlexConv2D", "FlexConv3D", "FlexDepthwiseConv2dNative", "FlexConv2DBackpropInput"),
        *("FlexConv3DBackpropInputV2", "FlexXlaDotV2", "FlexXlaConvV2", "FlexTensordot"),
        *("odml.scaled_dot_product_attention", "DELEGATE", "STABLEHLO_CUSTOM_CALL"),
    }
)
"""Operators with multiply-adds that cannot be determined; their count is unknown."""

CONTROL = frozenset(
    {
        *("IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
        *("STABLEHLO_COMPOSITE", "STABLEHLO_REDUCE", "STABLEHLO_REDUCE_WINDOW"),
        *("STABLEHLO_SCATTER", "STABLEHLO_SORT"),
    }
)
"""Operators that run other subgraphs; what enters them is a parameter of those."""

MOVEMENT = frozenset(
    {
        *("ASSIGN_VARIABLE", "BATCH_TO_SPACE_ND", "BITCAST", "BROADCAST_ARGS", "BROADCAST_TO"),
        *("CAST", "CONCATENATION", "DENSIFY", "DEPTH_TO_SPACE", "DILATE", "DYNAMIC_UPDATE_SLICE"),
        *("EMBEDDING_LOOKUP", "EXPAND_DIMS", "FILL", "GATHER", "GATHER_ND", "HASHTABLE"),
        *("HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_LOOKUP", "HASHTABLE_SIZE", "IMAG"),
        *("MATRIX_DIAG", "MATRIX_SET_DIAG", "MIRROR_PAD", "ONE_HOT", "PACK", "PAD", "PADV2"),
        *("RANGE", "RANK", "READ_VARIABLE", "REAL", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR"),
        *("REVERSE_SEQUENCE", "REVERSE_V2", "SCATTER_ND", "SELECT", "SELECT_V2", "SHAPE", "SLICE"),
        *("SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPARSE_TO_DENSE", "SPLIT", "SPLIT_V", "SQUEEZE"),
        *("STRIDED_SLICE", "TILE", "TRANSPOSE", "UNIQUE", "UNPACK", "VAR_HANDLE", "WHERE"),
        *("ZEROS_LIKE", "SKIP_GRAM", "CONCAT_EMBEDDINGS", "PLACEHOLDER_FOR_GREATER_OP_CODES"),
        *("STABLEHLO_BROADCAST_IN_DIM", "STABLEHLO_CONCATENATE", "STABLEHLO_CONVERT"),
        *("STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE", "STABLEHLO_GATHER"),
        *("STABLEHLO_IOTA", "STABLEHLO_PAD", "STABLEHLO_RESHAPE", "STABLEHLO_SELECT"),
        *("STABLEHLO_SLICE", "STABLEHLO_TRANSPOSE"),
    }
)
"""Operators that compute nothing: they choose, move and repeat."""

ARITHMETIC = frozenset(
    {
        *("ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ATAN2", "AVERAGE_POOL_2D", "BITWISE_XOR"),
        *("BUCKETIZE", "CEIL", "COMPLEX_ABS", "COS", "CUMSUM", "DEQUANTIZE", "DIV", "ELU"),
        *("EMBEDDING_LOOKUP_SPARSE", "EQUAL", "EXP", "FAKE_QUANT", "FLOOR", "FLOOR_DIV"),
        *("FLOOR_MOD", "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION"),
        *("L2_POOL_2D", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOCAL_RESPONSE_NORMALIZATION", "LOG"),
        *("LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX", "LSH_PROJECTION"),
        *("MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "MULTINOMIAL", "NEG"),
        *("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "NOT_EQUAL", "POW", "PRELU"),
        *("QUANTIZE", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "REDUCE_ALL", "REDUCE_ANY"),
        *("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_WINDOW", "RELU", "RELU6"),
        *("RELU_0_TO_1", "RELU_N1_TO_1", "RESIZE_BILINEAR", "RFFT2D", "RIGHT_SHIFT", "ROUND"),
        *("RSQRT", "SEGMENT_SUM", "SIGN", "SIN", "SOFTMAX", "SQRT", "SQUARE"),
        *("SQUARED_DIFFERENCE", "SUB", "SUM", "TANH", "TOPK_V2", "UNSORTED_SEGMENT_MAX"),
        *("UNSORTED_SEGMENT_MIN", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_SUM"),
        *("STABLEHLO_ABS", "STABLEHLO_ADD", "STABLEHLO_AND", "STABLEHLO_CBRT", "STABLEHLO_CLAMP"),
        *("STABLEHLO_COMPARE", "STABLEHLO_COSINE", "STABLEHLO_DIVIDE", "STABLEHLO_EXPONENTIAL"),
        *("STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_LOGISTIC", "STABLEHLO_MAXIMUM"),
        *("STABLEHLO_MINIMUM", "STABLEHLO_MULTIPLY", "STABLEHLO_NEGATE", "STABLEHLO_OR"),
        *("STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RNG_BIT_GENERATOR"),
        *("STABLEHLO_RSQRT", "STABLEHLO_SHIFT_LEFT", "STABLEHLO_SUBTRACT", "STABLEHLO_TANH"),
        *("TFLite_Detection_PostProcess", "MaxPoolingWithArgmax2D", "MaxUnpooling2D"),
        *("TransformLandmarks", "TransformTensorBilinear", "Landmarks2TransformMatrix"),
        *("FlexErf", "FlexRFFT", "FlexFFT", "FlexIRFFT", "FlexStft"),
    }
)
"""Operators that compute, but take no multiply-adds in the sense of this count."""

EVERY: tuple[int, ...] = tuple(range(64))

SETTINGS: Mapping[str, Sequence[int]] = {
    "PADV2": EVERY[1:],
    "MIRROR_PAD": EVERY[1:],
    "POW": (1,),
    "RANGE": EVERY,
    "FILL": EVERY,
    "HASHTABLE_IMPORT": EVERY,
    "DYNAMIC_UPDATE_SLICE": (2,),
    "TFLite_Detection_PostProcess": (2,),  # anchors
    # states that a file may give a beginning
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19),
    "LSTM": (18, 19),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (35, 36, 37, 38),
    "RNN": (4,),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (4,),
    "BIDIRECTIONAL_SEQUENCE_RNN": (4, 8),
    "SVDF": (4,),
    **dict.fromkeys(CONTROL, EVERY),
}
"""Inputs, by position, whose constants steer an operator and are not weights."""
