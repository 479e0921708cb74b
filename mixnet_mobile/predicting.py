"""Predictions from a latency table, for networks and for thousands of candidates of a search."""

from collections.abc import Sequence
from pathlib import Path

from mixnet_bench.latency_tables.predictor import Predictor, read_table
from mixnet_bench.results.latency_tables import Prediction
from mixnet_common import UsageError
from mixnet_common.printable import shown
from mixnet_networks import Network, load_network
from mixnet_networks.searchspace import load_space


class LatencyPredictor:
    """A table that ``mixnet-bench table`` wrote, ready to predict latencies.

    ``space`` is ``mixnet`` or a search space's TOML file; with it, networks may also be named by
    their genotype: the number of the option at each position of the space. Raises UsageError for a
    file that holds no latency table, and for a table that lacks blocks of the space.
    """

    def __init__(self, table: str | Path, space: str | Path | None = None) -> None:
        """Read the table."""
        members = None if space is None else load_space(str(space))
        self._predictor = Predictor(read_table(Path(table)), members)

    def predict(
        self,
        network: str | Path | Network | Sequence[int],
        *,
        classes: int | None = None,
        resolution: int | None = None,
        multiplier: float | None = None,
    ) -> Prediction:
        """A network's predicted time, in milliseconds and over the anchor's, with its intervals.

        ``network`` is a name, a TOML file, what ``load_network`` returns, or a genotype; the sizes
        are for names and files. Raises UsageError that names the blocks which the table lacks.
        """
        sizes = {"classes": classes, "resolution": resolution, "multiplier": multiplier}
        if isinstance(network, str | Path):
            return self._predictor.predict(load_network(str(network), **sizes))  # type: ignore[arg-type]
        given = [name for name, value in sizes.items() if value is not None]
        if given:
            raise UsageError(
                f"{given[0]} applies to a network's name or file", "give the sizes to load_network"
            )
        if not isinstance(network, Network):
            network = self._member(network)
        return self._predictor.predict(network)

    def _member(self, genotype: Sequence[int]) -> tuple[int, ...]:
        try:
            return tuple(genotype)
        except TypeError as error:
            raise UsageError(
                f"{shown(genotype)} is not a network",
                "give a name, a file, a Network or a genotype",
            ) from error

    def ratio(self, genotype: Sequence[int]) -> float:
        """A member's predicted time over the anchor's, computed in microseconds, for searches.

        Raises UsageError for a genotype that is not one of the space.
        """
        return self._predictor.ratio(self._member(genotype))
