"""Proposes networks: regularized (ageing) evolution, with crossover and a Pareto front.

The population consists of the most recently scored networks: the oldest leaves, whatever its score
(Real et al., 2019, arXiv:1802.01548). Most parents are the best of a sample of the population,
others the best network so far or any of the front, which yields networks at every latency. A child
beyond the latency limit is changed towards the fastest network until it is within it.

Every proposal has its own random numbers, seeded by the search's seed and the proposal's number. It
therefore depends only on the earlier networks and their scores, and an interrupted search continues
with the same proposals. Nothing here scores, prints or writes.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from mixnet_bench.architecture_search.front import with_one_more
from mixnet_bench.architecture_search.limit import Within
from mixnet_bench.architecture_search.ports import Genotype, Space, size_of_space
from mixnet_bench.results.search import SearchTrial

POPULATION, SAMPLE = 64, 12
CROSSOVER = 0.3
"""Share of the children that have two parents."""

BEST, FRONT = 0.35, 0.1
"""Shares of the parents that are the best so far, or any of the front; the others are drawn from
the population."""

LONGEST_RUN = 4
"""Neighbouring positions that a mutation draws anew, at most."""

TRIES = 100
"""Children that were proposed before, after which any network does."""

ENUMERATED = 200_000
"""Networks of a space of which the last ones are found by going through all of them."""

FASTEST, RANDOM, MUTATION, MIXED, REST = "fastest", "random", "mutation", "crossover", "enumeration"


@dataclass(frozen=True)
class Proposal:
    """The network to score next, and its origin."""

    genotype: Genotype
    origin: str
    parents: tuple[int, ...] = ()


@dataclass
class History:
    """All that was tried, in its order, and what the next proposal depends on."""

    population: deque[SearchTrial]
    trials: list[SearchTrial] = field(default_factory=list)
    front: list[SearchTrial] = field(default_factory=list)
    seen: set[Genotype] = field(default_factory=set)
    failed: int = 0
    """Number of candidates that could not be scored."""
    rest: Iterator[Genotype] | None = None
    """All of a space, from the first that may be left; a shortcut, and no part of the history."""

    @classmethod
    def of(cls, population: int, trials: Sequence[SearchTrial] = ()) -> "History":
        """The state after these trials, with a population of this size."""
        history = cls(deque(maxlen=population))
        for each in trials:
            history.add(each)
        return history

    def add(self, trial: SearchTrial) -> None:
        """Take in what became of a proposal."""
        self.trials.append(trial)
        self.seen.add(trial.genotype)
        self.failed += trial.score is None
        if trial.score is not None:
            self.population.append(trial)
            self.front = with_one_more(self.front, trial)


@dataclass(frozen=True)
class Evolution:
    """Proposes networks of a space within a limit."""

    space: Space
    within: Within
    seed: int = 0
    population: int = POPULATION
    sample: int = SAMPLE
    crossover: float = CROSSOVER

    def propose(self, history: History) -> Proposal | None:
        """A network that was not proposed before; None if none is left, or can be found."""
        number = len(history.trials)
        rng = np.random.default_rng([self.seed, number])
        for found in self._attempts(history, rng):
            genotype = self.within.brought(found.genotype, rng)
            if genotype not in history.seen:
                return Proposal(genotype, found.origin, found.parents)
        return self._first_left(history)

    def _attempts(self, history: History, rng: np.random.Generator) -> Iterator[Proposal]:
        if not history.trials:
            yield Proposal(self.within.fastest, FASTEST)
        begun = len(history.trials) >= self.population and history.population
        for _ in range(TRIES if begun else 0):
            yield self._child(history, rng)
        for _ in range(TRIES):
            yield Proposal(self.space.random(rng), RANDOM)

    def _child(self, history: History, rng: np.random.Generator) -> Proposal:
        mixed = rng.random() < self.crossover
        parents = [self._parent(history, rng) for _ in range(2 if mixed else 1)]
        genotype = crossed(parents[0].genotype, parents[-1].genotype, rng) if mixed else None
        child = mutated(genotype or parents[0].genotype, self.space.choices, rng)
        numbers = tuple(dict.fromkeys(each.number for each in parents))
        return Proposal(child, MIXED if mixed else MUTATION, numbers)

    def _parent(self, history: History, rng: np.random.Generator) -> SearchTrial:
        chance = rng.random()
        if chance < BEST:
            return history.front[-1]
        if chance < BEST + FRONT:
            return history.front[int(rng.integers(len(history.front)))]
        members = list(history.population)
        count = min(self.sample, len(members))
        drawn = rng.choice(len(members), count, replace=False)
        return max((members[int(index)] for index in drawn), key=_rank)

    def _first_left(self, history: History) -> Proposal | None:
        if size_of_space(self.space.choices) > ENUMERATED:
            return None
        if history.rest is None:
            history.rest = product(*map(range, self.space.choices))
        for genotype in history.rest:
            if genotype not in history.seen and self.within.holds(genotype):
                return Proposal(genotype, REST)
        return None


def _rank(trial: SearchTrial) -> tuple[float, float]:
    """Sort key of scored trials: by score, and for equal scores the faster first."""
    return -math.inf if trial.score is None else trial.score, -trial.latency


def crossed(first: Genotype, second: Genotype, rng: np.random.Generator) -> Genotype:
    """A child of two: half of the time each position is either's, half a run of them is another's.

    The layers of a run stay with the neighbours that they did well with.
    """
    count = len(first)
    if rng.random() < 0.5:
        takes = rng.random(count) < 0.5
    else:
        start, end = sorted(int(rng.integers(count + 1)) for _ in range(2))
        takes = (np.arange(count) >= start) & (np.arange(count) < end)
    return tuple(b if other else a for a, b, other in zip(first, second, takes, strict=True))


def mutated(genotype: Genotype, choices: Sequence[int], rng: np.random.Generator) -> Genotype:
    """The network with another option at one position at least.

    Half of the time each position changes with chance 1 / n, half a run of neighbours is drawn
    anew.
    """
    free = [position for position, count in enumerate(choices) if count > 1]
    if not free:
        return genotype
    found = list(genotype)
    if rng.random() < 0.5:
        changed = [each for each in free if rng.random() < 1 / len(free)]
    else:
        start = int(rng.integers(len(free)))
        changed = free[start : start + int(rng.integers(1, LONGEST_RUN + 1))]
        for position in changed:
            found[position] = int(rng.integers(choices[position]))
    if tuple(found) == genotype:
        for position in changed or [free[int(rng.integers(len(free)))]]:
            others = int(rng.integers(choices[position] - 1))
            found[position] = others + (others >= found[position])
    return tuple(found)
