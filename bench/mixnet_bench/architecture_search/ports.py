"""The interfaces of a space and of a latency table that the search uses."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mixnet_common.intervals import Estimate
from mixnet_networks import Network

Genotype = tuple[int, ...]
"""The number of the option that is taken at each position of a space."""


class Space(Protocol):
    """A space of networks, of which a genotype names one."""

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of options at each position."""

    def network(self, genotype: Genotype) -> Network:
        """One of its networks."""

    def toml(self, genotype: Genotype, name: str) -> str:
        """The same as a network's file."""

    def random(self, rng: np.random.Generator) -> Genotype:
        """Any of its networks."""


class LatencyModel(Protocol):
    """Predicts how long the networks of a space take, as ratios to an anchor network."""

    def ratio(self, genotype: Genotype) -> Estimate:
        """A network's time over the anchor's, with its interval."""


def size_of_space(choices: Sequence[int]) -> int:
    """Number of networks.

    >>> size_of_space((2, 3, 1))
    6
    """
    count = 1
    for each in choices:
        count *= each
    return count
