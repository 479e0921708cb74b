"""``python -m mixnet_bench.studies.coverage``: how often intervals contain the true value.

Simulates timings of two files with known ratio and medians, passes them to the statistics of
``mixnet-bench latency``, and counts how often their 95 % intervals contain the known values. The
noise is that of real machines, each kind separately: correlated neighbouring inferences,
differences between launches, single slow inferences, and drift.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache

import click
import numpy as np

from mixnet_bench.stats.comparison import FASTER, SLOWER, UNDETECTED, Comparison, compare_turns
from mixnet_bench.stats.samples import Floats
from mixnet_bench.stats.summary import Level, level
from mixnet_bench.stats.turns import Turn, ratio, ratios_of
from mixnet_common.console import CONTEXT, Command, example, json_option, print_json, print_table
from mixnet_common.options import AT_LEAST_3, Whole
from mixnet_common.progress import progress

RATIO, BASE_MS = 1.1, 10.0
ROUNDS, BURST = 20, 5
NOISE = 0.02
"""Standard deviation of an inference's logarithm."""

LEAST, MOST = 0.935, 0.975
"""Accepted coverage of a 95 % interval: by chance alone, 2,000 runs give 0.94 to 0.96."""

LAUNCHES = (3, 5, 10)


@dataclass(frozen=True)
class Scenario:
    """A kind of noise. Effects and drifts are shares: 0.02 is 2 %."""

    name: str
    resemblance: float = 0.0
    """Correlation of an inference with the one before, AR(1)."""
    between: float = 0.0
    """Standard deviation between launches of one file."""
    tail: float = 0.0
    """Share of inferences that are held up, by 30 % on average."""
    wild: bool = False
    """Launches differ by Student's t with 3 degrees of freedom, not by a normal distribution."""
    drift: float = 0.0
    """Slow-down from the first to the last inference of a launch."""
    across: float = 0.0
    """Slow-down from the first to the last launch, for both files."""


SCENARIOS = (
    Scenario("independent inferences"),
    Scenario("AR(1) 0.9", resemblance=0.9),
    Scenario("2 % between launches", between=0.02),
    Scenario("AR(1) 0.9, 2 % between launches", resemblance=0.9, between=0.02),
    Scenario("one inference in ten held up", tail=0.1),
    Scenario("the same, 2 % between launches", tail=0.1, between=0.02),
    Scenario("launches with heavy tails", between=0.02, wild=True),
    Scenario("drift of 5 % in each launch", drift=0.05),
    Scenario("the same, AR(1) 0.9 and 2 % between launches", 0.9, 0.02, drift=0.05),
    Scenario("drift of 5 % from launch to launch, 2 % between launches", between=0.02, across=0.05),
)


HARDEST = SCENARIOS[3]
"""The scenario in which claims are counted."""


@dataclass(frozen=True)
class Coverage:
    """Share of runs whose interval contained the true value; ``launches`` of each file."""

    scenario: str
    launches: int
    runs: int
    ratio: float
    median: float
    p90: float

    moving: bool = False
    """The median moves from launch to launch: the interval of its middle has the way in it, too."""

    @property
    def holds(self) -> bool:
        """Whether ratio and median are covered as often as they should."""
        most = 1.0 if self.moving else MOST
        return LEAST <= self.ratio <= MOST and LEAST <= self.median <= most


def cover(scenario: Scenario, launches: int, runs: int, seed: int = 0) -> Coverage:
    """Count the intervals that hold the truth in this number of simulated measurements."""
    key = SCENARIOS.index(scenario) if scenario in SCENARIOS else len(SCENARIOS)
    rng = np.random.default_rng([seed, key, launches])
    truths = [truth(scenario, percent) for percent in (50, 90)]
    hits = np.zeros(3)
    for _ in range(runs):
        shared = trend(scenario, launches)
        first, second = (
            samples(rng, scenario, base, shared) for base in (BASE_MS, RATIO * BASE_MS)
        )
        found = ratio(ratios_of(turns(second), turns(first), threads=1))
        levels = [level(first, percent) for percent in (50, 90)]
        pairs = [(found, RATIO), *zip(levels, truths, strict=True)]
        hits += [_within(each, value) for each, value in pairs]
    shares = [float(each) for each in hits / runs]
    moving = scenario.across > 0
    return Coverage(scenario.name, launches, runs, shares[0], shares[1], shares[2], moving)


def _within(found: Level, value: float) -> bool:
    return found.interval.low <= value <= found.interval.high


def trend(scenario: Scenario, launches: int) -> Floats:
    """The logarithm by which each launch is slower than the middle one."""
    return np.linspace(-0.5, 0.5, launches) * scenario.across


def samples(
    rng: np.random.Generator, scenario: Scenario, base: float, shared: Floats
) -> list[Floats]:
    """The samples of one file, in milliseconds, an array a launch."""
    effects = rng.standard_t(3, len(shared)) if scenario.wild else rng.normal(0, 1, len(shared))
    logs = shared + scenario.between * effects
    return [base * np.exp(each + _noise(rng, scenario, ROUNDS * BURST)) for each in logs]


