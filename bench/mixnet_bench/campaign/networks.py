"""The networks of a campaign, in the sizes of their weights.

A weights file is read for its number of classes and input channels, so that every step uses the
network that is exported. Nothing is written.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mixnet_bench.campaign.record import Campaign, Entry
from mixnet_networks import Network, load_network
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.labels import label_names
from mixnet_networks.trained import trained_names
from mixnet_networks.weights import Weights, seeded_weights

if TYPE_CHECKING:
    from mixnet_networks.importing import Imported


Stamp = tuple[int, int] | None


def beside(campaign: Campaign, path: str) -> Path:
    """A path of the TOML, seen from the TOML's own folder."""
    found = campaign.folder / path
    return found if campaign.root is None else campaign.root / brought_as(found)


def brought_as(path: Path) -> str:
    """The name under which a file is sent to another machine: its path without the root.

    >>> brought_as(Path("/home/me/../you/a.toml"))
    'home/you/a.toml'
    """
    whole = Path(os.path.abspath(path))
    return whole.relative_to(whole.anchor).as_posix()


def network_with_weights(campaign: Campaign, entry: Entry) -> tuple[Network, Weights | None]:
    """An entry's network, in the size of its weights, and these; None if they are seeded.

    Raises UsageError if one of both is unknown or they contradict each other, MixnetError if
    the weights are damaged or fit another network.
    """
    name = network_name(campaign, entry)
    network = load_network(
        name,
        classes=entry.classes,
        resolution=entry.resolution,
        multiplier=entry.multiplier,
    )
    found = imported_weights(campaign, entry)
    if found is None:
        return shown(campaign, entry, network), None
    return sized(campaign, found, entry), found.weights


def imported_weights(campaign: Campaign, entry: Entry) -> "Imported | None":
    """The file of weights that an entry names, imported; None if they are seeded.

    Raises UsageError and MixnetError as ``network_with_weights``.
    """
    if entry.weights is None:
        return None
    file = weights_file(campaign, entry.weights)
    return _imported(file, _stamp(file), network_name(campaign, entry), entry)


@lru_cache(maxsize=1)
def _imported(file: Path, stamp: Stamp, name: str, entry: Entry) -> "Imported":
    """Imported weights, cached until another file's are requested, or the file changes."""
    from mixnet_networks.importing import import_weights

    return import_weights(file, name, classes=entry.classes, multiplier=entry.multiplier)


def _stamp(file: Path) -> Stamp:
    """When a file was changed and its size; None if it is not a file, like a name that ships."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=1)
def seeded(network: Network, seed: int) -> Weights:
    """Seeded weights, cached until another network's are requested.

    A network's files follow each other, and the statistics of a large one take many seconds.
    """
    return seeded_weights(network, seed)


def sized(campaign: Campaign, imported: "Imported", entry: Entry) -> Network:
    """The network of imported weights at an entry's resolution, for images prepared its way."""
    return shown(campaign, entry, imported.network.at(resolution=entry.resolution))


def shown(campaign: Campaign, entry: Entry, network: Network) -> Network:
    """The network with the entry's preprocessing. Raises UsageError for an unknown one."""
    if entry.preprocessing is None:
        return network
    name = entry.preprocessing
    path = str(beside(campaign, name)) if name.endswith(".toml") else name
    return network.shown(load_preprocessing(path))


def network_name(campaign: Campaign, entry: Entry) -> str:
    """An entry's network by name, or the path of its TOML file."""
    return str(beside(campaign, entry.name)) if entry.name.endswith(".toml") else entry.name


def labels_name(campaign: Campaign, labels: str) -> str:
    """The unchanged name of built-in labels, or the path of a file beside the campaign's."""
    return labels if labels in label_names() else str(beside(campaign, labels))


def weights_file(campaign: Campaign, weights: str) -> Path:
    """The unchanged name of built-in weights, or the path of a file beside the campaign's."""
    return Path(weights) if weights in trained_names() else beside(campaign, weights)
