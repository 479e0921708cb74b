"""The canary tells of other programs and of heat by its own times alone, and of nothing else."""

import numpy as np
import pytest

from mixnet_bench.results.studies import CanaryRun
from mixnet_bench.studies.canary import summarize
from mixnet_bench.timing.canary import caveats_of_canary, slow_down
from mixnet_bench.timing.latency import Burst, Canary, Launch

CORE = 4


def launch(canaries: list[Canary | None], burst_ms: float = 100.0) -> Launch:
    """Bursts of ten inferences, with these canaries before them."""
    bursts = tuple(
        Burst(
            number,
            0,
            burst_ms / 10,
            (burst_ms / 10,) * 9,
            t_ms=tuple(number * burst_ms + burst_ms / 10 * each for each in range(1, 10)),
            canary=canary,
        )
        for number, canary in enumerate(canaries)
    )
    return Launch(1.0, 1.0, (), None, bursts)


def quiet(count: int = 30, slow: float = 0.0, core: int = CORE) -> list[Canary | None]:
    """Four runs of 1 ms before each burst, ``slow`` slower at the end, with a little noise."""
    rng = np.random.default_rng(0)
    found: list[Canary | None] = []
    for number in range(count):
        ms = (1 + slow * number / (count - 1)) * rng.normal(1, 0.01, 4)
        found.append(Canary(tuple(ms * 1.001), tuple(ms), core))
    return found


def waiting(canary: Canary | None, ms: float) -> Canary:
    assert canary is not None
    return Canary((canary.ms[0] + ms, *canary.ms[1:]), canary.cpu_ms, canary.cpu)


def verdicts(*launches: Launch) -> list[str]:
    return [each.verdict.value for each in caveats_of_canary(launches)]


def test_a_quiet_core_raises_no_caveat() -> None:
    assert verdicts(launch(quiet()), launch(quiet())) == []


def test_a_runner_without_canaries_raises_no_caveat() -> None:
    assert verdicts(launch([None] * 30)) == []


def test_one_short_interruption_may_be_chance() -> None:
    canaries = quiet()
    canaries[7] = waiting(canaries[7], 4.0)
    assert verdicts(launch(canaries)) == []


def test_several_interruptions_are_other_programs() -> None:
    canaries = quiet()
    for number in (3, 9, 15):
        canaries[number] = waiting(canaries[number], 4.0)
    (found,) = caveats_of_canary([launch(canaries)])
    assert found.verdict == "contended"
    assert "3 of 120 runs" in found.sentence
    assert "close other programs" in found.sentence


def test_one_wait_so_long_that_no_quiet_core_has_it_is_other_programs() -> None:
    canaries = quiet()
    canaries[7] = waiting(canaries[7], 60.0)
    assert verdicts(launch(canaries)) == ["contended"]


@pytest.mark.parametrize(("slow", "found"), [(0.02, []), (0.3, ["throttled"]), (-0.3, [])])
def test_a_core_that_becomes_slower_is_hot(slow: float, found: list[str]) -> None:
    assert verdicts(launch(quiet(slow=slow))) == found


def test_a_slower_core_after_a_fast_one_is_not_heat() -> None:
    fast = quiet(15)
    slow = [None if each is None else Canary(tuple(2 * ms for ms in each.ms),
            tuple(2 * ms for ms in each.cpu_ms), CORE - 4) for each in quiet(15)]  # fmt: skip
    assert slow_down([each for each in (*fast, *slow) if each is not None]) == pytest.approx(
        0, abs=0.02
    )
    assert verdicts(launch([*fast, *slow])) == []


def test_contention_is_not_called_heat() -> None:
    canaries = [waiting(each, 4.0) for each in quiet(slow=0.3)]
    assert verdicts(launch(list(canaries))) == ["contended"]


def run(loaded: bool, delay: float | None, *words: str) -> CanaryRun:
    return CanaryRun(
        loaded=loaded, run_delay=delay, canaries=10, interrupted=0, verdicts=tuple(words)
    )


def test_only_runs_that_the_kernel_calls_quiet_are_judged() -> None:
    runs = [
        run(True, 0.5, "contended"),
        run(True, 0.5),
        run(False, 0.001),
        run(False, 0.3, "contended"),
        run(False, None, "contended"),
    ]
    found = summarize("a", runs)
    assert (found.loaded, found.loaded_found) == (2, 1)
    assert (found.quiet, found.quiet_not_claimed, found.not_judged) == (1, 1, 2)
    assert not found.passed