def _noise(rng: np.random.Generator, scenario: Scenario, count: int) -> Floats:
    """Logarithms of one launch's inferences over its level."""
    noise = rng.normal(0, NOISE, count)
    if scenario.resemblance:
        noise = _resembling(noise, scenario.resemblance)
    if scenario.tail:
        noise += np.log1p(rng.exponential(0.3, count)) * (rng.random(count) < scenario.tail)
    return np.asarray(noise + scenario.drift * np.linspace(0, 1, count))


def _resembling(noise: Floats, share: float) -> Floats:
    """An AR(1) series with the same standard deviation."""
    from scipy.signal import lfilter

    innovations = noise * math.sqrt(1 - share**2)
    innovations[0] = noise[0]
    return np.asarray(lfilter([1.0], [1.0, -share], innovations))


@cache
def truth(scenario: Scenario, percent: float) -> float:
    """The percentile of a launch in the long run: the mean of many launches' logarithms."""
    rng = np.random.default_rng(1)
    launches = np.array([_noise(rng, scenario, ROUNDS * BURST) for _ in range(4000)])
    found = np.log(np.quantile(np.exp(launches), percent / 100, axis=1))
    return BASE_MS * math.exp(float(np.mean(found)))


def turns(launches: Sequence[Floats]) -> list[list[Turn]]:
    """Launches divided into bursts."""
    return [[Turn(each, float(each[0])) for each in np.split(one, ROUNDS)] for one in launches]


def study(
    scenarios: Sequence[Scenario],
    counts: Sequence[int],
    runs: int,
    step: Callable[[], object] = lambda: None,
) -> list[Coverage]:
    """All scenarios with all numbers of launches."""
    found = []
    for scenario in scenarios:
        for count in counts:
            found.append(cover(scenario, count, runs))
            step()
    return found


@dataclass(frozen=True)
class Claims:
    """Share of runs whose conclusions are right; ``launches`` of each file.

    ``different``: equal files that ``--against`` (and so ``trust_trial``) called faster or slower;
    1 in 100 is promised. ``detected``: of differences as large as another such measurement promised
    to find, those that were found; 9 in 10 are promised. ``gains``: forms of a block, no faster
    than the default's, for which ``tune`` would change it; 1 in 200.
    """

    scenario: str
    launches: int
    runs: int
    different: float
    detected: float
    gains: float


def claim(scenario: Scenario, launches: int, runs: int) -> Claims:
    """Count right and wrong words in this number of simulated comparisons."""
    rng = np.random.default_rng([1, launches])
    shared = trend(scenario, launches)

    def compared(factor: float) -> Comparison:
        first, second = (samples(rng, scenario, each, shared) for each in (1.0, factor))
        return compare_turns(turns(second), turns(first), threads=1)

    different = detected = gains = 0
    for _ in range(runs):
        equal = compared(1.0)
        different += equal.conclusion != UNDETECTED
        detected += compared(1 + (equal.smallest_difference or 0)).conclusion == SLOWER
        gains += equal.conclusion == FASTER  # tune asks for the same confidence
    return Claims(scenario.name, launches, runs, different / runs, detected / runs, gains / runs)


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example("python -m mixnet_bench.studies.coverage --runs 500"),
)
@click.option("--runs", type=Whole(10, 1_000_000), default=2000, show_default=True)
@click.option(
    "--launches",
    "counts",
    type=AT_LEAST_3,
    multiple=True,
    default=LAUNCHES,
    show_default=True,
    help="Process repetitions of a simulated measurement; repeatable.",
)
@click.option("--claims", is_flag=True, help="Count right conclusions of comparisons.")
@json_option
def main(runs: int, counts: tuple[int, ...], claims: bool, as_json: bool) -> None:
    """Count how often 95 % intervals contain the true value, in simulated measurements.

    Exit status 1 where one of a ratio or a median does so in less than 93.5 % or more than 97.5 %.
    """
    if claims:
        _print_claims([claim(HARDEST, count, runs) for count in counts], as_json)
        return
    with progress("scenarios", len(SCENARIOS) * len(counts)) as step:
        found = study(SCENARIOS, counts, runs, step)
    if as_json:
        print_json([{"name": each.scenario, **asdict(each), "holds": each.holds} for each in found])
    else:
        columns = ("noise", "launches", "ratio", "median", "p90")
        rows = [
            (each.scenario, str(each.launches), *map(_share, (each.ratio, each.median, each.p90)))
            for each in found
        ]
        caption = f"share of {runs} made-up measurements whose 95 % interval holds the truth"
        print_table(columns, rows, caption=caption)
    sys.exit(0 if all(each.holds for each in found) else 1)


def _print_claims(found: Sequence[Claims], as_json: bool) -> None:
    if as_json:
        print_json([{"name": each.scenario, **asdict(each)} for each in found])
        return
    columns = ("launches", "equal, called different", "promised, found", "equal, changed by tune")
    rows = [
        (str(each.launches), *map(_share, (each.different, each.detected, each.gains)))
        for each in found
    ]
    print_table(columns, rows, caption=f"of {found[0].runs} comparisons each; {found[0].scenario}")


def _share(value: float) -> str:
    return f"{value:.3f}"


if __name__ == "__main__":
    main()
