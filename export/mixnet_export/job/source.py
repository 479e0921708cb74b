"""The network of an export, by name or by its weights, and the weights, from a file or a seed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mixnet_common import UsageError
from mixnet_common.console import say, warn
from mixnet_networks import Network, load_network
from mixnet_networks.importing import Imported, import_weights, option_warnings
from mixnet_networks.labels import Labels
from mixnet_networks.weights import Weights, seeded_weights


@dataclass(frozen=True)
class NetworkRequest:
    """A network, its sizes and its weights, as the options name them; None of what is left out."""

    network_name: str | None
    classes: int | None = None
    resolution: int | None = None
    multiplier: float | None = None
    batch: int = 1
    weights_file: Path | None = None
    seed: int | None = None

    @cached_property
    def network(self) -> Network | None:
        """The named network in the given sizes; None if the weights identify it.

        Raises UsageError if a name or a number is wrong, or nothing tells the network.
        """
        if self.network_name is not None:
            return load_network(
                self.network_name,
                classes=self.classes,
                resolution=self.resolution,
                multiplier=self.multiplier,
                batch=self.batch,
            )
        if self.weights_file is None:
            raise UsageError(
                "neither NETWORK nor --weights is given",
                "give a network (mixnet-export list), or weights that identify theirs",
            )
        return None


@dataclass(frozen=True)
class Source:
    """A network with its weights."""

    network: Network
    weights: Weights
    name: str
    """Source of the weights."""
    labels: Labels = ()
    """Names of the classes that come with the weights."""
    imported: Imported | None = None


def read_source(request: NetworkRequest) -> Source:
    """The requested network and its weights; prints notes on them.

    Raises UsageError for options that exclude each other, and as ``import_weights``.
    """
    if request.weights_file and request.seed is not None:
        raise UsageError("--weights and --seed exclude each other", "use one of them")
    if request.weights_file:
        return _imported(request, request.weights_file)
    network, seed = request.network, request.seed
    if network is None:
        raise AssertionError("a request without weights has a network")
    if seed is None:
        say("no --weights given: random weights (seed 0) are used, for measuring speed only")
    elif seed < 0:
        raise UsageError(f"a seed is at least 0, not {seed}")
    return Source(network, seeded_weights(network, seed or 0), f"seed {seed or 0}")


def _imported(request: NetworkRequest, file: Path) -> Source:
    imported = import_weights(
        file, request.network_name, classes=request.classes, multiplier=request.multiplier
    )
    for note in imported.notes:
        say(f"{file.name}: {note}")
    for text in imported.warnings:
        warn(f"{file.name}: {text}")
    network = imported.network.at(resolution=request.resolution, batch=request.batch)
    return Source(network, imported.weights, file.name, imported.labels, imported)


def described_options(source: Source, network: Network, labels: Labels) -> tuple[str, ...]:
    """Warnings where options say otherwise than the weights do.

    ``network`` and ``labels`` are those that are exported.
    """
    if source.imported is None:
        return ()
    found = option_warnings(source.imported, network, labels)
    return tuple(f"{source.name}: {text}" for text in found)
