"""Importing: a file's arrays matched with a network's, all of them or none.

What does not fit is named, and so is the known network that a file looks like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_networks.architecture import architecture_names
from mixnet_networks.graph import Graph, Shape
from mixnet_networks.importing.formats import known_formats, read_content
from mixnet_networks.importing.namings import NAMINGS, naming_of
from mixnet_networks.importing.paddings import padding_note
from mixnet_networks.importing.record import Arrays, Content, Naming
from mixnet_networks.network import Network, load_network
from mixnet_networks.trained import trained_file
from mixnet_networks.weights import (
    NEGATIVE,
    NOT_FINITE,
    Weights,
    describe_problems,
    impossible,
    some,
)

LIKE = 0.7
"""A file of which so large a part fits another network is said to be most like it."""


@dataclass(frozen=True)
class Imported:
    """Weights from a file, with the network that they fit."""

    network: Network
    weights: Weights
    source: str
    """Whose naming the file has."""
    notes: tuple[str, ...] = ()
    """What a user should know: where in the file, averages or not, what was left aside."""

    @property
    def classes(self) -> int:
        """The number of classes, as the file has it."""
        return self.network.classes

    def size(self, network: Network) -> Network:
        """A network at any resolution and batch, with the weights' classes and input channels."""
        return replace(network, classes=self.classes, in_channels=self.network.in_channels)


@dataclass(frozen=True)
class _Pair:
    """An array of a network, and what a file has for it."""

    ours: str
    shape: Shape
    theirs: str | None
    array: NDArray[Any] | None
    """In our layout; None where the file has none."""

    @property
    def fits(self) -> bool:
        return self.array is not None and self.array.shape == self.shape


def import_weights(
    path: Path, network_name: str, *, classes: int | None = None, multiplier: float | None = None
) -> Imported:
    """The weights of a file or a TensorFlow checkpoint's directory, for a network by name.

    Classes and input channels are the file's. Raises UsageError where there is no such file or
    network, or ``classes`` contradicts the file; MixnetError where the file is damaged, would have
    to be executed, needs a package that is missing, or does not fit the network. A name of
    ``mixnet_networks.trained`` stands for the file that ships.
    """
    path = trained_file(path)
    load_network(network_name, classes=classes, multiplier=multiplier)  # refused before reading
    content = read_content(path)
    naming = _naming(path, content)
    content = naming.clean(content)
    network = _network(path, naming, content.arrays, network_name, classes, multiplier)
    weights = _fitted(path, naming, content.arrays, network)
    notes = (*content.notes, *padding_note(path, naming, network.architecture))
    return Imported(network, weights, naming.title, notes)


def _naming(path: Path, content: Content) -> Naming:
    naming = naming_of(content.arrays)
    if naming is None:
        titles = ", ".join(each.title for each in NAMINGS)
        raise MixnetError(
            f"{path} is of no network known here; its arrays: {some(sorted(content.arrays))}",
            f"known: {titles}; in {known_formats()}",
        )
    return naming


def _network(
    path: Path,
    naming: Naming,
    arrays: Arrays,
    name: str,
    classes: int | None,
    multiplier: float | None,
) -> Network:
    """The network in the size that the file has. Raises UsageError for contradicting classes."""
    sizes = naming.sizes({each: array.shape for each, array in arrays.items()})
    if None not in (classes, sizes.classes) and classes != sizes.classes:
        raise UsageError(
            f"{path} has {sizes.classes} classes, not {classes}",
            "leave --classes out: the file says how many",
        )
    if sizes.in_channels not in (None, 1, 3):
        raise MixnetError(
            f"{path} takes images of {sizes.in_channels} channels", "1 and 3 are understood"
        )
    return load_network(
        name,
        classes=sizes.classes or classes,
        multiplier=multiplier,
        in_channels=sizes.in_channels or 3,
    )


def _fitted(path: Path, naming: Naming, arrays: Arrays, network: Network) -> Weights:
    """All weights of the network. Raises MixnetError, naming every array that does not fit."""
    pairs = list(_pairs(network.graph, naming, arrays))
    weights = {
        pair.ours: np.ascontiguousarray(pair.array, np.float32) for pair in pairs if pair.fits
    }
    used = {pair.theirs for pair in pairs}
    named = {pair.ours: str(pair.theirs) for pair in pairs}
    problems = {
        "missing": [pair.theirs or pair.ours for pair in pairs if pair.array is None],
        "surplus": sorted(arrays.keys() - used),
        "misshaped": [
            f"{pair.theirs} {arrays[str(pair.theirs)].shape} for {_renamed(pair)}{pair.shape}"
            for pair in pairs
            if pair.array is not None and not pair.fits
        ],
        **{kind: [named[name] for name in names] for kind, names in impossible(weights).items()},
    }
    if found := describe_problems(problems):
        raise MixnetError(
            f"{path} does not fit {network.name}: {found}",
            _advice(problems, naming, arrays, network),
        )
    return weights


def _pairs(graph: Graph, naming: Naming, arrays: Arrays) -> Iterator[_Pair]:
    names = naming.match(graph, {name: array.shape for name, array in arrays.items()})
    for ours, _, _, shape in graph.parameters():
        theirs = names.get(ours)
        array = None if theirs is None else arrays.get(theirs)
        converted = None if array is None else naming.convert(array, shape, ours)
        yield _Pair(ours, shape, theirs, converted)


def _renamed(pair: _Pair) -> str:
    return "" if pair.theirs == pair.ours else f"{pair.ours} "


# What a wrong file looks like


def _advice(
    problems: Mapping[str, list[str]], naming: Naming, arrays: Arrays, network: Network
) -> str:
    if not any(names for kind, names in problems.items() if kind not in (NOT_FINITE, NEGATIVE)):
        return "such weights compute nothing: take an earlier checkpoint, or save them again"
    known = {name: _sized(name, network).graph for name in architecture_names()}
    fits = {name: _fit(graph, naming, arrays) for name, graph in known.items()}
    best, own = max(fits.values()), _fit(network.graph, naming, arrays)
    alike = [name for name, fit in fits.items() if fit == best]
    if own >= max(best, LIKE):
        return f"all the others fit {network.name}: see what the file's program changed in it"
    if best < LIKE:
        return f"{naming.title}: it looks like no network known here; is it whole, and a MixNet?"
    much = "its arrays are those of" if best == 1 else "it is most like"
    return f"{much} {' or '.join(alike)}: export that network"


def _sized(name: str, network: Network) -> Network:
    return load_network(name, classes=network.classes, in_channels=network.in_channels)


def _fit(graph: Graph, naming: Naming, arrays: Arrays) -> float:
    """The part of all arrays, of a graph's and of the file's, that belong together."""
    pairs = list(_pairs(graph, naming, arrays))
    fitting = sum(pair.fits for pair in pairs)
    return fitting / (len(pairs) + len(arrays) - fitting)
