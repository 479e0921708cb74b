"""A network at a size: an architecture with its classes, resolution, multiplier and batch."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral, Real

from mixnet_common import MixnetError, UsageError
from mixnet_common.numbers import bytes_in_words
from mixnet_common.printable import shown
from mixnet_networks.architecture import Architecture, Preprocessing
from mixnet_networks.architecture.aliases import MARK, resolve
from mixnet_networks.architecture.variants import load_variant
from mixnet_networks.building.build import build_graph
from mixnet_networks.building.ssdlite import Detector, build_detector
from mixnet_networks.graph import Graph
from mixnet_networks.graph.sizes import (
    Size,
    check_size,
    maps_in_words,
    plain,
    size_of,
    weights_in_words,
)
from mixnet_networks.images.preprocessing import for_channels


@dataclass(frozen=True)
class Network:
    """A network to export, count and compare; its graph is built on first use."""

    architecture: Architecture
    classes: int
    resolution: int
    multiplier: float = 1.0
    batch: int = 1
    in_channels: int = 3
    """3 for RGB, 1 for grey images."""

    @property
    def preprocessing(self) -> Preprocessing:
        """The architecture's, for the network's number of channels."""
        return for_channels(self.architecture.preprocessing, self.in_channels)

    @property
    def name(self) -> str:
        """The architecture's name, with the multiplier behind it unless that is 1."""
        suffix = "" if self.multiplier == 1 else f"-x{self.multiplier:g}"
        return self.architecture.name + suffix

    @property
    def file_stem(self) -> str:
        """The name as it stands in files' names, where some systems allow no colon."""
        return self.name.replace(MARK, "-")

    @cached_property
    def graph(self) -> Graph:
        """The graph, as the authors define it (see ``build_graph``)."""
        graph = build_graph(
            self.architecture,
            classes=self.classes,
            resolution=self.resolution,
            multiplier=self.multiplier,
            batch=self.batch,
            in_channels=self.in_channels,
            name=self.name,
        )
        if isinstance(self.architecture, Detector):
            return build_detector(graph, self.architecture, self.classes)
        return graph

    @cached_property
    def size(self) -> Size:
        """The size of the graph, computed once."""
        return size_of(self.graph)

    def at(self, *, resolution: int | None = None, batch: int | None = None) -> "Network":
        """The same network, with the same weights, for other images; what is None stays.

        Raises UsageError if a number is out of range.
        """
        sized = replace(
            self,
            resolution=self.resolution if resolution is None else resolution,
            batch=self.batch if batch is None else batch,
        )
        _check_ranges(sized)
        asked = {"resolution": resolution, "batch": batch}
        given = {key: each for key, each in asked.items() if each is not None}
        check_size(sized.graph.name, sized.size, given)
        return sized

    def shown(self, preprocessing: Preprocessing) -> "Network":
        """The same network, with the same weights, for images prepared in another way."""
        return replace(self, architecture=replace(self.architecture, preprocessing=preprocessing))


def load_network(
    name_or_path: str,
    *,
    classes: int | None = None,
    resolution: int | None = None,
    multiplier: float | None = None,
    batch: int = 1,
    in_channels: int = 3,
) -> Network:
    """A network by name or by the path of a TOML file; what is None is the architecture's own.

    The name may be timm's (``mixnet_s``): see ``aliases``. A colon and changes may follow it, as in
    ``mobilenet-v2:mdconv357``: see ``variants``.

    Raises UsageError if the name is unknown, the file is wrong, or a number is out of range.
    """
    named = resolve(name_or_path)
    architecture = load_variant(named.network)
    network = Network(
        architecture,
        architecture.classes if classes is None else _whole("classes", classes),
        architecture.resolution if resolution is None else _whole("resolution", resolution),
        named.multiplier * (1.0 if multiplier is None else _real("multiplier", multiplier)),
        _whole("batch", batch),
        in_channels,
    )
    if in_channels not in (1, 3):
        raise UsageError(f"an image has 1 or 3 channels, not {in_channels}")
    _check_ranges(network)
    asked = {"classes": classes, "resolution": resolution, "multiplier": multiplier}
    given = {name: value for name, value in asked.items() if value is not None}
    given |= {"batch": batch} if batch > 1 else {}
    check_size(network.graph.name, network.size, given)
    return network


def _whole(name: str, value: object) -> int:
    """A size as Python's own number, whatever library it comes from."""
    if not isinstance(value, Integral):
        raise UsageError(f"{name} must be a whole number, not {shown(value)}")
    return int(value)


def _real(name: str, value: object) -> float:
    if not isinstance(value, Real):
        raise UsageError(f"{name} must be a number, not {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


RANGES = {
    "classes": (1, 1_000_000),
    "resolution": (1, 8192),
    "multiplier": (0.01, 100),
    "batch": (1, 1024),
}
"""Limits of a network's sizes; its weights and maps limit their combination."""

LARGEST_MULTIPLIER = 1e100
"""Beyond it, channels are not exact as floats."""


def _check_ranges(network: Network) -> None:
    for name, (low, high) in RANGES.items():
        value = getattr(network, name)
        if not low <= value <= high:
            raise UsageError(
                f"{name} must lie between {low:,} and {high:,}, not {plain(value)}"
                f"{_cost(network, name) if value > high else ''}"
            )


def _cost(network: Network, name: str) -> str:
    """The cost of a network whose size of this name is out of range."""
    if network.multiplier > LARGEST_MULTIPLIER:
        return f": it would take {bytes_in_words(10**30)}"
    try:
        size = network.size
    except MixnetError:  # it would be of another reason too
        return ""
    weights = name in ("classes", "multiplier")
    return f": {weights_in_words(size) if weights else maps_in_words(size)}"
