"""A large depthwise kernel cut into pieces: which taps go into which piece. Pure functions.

A piece is a grid of taps: rows and columns that are each an arithmetic progression, so that it is
a small, perhaps dilated, kernel of its own. The pieces of a kernel hold every tap exactly once;
the large convolution is then the sum of the small ones.

XNNPACK has depthwise microkernels of 3, 4, 9 and 25 taps; a larger kernel falls to a generic path
that is 5 to 10 times slower per tap. Hence pieces of at most 25 taps.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product

Piece = tuple[range, range]
"""Indices of a piece's rows and columns in the large kernel."""

MOST_TAPS = 25
MICROKERNELS = (4, 9, 25)
"""Taps that a microkernel computes; a piece costs as many as the next one has."""

PIECE_OVERHEAD = 6
"""What a piece costs beside its taps, in taps: writing a partial sum and adding it up. Measured on
14x14 and 7x7 maps; only the order of candidates rests on it."""


def rows(height: int, width: int) -> list[Piece]:
    """Bands of whole rows, as many to a band as fit.

    >>> [len(band) for band, _ in rows(7, 7)]
    [3, 3, 1]
    """
    bands = _chunks(height, max(1, MOST_TAPS // width))
    return list(product(bands, _chunks(width, MOST_TAPS)))


def grid(height: int, width: int) -> list[Piece]:
    """Squares of at most 5x5.

    >>> [(len(r), len(c)) for r, c in grid(7, 7)]
    [(5, 5), (5, 2), (2, 5), (2, 2)]
    """
    return list(product(_chunks(height, 5), _chunks(width, 5)))


def polyphase(height: int, width: int) -> list[Piece]:
    """Every n-th row and column, for the least n that makes pieces small enough.

    At stride 1 and n = 2 each phase of an odd kernel is centred on the kernel's centre, so that
    SAME padding fits it without any padding or slicing.

    >>> [(len(r), len(c)) for r, c in polyphase(9, 9)]
    [(5, 5), (5, 4), (4, 5), (4, 4)]
    """
    step = 1
    while -(-height // step) * -(-width // step) > MOST_TAPS:
        step += 1
    rows_, columns = (
        [range(first, size, step) for first in range(min(step, size))] for size in (height, width)
    )
    return list(product(rows_, columns))


def nested(height: int, width: int, kernels: tuple[int, ...] = MICROKERNELS) -> list[Piece]:
    """The cheapest pieces that are all centred on the kernel's centre.

    A centred progression is either cut into its two ends and the rest, or, if odd, into every
    second element and those between; both halves are centred again. So every piece has the SAME
    padding of the whole, and needs neither padding nor slicing, at stride 2 as well: there SAME
    would have to crop to reach the middle tap alone, so that one is never cut out. ``kernels`` are
    the taps of the microkernels there are, which set what a piece costs.

    >>> [(len(r), len(c)) for r, c in nested(7, 7)]
    [(2, 4), (5, 4), (7, 3)]
    """
    return _cheapest(range(height), range(width), kernels)[1]


TILINGS: Mapping[str, Callable[[int, int], list[Piece]]] = {
    "rows": rows,
    "grid": grid,
    "polyphase": polyphase,
    "nested": nested,
}


def _chunks(size: int, most: int) -> list[range]:
    return [range(start, min(start + most, size)) for start in range(0, size, most)]


@cache
def _cheapest(rows_: range, columns: range, kernels: tuple[int, ...]) -> tuple[int, list[Piece]]:
    """Cost in taps and pieces of the best way to compute this grid of taps."""
    taps = len(rows_) * len(columns)
    options = []
    if taps <= kernels[-1]:
        tile = next(size for size in kernels if size >= taps)
        options.append((tile + PIECE_OVERHEAD, [(rows_, columns)]))
    for outer, inner in _centred_cuts(columns):
        halves = (_cheapest(rows_, part, kernels) for part in (outer, inner))
        options.append(_joined(*halves))
    for outer, inner in _centred_cuts(rows_):
        halves = (_cheapest(part, columns, kernels) for part in (outer, inner))
        options.append(_joined(*halves))
    return min(options, key=lambda option: (option[0], len(option[1])))


def _joined(
    first: tuple[int, list[Piece]], second: tuple[int, list[Piece]]
) -> tuple[int, list[Piece]]:
    return first[0] + second[0], first[1] + second[1]


def _centred_cuts(progression: range) -> list[tuple[range, range]]:
    """The ways to cut a progression into two of at least two elements with the same centre."""
    size = len(progression)
    if size < 4:
        return []
    first, last = progression[0], progression[-1]
    ends = range(first, last + 1, last - first)
    cuts = [(ends, progression[1:-1])]
    if size % 2:
        cuts.append((progression[::2], progression[1::2]))
    return cuts
