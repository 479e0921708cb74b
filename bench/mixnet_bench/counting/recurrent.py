"""The multiply-adds of recurrent layers, from their sizes. Pure.

At every step of the sequence each gate multiplies the input and the state by its weights, which is
steps × batch × the elements of all weight matrices. The element-wise work of peepholes, biases and
layer normalization is not counted, and shorter sequences are not considered.
"""

from collections.abc import Sequence
from math import prod

from mixnet_bench.counting.operands import MisfitError, Operands, UnknownError


def onnx(operands: Operands) -> int:
    """LSTM, GRU and RNN: data (steps, batch, input), W (directions, gates·hidden, input), R.

    >>> from mixnet_runtimes import FileTensor
    >>> shapes = [(100, 1, 8), (1, 64, 8), (1, 64, 16)]
    >>> tensors = [FileTensor("t", shape, "float32", "input") for shape in shapes]
    >>> onnx(Operands(tensors, [], {}))
    153600
    """
    data, weights, recurrent = (operands.sizes(position) for position in range(3))
    if len(data) != 3:
        raise MisfitError(f"its data has {len(data)} axes in place of 3")
    return data[0] * data[1] * (prod(weights) + prod(recurrent))


def sequence(*positions: int) -> "_Steps":
    """TFLite: data of two axes or three, of which the last is multiplied by weights."""
    return _Steps(positions)


class _Steps:
    """Steps × the elements of the existing weight matrices."""

    def __init__(self, positions: Sequence[int]) -> None:
        self._positions = positions

    def __call__(self, operands: Operands) -> int:
        matrices = [operands.sizes(each) for each in self._positions if operands.has(each)]
        if not matrices:
            raise UnknownError("it has no weights")
        return prod(operands.sizes(0)[:-1]) * sum(prod(each) for each in matrices)


BASIC_KERNEL = 1
"""Kernel type of TFLite's LSTM with one weight matrix instead of one per gate."""

FULL = sequence(*range(1, 9), 16)
BASIC = sequence(2)


def lstm_step(operands: Operands) -> int:
    """TFLite's LSTM, one step, of either kernel."""
    return (BASIC if operands.whole("kernelType") == BASIC_KERNEL else FULL)(operands)
