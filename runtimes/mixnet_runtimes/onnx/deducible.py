"""Which operators on shapes are evaluated while a graph is read, and up to what size.

Exporters write arithmetic on shapes into the graph; a file of a kilobyte can request values of
gigabytes, so both are bounded here.
"""

SMALL = 256
"""Most elements of a tensor whose values may matter for a shape."""


FOLDABLE = {
    "Abs", "Add", "And", "ArgMax", "ArgMin", "Cast", "CastLike", "Ceil", "Clip", "Concat",
    "ConstantOfShape", "CumSum", "DequantizeLinear", "Div", "Equal", "Expand", "Flatten",
    "Floor", "Gather", "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "Identity",
    "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Neg", "NonZero", "Not", "Or",
    "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Round", "Scatter",
    "ScatterElements", "ScatterND", "Sign", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Sum",
    "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
}  # fmt: skip
"""Operators whose results are computed. None makes larger intermediates than its result."""


UNSIZED = {"NonZero"}
"""Operators whose results are as small as their inputs, with sizes that depend on values."""


NEWER = {"QuantizeLinear", "DequantizeLinear"}
"""Evaluated as in opset 19, the first that onnx's evaluator knows them in; nothing had changed."""


DOUBTFUL = {"AveragePool", "LpPool", "MaxPool", "Resize", "Upsample"}
"""Operators whose rounding onnx's versions and runtimes do not agree on, by one."""


MICROSOFT = "com.microsoft"


REAL = {1, 10, 11, 16}
"""Element types that onnxruntime computes in: float, float16, double, bfloat16."""
