"""ONNX's operators and onnxruntime's: which have multiply-adds, which constants are settings.

Every operator of the standard and of com.microsoft is in one of the tables, which a test checks: an
operator in none of them is foreign, and a count names it. If both sets have different operators of
one name, Microsoft's has its domain before it: ``com.microsoft.Attention``.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

from mixnet_bench.counting import attention, products, recurrent
from mixnet_bench.counting.einsum import einsum
from mixnet_bench.counting.operands import Operands, Rule

MICROSOFT = "com.microsoft"

KNOWN_DOMAINS = frozenset({"", MICROSOFT, "com.ms.internal.nhwc"})
"""Sets of operators that are named in the tables without their domain."""

_CONV = products.convolution(slice(1, None))  # (out, in / groups, …)
_TRANSPOSED = products.transposed(slice(1, None))  # (in, out / groups, …)
_GEMM = products.product("transA", "transB")

RULES: Mapping[str, Rule] = {
    "Conv": Rule(_CONV, image=0),
    "FusedConv": Rule(_CONV, image=0),
    "NhwcConv": Rule(_CONV, image=0),
    "NhwcFusedConv": Rule(_CONV, image=0),
    "ConvInteger": Rule(_CONV, (1,), image=0),
    "QLinearConv": Rule(products.convolution(slice(1, None), weights=3), (3, 8), image=0),
    "DeformConv": Rule(_CONV, (1, 3), image=0),
    "ConvTranspose": Rule(_TRANSPOSED, image=0),
    "QLinearConvTranspose": Rule(products.transposed(slice(1, None), weights=3), (3, 8), image=0),
    "ConvTransposeWithDynamicPads": Rule(_TRANSPOSED, (1, 3), image=0),
    "CausalConvWithState": Rule(products.causal_convolution, image=0),
    "Gemm": Rule(_GEMM),
    "FusedGemm": Rule(_GEMM),
    "GemmFloat8": Rule(_GEMM),
    "GemmFastGelu": Rule(products.product()),
    "QGemm": Rule(products.product("transA", "transB", second=3), (3, 6)),
    "MatMul": Rule(products.product(), (1,)),
    "MatMulInteger": Rule(products.product(), (1,)),
    "MatMulInteger16": Rule(products.product(), (1,)),
    "MatMulIntegerToFloat": Rule(products.product(), (1, 6)),
    "QLinearMatMul": Rule(products.product(second=3), (3,)),
    "DynamicQuantizeMatMul": Rule(products.product(), (1, 4)),
    "FusedMatMul": Rule(products.fused_product, (1,)),
    "TransposeMatMul": Rule(products.fused_product, (1,)),
    "FusedMatMulActivation": Rule(products.fused_product, (1,)),
    "MatMulNBits": Rule(products.packed_product, (1, 5)),
    "MatMulBnb4": Rule(products.packed_product, (1,)),
    "Einsum": Rule(einsum, (1,)),
    "LSTM": Rule(recurrent.onnx, (1, 2, 3, 7)),
    "GRU": Rule(recurrent.onnx, (1, 2, 3)),
    "RNN": Rule(recurrent.onnx, (1, 2, 3)),
    "DynamicQuantizeLSTM": Rule(recurrent.onnx, (1, 2, 3, 7)),
    "Attention": Rule(attention.standard, ()),
    f"{MICROSOFT}.Attention": Rule(attention.projected),
    "QAttention": Rule(attention.quantized_projected),
    "MultiHeadAttention": Rule(attention.multi_head, (3,)),
    "GroupQueryAttention": Rule(attention.grouped, ()),
}

UNKNOWN_PRODUCTS = frozenset(
    {
        *("LinearAttention", "PackedAttention", "PackedMultiHeadAttention", "PagedAttention"),
        *("DecoderAttention", "DecoderMaskedMultiHeadAttention", "DecoderMaskedSelfAttention"),
        *(
            "LongformerAttention",
            "SparseAttention",
            "SparsePagedAttention",
            "SparseAttentionIndexer",
        ),
        *("DynamicSparseAttention", "PackedSparseAttentionIndexer", "GatedRelativePositionBias"),
        *("PackedSparseAttentionIndexerMerge", "GatedDeltaNet", "GatedDeltaNetStateReplay"),
        *("LinearAttentionGate", "Mamba2Verify", "MoE", "MoEPacked", "MoEGroupRouter", "QMoE"),
        *("QOrderedAttention", "QOrderedLongformerAttention", "QOrderedMatMul", "RouterGateUpProj"),
        *("MatMulFpQ4", "MatMulPacked", "MatMulNBitsMlp", "MatMulNBitsQLoRA", "MatMulNBitsQkv"),
        *("MatMulBlockQuantizedFp4Weight", "MatMulBlockQuantizedFp8Weight", "SparseToDenseMatMul"),
        *("AttnLSTM", "WordConvEmbedding", "CDist", "HyperConnectionLowRankMix", "EngramGate"),
        *("VarlenCausalConvWithState", "com.microsoft.CausalConvWithState", "EPContext", "Snpe"),
        *("com.microsoft.LinearAttention", "ConvStateReplay", "HyperConnectionPreMix"),
        *("HyperConnectionPostMix",),
        # of ai.onnx.ml, with their weights in attributes
        *("ai.onnx.ml.LinearClassifier", "ai.onnx.ml.LinearRegressor"),
        *("ai.onnx.ml.SVMClassifier", "ai.onnx.ml.SVMRegressor"),
    }
)
"""Operators with multiply-adds that are not counted; a count with one of them is unknown."""

CONTROL = frozenset(
    {
        *("If", "Loop", "Scan", "SequenceMap"),
        *("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"),
    }
)
"""Operators that run other graphs; what enters them is a parameter of those."""

MOVEMENT = frozenset(
    {
        *("BitCast", "Cast", "CastLike", "CenterCropPad", "Col2Im", "Compress", "Concat"),
        *("ConcatFromSequence", "Constant", "ConstantOfShape", "DepthToSpace", "Dropout", "Expand"),
        *("EyeLike", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "ImageDecoder"),
        *("NonZero", "OneHot", "Optional", "OptionalGetElement", "OptionalHasElement", "Pad"),
        *("Range", "RegexFullMatch", "Reshape", "ReverseSequence", "Scatter", "ScatterElements"),
        *("ScatterND", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase"),
        *("SequenceInsert", "SequenceLength", "Shape", "Size", "Slice", "SpaceToDepth", "Split"),
        *("SplitToSequence", "Squeeze", "StringConcat", "StringNormalizer", "StringSplit"),
        *("TensorScatter", "Tile", "Transpose", "Trilu", "Unique", "Unsqueeze", "Where"),
        # com.microsoft
        *("BifurcationDetector", "BiasDropout", "BitmaskBiasDropout", "BitmaskDropout"),
        *("CropAndResize", "ExpandDims", "GatherBlockQuantized", "GatherPacked"),
        *("NGramRepeatBlock", "QLinearConcat", "QLinearWhere", "RemovePadding", "RestorePadding"),
        *("SpeculativePrefixCommit", "Tokenizer", "TorchEmbedding", "UnfoldTensor"),
        *("MurmurHash3", "NGramHashMapping", "VarlenNGramHashMapping"),
    }
)
"""Operators that compute nothing: they choose, move and repeat."""

ARITHMETIC = frozenset(
    {
        *("Abs", "Acos", "Acosh", "Add", "AffineGrid", "And", "ArgMax", "ArgMin", "Asin", "Asinh"),
        *("Atan", "Atanh", "AveragePool", "BatchNormalization", "Bernoulli", "BitShift"),
        *("BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "BlackmanWindow", "Ceil", "Celu"),
        *("Clip", "Cos", "Cosh", "CumProd", "CumSum", "DFT", "DequantizeLinear", "Det", "Div"),
        *("DynamicQuantizeLinear", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu"),
        *("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual"),
        *("GridSample", "GroupNormalization", "HammingWindow", "HannWindow", "HardSigmoid"),
        *("HardSwish", "Hardmax", "InstanceNormalization", "IsInf", "IsNaN", "LRN"),
        *("LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax"),
        *("LpNormalization", "LpPool", "Max", "MaxPool", "MaxRoiPool", "MaxUnpool", "Mean"),
        *("MeanVarianceNormalization", "MelWeightMatrix", "Min", "Mish", "Mod", "Mul"),
        *("Multinomial", "Neg", "NegativeLogLikelihoodLoss", "NonMaxSuppression", "Not", "Or"),
        *("PRelu", "Pow", "QuantizeLinear", "RMSNormalization", "RandomNormal"),
        *("RandomNormalLike", "RandomUniform", "RandomUniformLike", "Reciprocal", "ReduceL1"),
        *("ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin"),
        *("ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Resize", "RoiAlign"),
        *("RotaryEmbedding", "Round", "STFT", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh"),
        *("Softmax", "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "Sqrt", "Sub", "Sum"),
        *("SwiGLU", "Swish", "Tan", "Tanh", "TfIdfVectorizer", "ThresholdedRelu", "TopK"),
        *("Upsample", "Xor"),
        # com.microsoft
        *("BiasAdd", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "BranchwiseRMSNorm", "ComplexMul"),
        *("ComplexMulConj", "DequantizeBFP", "DequantizeWithOrder", "DynamicTimeWarping"),
        *("EmbedLayerNormalization", "FastGelu", "GatedAdd", "GatedRMSNorm", "GroupNorm"),
        *("GemmaRotaryEmbedding", "Inverse", "Irfft", "IsAllFinite", "MRotaryEmbedding"),
        *("MaxpoolWithMask", "MulInteger", "NhwcMaxPool", "QEmbedLayerNormalization"),
        *("QLinearAdd", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearLeakyRelu"),
        *("QLinearMul", "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QOrderedGelu"),
        *("QOrderedLayerNormalization", "QuantizeBFP", "QuantizeWithOrder", "QuickGelu"),
        *("RMSNormRotary", "ReduceSumInteger", "RelativePositionBias", "Rfft", "SampleOp"),
        *("ScaledSiLU", "SkipGroupNorm", "SkipLayerNormalization"),
        *("SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization"),
    }
)
"""Operators that compute, but take no multiply-adds in the sense of this count."""

EVERY: tuple[int, ...] = tuple(range(64))
_REST = EVERY[1:]

SETTINGS: Mapping[str, Sequence[int]] = {
    # scales and zero points
    "QuantizeLinear": _REST,
    "DequantizeLinear": _REST,
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearConvTranspose": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "GemmFloat8": (3, 4, 5),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulNBits": (2, 3, 4),
    "MatMulBnb4": (2,),
    "GatherBlockQuantized": (2, 3),
    "QAttention": (3, 4, 5, 6, 7, 8),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QLinearSigmoid": _REST,
    "QLinearLeakyRelu": _REST,
    "QLinearSoftmax": _REST,
    "QLinearReduceMean": _REST,
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
    # lengths, masks and states that a file may give a beginning
    "LSTM": (4, 5, 6),
    "GRU": (4, 5),
    "RNN": (4, 5),
    "DynamicQuantizeLSTM": (4, 5, 6, 8, 9, 10, 11),
    "Attention": (3, 4, 5, 6),
    f"{MICROSOFT}.Attention": (3, 4, 6),
    "MultiHeadAttention": (4, 6, 7, 8, 9),
    "GroupQueryAttention": (3, 4, 5, 6, 7, 8, 9),
    "CausalConvWithState": (3,),
    # tables of sines, windows
    "RotaryEmbedding": _REST,
    "GemmaRotaryEmbedding": _REST,
    "STFT": _REST,
    "DFT": _REST,
    "MelWeightMatrix": EVERY,
    "RoiAlign": _REST,
    "NonMaxSuppression": EVERY,
    **dict.fromkeys(CONTROL, EVERY),
}
"""Inputs, by position, whose constants steer an operator and are not weights."""

INT32_BIASES = {"DequantizeLinear": 0, "QLinearConv": 8, "QGemm": 6, "QLinearConvTranspose": 8}
"""Inputs where an int32 constant is a quantized bias, not a size or an index."""


def _by_bits(operands: Operands) -> int:
    """Bytes hold several elements, by the attribute ``bits``, 4 by default; other types one."""
    data = operands.inputs[0]
    packed = data is not None and data.dtype == "uint8"
    return prod(operands.sizes(0)) * (8 // max(1, operands.whole("bits", 4)) if packed else 1)


PACKED: Mapping[tuple[str, int], Callable[[Operands], int]] = {
    ("MatMulNBits", 1): lambda operands: operands.whole("K") * operands.whole("N"),
    ("MatMulBnb4", 1): lambda operands: operands.whole("K") * operands.whole("N"),
    ("GatherBlockQuantized", 0): _by_bits,
}
"""Constants, by operator and position, of which a byte holds several parameters: their number."""
