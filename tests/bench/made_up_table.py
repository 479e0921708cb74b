"""A made-up space and latency table for searches: known to the last digit, and quick."""

from dataclasses import dataclass

import numpy as np

from mixnet_bench.architecture_search.evolution import Evolution, History
from mixnet_bench.architecture_search.limit import Limit, within_limit
from mixnet_bench.architecture_search.ports import Genotype
from mixnet_bench.architecture_search.scores import Score
from mixnet_bench.results.search import SearchTrial
from mixnet_common.intervals import Estimate, Interval
from mixnet_networks import Network, load_network


@dataclass(frozen=True)
class MadeUpSpace:
    """A space without networks of its own, whose predictions are sums over positions."""

    choices: tuple[int, ...]

    def network(self, genotype: Genotype) -> Network:
        """Always the same."""
        return load_network("mobilenet-v1", multiplier=0.25)

    def toml(self, genotype: Genotype, name: str) -> str:
        """Not that of a network."""
        return f'name = "{name}"\n'

    def random(self, rng: np.random.Generator) -> Genotype:
        """Any, all equally likely."""
        return tuple(int(rng.integers(each)) for each in self.choices)

    def ratio(self, genotype: Genotype) -> Estimate:
        """Later options take longer, and later positions too; give or take 5 %."""
        value = sum(
            (1 + position / 7) * (1 + option) / 100 for position, option in enumerate(genotype)
        )
        return Estimate(value, Interval(0.95 * value, 1.05 * value))


def evolution(space: MadeUpSpace, limit: Limit, seed: int = 0, population: int = 64) -> Evolution:
    """An evolution within a limit."""
    within = within_limit("the limit", limit, space, space.choices)
    return Evolution(space, within, seed, population)


def evolve(made: Evolution, score: Score, count: int, history: History | None = None) -> History:
    """So many candidates tried, after those of ``history``; ``score`` gets genotypes."""
    history = history or History.of(made.population)
    while len(history.trials) < count and (proposal := made.propose(history)):
        ratio = made.within.latencies.ratio(proposal.genotype)
        history.add(
            SearchTrial(
                number=len(history.trials),
                genotype=proposal.genotype,
                latency_ratio=ratio.value,
                score=score(proposal.genotype),
                origin=proposal.origin,
                parents=proposal.parents,
            )
        )
    return history
