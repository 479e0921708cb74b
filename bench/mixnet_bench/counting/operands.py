"""The arguments of a counting rule: the sizes of an operator's tensors and its attributes.

Unknown sizes raise UnknownError, so that rules need not handle them, and uncounted operators have a
reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mixnet_runtimes import FileTensor

Sizes = tuple[int, ...]


class UnknownError(Exception):
    """A figure cannot be known; the message is the reason, as part of a sentence."""


CANNOT_RUN = "it cannot run at these sizes: "
"""Prefix of the reason if known sizes contradict each other."""


class MisfitError(UnknownError):
    """Sizes contradict each other: no runtime would run this."""

    def __init__(self, why: str) -> None:
        super().__init__(CANNOT_RUN + why)


@dataclass(frozen=True)
class Operands:
    """An operator's tensors, None if an optional one is left out, and its attributes."""

    inputs: Sequence[FileTensor | None]
    outputs: Sequence[FileTensor | None]
    attributes: Mapping[str, Any]

    def has(self, position: int) -> bool:
        """Whether there is an input at this position."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def sizes(self, position: int) -> Sizes:
        """The sizes of an input. Raises UnknownError."""
        return _known(self.inputs[position] if self.has(position) else None, "input", position)

    def output(self, position: int = 0) -> Sizes:
        """The sizes of an output. Raises UnknownError."""
        there = position < len(self.outputs)
        return _known(self.outputs[position] if there else None, "output", position)

    def value(self, position: int) -> float | None:
        """The number in an input of one element, if the file contains it."""
        tensor = self.inputs[position] if self.has(position) else None
        return None if tensor is None else tensor.value

    def whole(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number."""
        found = self.attributes.get(name)
        return int(found) if isinstance(found, int) else default

    def wholes(self, name: str) -> Sizes:
        """An attribute that is a list of whole numbers; empty if it is not there."""
        found = self.attributes.get(name)
        return tuple(int(each) for each in found) if isinstance(found, list | tuple) else ()


def _known(tensor: FileTensor | None, what: str, position: int) -> Sizes:
    if tensor is None:
        raise UnknownError(f"it has no {what} {position + 1}")
    if tensor.shape is None or None in tensor.shape:
        shape = "" if tensor.shape is None else f", {as_text(tensor.shape)}"
        raise UnknownError(f"the size of tensor {tensor.name!r}{shape} is not known")
    return cast(Sizes, tensor.shape)


def as_text(shape: Sequence[int | str | None]) -> str:
    """Sizes as a reader writes them.

    >>> as_text((1, None, "width", 3))
    '1×?×width×3'
    """
    return "×".join("?" if size is None else str(size) for size in shape) or "scalar"


@dataclass(frozen=True)
class Rule:
    """The multiply-adds of one kind of operator."""

    macs: Callable[[Operands], int]
    """May raise UnknownError, and IndexError for tensors with too few axes."""
    weights: tuple[int, ...] = (1, 2)
    """Positions of weights and biases: there a lone number is a parameter too."""
    image: int | None = None
    """Position of a tensor whose first axis is a batch, whatever the file; a convolution's data."""
