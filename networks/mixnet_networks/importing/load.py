"""Importing: matches all arrays of a file with a network's.

Errors name the arrays that do not fit, and the known network that the file resembles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_networks.architecture import architecture_names
from mixnet_networks.architecture.aliases import Alias
from mixnet_networks.graph import Graph, Shape
from mixnet_networks.importing import timm
from mixnet_networks.importing.applying import against_options, apply
from mixnet_networks.importing.beside import describe_beside
from mixnet_networks.importing.choice import choose_network
from mixnet_networks.importing.description import NOTHING, Description
from mixnet_networks.importing.formats import known_formats, locate, read_content
from mixnet_networks.importing.namings import NAMINGS, naming_of
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
    """The network in the size of the weights, with the file's preprocessing."""
    weights: Weights
    source: str
    """Whose naming the file has."""
    notes: tuple[str, ...] = ()
    """Notes for the user: the place in the file, averages or not, what was inferred."""
    warnings: tuple[str, ...] = ()
    """Warnings: contradictions, and information that could not be used."""
    labels: tuple[str, ...] = ()
    """Names of the classes; empty if none are told."""
    described: Description = NOTHING
    """The information in the file and beside it."""

    @property
    def classes(self) -> int:
        """The number of classes, as the file has it."""
        return self.network.classes


@dataclass(frozen=True)
class _Pair:
    """An array of a network, and what a file has for it."""

    ours: str
    shape: Shape
    theirs: str | None
    array: NDArray[Any] | None
    """In our layout; None if the file has none."""

    @property
    def fits(self) -> bool:
        return self.array is not None and self.array.shape == self.shape


def import_weights(
    path: Path,
    network_name: str | None = None,
    *,
    classes: int | None = None,
    multiplier: float | None = None,
) -> Imported:
    """The weights of a file, a Hugging Face folder or a TensorFlow checkpoint, for a network.

    Without a name the network is that which the file, its name or a ``config.json`` beside it
    names, or the only one that has such arrays. Classes and input channels are the file's; padding,
    preprocessing, resolution and labels are those given there.

    Raises UsageError if there is no such file or network, nothing tells the network, or
    ``classes`` contradicts the file; MixnetError if the file is damaged, would have to be
    executed, needs a package that is missing, or does not fit the network. A name of
    ``mixnet_networks.trained`` means the built-in file.
    """
    path = trained_file(path)
    if network_name is not None:  # refused before reading
        load_network(network_name, classes=classes, multiplier=multiplier)
    file = locate(path)
    content = read_content(file)
    naming = _naming(file, content)
    content = naming.clean(content)
    beside = describe_beside(path, file, timms=naming is timm.NAMING)
    described = content.description.over(naming.conventions).over(beside)

    def sized(alias: Alias) -> Network:
        factor = alias.multiplier * (multiplier or 1)
        return _network(file, naming, content.arrays, alias.network, classes, factor)

    choice = choose_network(
        network_name,
        naming,
        described,
        lambda alias: _fit(sized(alias).graph, naming, content.arrays) == 1,
    )
    network = sized(choice.alias)
    weights = _fitted(file, naming, content.arrays, network, described)
    applied = apply(described, network, weights, free=network_name is None)
    return Imported(
        applied.network,
        weights,
        naming.title,
        (*content.notes, *choice.notes, *applied.notes),
        tuple(dict.fromkeys((*described.warnings, *applied.warnings))),
        applied.labels,
        described,
    )


def option_warnings(
    imported: Imported, network: Network, labels: tuple[str, ...]
) -> tuple[str, ...]:
    """Warnings where options say otherwise than a file does, with what that costs.

    ``network`` and ``labels`` are those that the options make of the imported ones.
    """
    return against_options(imported.described, imported.network, imported.weights, network, labels)


def _naming(path: Path, content: Content) -> Naming:
    naming = naming_of(content.arrays)
    if naming is None:
        titles = ", ".join(each.title for each in NAMINGS)
        raise MixnetError(
            f"{path} is not of a known network; its arrays: {some(sorted(content.arrays))}",
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
            "omit --classes: the file contains the number",
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


def _fitted(
    path: Path,
    naming: Naming,
    arrays: Arrays,
    network: Network,
    described: Description = NOTHING,
) -> Weights:
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
            _advice(problems, naming, arrays, network, described),
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
    problems: Mapping[str, list[str]],
    naming: Naming,
    arrays: Arrays,
    network: Network,
    described: Description,
) -> str:
    if not any(names for kind, names in problems.items() if kind not in (NOT_FINITE, NEGATIVE)):
        return "such weights are unusable: use an earlier checkpoint, or save them again"
    stated = described.network
    if stated and stated.value.alias and stated.value.alias.network != network.architecture.name:
        return f"{stated.where} says {stated.value.text}: export {stated.value.alias.network}"
    known = {name: _sized(name, network).graph for name in architecture_names()}
    fits = {name: _fit(graph, naming, arrays) for name, graph in known.items()}
    best, own = max(fits.values()), _fit(network.graph, naming, arrays)
    alike = [name for name, fit in fits.items() if fit == best]
    if own >= max(best, LIKE):
        return (
            f"all the others fit {network.name}: the program that wrote the file may have changed"
            " the network"
        )
    if best < LIKE:
        return f"{naming.title}: it does not match a known network; is it complete, and a MixNet?"
    much = "its arrays are those of" if best == 1 else "it is most like"
    return f"{much} {' or '.join(alike)}: export that network"


def _sized(name: str, network: Network) -> Network:
    return load_network(name, classes=network.classes, in_channels=network.in_channels)


def _fit(graph: Graph, naming: Naming, arrays: Arrays) -> float:
    """The part of all arrays, of a graph's and of the file's, that belong together."""
    pairs = list(_pairs(graph, naming, arrays))
    fitting = sum(pair.fits for pair in pairs)
    return fitting / (len(pairs) + len(arrays) - fitting)
