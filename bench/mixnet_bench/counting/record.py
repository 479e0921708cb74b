"""What a count is, whatever was counted.

**MACs** are the multiply-adds of convolutions (depthwise, grouped and transposed ones too) and of
products with a constant (dense layers), for one image; a bias is not counted, positions in the
padding are. **Activations** are the output elements of those layers, for one image (Dollár et al.,
"Fast and accurate model scaling", 2021). **Parameters** of a network are the trainable ones; of a
file, the weights and biases that it stores, each buffer once.
"""

from dataclasses import dataclass
from typing import Literal

Source = Literal["graph", "tflite", "onnx"]


@dataclass(frozen=True)
class Layer:
    """One layer that computes multiply-adds, or that only holds parameters."""

    name: str
    op: str
    """The operator in the words of its source: ``conv2d``, ``CONV_2D``, ``Conv``."""
    macs: int
    params: int
    activations: int
    """Output elements; 0 for a layer without multiply-adds."""
    output_shape: tuple[int | None, ...]
    batch_norm_elements: int = 0
    """Elements that a batch norm of its own normalises, for conventions that count them."""


@dataclass(frozen=True)
class Count:
    """A network or file, counted layer by layer."""

    name: str
    source: Source
    layers: tuple[Layer, ...]
    warnings: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def params(self) -> int:
        """Parameters; see the module for which."""
        return sum(layer.params for layer in self.layers)

    @property
    def activations(self) -> int:
        """Output elements of all layers with multiply-adds, for one image."""
        return sum(layer.activations for layer in self.layers)
