"""The trial of trust, on measurements made up: it counts right words, and tells of failures."""

from pathlib import Path

import numpy as np

from mixnet_bench.stats.comparison import SLOWER, UNDETECTED
from mixnet_bench.studies.comparison_trial import Trial, describe_trial, try_trust
from mixnet_bench.timing.latency import Burst, Launch, Plan, Timing

PLAN = Plan((Path("a"), Path("a"), Path("b")), launches=5)


def measure_like(slower: float, spread: float, launches: int = 5) -> object:
    """A machine on which the third file is so much slower, and launches spread so much."""

    def measure(plan: Plan) -> list[Timing]:
        rng = np.random.default_rng(plan.seed)
        return [
            Timing("Numbers", "1", {}, tuple(launch(rng, level) for _ in range(launches)))
            for level in (10.0, 10.0, 10.0 * slower)
        ]

    def launch(rng: np.random.Generator, level: float) -> Launch:
        level *= rng.lognormal(0, spread)
        bursts = (Burst(n, 0, level, tuple(level * rng.normal(1, 0.01, 5))) for n in range(6))
        return Launch(1.0, 1.0, (), None, tuple(bursts))

    return measure


def test_a_quiet_machine_passes() -> None:
    trial = try_trust(PLAN, 20, measure_like(1.1, 0.005))  # type: ignore[arg-type]
    assert trial.passed
    assert (trial.same_right, trial.slower_right) == (20, 20)
    assert trial.together.slower.launches == 100
    assert trial.together.slower.conclusion == SLOWER


def test_a_noisy_machine_finds_nothing_and_says_so() -> None:
    trial = try_trust(PLAN, 10, measure_like(1.1, 0.2))  # type: ignore[arg-type]
    assert not trial.passed
    assert trial.same_right >= 9
    described = describe_trial(trial, ("a", "b"), "numbers")
    assert described.passed is False
    assert described.smallest_difference > 0.3
    assert described.slower_detected == trial.slower_right < 9


def test_every_repetition_has_a_seed_of_its_own() -> None:
    trial = try_trust(PLAN, 3, measure_like(1.0, 0.01))  # type: ignore[arg-type]
    assert len({each.same.ratio for each in trial.repetitions}) == 3
    assert trial.repetitions[0].same.conclusion == UNDETECTED


def test_a_trial_is_told_as_far_as_it_has_come() -> None:
    grown: list[Trial] = []
    trial = try_trust(PLAN, 4, measure_like(1.0, 0.01), grown.append)  # type: ignore[arg-type]
    assert [len(each.repetitions) for each in grown] == [1, 2, 3, 4]
    assert [each.together.same.launches for each in grown] == [5, 10, 15, 20]
    assert grown[-1] == trial
