"""The same tiles in int8, each result and each sum with its own scale.

Weights and biases are the convolution's own integers, so the tiles are exact except for the
rounding of their results.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.editing import GraphEditor
from mixnet_export.optimize.float_tiles import FloatTiles
from mixnet_export.optimize.rewriting import Rewriting
from mixnet_export.optimize.values import constant, scales_of

Array = NDArray[Any]


class Int8Tiles(FloatTiles):
    """Builds the replacement of one int8 operator."""

    MOVING = 2
    ADDING = 2

    def __init__(self, graph: GraphEditor, rewriting: Rewriting, floats: dict[int, int]) -> None:
        super().__init__(graph, rewriting, floats)
        assert rewriting.requantized is not None
        order, self._scales = rewriting.requantized.order, rewriting.requantized.scales
        self._tiles = tuple(self._tiles[number] for number in order)

    def _read_source(self) -> int:
        return self._found.source

    def _weights(self) -> Array:
        """The kernel's integers (h, w, c)."""
        steps: Array = constant(
            self._graph.editor.model, self._tensor(self._found.weights), np.int8
        )
        kernel: Array = steps[0]
        return kernel

    def _kernel(self, name: str, values: Array) -> int:
        scales, zeros = scales_of(self._tensor(self._found.weights))
        number: int = self._graph.quantized_constant(name, values, scales, zeros, axis=3)
        return number

    def _bias(self, number: int) -> int:
        """The last tile, which reaches farthest, has the bias."""
        if self._found.bias >= 0 and number == len(self._tiles) - 1:
            return self._found.bias
        (scale, *_), _ = scales_of(self._tensor(self._found.direct_source))
        scales, zeros = scales_of(self._tensor(self._found.weights))
        nothing = np.zeros(self._found.shape.channels, np.int32)
        return self._graph.quantized_constant(
            f"{self._name}/no_bias", nothing, scales * scale, zeros, axis=0
        )

    def _moved(self, name: str, shape: Sequence[int], source: int) -> int:
        return self._graph.activation_like(name, shape, source)

    def _version(self, is_dilated: bool) -> int:
        return 3

    def _result(self, name: str, number: int, is_last: bool) -> int:
        if is_last:
            return self._found.output
        index = self._graph.activation_like(name, self._output_sizes, self._found.output)
        self._graph.set_scale(index, *self._scales[number])
        return index
