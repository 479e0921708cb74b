"""The tiles of a large kernel, and whether they are faster: a cost model, no measurement.

Costs are counted in taps of a microkernel at one output element. XNNPACK computes a kernel with the
next larger one of its microkernels, including taps on padding; beyond the largest each tap costs
several times as much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mixnet_export.lowering.taps import Piece, grid, nested, polyphase, rows
from mixnet_export.optimize.geometry import SLICED, Shape, Tile, tile_of
from mixnet_runtimes.targets import Target

FLOAT32, FLOAT16 = "float32", "float16"
PER_CHANNEL, PER_TENSOR = "int8-per-channel", "int8-per-tensor"

MOST_NESTED = 128
"""Rows or columns for which nested tiles are searched for, which takes time."""

MOST_TILES = 400
"""More of them than any kernel of 99×99 needs at a pace worth having."""


@dataclass(frozen=True)
class Costs:
    """Costs besides the taps of a microkernel; for each runtime in ``targets.toml``."""

    generic_tap: float
    """A tap of a kernel beyond the microkernels, in float32."""
    generic_tap_int8: float
    """The same in int8."""
    int8_tap: float
    """A tap of a microkernel in int8."""
    int8_sum: float
    """Writing and adding up a partial sum in int8, an output element."""
    sum: float
    """Writing a partial sum and adding it up, an output element."""
    copy: float
    """Padding, slicing or converting an element."""
    operator: float
    """One more operator, whatever its size."""
    least_gain: float
    """Share of the time that has to be expected as gain."""


def costs_of(target: Target) -> Costs:
    """The constants of a runtime that has XNNPACK."""
    return Costs(**target.rules.costs)


@dataclass(frozen=True)
class Choice:
    """Tiles for a kernel, and what is expected of them."""

    tiles: tuple[Tile, ...]
    """One tile of all taps is the convolution itself."""
    cost: float
    direct: float
    """The cost of the original convolution."""

    @property
    def ratio(self) -> float:
        """Expected time of the tiles over that of the original convolution."""
        return self.cost / self.direct

    def pays(self, costs: Costs) -> bool:
        """Whether the gain is larger than what an estimate may be wrong by."""
        return self.ratio <= 1 - costs.least_gain


def choose(
    shape: Shape,
    form: str,
    kernels: tuple[int, ...],
    costs: Costs,
    *,
    slices: bool = True,
) -> Choice | None:
    """The cheapest tiles for a kernel; ``kernels`` are the taps of the float32 microkernels.

    None if there are none without slices, and ``slices`` rules those out.
    """
    direct = direct_cost(shape, form, kernels, costs)
    options = [
        (tiles_cost(shape, tiles, form, kernels, costs), tiles)
        for tiles in _candidates(shape, kernels)
        if len(tiles) <= MOST_TILES and (slices or all(each.reads != SLICED for each in tiles))
    ]
    if not options:
        return None
    cost, tiles = min(options, key=lambda option: (option[0], len(option[1])))
    return Choice(tuple(tiles), cost, direct)


def whole(shape: Shape, form: str, kernels: tuple[int, ...], costs: Costs) -> Choice:
    """The whole convolution, in float32 with a multi-pass kernel, which supports any size."""
    tile = Tile(range(shape.rows.kernel), range(shape.columns.kernel), "")
    cost = shape.outputs * (tile.taps + costs.sum) + _conversions(shape, form, costs)
    return Choice((tile,), cost, direct_cost(shape, form, kernels, costs))


def direct_cost(shape: Shape, form: str, kernels: tuple[int, ...], costs: Costs) -> float:
    """The cost of the original convolution."""
    tap = costs.generic_tap if form in (FLOAT32, FLOAT16) else costs.generic_tap_int8
    return shape.outputs * shape.taps * tap + costs.operator


def tiles_cost(
    shape: Shape, tiles: list[Tile], form: str, kernels: tuple[int, ...], costs: Costs
) -> float:
    """The cost of such tiles, including preparing their inputs and adding them up."""
    total = _conversions(shape, form, costs)
    for tile in tiles:
        kernel = next(size for size in kernels if size >= tile.taps)
        total += shape.outputs * (kernel + costs.sum) + 2 * costs.operator
    return total + _slices_cost(shape, tiles, costs)


def _slices_cost(shape: Shape, tiles: Sequence[Tile], costs: Costs) -> float:
    """Padding once, and a slice for each tile that reads one."""
    sliced = [tile for tile in tiles if tile.reads == SLICED]
    total = 0.0
    for tile in sliced:
        pairs = zip(shape.axes, tile.piece, strict=True)
        total += _copied(shape, [axis.window(taps)[1] for axis, taps in pairs], costs)
    if sliced and any(map(any, shape.pads)):
        total += _copied(shape, [axis.padded for axis in shape.axes], costs)
    return total


def int8_tiles_cost(
    shape: Shape, tiles: Sequence[Tile], kernels: tuple[int, ...], costs: Costs
) -> float:
    """The cost of the same tiles in int8, without conversions between them.

    ``kernels`` are the taps of the int8 microkernels.
    """
    total = 0.0
    for tile in tiles:
        kernel = next(size for size in kernels if size >= tile.taps)
        total += shape.outputs * (kernel * costs.int8_tap + costs.int8_sum) + 2 * costs.operator
    return total + _slices_cost(shape, tiles, costs)


def _conversions(shape: Shape, form: str, costs: Costs) -> float:
    """DEQUANTIZE before the tiles and QUANTIZE behind their sum."""
    if form in (FLOAT32, FLOAT16):
        return 0.0
    sizes = [axis.size for axis in shape.axes]
    return _copied(shape, sizes, costs) + shape.outputs * costs.copy + costs.operator


def _copied(shape: Shape, sizes: Sequence[int], costs: Costs) -> float:
    """The cost of copying this number of rows and columns."""
    count = shape.batch * shape.channels * sizes[0] * sizes[1]
    return count * costs.copy + costs.operator


def _candidates(shape: Shape, kernels: tuple[int, ...]) -> Iterator[list[Tile]]:
    """Ways to tile the kernel, with the input position of each tile checked."""
    height, width = (axis.widened() for axis in shape.axes)
    if height is not None and width is not None and max(len(height), len(width)) <= MOST_NESTED:
        tiles = _tiles(shape, (height, width), nested(len(height), len(width), kernels))
        if all(tile.reads != SLICED for tile in tiles):
            yield tiles
    height, width = (axis.met() for axis in shape.axes)
    sizes = len(height), len(width)
    for pieces in (rows(*sizes), grid(*sizes), polyphase(*sizes)):
        yield _tiles(shape, (height, width), pieces)
    if max(sizes) <= MOST_NESTED:
        yield _tiles(shape, (height, width), nested(*sizes, kernels))


def _tiles(shape: Shape, region: Piece, pieces: list[Piece]) -> list[Tile]:
    """Pieces of a region of taps as tiles; those that hold no tap that counts are left out."""
    height, width = region
    cut = [(height[_cut(r)], width[_cut(c)]) for r, c in pieces]
    tiles = [tile_of(shape, piece) for piece in cut if _counts(shape, piece)]
    return tiles or [tile_of(shape, (height[:1], width[:1]))]


def _counts(shape: Shape, piece: Piece) -> bool:
    pairs = zip(shape.axes, piece, strict=True)
    return all(any(axis.meets(tap) for tap in taps) for axis, taps in pairs)


def _cut(taps: range) -> slice:
    return slice(taps.start, taps.stop, taps.step)
