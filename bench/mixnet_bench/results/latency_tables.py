"""Latency tables and predictions from them, as records."""

from typing import Annotated

from msgspec import Meta

from mixnet_common.json_object import MOST
from mixnet_common.result import (
    Count,
    Milliseconds,
    Number,
    Positive,
    ResultRecord,
    Shape,
    Share,
    Threads,
    check_ordered,
    known_as,
)

Ratio = Annotated[float, Meta(gt=0, le=1e9)]
"""A time over another."""
Logarithm = Annotated[float, Meta(ge=-50, le=50)]
Index = Annotated[int, Meta(ge=0, le=35)]
Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]

Freedom = Annotated[float, Meta(gt=0, le=MOST)]
Confidence = Annotated[float, Meta(ge=0.5, le=0.9999)]
"""Of intervals; beyond it they have no finite bounds."""
AnchorTimes = Annotated[tuple[Milliseconds, ...], Meta(min_length=1)]
"""An anchor's time of one inference in each launch."""

TIMED, INTERPOLATED, LEFT_OUT = "timed", "interpolated", "left out"


class TableBlock(ResultRecord):
    """A distinct block, timed alone in turns with the anchor."""

    key: Key
    """a hash of the block's computation and shapes"""
    label: str
    """the same in words"""
    places: tuple[str, ...]
    """its possible positions: `stem`, `layer 7` (counted from 1), `head conv`, `head logits`, or \
a network's block"""
    input: Shape
    """shape of its input: 1, height, width, channels"""
    output: Shape
    """shape of its output"""
    kernels: tuple[Count, ...] = known_as(())
    """kernel sizes of its depthwise convolution, one per group"""
    middle: Count = known_as(0)
    """channels of its depthwise convolution"""
    stride: Count = known_as(1)
    """stride of its convolutions"""
    skip: bool = known_as(False)
    """whether its input is added to its output"""
    se: bool = known_as(False)
    """whether it has squeeze-and-excite"""
    swish: bool = known_as(False)
    """whether its activations are swish"""
    macs: Count
    """multiply-adds"""
    how: str
    """`timed`, `interpolated` between blocks with other numbers of channels, or `left out` for \
lack of time"""
    ratio: Ratio | None = known_as()
    """its time over the anchor's; `null` if it was left out"""
    interval: tuple[Positive, Positive] | None = known_as()
    """confidence interval of `ratio`, over launches; for an interpolated block, from its two \
neighbours"""
    log_ratios: tuple[Logarithm, ...] = known_as(())
    """the logarithm of its time over the anchor's in each launch"""

    def __post_init__(self) -> None:
        """Raise ValueError if the interval has its end before its start."""
        check_ordered(self.interval, "interval")


class TableNetwork(ResultRecord):
    """A whole network, timed for the cost of the seams between blocks."""

    name: str
    """the network's name"""
    genotype: tuple[Index, ...] | None = known_as()
    """the option chosen at each position of the space"""
    blocks: Count
    """its blocks"""
    sum: Ratio
    """the sum of its blocks' ratios"""
    ratio: Ratio
    """its time over the anchor's"""
    log_ratios: tuple[Logarithm, ...]
    """the logarithm of its time over the anchor's in each launch"""


class Seams(ResultRecord):
    """The time of a network beyond its blocks: ratio = scale · sum + per_block · blocks."""

    scale: Positive
    """factor of the sum of blocks"""
    per_block: Number
    """time added by each block, relative to the anchor's"""
    residual: Positive
    """standard deviation of a network's time around the prediction, relative to it"""
    freedom: Freedom
    """degrees of freedom of `residual`"""
    covariance: tuple[Number, Number, Number]
    """of `scale` and `per_block`, relative to `residual` squared: variance, covariance, variance"""


