"""The records that the parts of an import exchange: the content of a file, and a way of naming."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mixnet_networks.architecture import architecture_names
from mixnet_networks.architecture.aliases import Alias
from mixnet_networks.graph import Graph, Shape
from mixnet_networks.importing.description import NOTHING, Description

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True)
class Content:
    """The arrays of a file by the names they have there, and what a user should know of them."""

    arrays: Arrays
    notes: tuple[str, ...] = ()
    description: Description = NOTHING
    """The file's information on the network."""


@dataclass(frozen=True)
class Sizes:
    """The network named in the file; None if it is not named."""

    classes: int | None
    in_channels: int | None


@dataclass(frozen=True)
class Naming:
    """How a program names and lays out the arrays of a network."""

    title: str
    recognises: Callable[[Collection[str]], bool]
    """Whether a file's names are of this kind."""
    sizes: Callable[[Shapes], Sizes]
    match: Callable[[Graph, Shapes], Mapping[str, str]]
    """The file's name for each array of a graph. Names that the file lacks may be among them, and
    arrays of the graph for which it has nothing may be left out."""
    convert: Callable[[NDArray[Any], Shape, str], NDArray[Any]]
    """An array in our layout, given its shape there and our name; unchanged if it doesn't fit."""
    clean: Callable[[Content], Content] = field(default=lambda content: content)
    """The content without wrappings, and without what is not a weight."""
    networks: Callable[[], Sequence[Alias]] = lambda: [*map(Alias, architecture_names())]
    """The networks that files of this kind can be of."""
    conventions: Description = NOTHING
    """The network that such names identify."""
