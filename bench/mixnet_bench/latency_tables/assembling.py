"""Builds a table's record from measurements. Pure: it times nothing and reads no file."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_bench.latency_tables.blocks import (
    BlockFacts,
    DistinctBlock,
    blocks_of,
    facts_of,
    key_of,
    label_of,
    network_key,
)
from mixnet_bench.latency_tables.interpolation import families, interpolated
from mixnet_bench.latency_tables.partial import LaunchLine
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.latency_tables.seams import fit_seams
from mixnet_bench.results.latency_tables import (
    INTERPOLATED,
    LEFT_OUT,
    TIMED,
    LatencyTable,
    TableBlock,
    TableNetwork,
)
from mixnet_common import MixnetError
from mixnet_common.intervals import CONFIDENCE, Estimate, ratio_of
from mixnet_common.versions import package_version
from mixnet_export.lowering import EMULATED
from mixnet_networks import Network


@dataclass(frozen=True)
class Circumstances:
    """Device and conditions of a table."""

    measured: str
    lowering: str


def assemble(
    request: TableRequest, where: Circumstances, launches: Sequence[LaunchLine]
) -> LatencyTable:
    """The table. Raises MixnetError if nothing was timed."""
    if not launches:
        raise MixnetError(
            "nothing was timed within --minutes", "give more time; the first launch takes seconds"
        )
    logs: dict[str, list[float]] = defaultdict(list)
    for launch in launches:
        for key, value in launch.log_ratios.items():
            logs[key].append(value)
    blocks = _blocks(request.distinct, logs, interpolate=request.interpolate)
    ratios = {each.key: each.ratio for each in blocks if each.ratio is not None}
    networks = _networks(request, logs, ratios)
    anchor_ms = tuple(launch.anchor_ms for launch in launches)
    return LatencyTable(
        name=request.space.name,
        space=request.space.fingerprint,
        anchor=request.anchor.name,
        anchor_key=network_key(request.anchor),
        anchor_ms=anchor_ms,
        anchor_latency_ms=float(np.median(anchor_ms)),
        measured=where.measured,
        emulated=where.measured.startswith(EMULATED),
        format=request.form.name,
        precision=request.precision,
        threads=request.threads,
        lowering=where.lowering,
        software=package_version("mixnet-mobile"),
        confidence=CONFIDENCE,
        passes=max(launch.passed for launch in launches) + 1,
        seconds=sum(launch.seconds for launch in launches),
        blocks=tuple(blocks),
        networks=tuple(networks),
        seams=fit_seams(
            [each.sum for each in networks],
            [each.blocks for each in networks],
            [each.ratio for each in networks],
        ),
    )


def _blocks(
    distinct: Mapping[str, DistinctBlock],
    logs: Mapping[str, Sequence[float]],
    *,
    interpolate: bool,
) -> list[TableBlock]:
    facts = {key: facts_of(block.graph) for key, block in distinct.items()}
    timed = {key: ratio_of(logs[key]) for key in distinct if logs.get(key)}
    between = _between(distinct, facts, timed) if interpolate else {}
    found = []
    for key, block in distinct.items():
        estimate = timed.get(key) or between.get(key)
        how = TIMED if key in timed else INTERPOLATED if key in between else LEFT_OUT
        found.append(_row(block, facts[key], estimate, how, logs.get(key, ())))
    return found


def _between(
    distinct: Mapping[str, DistinctBlock],
    facts: Mapping[str, BlockFacts],
    timed: Mapping[str, Estimate],
) -> dict[str, Estimate]:
    """Blocks between timed ones; their intervals are what the neighbours' bounds give."""
    from mixnet_common.intervals import Interval

    macs = {key: each.macs for key, each in facts.items()}
    values = {key: each.value for key, each in timed.items()}
    bounds = {key: each.interval for key, each in timed.items()}
    lows = {key: each.low for key, each in bounds.items() if each}
    highs = {key: each.high for key, each in bounds.items() if each}
    found = {}
    for family in families({key: (distinct[key].graph, facts[key]) for key in distinct}):
        for key in family:
            value = None if key in timed else interpolated(key, family, macs, values)
            if value is None:
                continue
            low, high = (interpolated(key, family, macs, each) for each in (lows, highs))
            interval = None if low is None or high is None else Interval(low, high)
            found[key] = Estimate(value, interval)
    return found


def _row(
    block: DistinctBlock,
    facts: BlockFacts,
    estimate: Estimate | None,
    how: str,
    logs: Sequence[float],
) -> TableBlock:
    graph, interval = block.graph, estimate and estimate.interval
    return TableBlock(
        key=block.key,
        label=label_of(graph, facts),
        places=tuple(block.places),
        input=graph.inputs[0].shape,
        output=graph.shape(graph.outputs[0]),
        kernels=facts.kernels,
        middle=facts.middle,
        stride=facts.stride,
        skip=facts.skip,
        se=facts.se,
        swish=facts.swish,
        macs=facts.macs,
        how=how,
        ratio=estimate.value if estimate else None,
        interval=(interval.low, interval.high) if interval else None,
        log_ratios=tuple(logs),
    )


def _networks(
    request: TableRequest, logs: Mapping[str, Sequence[float]], ratios: Mapping[str, float]
) -> list[TableNetwork]:
    """The whole networks that were timed, and whose blocks all were."""
    members = [(network, genotype) for genotype, network in request.members.values()]
    found = []
    for network, genotype in [*members, *((each, None) for each in request.include)]:
        row = _network(network, logs, ratios)
        if row is not None:
            name, keys, values = row
            found.append(
                TableNetwork(
                    name=name,
                    genotype=genotype,
                    blocks=len(keys),
                    sum=sum(ratios[key] for key in keys),
                    ratio=ratio_of(values).value,
                    log_ratios=tuple(values),
                )
            )
    return found


def _network(
    network: Network, logs: Mapping[str, Sequence[float]], ratios: Mapping[str, float]
) -> tuple[str, list[str], Sequence[float]] | None:
    """A network's name, blocks and launches; None unless it and all blocks were timed."""
    keys = [key_of(graph) for graph in blocks_of(network).values()]
    values = logs.get(network_key(network), ())
    if not values or any(key not in ratios for key in keys):
        return None
    return network.name, keys, values
