"""Search spaces: the choices at every layer of a backbone, and their members.

Names and builds members and computes their costs; searches and times nothing. ``candidates`` is the
cost of Section 4.1's MDConv candidates, ``space`` any space as a record, ``places`` its distinct
blocks.
"""

from mixnet_networks.searchspace.candidates import (
    BACKBONE,
    CANDIDATES,
    CandidateCost,
    candidate_costs,
    cost,
    depthwise_nodes,
    layer_count,
    member,
    size,
)
from mixnet_networks.searchspace.reading import BUILT_IN
from mixnet_networks.searchspace.space import Genotype, SearchSpace, load_space

__all__ = [
    "BACKBONE",
    "BUILT_IN",
    "CANDIDATES",
    "CandidateCost",
    "Genotype",
    "SearchSpace",
    "candidate_costs",
    "cost",
    "depthwise_nodes",
    "layer_count",
    "load_space",
    "member",
    "size",
]
