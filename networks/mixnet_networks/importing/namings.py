"""The supported ways of naming arrays: one line each, tried in this order."""

from collections.abc import Collection

from mixnet_networks.importing import authors, ours, timm
from mixnet_networks.importing.record import Naming

NAMINGS: tuple[Naming, ...] = (ours.NAMING, timm.NAMING, authors.NAMING)


def naming_of(names: Collection[str]) -> Naming | None:
    """The naming that recognises a file's names."""
    return next((naming for naming in NAMINGS if naming.recognises(names)), None)
