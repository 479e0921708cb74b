"""Float32 tiles and their sums, which replace a large depthwise convolution.

In int8 they are between DEQUANTIZE and QUANTIZE, with the operator's own scales: the sum is rounded
once, like the result of the convolution.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.choosing import FLOAT16
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.geometry import SAME, SLICED, Tile, step_of
from mixnet_export.optimize.rewriting import MARK, Rewriting
from mixnet_export.optimize.values import constant, scales_of

Array = NDArray[Any]


class FloatTiles:
    """Builds the replacement of one operator."""

    MOVING = 1
    """The version of PAD and SLICE."""
    ADDING = 1
    """The version of ADD."""

    def __init__(self, graph: GraphEditor, rewriting: Rewriting, floats: dict[int, int]) -> None:
        self._graph = graph
        self._found = rewriting.found
        self._tiles = rewriting.choice.tiles
        self._whole = rewriting.is_whole
        self._floats = floats
        """The float32 tensor with the values of an int8 tensor."""
        self._place = rewriting.found.operator
        self._options = graph.graph.operators[self._place].builtinOptions
        self._name = f"{name_of(graph.graph, rewriting.found.output)}/{MARK}"
        self._padded = -1

    def build(self) -> None:
        """Add the operators, and omit those that they replace."""
        found, graph = self._found, self._graph
        source, weights = self._read_source(), self._weights()
        parts = [
            self._tile(number, tile, source, weights, self._bias(number))
            for number, tile in enumerate(self._tiles)
        ]
        total = self._sum(parts)
        if total != found.output:
            graph.operator(self._place, "QUANTIZE", [total], [found.output], "QuantizeOptions")
        if found.pad is not None and not self._whole:
            graph.remove(found.pad)

    # What goes in

    def _read_source(self) -> int:
        """The input in float32; one DEQUANTIZE serves all that read the same tensor."""
        source = self._found.direct_source if self._whole else self._found.source
        if not self._found.is_int8:
            return source
        if source not in self._floats:
            name = f"{name_of(self._graph.graph, source)}/{MARK}/float"
            shape = [int(size) for size in self._graph.graph.tensors[source].shape]
            self._floats[source] = self._graph.activation(name, shape, source)
            self._graph.operator(
                self._place, "DEQUANTIZE", [source], [self._floats[source]], "DequantizeOptions", 2
            )
        return self._floats[source]

    def _weights(self) -> Array:
        """The kernel (h, w, c), in float32 or float16."""
        model, tensor = self._graph.editor.model, self._tensor(self._found.weights)
        if not self._found.is_int8:
            dtype = np.float16 if self._found.form == FLOAT16 else np.float32
            stored: Array = constant(model, tensor, dtype)[0]
            return stored
        steps: Array = constant(model, tensor, np.int8)[0]
        return (steps * self._weight_scales()).astype(np.float32)

    def _weight_scales(self) -> Array:
        return scales_of(self._tensor(self._found.weights))[0]

    def _bias(self, number: int) -> int:
        """A tile's bias: the first has the convolution's, the others zeros.

        Zeros where there is none, too, since older kernels want one.
        """
        if self._found.bias < 0 or number:
            return self._no_bias()
        if not self._found.is_int8:
            return self._found.bias
        model, tensor = self._graph.editor.model, self._tensor(self._found.bias)
        steps = constant(model, tensor, np.int32).astype(np.float64)
        scale = scales_of(self._tensor(self._found.direct_source))[0][0]
        real = (steps * scale * self._weight_scales()).astype(np.float32)
        return self._graph.constant(f"{self._name}/bias", real)

    def _no_bias(self) -> int:
        zeros = np.zeros(self._found.shape.channels, np.float32)
        return self._graph.constant(f"{MARK}/no_bias", zeros)

    # Tiles

    def _tile(self, number: int, tile: Tile, source: int, weights: Array, bias: int) -> int:
        """One convolution; returns what it computes."""
        name = f"{self._name}/tile{number}"
        values = np.ascontiguousarray(_taken(weights, tile)[np.newaxis])
        kernel = self._kernel(f"{name}/kernel", values)
        dilations = [
            step_of(taps) * axis.dilation if len(taps) > 1 else 1
            for taps, axis in zip(tile.piece, self._found.shape.axes, strict=True)
        ]
        single = len(self._tiles) == 1
        output = self._result(name, number, is_last=single)
        paddings = self._graph.editor.schema.Padding
        padding = paddings.SAME if tile.reads == SAME else paddings.VALID
        self._graph.operator(
            self._place,
            "DEPTHWISE_CONV_2D",
            [self._read(tile, source, name), kernel, bias],
            [output],
            "DepthwiseConv2DOptions",
            version=self._version(max(dilations) > 1),
            padding=self._options.padding if self._whole else padding,
            strideH=self._options.strideH,
            strideW=self._options.strideW,
            depthMultiplier=1,
            fusedActivationFunction=self._options.fusedActivationFunction if single else 0,
            dilationHFactor=dilations[0],
            dilationWFactor=dilations[1],
        )
        return output

    def _kernel(self, name: str, values: Array) -> int:
        """The weights as a float32 tensor; float16 ones stay so, behind a DEQUANTIZE."""
        stored = self._graph.constant(name, values)
        if values.dtype != np.float16:
            return stored
        kernel = self._floats.get(stored)
        if kernel is None:
            kernel = self._floats[stored] = self._graph.activation(
                f"{name}/float", values.shape, stored
            )
            self._graph.operator(
                self._place, "DEQUANTIZE", [stored], [kernel], "DequantizeOptions", 3
            )
        return kernel

    def _read(self, tile: Tile, source: int, name: str) -> int:
        """The tensor that a tile reads: the input, or a slice of the input padded once."""
        if tile.reads != SLICED:
            return source
        axes = self._found.shape.axes
        padded = self._pad_once(source)
        windows = [axis.window(taps) for axis, taps in zip(axes, tile.piece, strict=True)]
        sizes = [axis.padded for axis in axes]
        if all(window == (0, size) for window, size in zip(windows, sizes, strict=True)):
            return padded
        begin = [0, windows[0][0], windows[1][0], 0]
        batch, channels = self._found.shape.batch, self._found.shape.channels
        shape = [batch, windows[0][1], windows[1][1], channels]
        sliced = self._moved(f"{name}/slice", shape, source)
        operands = [
            self._graph.constant(f"{name}/begin", np.array(begin, np.int32)),
            self._graph.constant(f"{name}/size", np.array(shape, np.int32)),
        ]
        self._graph.operator(
            self._place, "SLICE", [padded, *operands], [sliced], "SliceOptions", self.MOVING
        )
        return sliced

    def _pad_once(self, source: int) -> int:
        shape = self._found.shape
        if not any(any(pair) for pair in shape.pads):
            return source
        if self._padded < 0:
            sizes = [axis.padded for axis in shape.axes]
            whole = [shape.batch, *sizes, shape.channels]
            zeros = np.array([(0, 0), *shape.pads, (0, 0)], np.int32)
            amounts = self._graph.constant(f"{self._name}/paddings", zeros)
            self._padded = self._moved(f"{self._name}/pad", whole, source)
            self._graph.operator(
                self._place, "PAD", [source, amounts], [self._padded], "PadOptions", self.MOVING
            )
        return self._padded

    def _moved(self, name: str, shape: Sequence[int], source: int) -> int:
        """A tensor for values of the source that are copied."""
        return self._graph.activation(name, shape, source)

    def _version(self, is_dilated: bool) -> int:
        """Version of DEPTHWISE_CONV_2D."""
        return 2 if is_dilated else 1

    # What comes out

    def _sum(self, parts: Sequence[int]) -> int:
        """The parts added up; the last addition has the output and the activation."""
        total = parts[0]
        for number, part in enumerate(parts[1:], start=1):
            last = number == len(parts) - 1
            output = self._result(f"{self._name}/sum{number}", len(parts) + number - 1, last)
            self._graph.operator(
                self._place,
                "ADD",
                [total, part],
                [output],
                "AddOptions",
                self.ADDING,
                fusedActivationFunction=self._options.fusedActivationFunction if last else 0,
            )
            total = output
        return total

    def _result(self, name: str, number: int, is_last: bool) -> int:
        """The tensor for a tile's result or a sum, which are numbered one after the other."""
        if is_last and not self._found.is_int8:
            return self._found.output
        return self._graph.activation(name, self._output_sizes, self._found.output)

    @property
    def _output_sizes(self) -> list[int]:
        shape = self._found.shape
        return [shape.batch, shape.rows.output, shape.columns.output, shape.channels]

    def _tensor(self, index: int) -> Any:
        return self._graph.graph.tensors[index]


def _taken(weights: Array, tile: Tile) -> Array:
    """A tile's part of a kernel (h, w, c), zero where it reaches beyond."""
    taken = np.zeros((len(tile.rows), len(tile.columns), weights.shape[2]), weights.dtype)
    rows = [n for n, tap in enumerate(tile.rows) if 0 <= tap < weights.shape[0]]
    columns = [n for n, tap in enumerate(tile.columns) if 0 <= tap < weights.shape[1]]
    inside = np.ix_([tile.rows[n] for n in rows], [tile.columns[n] for n in columns])
    taken[np.ix_(rows, columns)] = weights[inside]
    return taken
