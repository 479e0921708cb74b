"""Whether a phone's cores ran at full speed, by the clocks that were read in the bursts.

Pure. A phone that is slow from the first burst to the last has no falling clock; here its clocks
are compared with the hardware's maximum.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mixnet_android.parsers import Cluster
from mixnet_bench.results.verdict import Caveat, Verdict
from mixnet_bench.timing.latency import Launch

BELOW = 0.15
"""Share below its highest clock from which a core is held back; makers name clocks that only a
single core reaches, which lie a few per cent above what the others do."""

LEAST = 3
"""Readings of a core's clock; fewer prove nothing."""


def caveats_of_clocks(
    launches: Sequence[Launch], clusters: Sequence[Cluster], fixed_performance: bool
) -> Iterator[Caveat]:
    """Cores whose usual clock after a burst was far below their highest.

    In the fixed-performance mode that is as it should be. Cores on which little ran are left out.
    """
    if fixed_performance:
        return
    highest = {cpu: each.max_khz for each in clusters for cpu in each.cpus if each.max_khz}
    for core, (khz, share) in sorted(usual_clocks(launches).items()):
        most = highest.get(core)
        if most and share >= 0.1 and khz < (1 - BELOW) * most:
            yield Caveat(
                Verdict.THROTTLED,
                f"CPU {core} ran at {khz / 1e6:.2f} of {most / 1e6:.2f} GHz: it was limited by "
                "heat, power saving or its governor",
            )


def usual_clocks(launches: Sequence[Launch]) -> dict[int, tuple[float, float]]:
    """Median clock in kHz after the bursts and share of the inferences, by core."""
    bursts = [burst for launch in launches for burst in launch.bursts]
    ran = [core for burst in bursts for core in burst.cpu]
    readings: dict[int, list[int]] = {}
    for burst in bursts:
        for core, khz in burst.khz_after.items():
            if core in burst.cpu and khz > 0:
                readings.setdefault(core, []).append(khz)
    return {
        core: (float(np.median(values)), ran.count(core) / len(ran))
        for core, values in readings.items()
        if len(values) >= LEAST
    }
