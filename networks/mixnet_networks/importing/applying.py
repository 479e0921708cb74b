"""Applies the description of weights to the network that they were imported for.

A contradiction to the network is a warning with its cost, measured with these weights.
"""

from dataclasses import dataclass, fields, replace

from mixnet_networks.architecture import Architecture, Preprocessing, load_architecture
from mixnet_networks.architecture.aliases import find_network
from mixnet_networks.importing.costs import difference, with_conventions, words
from mixnet_networks.importing.description import Description
from mixnet_networks.network import Network
from mixnet_networks.weights import Weights


@dataclass(frozen=True)
class Applied:
    """A network according to the description of its weights, and messages about it."""

    network: Network
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def apply(described: Description, network: Network, weights: Weights, *, free: bool) -> Applied:
    """The network with the preprocessing, resolution and labels that are told.

    Padding and epsilon are changed only if the network is ``free``: not requested by name.
    """
    notes, warnings = [], []
    padding, epsilon = described.conventions()
    meant = with_conventions(
        network,
        padding.value if padding else network.architecture.padding,
        epsilon.value if epsilon else network.architecture.epsilon,
    )
    stated = padding or epsilon
    if stated and meant.architecture != network.architecture:
        if free:
            network = meant
            notes.append(f"{_words(meant.architecture)}, as {stated.where} says")
        else:
            warnings.append(_contradiction(described, network, meant, weights))
    warnings += _published(described, network, weights)
    shown = _shown(described, network)
    notes += shown.notes
    labels = _labels(described, shown.network)
    warnings += labels.warnings
    return Applied(shown.network, labels.labels, (*notes, *labels.notes), tuple(warnings))


def _contradiction(
    described: Description, network: Network, meant: Network, weights: Weights
) -> str:
    """The cost of a network other than the one that the weights were trained in."""
    own, theirs = network.architecture, meant.architecture
    padding, epsilon = described.conventions()
    other = padding if padding and own.padding != padding.value else epsilon
    where = other.where if other else ""
    cost = words(difference(network, meant, weights))
    alias = described.alias
    named = alias.network if alias and alias.network != own.name else ""
    advice = f"; export {named} instead" if named else ""
    return (
        f"{where} says {_words(theirs)}, and {own.name} has {_words(own)}: its logits are off by"
        f" {cost}{advice}"
    )


def _published(described: Description, network: Network, weights: Weights) -> list[str]:
    """A warning where timm builds a network otherwise for weights that began as published ones.

    timm writes the tag of these beside weights that never saw them, too.
    """
    stated, tag = described.network, described.tag
    if stated is None or tag is None or described.epsilon:
        return []
    other = find_network(f"{stated.value.text}.{tag.value}")
    if other is None or other == stated.value.alias:
        return []
    meant = with_conventions(
        network, network.architecture.padding, load_architecture(other.network).epsilon
    )
    if meant.architecture == network.architecture:
        return []
    cost = words(difference(network, meant, weights))
    return [
        f"{tag.where} says {tag.value}: where the weights began as these published ones, export"
        f" {other.network}, as timm gives them an epsilon of {meant.architecture.epsilon:g};"
        f" its logits differ by {cost}"
    ]


def _words(architecture: Architecture) -> str:
    return f"{architecture.padding} padding with an epsilon of {architecture.epsilon:g}"


def _shown(described: Description, network: Network) -> Applied:
    """The network with the described preprocessing of images."""
    notes = []
    own = network.architecture.preprocessing
    told = described.preprocessing(own)
    if told != own:
        network = network.shown(told)
        notes.append(f"preprocessing from {described.preprocessing_place}")
    resolution = described.resolution
    if resolution and resolution.value != network.resolution:
        network = network.at(resolution=resolution.value)
        notes.append(f"{resolution.value} pixels, as {resolution.where} says")
    return Applied(network, notes=tuple(notes))


def _labels(described: Description, network: Network) -> Applied:
    """The described names of the classes, if there is one for each."""
    stated, classes, warnings = described.labels, described.classes, []
    if classes and classes.value != network.classes:
        warnings.append(
            f"{classes.where} says {classes.value} classes, and the arrays have {network.classes}:"
            f" the file has {network.classes}"
        )
    if stated is None:
        return Applied(network, warnings=tuple(warnings))
    if len(stated.value) != network.classes:
        warnings.append(
            f"{stated.where} names {len(stated.value)} classes, and the arrays have"
            f" {network.classes}: the names are not used"
        )
        return Applied(network, warnings=tuple(warnings))
    note = f"names of the {network.classes} classes from {stated.where}"
    return Applied(network, stated.value, (note,), tuple(warnings))


def against_options(
    described: Description,
    network: Network,
    weights: Weights,
    chosen: Network,
    labels: tuple[str, ...],
) -> tuple[str, ...]:
    """Warnings of options that contradict what is told.

    ``network`` is as it was imported, ``chosen`` as the options have it; ``labels`` are theirs.
    """
    warnings = []
    resolution = described.resolution
    if resolution and chosen.resolution != resolution.value:
        warnings.append(
            f"{resolution.where} says {resolution.value} pixels, and the file takes"
            f" {chosen.resolution}: accuracy usually falls with the distance from the size of"
            " training; mixnet-bench parity measures it"
        )
    if described.preprocessing_place and chosen.preprocessing != network.preprocessing:
        warnings.append(_other_preprocessing(described, network, weights, chosen))
    stated = described.labels
    if stated and labels and len(stated.value) == len(labels) and stated.value != labels:
        count = sum(one != other for one, other in zip(stated.value, labels, strict=True))
        warnings.append(
            f"{stated.where} names {count} of the {len(labels)} classes otherwise than --labels:"
            " every answer of these gets the name in --labels"
        )
    return tuple(warnings)


def _other_preprocessing(
    described: Description, network: Network, weights: Weights, chosen: Network
) -> str:
    own, theirs = chosen.preprocessing, network.preprocessing
    keys = [key for key in PIXELS if getattr(own, key) != getattr(theirs, key)]
    said = (
        f"{described.preprocessing_place} says another preprocessing than --preprocessing"
        f" ({', '.join(keys)})"
    )
    if not {"mean", "std"} & set(keys):
        return f"{said}, so the network sees other pixels; mixnet-bench parity measures the cost"
    same = replace(network, resolution=chosen.resolution)
    cost = words(difference(same.shown(chosen.architecture.preprocessing), same, weights))
    return f"{said}: its logits are wrong by {cost}"


PIXELS = tuple(field.name for field in fields(Preprocessing))
