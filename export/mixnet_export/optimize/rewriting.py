"""The replacement of a large depthwise convolution, as data."""

from dataclasses import dataclass

from mixnet_export.optimize.choosing import Choice
from mixnet_export.optimize.finding import Found

MARK = "mixnet_optimize"
"""In the names of tensors that are added."""


@dataclass(frozen=True)
class Requantized:
    """How tiles are added up in int8, and the ranges of what is added."""

    order: tuple[int, ...]
    """The tiles by their numbers, in the order in which they are added."""
    scales: tuple[tuple[float, int], ...]
    """Scale and zero point of each tile's result, in that order, and then of each sum but the
    last, which has the convolution's own."""


@dataclass(frozen=True)
class Rewriting:
    """An operator, and what is to come in its place."""

    found: Found
    choice: Choice
    requantized: Requantized | None = None
    """None for tiles in float32."""

    @property
    def is_whole(self) -> bool:
        """Whether it stays one convolution."""
        return len(self.choice.tiles) == 1 and not self.choice.tiles[0].reads

    @property
    def is_ranged(self) -> bool:
        """Whether it has tiles in int8 whose ranges were measured."""
        return self.requantized is not None and len(self.choice.tiles) > 1

    @property
    def source(self) -> int:
        """The tensor that it reads."""
        return self.found.direct_source if self.is_whole else self.found.source
