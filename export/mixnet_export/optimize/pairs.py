"""A part of a file before and after its rewriting, to be timed side by side."""

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Two small files that compute the same."""

    pattern: str
    name: str
    what: str
    kind: Hashable
    """Pairs of one kind are equal but for their weights."""
    before: bytes
    after: bytes
