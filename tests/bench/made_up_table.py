"""A made-up space and latency table for searches: known to the last digit, and quick."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixnet_bench.architecture_search.evolution import Evolution, History
from mixnet_bench.architecture_search.limit import Limit, within_limit
from mixnet_bench.architecture_search.ports import Genotype
from mixnet_bench.architecture_search.scores import Score
from mixnet_bench.latency_tables.assembling import Circumstances, assemble
from mixnet_bench.latency_tables.blocks import blocks_of, facts_of
from mixnet_bench.latency_tables.partial import LaunchLine
from mixnet_bench.latency_tables.request import TableRequest
from mixnet_bench.results.search import SearchTrial
from mixnet_common.console import json_text
from mixnet_common.intervals import Estimate, Interval
from mixnet_export.writers import FORMATS
from mixnet_networks import Network, load_network
from mixnet_networks.searchspace import load_space


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


SPACE = """backbone = "mobilenet-v1"
resolution = 32
classes = 10

[[stages]]
stage = 4
groups = [1, 2, 3]
width = [0.5, 1]

[[stages]]
stage = 3
groups = [1, 2, 3]
"""
"""13,122 small networks."""


def write_table(folder: Path) -> tuple[Path, Path]:
    """A space's file, and a latency table of it whose times were made up; their paths."""
    space_path, table_path = folder / "space.toml", folder / "table.json"
    space_path.write_text(SPACE)
    request = TableRequest(
        load_space(str(space_path)), load_network("mixnet-s"), FORMATS["tflite"], networks=6
    )
    anchor = _made_up_ms(request.anchor)
    logs = {
        key: math.log(facts_of(block.graph).macs / 1e6 + 0.1) - math.log(anchor)
        for key, block in request.distinct.items()
    }
    logs |= {
        key: math.log(_made_up_ms(network) / anchor)
        for key, (_, network) in request.members.items()
    }
    rng = np.random.default_rng(0)
    launches = [
        LaunchLine(
            number=number,
            passed=number,
            anchor_ms=10.0,
            seconds=1.0,
            log_ratios={key: each + float(rng.normal(0, 0.01)) for key, each in logs.items()},
        )
        for number in range(4)
    ]
    table = assemble(request, Circumstances("LiteRT 2.3.0, a made-up CPU", "default"), launches)
    table_path.write_text(json_text([table]))
    return space_path, table_path


def _made_up_ms(network: Network) -> float:
    return sum(facts_of(graph).macs / 1e6 + 0.12 for graph in blocks_of(network).values())
