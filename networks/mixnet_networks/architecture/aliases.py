"""timm's names of our networks: ``mixnet_s`` is ``mixnet-s-symmetric``.

Every architecture's file lists its own. A name may also have the form of timm's hub, with a prefix
and a tag: ``hf-hub:timm/mixnet_s.ft_in1k``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_networks.architecture import architecture_names, load_architecture

UNTRAINED = "untrained"
"""timm's tag of a name without published weights."""

PRETRAINED = "pretrained"
"""Stands for every other tag, where an architecture's published weights need another network."""

LONGEST = 200
"""Characters of a name; a longer text is none."""


MARK = ":"
"""Separates a network's name and a variant's changes."""

TOML = ".toml"


@dataclass(frozen=True)
class Alias:
    """The meaning of a name: a network, with all channels multiplied."""

    network: str
    multiplier: float = 1.0


@cache
def aliases() -> Mapping[str, Alias]:
    """Every timm name of a shipped network, with its meaning."""
    return {
        name: Alias(network, multiplier)
        for network in architecture_names()
        for name, multiplier in load_architecture(network).aliases
    }


def resolve(name: str) -> Alias:
    """The meaning of a network's name, ours or timm's, with or without a variant's changes.

    The path of a TOML file is returned unchanged. Raises UsageError, with the nearest name that is
    known.

    >>> resolve("tf_mixnet_s:dw5"), resolve("mobilenetv2_050").multiplier
    (Alias(network='mixnet-s:dw5', multiplier=1.0), 0.5)
    """
    if found := find_network(name):
        return found
    base, _ = _split(name)
    if TOML in (name[-len(TOML) :], base[-len(TOML) :]):
        return Alias(name)
    hint = nearest(base, architecture_names(), also=aliases())
    raise UsageError(f"unknown network {base!r}", hint)


def find_network(name: str) -> Alias | None:
    """The same, or None if the name is not known; changes are not looked at."""
    base, changes = _split(name)
    found = Alias(base) if base in architecture_names() else find_alias(base)
    return found and Alias(f"{found.network}{changes}", found.multiplier)


def _split(name: str) -> tuple[str, str]:
    """A name, and the mark and changes behind it."""
    base, mark, changes = name.rpartition(MARK)
    return (base, f"{mark}{changes}") if mark else (name, "")


def find_alias(name: str) -> Alias | None:
    """The meaning of a timm name, with or without its tag; None if it is unknown."""
    found = _NAME.fullmatch(name) if len(name) <= LONGEST else None
    if found is None:
        return None
    bare, tag = found["name"], found["tag"]
    candidates = [f"{bare}.{tag}", f"{bare}.{PRETRAINED}"] if tag and tag != UNTRAINED else []
    return next((aliases()[each] for each in (*candidates, bare) if each in aliases()), None)


_NAME = re.compile(
    r"(?:hf[-_]hub:)?(?:[\w.-]+/)?(?P<name>[A-Za-z0-9_]+)(?:\.(?P<tag>[A-Za-z0-9_]+))?"
)


def timm_names(network: str) -> tuple[str, ...]:
    """timm's names of a network at its own size.

    >>> timm_names("mixnet-s"), timm_names("darts")
    (('tf_mixnet_s',), ())
    """
    if network not in architecture_names():
        return ()
    names = load_architecture(network).aliases
    return tuple(name for name, multiplier in names if multiplier == 1)
