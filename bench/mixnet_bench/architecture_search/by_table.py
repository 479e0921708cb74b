"""The predictions of a latency table in the form that the search uses, and its limit."""

from collections.abc import Sequence
from pathlib import Path

from mixnet_bench.architecture_search.limit import Limit, Within, parse_latency, within_limit
from mixnet_bench.architecture_search.ports import Genotype
from mixnet_bench.latency_tables.blocks import network_key
from mixnet_bench.latency_tables.predictor import Predictor, read_table
from mixnet_bench.results.latency_tables import LatencyTable
from mixnet_common import UsageError
from mixnet_common.intervals import Estimate, Interval
from mixnet_networks import load_network
from mixnet_networks.searchspace import SearchSpace

MOST_REMEMBERED = 100_000
"""Predictions; a search asks for most of them more than once."""


class TableLatencies:
    """Predictions of a space's networks by a table, each made once."""

    def __init__(self, path: Path, space: SearchSpace) -> None:
        """Raises UsageError if the table cannot be read or lacks blocks of the space."""
        self._table = read_table(path)
        self._predictor = Predictor(self._table, space)
        self._known: dict[Genotype, Estimate] = {}

    @property
    def table(self) -> LatencyTable:
        """The table."""
        return self._table

    def ratio(self, genotype: Genotype) -> Estimate:
        """A network's time over the anchor's, with its interval."""
        found = self._known.get(genotype)
        if found is None:
            predicted = self._predictor.predict(genotype)
            found = Estimate(predicted.ratio, Interval(*predicted.interval))
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[genotype] = found
        return found

    def extrapolated(self, genotype: Genotype) -> bool:
        """Whether a network is far outside those that the predictions were fitted to."""
        return self._predictor.predict(genotype).extrapolated

    def ratio_of_network(self, name: str) -> float:
        """The time of any network over the anchor's: 1 for the anchor itself.

        Raises UsageError if it is unknown, or the table lacks its blocks.
        """
        network = load_network(name)
        if network_key(network) == self._table.anchor_key:
            return 1.0
        return self._predictor.predict(network).ratio

    def limit(self, asked: str | None, certain: bool) -> Limit:
        """The limit that ``--latency`` asks for."""
        if asked is None:
            return Limit(certain=certain)
        latency = parse_latency(asked)
        if latency.milliseconds is not None:
            return Limit(latency.milliseconds / self._table.anchor_latency_ms, certain)
        assert latency.part is not None, "a limit without a time is a part of a network's"
        try:
            return Limit(latency.part * self.ratio_of_network(latency.network), certain)
        except UsageError as error:
            raise UsageError(f"--latency {asked}: {error.message}", error.hint) from error

    def within(self, asked: str | None, certain: bool, choices: Sequence[int]) -> Within:
        """The part of the space within it. Raises MixnetError if there is none."""
        return within_limit(f"--latency {asked}", self.limit(asked, certain), self, choices)
