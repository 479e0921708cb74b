"""The default sizes of a network. Names of networks in results are never used as paths."""

from functools import cache

from mixnet_common import UsageError
from mixnet_networks.architecture import Architecture, architecture_names
from mixnet_networks.architecture.aliases import MARK
from mixnet_networks.architecture.variants import load_variant


@cache
def own_sizes(network: str) -> tuple[int, int]:
    """Classes and resolution of a network or a variant of one; for others what is usual.

    >>> own_sizes("mixnet-s"), own_sizes("no network")
    ((1000, 224), (1000, 224))
    """
    if network.partition(MARK)[0] not in architecture_names() or network.endswith(".toml"):
        return Architecture.classes, Architecture.resolution
    try:
        architecture = load_variant(network)
    except UsageError:
        return Architecture.classes, Architecture.resolution
    return architecture.classes, architecture.resolution
