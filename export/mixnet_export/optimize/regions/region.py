"""Some operators of a subgraph that are computed in another way, and the builder of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mixnet_export.optimize.editing import GraphEditor


@dataclass(frozen=True)
class Region:
    """Operators between two sets of tensors, which stay."""

    pattern: str
    """The name of what was found there."""
    subgraph: int
    operators: tuple[int, ...]
    """Their places, which are freed."""
    sources: tuple[int, ...]
    """Computed tensors that they read."""
    outputs: tuple[int, ...]
    """Tensors that they compute and others read."""
    name: str
    """Name of the last output."""
    what: str
    """The rewriting in words."""

    def as_json(self) -> dict[str, Any]:
        """The data for verification."""
        return {
            "subgraph": self.subgraph,
            "sources": list(self.sources),
            "outputs": list(self.outputs),
        }


@dataclass(frozen=True)
class Place:
    """The data for a region's verification."""

    subgraph: int
    sources: tuple[int, ...]
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Place":
        """From the result of ``Region.as_json``."""
        return cls(int(values["subgraph"]), tuple(values["sources"]), tuple(values["outputs"]))


@dataclass(frozen=True)
class Site:
    """A region that can be rewritten."""

    region: Region
    build: Callable[[GraphEditor], None]
    """Adds the operators that come in its place; the old ones are taken out by the caller."""


@dataclass(frozen=True)
class Stay:
    """An operator that a pattern does not rewrite, and the reason."""

    subgraph: int
    operator: int
    name: str
    why: str
