"""The multiply-adds of convolutions and of products of matrices, from their sizes. Pure."""

from collections.abc import Callable
from math import prod

from mixnet_bench.counting.operands import MisfitError, Operands, Sizes

Macs = Callable[[Operands], int]


def convolution(axes: slice, weights: int = 1) -> Macs:
    """Output elements × the weights' sizes along ``axes``: what one output element sums."""
    return lambda operands: prod(operands.output()) * prod(operands.sizes(weights)[axes])


def transposed(axes: slice, data: int = 0, weights: int = 1) -> Macs:
    """Input elements × the weights' sizes along ``axes``: what one input element adds to."""
    return lambda operands: prod(operands.sizes(data)) * prod(operands.sizes(weights)[axes])


def dense(operands: Operands) -> int:
    """TFLite's dense layer: weights are (outputs, inputs); the data may have any shape."""
    return prod(operands.output()) * operands.sizes(1)[-1]


def product(transposed_first: str = "", transposed_second: str = "", second: int = 1) -> Macs:
    """A product of matrices, with batches that are broadcast.

    The two words name the attributes by which a factor's last two axes change places, ``second``
    is the position of the second factor.
    """

    def macs(operands: Operands) -> int:
        return matmul(
            operands.sizes(0),
            operands.sizes(second),
            bool(operands.whole(transposed_first)),
            bool(operands.whole(transposed_second)),
        )

    return macs


def matmul(first: Sizes, second: Sizes, first_turned: bool, second_turned: bool) -> int:
    """Rows × summed × columns × batches. Raises MisfitError if the factors do not fit.

    >>> matmul((8, 5, 7), (7, 3), False, False)
    840
    """
    first = (1, *first) if len(first) == 1 else first
    second = (*second, 1) if len(second) == 1 else second
    if not first or not second:
        raise MisfitError("a factor is a scalar")
    rows, summed = reversed(first[-2:]) if first_turned else first[-2:]
    inner, columns = reversed(second[-2:]) if second_turned else second[-2:]
    if summed != inner:
        raise MisfitError(f"factors with {summed} columns and {inner} rows do not fit")
    return rows * summed * columns * prod(broadcast(first[:-2], second[:-2]))


def broadcast(first: Sizes, second: Sizes) -> Sizes:
    """The common sizes of two tensors, as numpy's rules have them. Raises MisfitError.

    >>> broadcast((5, 1, 3), (4, 1))
    (5, 4, 3)
    """
    length = max(len(first), len(second))
    pairs = zip(
        (1,) * (length - len(first)) + first, (1,) * (length - len(second)) + second, strict=True
    )
    sizes = []
    for one, other in pairs:
        if one != other and 1 not in (one, other):
            raise MisfitError(f"sizes {one} and {other} do not fit")
        sizes.append(other if one == 1 else one)
    return tuple(sizes)


def fused_product(operands: Operands) -> int:
    """onnxruntime's FusedMatMul, whose rows may stand before its batches (``transBatchA``)."""
    first = _batches_first(operands.sizes(0), operands.whole("transBatchA"))
    second = _batches_first(operands.sizes(1), operands.whole("transBatchB"))
    turned = [bool(operands.whole(name)) for name in ("transA", "transB")]
    return matmul(first, second, *turned)


def _batches_first(sizes: Sizes, moved: int) -> Sizes:
    return (*sizes[1:-1], sizes[0], sizes[-1]) if moved else sizes


def packed_product(operands: Operands) -> int:
    """A product with packed weights, whose true sizes are the attributes K and N."""
    summed, columns = operands.whole("K"), operands.whole("N")
    data = operands.sizes(0)
    if not data or not columns or data[-1] != summed:
        raise MisfitError(f"its attributes K and N, {summed} and {columns}, do not fit its data")
    return prod(data) * columns


def dot_general(operands: Operands) -> int:
    """StableHLO's product: output elements × the axes that are summed over."""
    data = operands.sizes(0)
    summed = prod(data[axis] for axis in operands.wholes("lhsContractingDimensions"))
    return prod(operands.output()) * summed


def stable_convolution(operands: Operands) -> int:
    """StableHLO's convolution, which defines the meaning of its axes."""
    weights = operands.sizes(1)
    window = prod(weights[axis] for axis in operands.wholes("kernelSpatialDimensions"))
    channels = weights[operands.whole("kernelInputFeatureDimension")]
    return prod(operands.output()) * window * channels


def causal_convolution(operands: Operands) -> int:
    """Data (batch, channels, length), weights (channels, 1, kernel): depthwise, one axis."""
    return prod(operands.sizes(0)) * prod(operands.sizes(1)[2:])
