"""Whether a device was in one state the whole time, by its anchor's times. Pure.

Clocks, other programs and a busy second thread of the same core change what an anchor takes, and
blocks with large kernels otherwise than the rest: ratios of one state do not hold in another.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from mixnet_bench.results.latency_tables import LatencyTable
from mixnet_common.numbers import three_digits

APART = 1.15
"""A time that differs from another by this factor belongs to another state."""

MOST = 0.1
"""Share of launches that may belong to another state than the others."""


def doubts_of(anchor_ms: Sequence[float], table: LatencyTable | None = None) -> Iterator[str]:
    """Caveats of ratios from an anchor's times, in sentences; ``table`` has the expected times.

    >>> list(doubts_of([10, 10.4, 9.9, 10.1]))
    []
    """
    if not anchor_ms:
        return
    middle = median(anchor_ms)
    apart = sum(_differ(each, middle) for each in anchor_ms)
    if apart > MOST * len(anchor_ms):
        yield (
            f"the anchor's time was over {APART - 1:.0%} away from its median,"
            f" {three_digits(middle)} ms, in {apart} of {len(anchor_ms)} launches: the device was"
            " in several states (clocks, other programs, or a busy second thread of the core),"
            " between which ratios change; leave its other cores idle and repeat it"
        )
    if table is not None and _differ(middle, table.anchor_latency_ms):
        then = three_digits(table.anchor_latency_ms)
        yield (
            f"the anchor took {three_digits(middle)} ms, and {then} ms when the table was made: the"
            " device is in another state, of which the table's intervals say nothing"
        )


def _differ(one: float, other: float) -> bool:
    return max(one, other) > APART * min(one, other)
