"""Blocks that differ only in channels: which of them to time, and the others between them. Pure.

Between two timed blocks of a family, time is assumed linear in multiply-adds. Runtimes process
channels in groups, so this is an approximation, and the table marks it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mixnet_bench.latency_tables.blocks import BlockFacts
from mixnet_networks import Graph

LEAST_FAMILY = 3
"""Blocks of a family from which some are left to interpolation."""

Facts = Mapping[str, tuple[Graph, BlockFacts]]


def families(facts: Facts) -> list[list[str]]:
    """Keys of blocks that differ in channels alone, each family by rising multiply-adds."""
    found: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for key, (graph, each) in facts.items():
        entry, out = graph.inputs[0].shape, graph.shape(graph.outputs[0])
        ops = tuple(node.op for node in graph.nodes)
        expansion = round(each.middle / entry[-1], 1)
        alike = (entry[:-1], out[:-1], ops, each.kernels, each.stride, expansion)
        found[alike].append(key)
    return [sorted(keys, key=lambda key: (facts[key][1].macs, key)) for keys in found.values()]


def chosen_to_time(facts: Facts) -> list[str]:
    """The smallest and the largest block of each family, and every second one between.

    In the order of ``facts``.
    """
    chosen = set()
    for family in families(facts):
        if len(family) < LEAST_FAMILY:
            chosen |= set(family)
        else:
            chosen |= {*family[::2], family[-1]}
    return [key for key in facts if key in chosen]


def interpolated(
    key: str, family: Iterable[str], macs: Mapping[str, int], values: Mapping[str, float]
) -> float | None:
    """A value between those of the timed neighbours in a family; None if it has not both.

    >>> macs = {"a": 100, "b": 150, "c": 300}
    >>> interpolated("b", "abc", macs, {"a": 1.0, "c": 2.0})
    1.25
    """
    known = [each for each in family if each in values and each != key]
    below = [each for each in known if macs[each] <= macs[key]]
    above = [each for each in known if macs[each] >= macs[key]]
    if not below or not above:
        return None
    low, high = below[-1], above[0]
    span = macs[high] - macs[low]
    share = (macs[key] - macs[low]) / span if span else 0.0
    return values[low] + share * (values[high] - values[low])
