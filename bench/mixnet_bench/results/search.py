"""What a search of a space finds, as records: every candidate, and the front of them."""

from mixnet_common.result import (
    Count,
    Number,
    Place,
    Positive,
    ResultRecord,
    Share,
    Span,
    check_ordered,
    known_as,
)


class SearchTrial(ResultRecord):
    """A candidate that was tried: a line of `candidates.jsonl`."""

    number: Count
    """how many were tried before it"""
    genotype: tuple[Count, ...]
    """the number of the option at each position of the space"""
    latency_ratio: Positive
    """its predicted time over the anchor's"""
    latency_ratio_interval: tuple[Positive, Positive] | None = known_as()
    """in which that lies, as the table says"""
    score: Number | None = known_as()
    """what the score gave; `null` where it failed"""
    origin: str
    """where it comes from: `fastest` of the space, `random`, `mutation`, `crossover`, or \
`enumeration` of the last ones"""
    parents: tuple[Count, ...] = known_as(())
    """the numbers of the candidates that it descends from"""
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
    """the network, as its file calls it"""
    path: Place
    """its file, which every command takes for a network"""
    number: Count
    """the candidate that it is"""
    genotype: tuple[Count, ...]
    """the number of the option at each position of the space"""
    score: Number
    """what the score gave"""
    latency_ratio: Positive
    """its predicted time over the anchor's"""
    latency_ratio_interval: tuple[Positive, Positive] | None = known_as()
    """in which that lies, as the table says"""
    latency_ms: Span
    """its predicted time, from the anchor's in the table"""
    extrapolated: bool = known_as(False)
    """whether it lies far outside of the networks that the table's predictions were fitted to"""
    params: Count
    """trainable parameters"""
    macs: Count
    """multiply-adds for one image"""


class SearchResult(ResultRecord):
    """What a search found."""

    name: str
    """the space"""
    table: Place
    """the latency table"""
    table_sha256: str
    """its hash"""
    measured: str
    """where and under what the table was measured"""
    anchor: str
    """the network that times are ratios to"""
    anchor_ms: Span
    """its time when the table was made"""
    emulated: bool = known_as(False)
    """whether the table is an emulator's, which is not a phone"""
    score: str
    """the score's name"""
    score_sha256: str | None = known_as()
    """of the file that it is from; `null` for one that ships"""
    about: str | None = known_as()
    """what has to be known of the score: that it is a proxy"""
    latency: str | None = known_as()
    """the limit as it was asked for; `null` where none was"""
    limit_ratio: Positive | None = known_as()
    """the same over the anchor's time"""
    certain: bool
    """whether the whole interval of a prediction had to be within the limit, or only its value"""
    confidence: Share
    """of the intervals"""
    seed: Count
    """of the search"""
    population: Count
    """how many of the last candidates had children"""
    evaluations: Count
    """candidates that were tried"""
    failed: Count
    """how many of them could not be scored"""
    exhausted: bool
    """whether the search ended because it found no network that was not tried"""
    candidates: Place
    """the file with all of them, one per line"""
    figure: Place
    """the front as a picture"""
    front: tuple[FrontMember, ...]
    """from the fastest to the slowest: no other candidate has a better score and is as fast"""
    best_possible: Number | None = known_as()
    """the best score within the limit, where it is known: of `synthetic`, if its best network is \
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
    """of each launch, the logarithm of that"""
    within: bool
    """whether it is within the limit"""


class FrontStudy(ResultRecord):
    """Whether the networks of a front keep the latency that was asked for."""

    name: str
    """the space"""
    table: str
    """where and under what the table was measured, and the front too"""
    latency: str | None = known_as()
    """the limit as it was asked for"""
    limit_ratio: Positive
    """the same over the anchor's time"""
    anchor_ms: tuple[Span, ...]
    """the anchor's time in each launch"""
    members: tuple[MeasuredMember, ...]
    """the slowest of the front"""
    within: Count
    """how many are within the limit"""
    passed: bool
    """whether nine of ten are"""
    complete: bool
    """whether every launch was done"""
