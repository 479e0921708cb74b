"""The positions of a depthwise convolution's taps, and the input region of a tile. Pure functions.

Output ``o`` of an axis reads input ``o * stride - before + tap * dilation`` for every tap of the
kernel, zero outside the input. A tile is a convolution with some of the taps. Its input begins at
another position, and whether SAME or VALID padding gives that position is computed, never assumed.
"""

from dataclasses import dataclass

from mixnet_export.lowering.taps import Piece
from mixnet_networks.graph.padding import Pair, same_padding

ROOM = 8
"""Zero taps that may be added to a kernel at most, on one axis, to make SAME padding fit it."""


@dataclass(frozen=True)
class Axis:
    """One axis of a convolution, in pixels and taps."""

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int
    """Zeros before the input's first pixel; after the last one there are as many as it takes."""

    @property
    def after(self) -> int:
        """Zeros that the last output reads behind the input."""
        reach = (self.output - 1) * self.stride + (self.kernel - 1) * self.dilation + 1
        return max(0, reach - self.before - self.size)

    @property
    def padded(self) -> int:
        """Pixels with all zeros around them."""
        return self.before + self.size + self.after

    def met(self) -> range:
        """The taps from the first to the last that meet the input under any output.

        >>> Axis(size=2, output=2, kernel=9, stride=1, dilation=1, before=4).met()
        range(3, 6)
        """
        found = [tap for tap in range(self.kernel) if self._meets(tap)]
        return range(found[0], found[-1] + 1) if found else range(1)

    def meets(self, tap: int) -> bool:
        """Whether there is such a tap, and it meets the input under any output."""
        return 0 <= tap < self.kernel and self._meets(tap)

    def is_same(self, taps: range) -> bool:
        """Whether SAME padding gives these taps their position in the kernel.

        >>> seven = Axis(size=14, output=14, kernel=7, stride=1, dilation=1, before=3)
        >>> seven.is_same(range(1, 6)), seven.is_same(range(0, 7, 2)), seven.is_same(range(0, 5))
        (True, True, False)
        """
        if self.output != -(-self.size // self.stride):
            return False
        step = step_of(taps) * self.dilation
        before, _ = same_padding(self.size, len(taps), self.stride, step)
        return before == self.before - taps[0] * self.dilation

    def is_valid(self, taps: range) -> bool:
        """Whether the same holds of no padding at all."""
        starts = self.before == taps[0] * self.dilation
        return starts and self.output == (self.size - self.span(taps)) // self.stride + 1

    def span(self, taps: range) -> int:
        """Pixels from the first to the last tap."""
        return (taps[-1] - taps[0]) * self.dilation + 1

    def window(self, taps: range) -> tuple[int, int]:
        """The first pixel that such a tile reads, counted with the padding, and their number."""
        return taps[0] * self.dilation, (self.output - 1) * self.stride + self.span(taps)

    def widened(self) -> range | None:
        """The taps with as few zero taps at either end as make SAME padding fit; None if none do.

        >>> Axis(size=8, output=4, kernel=7, stride=2, dilation=1, before=3).widened()
        range(0, 8)
        """
        met = self.met()
        for extra in range(ROOM + 1):
            for ahead in range(extra + 1):
                taps = range(met.start - ahead, met.stop + extra - ahead)
                if self.is_same(taps):
                    return taps
        return None

    def _meets(self, tap: int) -> bool:
        first = tap * self.dilation - self.before
        last = first + (self.output - 1) * self.stride
        if first >= self.size or last < 0:
            return False
        nearest = first if first >= 0 else first + -(first // self.stride) * self.stride
        return 0 <= nearest < self.size and nearest <= last


@dataclass(frozen=True)
class Shape:
    """A depthwise convolution's rows and columns, and how many images and channels it has."""

    rows: Axis
    columns: Axis
    batch: int
    channels: int

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows, then columns."""
        return self.rows, self.columns

    @property
    def taps(self) -> int:
        """Taps of the whole kernel."""
        return self.rows.kernel * self.columns.kernel

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """Zeros around the input, before and after, of rows and of columns."""
        first, second = ((axis.before, axis.after) for axis in self.axes)
        return first, second

    @property
    def outputs(self) -> int:
        """Elements of the output."""
        return self.batch * self.rows.output * self.columns.output * self.channels


SAME, VALID, SLICED = "same", "valid", "sliced"


@dataclass(frozen=True)
class Tile:
    """Some taps of a kernel, and from where they read."""

    rows: range
    """In the kernel; an index outside it is a tap of zero."""
    columns: range
    reads: str
    """``same`` or ``valid``: the input, with that padding; ``sliced``: a slice of the input
    padded, without further padding."""

    @property
    def piece(self) -> Piece:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def taps(self) -> int:
        """Number of computed taps."""
        return len(self.rows) * len(self.columns)


def tile_of(shape: Shape, piece: Piece) -> Tile:
    """A tile of the kernel, with the cheapest correct way to read its input."""
    pairs = list(zip(shape.axes, piece, strict=True))
    if all(axis.is_same(taps) for axis, taps in pairs):
        return Tile(*piece, SAME)
    if all(axis.is_valid(taps) for axis, taps in pairs):
        return Tile(*piece, VALID)
    return Tile(*piece, SLICED)


def step_of(taps: range) -> int:
    """The distance between taps; one tap has none."""
    return taps.step if len(taps) > 1 else 1
