"""A PAD before a convolution, as PyTorch's exporters write it, absorbed into the convolution.

Only if it pads rows and columns with zeros, for this one reader.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize.geometry import Axis, Shape
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.values import LeftAloneError, constant, scales_of, sizes_of
from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]

PADS = ("PAD", "PADV2")


@dataclass(frozen=True)
class ZeroPad:
    """A PAD that can go."""

    operator: int
    source: int
    """The tensor that it pads."""
    zeros: Array
    """Before and after, by axis: (4, 2)."""

    def taken_into(self, shape: Shape) -> Shape:
        """The convolution as one of what the PAD reads."""
        rows, columns = (
            Axis(
                axis.size - int(sum(self.zeros[n])), axis.output, axis.kernel, axis.stride,
                axis.dilation, axis.before + int(self.zeros[n][0]),
            )
            for n, axis in zip((1, 2), shape.axes, strict=True)
        )  # fmt: skip
        return Shape(rows, columns, shape.batch, shape.channels)


def zero_pad(graph: Graph, padded: int) -> ZeroPad | None:
    """The PAD that writes a tensor for one reader alone; None if there is none of zeros."""
    producer = graph.producers.get(padded)
    if producer is None or graph.readers[padded] != 1 or padded in graph.ports:
        return None
    operator = graph.operators[producer]
    kind, inputs = graph.kind(operator), integers(operator.inputs)
    if kind not in PADS:
        return None
    try:
        return ZeroPad(producer, inputs[0], _zeros_around(graph, kind, inputs, padded))
    except LeftAloneError:
        return None


def _zeros_around(graph: Graph, kind: str, inputs: list[int], padded: int) -> Array:
    """The (4, 2) zeros that a PAD puts around images. Raises LeftAloneError for any other."""
    first = inputs[0]
    graph.check_fixed(first, padded)
    zeros = _amounts(graph, inputs[1])
    before, after = sizes_of(graph.tensor(first)), sizes_of(graph.tensor(padded))
    if len(before) != 4 or min(before) < 1:
        raise LeftAloneError("its padding is not on height and width")
    fits = [size + sum(pair) for size, pair in zip(before, zeros, strict=True)] == after
    if not fits or zeros[[0, 3]].any() or (zeros < 0).any():
        raise LeftAloneError("its padding is not on rows and columns")
    same = graph.type(first) == graph.type(padded) and _equally_quantized(graph, first, padded)
    if not same or (kind == "PADV2" and not _is_zero(graph, inputs[2], padded)):
        raise LeftAloneError("its padding does not use zeros")
    return zeros


def _amounts(graph: Graph, tensor: int) -> Array:
    """The (4, 2) numbers of a PAD."""
    dtype = {"INT32": np.int32, "INT64": np.int64}.get(graph.type(tensor))
    if dtype is None or sizes_of(graph.tensor(tensor)) != [4, 2]:
        raise LeftAloneError("its padding is not on height and width")
    return constant(graph.model, graph.tensor(tensor), dtype)


def _is_zero(graph: Graph, tensor: int, padded: int) -> bool:
    """Whether a PADV2 pads with what means zero."""
    dtype = {"FLOAT32": np.float32, "INT8": np.int8}.get(graph.type(tensor))
    if dtype is None or graph.type(tensor) != graph.type(padded):
        return False
    values = constant(graph.model, graph.tensor(tensor), dtype)
    zeros = scales_of(graph.tensor(padded))[1] if dtype == np.int8 else [0]
    return values.size == 1 and len(zeros) == 1 and bool(values.reshape(-1)[0] == zeros[0])


def _equally_quantized(graph: Graph, first: int, second: int) -> bool:
    pairs = zip(scales_of(graph.tensor(first)), scales_of(graph.tensor(second)), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)
