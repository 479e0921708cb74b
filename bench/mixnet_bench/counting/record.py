"""The count of a network or a file.

**MACs** are the multiply-adds of convolutions (depthwise, grouped and transposed ones too), dense
layers, products of matrices, recurrent layers and attention; a bias is not counted, positions in
the padding are. They are for one image where an axis is known to be a batch, else for the sizes in
the file. **Activations** are the output elements of those layers (Dollár et al., "Fast and accurate
model scaling", 2021). **Parameters** of a network are the trainable ones; of a file, the weights
and biases that it stores, each buffer once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["graph", "tflite", "onnx"]


@dataclass(frozen=True)
class BodyCount:
    """A graph that a layer runs: a branch, the body of a loop."""

    name: str
    """Its role in its operator: ``then_branch``, ``body``."""
    layers: "tuple[Layer, ...]"
    """Layers of one turn; empty if the graph is already listed at another operator."""


@dataclass(frozen=True)
class Layer:
    """One layer that computes multiply-adds, or that only holds parameters."""

    name: str
    op: str
    """The operator in the words of its source: ``conv2d``, ``CONV_2D``, ``Conv``."""
    macs: int | None
    """None if they cannot be known: see ``reason``."""
    params: int
    activations: int | None
    """Output elements; 0 for a layer without multiply-adds, None if they cannot be known."""
    output_shape: tuple[int | None, ...]
    batch_norm_elements: int = 0
    """Elements that a separate batch norm normalises, for conventions that count them."""
    reason: str = ""
    """Why a figure is unknown."""
    bodies: tuple[BodyCount, ...] = ()
    """The graphs that it runs, whose figures are in its own."""


@dataclass(frozen=True)
class Count:
    """A network or file, counted layer by layer."""

    name: str
    source: Source
    layers: tuple[Layer, ...]
    warnings: tuple[str, ...] = ()
    batch: int | None = 1
    """The size of the batch, by which the figures are divided; None if no axis is known to be
    one: then they are for the sizes in the file."""
    signature: str | None = None
    """The signature that was counted, where the file names any."""
    signatures: tuple[str, ...] = ()
    """All that the file names."""
    not_counted: Mapping[str, int] = field(default_factory=dict)
    """Operators with arithmetic that is not among the multiply-adds, by kind."""

    @property
    def macs(self) -> int | None:
        """Multiply-adds; None where those of a layer are unknown."""
        return total([layer.macs for layer in self.layers])

    @property
    def params(self) -> int:
        """Parameters; see the module for which."""
        return sum(layer.params for layer in self.layers)

    @property
    def activations(self) -> int | None:
        """Output elements of all layers with multiply-adds; None if some are unknown."""
        return total([layer.activations for layer in self.layers])

    @property
    def reason(self) -> str:
        """Why a figure is unknown; empty if all are known."""
        unknown = [layer for layer in self.layers if layer.reason]
        if not unknown:
            return ""
        first = f"{unknown[0].op} {unknown[0].name!r}: {unknown[0].reason}"
        return f"{first} (and {len(unknown) - 1} more)" if len(unknown) > 1 else first


def total(figures: Sequence[int | None]) -> int | None:
    """The sum; None if a part of it is unknown.

    >>> total([1, 2]), total([1, None])
    (3, None)
    """
    known = [each for each in figures if each is not None]
    return sum(known) if len(known) == len(figures) else None
