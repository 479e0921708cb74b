"""Caveats from the recorded circumstances of samples: cores, clocks and CPU time.

Pure. Values that a system does not report raise no caveat here; the samples are judged elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.stats.samples import Floats, median
from mixnet_bench.timing.latency import Burst, Launch
from mixnet_bench.timing.verdict import QUIET
from mixnet_common.contention import STARVED

ELSEWHERE = 0.02
"""Share of readings on other cores than asked, from which a measurement is of those too."""

SLOWED = 0.10
"""Share of its frequency that a core must have lost to count as throttled."""


@dataclass(frozen=True)
class HostConditions:
    """A machine at one moment: the hardware's count of thermal slow-downs, and limited cores.

    ``limited`` maps a core to the highest frequency it may have and that it could have, in kHz.
    """

    throttle_count: int | None
    limited: dict[int, tuple[int, int]]


def caveats_of_host(before: HostConditions, after: HostConditions) -> Iterator[Caveat]:
    """Why this machine was not at its full speed between these two moments."""
    if None not in (before.throttle_count, after.throttle_count):
        times = (after.throttle_count or 0) - (before.throttle_count or 0)
        if times > 0:
            yield Caveat(
                Verdict.THROTTLED,
                f"the hardware throttled hot cores {times} times: let the machine cool",
            )
    limited = {**before.limited, **after.limited}
    if limited:
        core, (limit, most) = next(iter(limited.items()))
        yield Caveat(
            Verdict.THROTTLED,
            f"CPU {core} was limited to {limit / 1e6:.2f} of {most / 1e6:.2f} GHz: "
            "lift the limit (power profile, scaling_max_freq)",
        )


def caveats_of_bursts(launches: Sequence[Launch], asked: Sequence[int] | None) -> Iterator[Caveat]:
    """Everything that the bursts' own readings give reason for; ``asked`` are the CPUs of --pin."""
    yield from _throttled(launches)
    yield from _wrong_cores(launches, asked)
    yield from _starved(launches)


def frequency_change(launches: Sequence[Launch]) -> float | None:
    """Change of clocks from the first to the last third of a launch: -0.1 is 10 % less.

    The lowest of all cores that were seen throughout; within each launch, the median launch's.
    None if frequencies are not reported.
    """
    changes = [change for launch in launches if (change := _change(launch)) is not None]
    return median(np.array(changes)) if changes else None


def cpu_share(launches: Sequence[Launch]) -> float | None:
    """CPU time of all threads over time in inference; None if it is not reported.

    Threads that wait for each other need less than their number, but one always runs: below 1 there
    was no core for it.
    """
    bursts = [burst for launch in launches for burst in launch.bursts]
    if not bursts or any(burst.cpu_ms is None for burst in bursts):
        return None
    return sum(burst.cpu_ms or 0 for burst in bursts) / sum(map(_wall_ms, bursts))


def _wall_ms(burst: Burst) -> float:
    return burst.lead_ms + sum(burst.samples_ms)


def _change(launch: Launch) -> float | None:
    by_core: dict[int, list[float]] = {}
    for burst in launch.bursts:
        for core, khz in burst.khz_after.items():
            by_core.setdefault(core, []).append(float(khz))
    changes = [
        median(last) / median(first) - 1
        for first, last in map(_ends, by_core.values())
        if len(first) and median(first) > 0
    ]
    return min(changes) if changes else None


def _ends(values: list[float]) -> tuple[Floats, Floats]:
    """The first and the last third; empty if there are fewer than six values."""
    if len(values) < 6:
        return np.array([]), np.array([])
    first, _, last = np.array_split(np.array(values), 3)
    return first, last


def _throttled(launches: Sequence[Launch]) -> Iterator[Caveat]:
    change = frequency_change(launches)
    if change is not None and change < -SLOWED:
        yield Caveat(
            Verdict.THROTTLED,
            f"within a launch the clock of the cores decreased by {-change:.0%}: let it cool, "
            "or measure sustained performance with --sustained",
        )


def _wrong_cores(launches: Sequence[Launch], asked: Sequence[int] | None) -> Iterator[Caveat]:
    if asked is None:
        return
    allowed = {each.affinity for each in launches if each.affinity is not None}
    for cpus in sorted(allowed):
        if set(cpus) != set(asked):
            yield Caveat(
                Verdict.WRONG_CORES,
                f"--pin requested CPUs {_listed(asked)}, but the process could run on"
                f" {_listed(cpus)}: name "
                "those that the system grants",
            )
    cores = [core for launch in launches for burst in launch.bursts for core in burst.cpu]
    elsewhere = [core for core in cores if core not in asked]
    if cores and len(elsewhere) > ELSEWHERE * len(cores):
        yield Caveat(
            Verdict.WRONG_CORES,
            f"{len(elsewhere) / len(cores):.0%} of the inferences ran on CPUs "
            f"{_listed(elsewhere)}: --pin had no effect",
        )


def _listed(cpus: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(set(cpus))))


def _starved(launches: Sequence[Launch]) -> Iterator[Caveat]:
    share = cpu_share(launches)
    if share is not None and share < 1 - STARVED:
        yield Caveat(
            Verdict.CONTENDED,
            f"for {1 - share:.0%} of the time it had no core: {QUIET}",
        )
