"""Predictions from a table: the sum of a network's blocks, and the fitted cost of joining them."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from mixnet_bench.latency_tables.blocks import HEAD, SpaceBlocks, blocks_of, key_of, missing_keys
from mixnet_bench.latency_tables.seams import FAR, ratio_at, spread_at
from mixnet_bench.results.latency_tables import INTERPOLATED, LatencyTable, Prediction, Seams
from mixnet_common import UsageError
from mixnet_common.documents import read_document
from mixnet_common.intervals import Estimate, Interval
from mixnet_common.json_object import LEAST_MS, MOST_MS
from mixnet_common.readers import show
from mixnet_common.result import read_results
from mixnet_networks import Network
from mixnet_networks.searchspace import Genotype, SearchSpace

HINT = "give the table.json that mixnet-bench table wrote"
MOST_RATIO, WIDEST = 1e9, 10.0
"""Largest ratio that can be predicted, and half-width of its interval as a logarithm."""

MOST_NAMED = 5
"""Blocks that a message lists."""


def read_table(path: Path) -> LatencyTable:
    """The table of a file. Raises UsageError that names what is wrong in it."""
    document = read_document(path, HINT)
    for target in document["targets"]:
        if not isinstance(target, dict) or "anchor_ms" not in target or "blocks" not in target:
            raise UsageError(f"{show(path)} holds no latency table", HINT)
    tables = read_results(document, path, HINT, LatencyTable)
    if len(tables) != 1:
        raise UsageError(f"{show(path)} holds {len(tables)} latency tables", HINT)
    return tables[0]


class Predictor:
    """A table made ready for many predictions, of members of a space or of any networks.

    ``ratio`` of a genotype is a few dictionary look-ups: a search may ask thousands a second.
    """

    def __init__(self, table: LatencyTable, space: SearchSpace | None = None) -> None:
        """Raises UsageError if the table is unfit to predict, or lacks blocks of the space."""
        self.table = table
        self.seams = _seams_of(table)
        self._ratios = {each.key: each.ratio for each in table.blocks if each.ratio is not None}
        self._interpolated = {each.key for each in table.blocks if each.how == INTERPOLATED}
        self._blocks = SpaceBlocks(space) if space else None
        self._length = len(space.choices) if space else None
        self._places = _sums(self._blocks, self) if self._blocks else []
        sums = [each.sum for each in table.networks]
        self._range = (min(sums) / FAR, max(sums) * FAR)

    def ratio(self, genotype: Sequence[int]) -> float:
        """A member's predicted time over the anchor's; the genotype must be one of the space.

        Raises UsageError for one that is not.
        """
        total, blocks = self._sum(genotype)
        return ratio_at(self.seams, total, blocks)

    def estimate(self, genotype: Sequence[int]) -> Estimate:
        """The same with its interval, still in microseconds."""
        ratio, interval = self._with_interval(*self._sum(genotype))
        return Estimate(ratio, interval)

    def predict(self, network: Network | Genotype) -> Prediction:
        """The same with its interval, for a member or for any network whose blocks are there.

        Raises UsageError that names the blocks which the table lacks.
        """
        if isinstance(network, Network):
            keys = [key_of(graph) for graph in blocks_of(network).values()]
            self.check(keys, network)
            return self._prediction(network.name, sum(self._ratios[key] for key in keys), keys)
        blocks = self.check_member(network)
        total, _ = self._sum(network)
        return self._prediction(blocks.space.name_of(network), total, blocks.of(network))

    def check(self, keys: Iterable[str], network: Network) -> None:
        """Raise UsageError that names a network's blocks of which there is no time."""
        missing = missing_keys(keys, self._ratios)
        if not missing:
            return
        graphs = {key_of(graph): name for name, graph in blocks_of(network).items()}
        hint = _sizes_hint(network, self.table) or (
            f"add them to the table: mixnet-bench table --include {show(network.name)}"
        )
        raise _lacking([graphs[key] for key in missing], network.name, hint, self.table)

    def check_space(self, blocks: SpaceBlocks) -> None:
        """Raise UsageError that names a space's blocks of which there is no time."""
        missing = missing_keys(blocks.distinct, self._ratios)
        if missing:
            places = [", ".join(blocks.distinct[key].places) for key in missing]
            name = blocks.space.name
            hint = f"make a table of that space: mixnet-bench table --space {show(name)}"
            raise _lacking(places, name, hint, self.table)

    def check_member(self, genotype: Sequence[int]) -> SpaceBlocks:
        """The space's blocks. Raises UsageError unless there is a space with this genotype."""
        if self._blocks is None:
            raise UsageError(
                "a genotype belongs to a search space, and none was given",
                'LatencyPredictor("table.json", space="mixnet")',
            )
        self._blocks.space.check(genotype)
        return self._blocks

    def ratio_of_block(self, key: str) -> float:
        """A block's time over the anchor's."""
        return self._ratios[key]

    def _sum(self, genotype: Sequence[int]) -> tuple[float, int]:
        total, blocks = 0.0, 0
        if len(genotype) != self._length:
            self.check_member(genotype)
        try:
            for positions, sums in self._places:
                found, count = sums[tuple([genotype[position] for position in positions])]
                total += found
                blocks += count
        except (KeyError, IndexError, TypeError):
            self.check_member(genotype)
            raise
        return total, blocks

    def _with_interval(self, total: float, blocks: int) -> tuple[float, Interval]:
        """The predicted ratio for a sum over this number of blocks."""
        ratio = ratio_at(self.seams, total, blocks)
        half = spread_at(self.seams, total, blocks, self.table.confidence)
        is_time = LEAST_MS <= ratio * self.table.anchor_latency_ms <= MOST_MS
        if not (is_time and 0 < ratio <= MOST_RATIO and half <= WIDEST):
            raise _impossible(ratio, half, self.table)
        spread = math.exp(half)
        return ratio, Interval(ratio / spread, ratio * spread)

    def _prediction(self, name: str, total: float, keys: Sequence[str]) -> Prediction:
        table = self.table
        ratio, interval = self._with_interval(total, len(keys))
        low, high = interval.low, interval.high
        anchor_ms = table.anchor_latency_ms
        return Prediction(
            name=name,
            ratio=ratio,
            interval=(low, high),
            latency_ms=ratio * anchor_ms,
            latency_interval_ms=(low * anchor_ms, high * anchor_ms),
            confidence=table.confidence,
            anchor=table.anchor,
            blocks=len(keys),
            interpolated=sum(key in self._interpolated for key in keys),
            extrapolated=not self._range[0] <= total <= self._range[1],
            measured=table.measured,
            format=table.format,
            precision=table.precision,
            threads=table.threads,
        )


