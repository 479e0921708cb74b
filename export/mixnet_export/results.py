"""What `mixnet-export` prints and writes beside a file, as records: the keys and their meaning."""

from mixnet_common.result import (
    Count,
    Free,
    Number,
    Place,
    Plain,
    Positive,
    ResultRecord,
    Shape,
    known_as,
)


class PaperFigures(ResultRecord):
    """A network's row in the paper."""

    table: str
    """the paper's table"""
    model: str
    """the model as printed"""
    params: str
    """its parameters as printed"""
    flops: str
    """its "FLOPS" as printed, which are multiply-adds"""
    top1: str
    """top-1 accuracy in percent, as printed"""
    top5: str
    """top-5 accuracy in percent, as printed"""


class ListedNetwork(ResultRecord):
    """A network that can be exported."""

    name: str
    """the network's name"""
    title: str
    """its name in words"""
    params: Count
    """trainable parameters"""
    macs: Count
    """multiply-adds of convolutions and dense layers, at its resolution"""
    resolution: Count
    """pixels of its input's side"""
    paper: PaperFigures | None = known_as()
    """its row in the paper; `null` without one"""
    source: str
    """source of its architecture"""
    timm: tuple[str, ...] = known_as(())
    """its names in timm, which are also accepted here"""


class ShownBlock(ResultRecord):
    """A block of a network."""

    block: str
    """the block: `stem`, `blocks.4.1` (row and place, from 0), `head`"""
    operation: str
    """its central operation: `MDConv` with its groups, `depthwise`, `convolution` …"""
    kernels: str | None = known_as()
    """kernel sizes of its depthwise convolutions, or of its convolutions"""
    stride: int | str | None = known_as()
    """its stride"""
    expand: Number | None = known_as()
    """channels after the expansion over input channels; `null` without one"""
    se: Number | None = known_as()
    """squeezed channels over input channels; `null` without squeeze-and-excite"""
    activation: str | None = known_as()
    """after its convolutions; `null` without one"""
    input: str | None = known_as()
    """height, width and channels of its input"""
    output: str | None = known_as()
    """the same of its output"""
    params: Count
    """trainable parameters"""
    macs: Count
    """multiply-adds"""


class ShownNetwork(ResultRecord):
    """A network, block by block."""

    name: str
    """the network's name"""
    blocks: tuple[ShownBlock, ...]


class ExportedInput(ResultRecord):
    """The input of a file."""

    name: str
    """the input's name"""
    shape: Shape
    """its sizes"""
    layout: str
    """`NHWC` or `NCHW`"""
    values: str
    """`normalised`: images are preprocessed according to `preprocessing`"""


class ExportedOutput(ResultRecord):
    """The output of a file."""

    name: str
    """the output's name"""
    shape: Shape
    """its sizes"""


class QuantizationFacts(ResultRecord):
    """How a file was quantized."""

    ranges: str | None = known_as()
    """how the ranges of activations were computed (`--ranges`)"""
    percentile: Number | None = known_as()
    """its percentile"""
    pieces: str | None = known_as()
    """type of the tiles of large kernels: `int8` or `float32`"""
    float_layers: tuple[str, ...] = known_as(())
    """layers in float32"""
    float_nodes: Count | None = known_as()
    """number of operators of these layers in the file"""
    activations: str | None = known_as()
    """`signed` or `unsigned`"""
    weight_bits: Count | None = known_as()
    """bits of a weight"""
    equalised: bool | None = known_as()
    """cross-layer equalization was applied"""
    biases_corrected: bool | None = known_as()
    """biases were corrected"""


class MixedStep(ResultRecord):
    """A candidate of a search for a mixed precision."""

    float_layers: tuple[str, ...]
    """*`--precision mixed`*, and so are the following: layers that the candidate \
keeps in float32"""
    loss: Number | None = known_as()
    """its loss, in points"""
    holds: bool | None = known_as()
    """whether the loss is within the budget"""
    db: Number | None = known_as()
    """SQNR of its logits"""
    time_ratio: Positive | None = known_as()
    """its time over the float32 file's"""
    size_bytes: Count | None = known_as()
    """its size"""


class MixedFacts(ResultRecord):
    """The result of a search for a mixed precision."""

    budget: Number
    """the budget, in points"""
    measured_on: str
    """what the loss was measured on: `labels` or `agreement`"""
    float_layers: tuple[str, ...]
    """layers in float32"""
    steps: tuple[MixedStep, ...]


class WeightsFacts(ResultRecord):
    """Which weights a file has."""

    source: str
    """source of the weights"""
    sha256: str
    """of their values"""


class VerificationFacts(ResultRecord):
    """How a file was verified."""

    runtime: str
    """the runtime that ran the file"""
    against: str
    """what it was compared with"""
    largest_difference: Number | None = known_as()
    """of a logit, over the largest logit"""
    same_top1: bool
    """whether both predict the same class"""
    degenerate: bool
    """whether all logits are nearly equal, so that the check is not conclusive"""


class ExportResult(ResultRecord):
    """A file that was written; the `.json` beside it has the same keys but `name` and `path`."""

    name: str
    """the network's name"""
    path: Place
    """the file"""
    format: int
    """the version of these keys"""
    network: str
    """the network's name"""
    title: str
    """its name in words"""
    source: str
    """source of its architecture"""
    file_format: str
    """`tflite` or `onnx`"""
    precision: str
    """`float32`, `float16`, `int8`, `int8-dynamic` or `mixed`"""
    io: str
    """the type of inputs and outputs"""
    allow_fp16: bool = known_as(False)
    """its metadata let XNNPACK compute it in float16: `--allow-fp16`"""
    classes: Count
    """classes"""
    resolution: Count
    """pixels of the input's side"""
    multiplier: Number
    """width multiplier"""
    batch: int | None = known_as()
    """size of the batch"""
    input: ExportedInput
    output: ExportedOutput
    """the first output"""
    outputs: tuple[ExportedOutput, ...]
    """all outputs"""
    preprocessing: dict[str, Plain | tuple[Number, ...]] | None = known_as()
    """the preprocessing of images: `mean`, `std`, `crop`, `interpolation`, `order`, `sampler`"""
    labels: tuple[str, ...] | None = known_as()
    """the names of the classes; `null` without"""
    versions: dict[str, str | None]
    """versions of the packages that determine the file's bytes"""
    target: str | None = known_as()
    """runtime and version that it was made for"""
    large_kernels: Count | None = known_as()
    """depthwise kernels of more than 25 taps; without any, every version gets the same file"""
    lowering: str
    """name of the lowering, or of its file"""
    lowering_sha256: str
    """hash of its definition"""
    sha256: str
    """of the file"""
    size_bytes: Count
    """its size"""
    calibration_images: Count | None = known_as()
    """images that set ranges; 0: the sample image"""
    quantization: QuantizationFacts | None = known_as()
    """`null` for a file that is not quantized"""
    mixed: MixedFacts | None = known_as()
    """*`--precision mixed`*: how the layers were found; `null` for others"""
    weights: WeightsFacts
    verification: VerificationFacts | None = known_as()
    """`null` with `--no-verify`"""
    origin: Free | None = None
    """*in a campaign's results*: as in `latency`"""
