"""The results of a search, as records: every candidate, and the front."""

from mixnet_common.result import (
    Count,
    Number,
    Place,
    Positive,
    ResultRecord,
    Share,
    Span,
    Threads,
    check_ordered,
    known_as,
)


class SearchTrial(ResultRecord):
    """A candidate that was tried: a line of `candidates.jsonl`."""

    number: Count
    """number of candidates before it"""
    genotype: tuple[Count, ...]
    """index of the option at each position of the space"""
    latency_ratio: Positive
    """its predicted time over the anchor's"""
    latency_ratio_interval: tuple[Positive, Positive] | None = known_as()
    """prediction interval of `latency_ratio`"""
    score: Number | None = known_as()
    """its score; `null` if it failed"""
    origin: str
    """its origin: `fastest` of the space, `random`, `mutation`, `crossover`, or `enumeration` of \
the last ones"""
    parents: tuple[Count, ...] = known_as(())
    """numbers of its parents"""
    error: str | None = known_as()
    """why it could not be scored"""

    def __post_init__(self) -> None:
        """Raise ValueError for an interval that has its end before its start."""
        check_ordered(self.latency_ratio_interval, "latency_ratio_interval")

    @property
    def latency(self) -> float:
        """What a front is sorted by."""
        return self.latency_ratio


class FrontMember(ResultRecord):
    """A network of the Pareto front."""

    name: str
    """name of the network in its file"""
    path: Place
    """its file, which every command accepts as a network"""
    number: Count
    """its number among the candidates"""
    genotype: tuple[Count, ...]
    """index of the option at each position of the space"""
    score: Number
    """its score"""
    latency_ratio: Positive
    """its predicted time over the anchor's"""
    latency_ratio_interval: tuple[Positive, Positive] | None = known_as()
    """prediction interval of `latency_ratio`"""
    latency_ms: Span
    """its predicted time, using the anchor's time in the table"""
    extrapolated: bool = known_as(False)
    """whether it is far outside the networks used for the fit of the table"""
    params: Count
    """trainable parameters"""
    macs: Count
    """multiply-adds for one image"""

    def __post_init__(self) -> None:
        """Raise ValueError for an interval that has its end before its start."""
        check_ordered(self.latency_ratio_interval, "latency_ratio_interval")


class SearchResult(ResultRecord):
    """The result of a search."""

    name: str
    """the space"""
    table: Place
    """the latency table"""
    table_sha256: str
    """its hash"""
    measured: str
    """conditions under which the table was measured"""
    format: str | None = known_as()
    """of the table's files: `tflite` or `onnx`"""
    precision: str | None = known_as()
    """of the table's files: `float32` or `int8`"""
    threads: Threads | None = known_as()
    """threads of the runtime"""
    anchor: str
    """the network that times are relative to"""
    anchor_ms: Span
    """its time when the table was made"""
    emulated: bool = known_as(False)
    """whether the table is from an emulator, not a phone"""
    score: str
    """the score's name"""
    score_sha256: str | None = known_as()
    """hash of its file; `null` for a built-in score"""
    about: str | None = known_as()
    """a note on the score, such as that it is a proxy"""
    latency: str | None = known_as()
    """the limit as given; `null` for none"""
    limit_ratio: Positive | None = known_as()
    """the same over the anchor's time"""
    certain: bool
    """whether the whole interval of a prediction must be within the limit, or only its value"""
    confidence: Share
    """of the intervals"""
    seed: Count
    """random seed of the search"""
    population: Count
    """number of most recent candidates that can be parents"""
    evaluations: Count
    """number of candidates"""
    failed: Count
    """number of candidates that could not be scored"""
    exhausted: bool
    """whether the search ended because all networks that it found had been tried"""
    candidates: Place
    """the file with all of them, one per line"""
    figure: Place
    """the figure of the front"""
    front: tuple[FrontMember, ...]
    """from the fastest to the slowest: no other candidate has a better score and is as fast"""
    best_possible: Number | None = known_as()
    """the best possible score within the limit, if known: for `synthetic`, if its best network is \
within the limit"""


class MeasuredMember(ResultRecord):
    """A network of the front, measured."""

    name: str
    """the network"""
    predicted: Positive
    """its predicted time over the anchor's"""
    measured: Positive
    """its measured time over the anchor's"""
    log_ratios: tuple[Number, ...]
    """the logarithm of that in each launch"""
    within: bool
    """whether it is within the limit"""


class FrontStudy(ResultRecord):
    """Whether the networks of a front meet the requested latency."""

    name: str
    """the space"""
    table: str
    """conditions under which the table and the front were measured"""
    latency: str | None = known_as()
    """the limit as given"""
    limit_ratio: Positive
    """the same over the anchor's time"""
    anchor_ms: tuple[Span, ...]
    """the anchor's time in each launch"""
    members: tuple[MeasuredMember, ...]
    """the slowest of the front"""
    within: Count
    """number of members within the limit"""
    passed: bool
    """whether nine of ten are"""
    doubts: tuple[str, ...] = known_as(())
    """caveats of the measurements or the table from the anchor's times, in sentences"""
    complete: bool
    """whether every launch was done"""