Sums = list[tuple[tuple[int, ...], dict[Genotype, tuple[float, int]]]]


def _sums(blocks: SpaceBlocks, predictor: Predictor) -> Sums:
    """For each place, the sum of its block's ratios and their number, by the indices there."""
    predictor.check_space(blocks)
    return [
        (
            place.positions,
            {
                indices: (sum(map(predictor.ratio_of_block, keys)), len(keys))
                for indices, keys in variants.items()
            },
        )
        for place, variants in blocks.keys.items()
    ]


def _seams_of(table: LatencyTable) -> Seams:
    if table.seams is None:
        raise UsageError(
            f"the table of {table.name} has too few networks that were timed whole",
            "make it again with more time: mixnet-bench table --minutes",
        )
    return table.seams


def _impossible(ratio: float, half: float, table: LatencyTable) -> UsageError:
    wide = f", within a factor of e^{half:.3g}" if half > WIDEST else ""
    return UsageError(
        f"the table of {show(table.name)} predicts an impossible time: {ratio:.3g} × that of"
        f" {show(table.anchor)}{wide}",
        "its seams do not fit its blocks: make it again with mixnet-bench table",
    )


def _sizes_hint(network: Network, table: LatencyTable) -> str:
    """What to do about a network of other sizes than the table's; empty if they are equal."""
    sides = {each.input[1] for each in table.blocks if "stem" in each.places and each.input[1:]}
    classes = {each.output[-1] for each in table.blocks if HEAD["head.logits"] in each.places}
    if len(sides) != 1 or len(classes) != 1:
        return ""
    (side,), (count,) = sides, classes
    if (side, count) == (network.resolution, network.classes):
        return ""
    return (
        f"the table is of {side} pixels and {count:,} classes: give the network these sizes"
        f" (mixnet-bench predict --resolution {side} --classes {count}), or add it to the table"
        " with --include"
    )


def _lacking(blocks: Sequence[str], name: str, hint: str, table: LatencyTable) -> UsageError:
    shown = "; ".join(blocks[:MOST_NAMED])
    more = f" and {len(blocks) - MOST_NAMED} more" if len(blocks) > MOST_NAMED else ""
    left_out = sum(each.ratio is None for each in table.blocks)
    if left_out:
        hint = "the table's time was too short for all blocks: run mixnet-bench table again"
    return UsageError(
        f"the table of {show(table.name)} lacks {len(blocks)} block{'s'[: len(blocks) > 1]} of"
        f" {show(name)}: {shown}{more}",
        hint,
    )
