"""An artificial score with a known optimum, for testing the search: ``--score synthetic``.

Every option has a value, and so has every pair of options at neighbouring positions: the best
option of a position depends on its neighbours, and improving one position at a time leads to local
optima. Dynamic programming (Viterbi) finds the best network, for spaces of any size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixnet_bench.architecture_search.ports import Genotype

SEED = 1907_09595
"""The paper's number on arXiv."""

PAIRS = 0.7
"""Standard deviation of a pair's worth; that of an option is 1."""


@dataclass(frozen=True)
class Chain:
    """The values for a space with these numbers of options at its positions."""

    choices: tuple[int, ...]

    def __call__(self, genotype: Sequence[int]) -> float:
        """A network's score: the sum of its options' and pairs' worths."""
        worths, pairs = self._tables
        alone = sum(float(each[option]) for each, option in zip(worths, genotype, strict=True))
        neighbours = zip(pairs, genotype[:-1], genotype[1:], strict=True)
        return alone + sum(float(each[first, second]) for each, first, second in neighbours)

    def best(self) -> Genotype:
        """The network with the highest score."""
        worths, pairs = self._tables
        reached, origins = worths[0], []
        for pair, worth in zip(pairs, worths[1:], strict=True):
            ways = reached[:, None] + pair
            origins.append(ways.argmax(axis=0))
            reached = ways.max(axis=0) + worth
        found = [int(reached.argmax())]
        for origin in reversed(origins):
            found.append(int(origin[found[-1]]))
        return tuple(reversed(found))

    @cached_property
    def _tables(self) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        rng = np.random.default_rng([SEED, *self.choices])
        worths = [rng.normal(size=count) for count in self.choices]
        sizes = zip(self.choices[:-1], self.choices[1:], strict=True)
        return worths, [PAIRS * rng.normal(size=size) for size in sizes]
