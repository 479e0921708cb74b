"""The network that weights are imported for: the requested one, or the one that they identify.

Padding and epsilon are not visible in arrays. timm has most networks with one padding only, so its
array names decide between otherwise equal networks; if it has both, additional information is
needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mixnet_common import UsageError
from mixnet_networks.architecture import Architecture, architecture_names, load_architecture
from mixnet_networks.architecture.aliases import MARK, TOML, Alias, find_alias, resolve, timm_names
from mixnet_networks.importing import timm
from mixnet_networks.importing.description import Description
from mixnet_networks.importing.record import Naming

Fits = Callable[[Alias], bool]
"""Whether a file's arrays are exactly those of a network."""


@dataclass(frozen=True)
class Choice:
    """A network, and what a user should know of why it is this one."""

    alias: Alias
    notes: tuple[str, ...] = ()


def choose_network(given: str | None, naming: Naming, described: Description, fits: Fits) -> Choice:
    """The network for a file's weights.

    Raises UsageError if none was given, none is named, and the arrays fit none or several.
    """
    if given is not None:
        if find_alias(given.partition(MARK)[0]):  # timm's own name leaves nothing open
            return Choice(resolve(given))
        return _for_given(resolve(given), naming, described)
    if described.alias is not None and described.network is not None:
        alias = _with_conventions(described.alias, described)
        stated = described.network
        note = f"taken for {alias.network}: {stated.where} says {stated.value.text}"
        return Choice(alias, (note,))
    return _by_arrays(naming, described, fits)


def _for_given(given: Alias, naming: Naming, described: Description) -> Choice:
    """The requested network, or its twin that matches the names of the arrays."""
    twin = _twin(given, naming, described)
    if twin is None:
        return Choice(given, _doubts(given.network, naming, described))
    architecture = load_architecture(twin)
    note = (
        f"named as timm names its {timm_names(twin)[0]}, so taken for {twin}"
        f" ({_words(architecture)}), not for {given.network}"
    )
    return Choice(replace(given, network=twin), (note, *_doubts(twin, naming, described)))


def _twin(given: Alias, naming: Naming, described: Description) -> str | None:
    """timm's network of the rows of one that timm does not have."""
    known = [each.network for each in naming.networks()]
    if naming is not timm.NAMING or given.network in known:
        return None
    twins = [each for each in known if _starts_from(each, given.network)]
    padding, epsilon = described.conventions()
    return next(
        (each for each in twins if _agrees(load_architecture(each), padding, epsilon)), None
    )


def _starts_from(network: str, base: str) -> bool:
    """Whether a network is another one with changes, at the same width."""
    own = load_architecture(network)
    if own.base == base:
        return own.channel_multiplier == load_architecture(base).channel_multiplier
    return bool(own.base) and _starts_from(own.base, base)


def _agrees(architecture: Architecture, padding: object, epsilon: object) -> bool:
    """Whether padding and epsilon are those stated, if any are."""
    stated = [getattr(each, "value", None) for each in (padding, epsilon)]
    own = [architecture.padding, architecture.epsilon]
    return all(each in (None, mine) for each, mine in zip(stated, own, strict=True))


def _with_conventions(alias: Alias, described: Description) -> Alias:
    """The shipped network of the same rows that pads as is stated, where there is one."""
    padding, epsilon = described.conventions()
    if _agrees(load_architecture(alias.network), padding, epsilon):
        return alias
    kin = [each for each in architecture_names() if _same_rows(each, alias.network)]
    twin = next((each for each in kin if _agrees(load_architecture(each), padding, epsilon)), None)
    return replace(alias, network=twin) if twin else alias


def _same_rows(first: str, second: str) -> bool:
    one, other = load_architecture(first), load_architecture(second)
    keys = ("stem", "stages", "head", "channel_multiplier", "channel_divisor", "cells")
    return all(getattr(one, key) == getattr(other, key) for key in keys)


def _doubts(network: str, naming: Naming, described: Description) -> tuple[str, ...]:
    """A note if timm has twins of the network, and it is unknown whose weights these are."""
    base = network.rpartition(MARK)[0] or network
    if naming is not timm.NAMING or base.endswith(TOML) or None not in described.conventions():
        return ()
    own = load_architecture(base)
    twins = dict.fromkeys(
        each.network for each in naming.networks() if _same_rows(each.network, base)
    )
    if all(_conventions(load_architecture(each)) == _conventions(own) for each in twins):
        return ()
    names = " or ".join(f"timm's {timm_names(each)[0]}" for each in twins)
    return (
        f"nothing in the weights or beside them says whether they are {names}: taken for {network}"
        f" ({_words(own)}); the wrong one is off by a fifth of the largest logit and more",
    )


def _both_names(network: str) -> str:
    """A network's name, and timm's."""
    names = timm_names(network)
    return f"{network} (timm's {names[0]})" if names else network


def _words(architecture: Architecture) -> str:
    return f"{architecture.padding} padding, epsilon {architecture.epsilon:g}"


def _conventions(architecture: Architecture) -> tuple[str, float]:
    return architecture.padding, architecture.epsilon


def _by_arrays(naming: Naming, described: Description, fits: Fits) -> Choice:
    """The one network of this kind that has exactly such arrays."""
    found = [each for each in dict.fromkeys(naming.networks()) if fits(each)]
    if len(found) == 1:
        (alias,) = found
        note = f"taken for {alias.network}: no other network has such arrays, named as by"
        return Choice(alias, (f"{note} {naming.title}",))
    stated = described.network
    named = (
        f"; {stated.where} says {stated.value.text}, which is not a known network" if stated else ""
    )
    names = " and ".join(_both_names(each.network) for each in found) or "none that is known"
    raise UsageError(
        f"no NETWORK was given, and the weights fit {names}{named}",
        f"give one of them, like {found[0].network}" if found else "give the network's name",
    )
