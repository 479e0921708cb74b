"""What the runner's canary shows: whether its core was slowed down, or used by other programs.

The canary is a fixed small computation between bursts. It needs no sensor and no permission, so it
shows heat and contention even if a phone reports nothing else. Pure; it drops no sample.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.stats.samples import median
from mixnet_bench.timing.latency import Canary, Launch
from mixnet_bench.timing.verdict import QUIET

WAITED = 0.10
"""Share of a canary's time without a core from which it was interrupted; a look at the clock or an
interrupt of the system costs it well below that."""

LEAST_WAITED_MS = 0.2
"""And at least so long: the grain of the kernel's account of CPU time."""

LEAST_INTERRUPTED, LOST = 2, 0.05
"""How often canaries must wait, and for what share of their own time, to prove that other
programs held the core; one interruption may be chance."""

WAITED_OF_ALL = 0.015
"""And the share of a launch's whole time from which the wait of canaries alone proves it, however
few it hit: canaries take 4 % of the time, so a quiet core cannot make them wait so long."""

SLOWED = 0.10
"""Slow-down of canaries within a launch, in CPU time on one core, that counts as throttling."""

LEAST = 9
"""Canaries of one core in a launch; fewer show no change."""


def caveats_of_canary(launches: Sequence[Launch]) -> Iterator[Caveat]:
    """Everything that canaries give reason for; nothing if a runner has none.

    Where other programs held the core, their traces in its caches and clocks are not heat.
    """
    contended = list(_contended(launches))
    yield from contended or _slowed([canaries_of(each) for each in launches])


def canaries_of(launch: Launch) -> list[Canary]:
    """A launch's canaries in order."""
    return [burst.canary for burst in launch.bursts if burst.canary is not None]


def interruptions(canary: Canary) -> int:
    """Number of times that it waited for its core.

    >>> interruptions(Canary(ms=(4.7, 0.71), cpu_ms=(0.7, 0.7), cpu=0))
    1
    """
    waits = ((ms, ms - cpu_ms) for ms, cpu_ms in zip(canary.ms, canary.cpu_ms, strict=True))
    return sum(wait > max(LEAST_WAITED_MS, WAITED * ms) for ms, wait in waits)


def slow_down(canaries: Sequence[Canary]) -> float | None:
    """The additional CPU time of the last third over the first; 0.1 is 10 %.

    The most of all cores, each for itself, since cores differ; None where too few were seen.
    """
    changes = []
    for core in {each.cpu for each in canaries}:
        times = np.array([ms for each in canaries if each.cpu == core for ms in each.cpu_ms])
        if len(times) >= LEAST:
            first, _, last = np.array_split(times, 3)
            changes.append(median(last) / median(first) - 1)
    return max(changes, default=None)


def _contended(launches: Sequence[Launch]) -> Iterator[Caveat]:
    canaries = [each for launch in launches for each in canaries_of(launch)]
    count = sum(map(interruptions, canaries))
    runs = [ms for each in canaries for ms in each.ms]
    waited = sum(runs) - sum(ms for each in canaries for ms in each.cpu_ms)
    if not count:
        return
    often = count >= LEAST_INTERRUPTED and waited > LOST * sum(runs)
    if often or waited > WAITED_OF_ALL * sum(map(_span_ms, launches)):
        yield Caveat(
            Verdict.CONTENDED,
            f"{count} of {len(runs)} runs of a fixed computation between the bursts waited "
            f"for a core, for {waited / sum(runs):.0%} of their time: {QUIET}",
        )


def _span_ms(launch: Launch) -> float:
    """Time from a launch's first sample to its last."""
    return float(launch.t_ms[-1]) if len(launch.t_ms) else 0.0


def _slowed(launches: Sequence[Sequence[Canary]]) -> Iterator[Caveat]:
    changes = [change for each in launches if (change := slow_down(each)) is not None]
    change = median(np.array(changes)) if changes else 0.0
    if change > SLOWED:
        yield Caveat(
            Verdict.THROTTLED,
            f"within a launch the core became {change:.0%} slower at a fixed computation: it was "
            "hot or its clock decreased; let it cool",
        )