class LatencyTable(ResultRecord):
    """The times of all blocks of a search space on one device."""

    name: str
    """the space's name"""
    space: str
    """a hash of the space's backbone and choices"""
    anchor: str
    """the network that all times are relative to"""
    anchor_key: Key
    """a hash of what the anchor computes"""
    anchor_ms: AnchorTimes
    """its time of one inference in each launch"""
    anchor_latency_ms: Milliseconds
    """the median of `anchor_ms`"""
    measured: str
    """runtime and version, device, threads, precision"""
    emulated: bool = known_as(False)
    """whether an emulator was timed, not a phone"""
    format: str
    """of the files: `tflite` or `onnx`"""
    precision: str
    """of the files: `float32` or `int8`"""
    threads: Threads
    """threads of the runtime"""
    lowering: str
    """the lowering by which blocks and networks were written"""
    software: str | None = known_as()
    """version of this software"""
    confidence: Confidence
    """of all intervals"""
    passes: Count
    """number of times that everything was timed, each in new processes"""
    seconds: Positive
    """duration of the measurement"""
    blocks: tuple[TableBlock, ...]
    networks: tuple[TableNetwork, ...]
    seams: Seams | None = known_as()
    """`null` if too few whole networks were timed"""

    def __post_init__(self) -> None:
        """Raise ValueError if seams were fitted to no networks."""
        if self.seams is not None and not self.networks:
            raise ValueError("networks is empty, and seams are fitted to them")


class Prediction(ResultRecord):
    """A network's time, predicted from a table, not measured."""

    name: str
    """the network's name"""
    predicted: bool = known_as(True)
    """always true, to distinguish predictions from measurements"""
    ratio: Ratio
    """its predicted time over the anchor's"""
    interval: tuple[Positive, Positive]
    """prediction interval for a measurement in turns with the anchor"""
    latency_ms: Milliseconds
    """the same with the anchor's time in the table"""
    latency_interval_ms: tuple[Positive, Positive]
    """likewise; it assumes that the anchor's time is exact"""
    confidence: Share
    """of the intervals"""
    anchor: str
    """the network that ratios are relative to"""
    blocks: Count
    """number of blocks"""
    interpolated: Count = known_as(0)
    """how many of them were not timed, but interpolated"""
    extrapolated: bool = known_as(False)
    """whether its sum of blocks is far outside those of the networks used for the fit"""
    measured: str
    """how the table was measured"""
    format: str
    """of the table's files: `tflite` or `onnx`"""
    precision: str
    """of the table's files: `float32` or `int8`"""
    threads: Threads
    """threads of the runtime"""

    def __post_init__(self) -> None:
        """Raise ValueError if an interval has its end before its start."""
        check_ordered(self.interval, "interval")
        check_ordered(self.latency_interval_ms, "latency_interval_ms")


class PredictedNetwork(ResultRecord):
    """A network that was predicted, and then measured."""

    name: str
    """the network's name"""
    predicted: Prediction
    """the prediction"""
    measured: Ratio
    """its measured time over the anchor's"""
    log_ratios: tuple[Logarithm, ...]
    """the logarithm of that in each launch"""
    error: Number
    """measured over predicted, less 1"""
    covered: bool
    """whether the measurement is within the prediction's interval"""


class PredictionStudy(ResultRecord):
    """The accuracy of a table's predictions for new networks."""

    name: str
    """the space's name"""
    table: str
    """how the table was measured"""
    seed: Count
    """random seed of the drawn networks"""
    networks: tuple[PredictedNetwork, ...]
    launches: Count
    """launches of each"""
    bound: Share
    """largest accepted error in either direction"""
    within: Count
    """number of networks within the bound"""
    covered: Count
    """number of networks whose measurement is within the prediction's interval"""
    rank_correlation: Number
    """Spearman's, of predictions and measurements"""
    passed: bool
    """whether nine of ten are within, nine of ten covered, and the rank correlation is at least \
0.97"""
    anchor_ms: tuple[Milliseconds, ...]
    """the anchor's time in each launch"""
    doubts: tuple[str, ...] = known_as(())
    """caveats of the measurements or the table from the anchor's times, in sentences"""
    complete: bool
    """whether every launch was done"""
