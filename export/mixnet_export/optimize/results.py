"""What ``mixnet-export optimize`` prints and writes beside a file, as records."""

from mixnet_common.result import (
    Count,
    Free,
    Number,
    Place,
    Positive,
    ResultRecord,
    Shape,
    known_as,
)


class RewrittenOperator(ResultRecord):
    """An operator that was rewritten."""

    subgraph: Count
    """a rewritten operator: the subgraph that it is in"""
    operator: Count
    """its index among the original's operators"""
    name: str
    """its output tensor"""
    form: str
    """`float32`, `float16` (weights), `int8-per-channel` or `int8-per-tensor`"""
    kernel: Shape
    """rows and columns of its kernel"""
    strides: Shape
    """rows and columns"""
    dilations: Shape
    """rows and columns"""
    input_shape: Shape
    """shape of its input, without the padding of an absorbed PAD"""
    output_shape: Shape
    """shape of its output"""
    tiles: tuple[Shape, ...]
    """rows and columns of each tile; one tile of the whole kernel is a float32 convolution \
between DEQUANTIZE and QUANTIZE"""
    sliced: Count
    """tiles that read a slice of the padded input"""
    pad_absorbed: bool
    """whether a PAD before it was absorbed"""
    expected_ratio: Positive | None = known_as()
    """its expected time over that of the original operator, by the cost model"""
    error: Positive | None = known_as()
    """float32, float16: largest difference from a float64 reference, relative to that one's \
largest value; else `null`"""
    own_error: Positive | None = known_as()
    """the same of the original operator"""
    steps: Positive | None = known_as()
    """int8: the most steps by which an output differs from the original operator's; else `null`"""
    share: Positive | None = known_as()
    """int8: the share of values that differ"""
    requantized: bool = known_as(False)
    """int8: whether its tiles are in int8, with ranges of their own or, a single one, exactly"""
    float_because: str = known_as("")
    """int8, with `--calibrate`: why its tiles are in float32"""


class RegionRewritten(ResultRecord):
    """Several operators that were rewritten together."""

    subgraph: Count
    """operators that were rewritten together: the subgraph that they are in"""
    pattern: str
    """the pattern: `depth multiplier`, `partitions`, `mixed convolution` …"""
    operators: tuple[Count, ...]
    """their indices among the original's operators"""
    name: str
    """the tensor that it concerns"""
    what: str
    """the rewriting in words"""
    error: Positive | None = known_as()
    """float32: largest difference from a float64 reference (from the original where an operator \
has no definition there), relative to that one's largest value; else `null`"""
    own_error: Positive | None = known_as()
    """the same of the original"""
    steps: Positive | None = known_as()
    """integers: the most steps by which an output differs; else `null`"""
    share: Positive | None = known_as()
    """integers: the share of values that differ"""


class OperatorLeftAlone(ResultRecord):
    """An operator that could be faster and stays."""

    subgraph: Count
    """an operator that could be faster and stays: the subgraph that it is in"""
    operator: Count
    """its index"""
    name: str
    """its output tensor"""
    why: str
    """why it is not rewritten"""


class FileFacts(ResultRecord):
    """The input of a file."""

    size_bytes: Count
    """its size"""
    partitions: Count | None = known_as()
    """its delegate partitions in this machine's runtime; `null` if that runtime is unlike the \
target"""
    partitions_reason: str = known_as("")
    """why they are unknown"""
    peak_activation_bytes: Count | None = known_as()
    """peak activation memory of the main graph"""


class ComparedOutput(ResultRecord):
    """An output of the whole file, compared."""

    signature: str | None = known_as()
    """an output of the whole file, compared on a picture, noise, edges and a constant: its \
signature"""
    name: str
    """its name"""
    dtype: str
    """its type"""
    difference: Positive | None = known_as()
    """largest difference, relative to the original's largest value"""
    own_difference: Positive | None = known_as()
    """the same of the original from itself, with XNNPACK and without"""
    share: Positive | None = known_as()
    """share of values that differ"""
    sqnr_db: Number | None = known_as()
    """SQNR against the original in dB; `null` if nothing differs, or if the original has no \
signal"""
    own_sqnr_db: Number | None = known_as()
    """SQNR of the original against itself, with XNNPACK and without; `null` likewise"""
    says_nothing: str = known_as("")
    """why the comparison is not conclusive, for example if the output does not depend on the \
input; else empty"""


class OptimizeResult(ResultRecord):
    """The result of rewriting a file."""

    path: Place
    """the original file"""
    target: str
    """runtime and version that it was rewritten for"""
    rewritten: tuple[RewrittenOperator, ...] = known_as(())
    left_alone: tuple[OperatorLeftAlone, ...] = known_as(())
    reason: str = known_as("")
    """why nothing was rewritten; empty if something was"""
    before: FileFacts
    """of the original"""
    after: FileFacts | None = known_as()
    """of the optimized file; `null` if nothing was rewritten"""
    expected_gain: Number | None = known_as()
    """share of the rewritten operators' time that is expected to be saved"""
    outputs: tuple[ComparedOutput, ...] = known_as(())
    regions: tuple[RegionRewritten, ...] = known_as(())
    warnings: tuple[str, ...] = known_as(())
    """sentences on what may impair the result"""
    written: Place | None = known_as()
    """the file that was written; `null` if nothing was rewritten, and with `--dry-run`"""
    pictures: Count = known_as(0)
    """with `--calibrate`: number of images on which outputs were compared; 0: generated inputs"""
    fp16_allowed: bool = known_as(False)
    """its metadata let XNNPACK compute it in float16: `--allow-fp16`"""
    provenance: Free | None = known_as()
    """the content of the `….json` file beside it; `null` without a file"""
