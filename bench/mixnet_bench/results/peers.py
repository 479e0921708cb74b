"""Files of several exporters, timed side by side: their origin, ratios, and bars."""

from mixnet_bench.results.latency import Interval, LatencyResult
from mixnet_common.result import Positive, ResultRecord, known_as


class BarResult(ResultRecord):
    """A ratio compared with a bar."""

    quantity: str
    """the compared quantity: `latency` or `size`"""
    at_most: Positive
    """largest accepted ratio"""
    ambition: Positive | None = known_as()
    """the target ratio; `null` without one"""
    met: bool
    """whether the bar is met"""
    certain: bool
    """`false`: the bar is within the ratio's interval"""
    word: str
    """`met` or `missed`, with a question mark if not certain"""


class OursOverThis(ResultRecord):
    """Our time over another file's."""

    value: Positive
    """the first file's time over this one's, measured side by side"""
    interval: Interval | None = known_as()
    """its 95 % interval"""
    by: str | None = known_as()
    """`time`, or `cpu time` if other programs occupied the cores"""


class ComparedResult(LatencyResult):
    """A file that was timed beside the others of its group."""

    group: str
    """the group: network, precision, runtime and threads"""
    exporter: str
    """who made the file"""
    title: str
    """its exporter in words"""
    network: str
    """the network"""
    precision: str
    """its precision"""
    lowering: str | None = known_as()
    """our lowering; `null` for others' files"""
    note: str
    """particularities of the exporter's files"""
    difference: Positive | None = known_as()
    """largest difference of a logit from the first file's, over the largest logit; `null` for \
another network"""
    ours_over_this: OursOverThis | None = known_as()
    """`null` for the first file itself"""
    size_ours_over_this: Positive | None = known_as()
    """the first file's size over this one's"""
    bars: tuple[BarResult, ...] = known_as(())


class SkippedResult(ResultRecord):
    """A file that could not be made or compared."""

    group: str
    """*skipped files*: the group, and so are the following"""
    name: str
    """the file in words"""
    exporter: str
    """who was to make it"""
    title: str
    """its exporter in words"""
    network: str
    """the network"""
    precision: str
    """its precision"""
    lowering: str | None = known_as()
    """our lowering"""
    note: str
    """particularities of the exporter's files"""
    verdict: str = known_as("skipped")
    """`skipped`"""
    reasons: tuple[str, ...]
    """why"""
