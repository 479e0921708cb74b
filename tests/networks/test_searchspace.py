"""The search space of Section 4.1: every member has a name, a graph and a cost."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_networks import load_network
from mixnet_networks.graph.operators import macs, parameter_count
from mixnet_networks.searchspace import (
    CANDIDATES,
    candidate_costs,
    cost,
    depthwise_nodes,
    layer_count,
    member,
    size,
)

BY_LAYER = {
    (each.layer, groups): each
    for index, each in enumerate(candidate_costs())
    for groups in [CANDIDATES[index % len(CANDIDATES)]]
}
members = st.lists(st.sampled_from(CANDIDATES), min_size=17, max_size=17)


def test_there_are_five_candidates_at_each_of_seventeen_layers() -> None:
    assert CANDIDATES == (1, 2, 3, 4, 5)
    assert (layer_count(), size()) == (17, 5**17)
    assert len(candidate_costs()) == 17 * 5


def test_every_candidate_can_be_built_at_every_layer() -> None:
    for layer in range(1, 18):
        for groups in CANDIDATES:
            chosen = [groups if each == layer else 1 for each in range(1, 18)]
            node = depthwise_nodes(load_network(member(chosen)).graph)[layer - 1]
            sizes = sorted(shape[0] for shape in node.parameters.values())
            assert sizes == [2 * group + 1 for group in range(1, groups + 1)]


def test_a_candidate_has_its_taps_for_its_share_of_the_channels() -> None:
    first, last = BY_LAYER[1, 5], BY_LAYER[17, 5]

    assert first.candidate == "mdconv357911"
    shares = (8, 6, 6, 6, 6)  # of 32 channels, the remainder in the first group
    assert first.params == sum(c * k**2 for c, k in zip(shares, (3, 5, 7, 9, 11), strict=True))
    assert first.macs == first.params * 112**2
    assert last.macs == last.params * 7**2


@given(members)
@settings(max_examples=10, deadline=None)
def test_a_member_costs_what_its_layers_cost_beyond_the_plain_backbone(groups: list[int]) -> None:
    params, multiply_adds = cost([1] * 17)
    for layer, number in enumerate(groups, 1):
        params += BY_LAYER[layer, number].params - BY_LAYER[layer, 1].params
        multiply_adds += BY_LAYER[layer, number].macs - BY_LAYER[layer, 1].macs

    assert cost(groups) == (params, multiply_adds)


def test_the_member_of_single_groups_is_the_backbone_itself() -> None:
    graph = load_network("mobilenet-v2").graph
    backbone = parameter_count(graph.nodes), sum(macs(node, graph) for node in graph.nodes)

    assert cost([1] * 17) == backbone


def test_another_backbone_and_another_resolution_have_costs_too() -> None:
    whole = candidate_costs("mobilenet-v1")
    half = candidate_costs("mobilenet-v1", resolution=112)

    assert len(whole) == 13 * 5
    assert math.isclose(sum(c.macs for c in half) / sum(c.macs for c in whole), 0.25, rel_tol=0.1)


@pytest.mark.parametrize("groups", [0, 6])
def test_other_numbers_of_groups_are_no_candidates(groups: int) -> None:
    with pytest.raises(UsageError, match="not a candidate"):
        member([groups] * 17)


def test_too_few_digits_are_refused() -> None:
    with pytest.raises(UsageError, match="16 digits for 17 layers"):
        load_network(member([1] * 16))
