"""Cores that are slow all the time are told by their highest clock, and only where that is fair."""

import pytest

from mixnet_android.parsers import Cluster
from mixnet_bench.phones.clocks import caveats_of_clocks, usual_clocks
from mixnet_bench.timing.latency import Burst, Launch

CLUSTERS = (
    Cluster((0, 1, 2, 3), 1_800_000, 1_800_000, 1_800_000, "schedutil", 250),
    Cluster((4, 5), 2_800_000, 2_800_000, 2_800_000, "schedutil", 1024),
)


def launch(*clocks: dict[int, int], core: int = 4) -> Launch:
    bursts = tuple(
        Burst(number, 0, 10.0, (10.0,) * 9, cpu=(core,) * 9, khz_after=khz)
        for number, khz in enumerate(clocks)
    )
    return Launch(1.0, 1.0, (), None, bursts)


def words(*launches: Launch, fixed: bool = False) -> list[str]:
    return [each.verdict for each in caveats_of_clocks(launches, CLUSTERS, fixed)]


def test_a_core_that_is_slow_from_the_start_is_throttled() -> None:
    slow = launch(*[{4: 1_900_000}] * 5)
    assert words(slow) == ["throttled"]
    (caveat,) = caveats_of_clocks([slow], CLUSTERS, False)
    assert caveat.sentence.startswith("CPU 4 ran at 1.90 of 2.80 GHz")


@pytest.mark.parametrize("khz", [2_800_000, 2_500_000])
def test_a_core_near_its_highest_clock_is_not(khz: int) -> None:
    assert words(launch(*[{4: khz}] * 5)) == []


def test_each_core_is_held_against_its_own_cluster() -> None:
    assert words(launch(*[{0: 1_800_000}] * 5, core=0)) == []


def test_what_is_slow_on_purpose_rare_or_unknown_raises_no_caveat() -> None:
    assert words(launch(*[{4: 1_000_000}] * 5), fixed=True) == []
    assert words(launch(*[{4: 1_000_000}] * 2)) == []
    assert words(launch(*[{9: 1_000_000}] * 5, core=9)) == []
    assert words(launch(*[{0: 300_000}] * 5)) == []  # idle beside the core that worked
    assert words() == []


def test_a_core_waking_up_does_not_count_for_the_whole() -> None:
    assert words(launch({4: 600_000}, *[{4: 2_800_000}] * 5)) == []
    assert usual_clocks([launch({4: 600_000}, *[{4: 2_800_000}] * 5)]) == {4: (2_800_000, 1)}
