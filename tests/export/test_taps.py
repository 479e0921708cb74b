"""Large kernels cut into pieces: every tap in exactly one piece, and no piece too large."""

from collections import Counter
from itertools import product

import pytest

from mixnet_export.lowering.taps import MOST_TAPS, TILINGS, Piece, nested, polyphase
from mixnet_networks.graph.padding import same_padding

SIZES = list(product(range(1, 14), range(1, 14)))
LARGE = [(height, width) for height, width in SIZES if height * width > MOST_TAPS]


def taps_of(pieces: list[Piece]) -> Counter[tuple[int, int]]:
    return Counter(tap for rows, columns in pieces for tap in product(rows, columns))


@pytest.mark.parametrize("name", TILINGS)
def test_every_tap_is_in_exactly_one_piece(name: str) -> None:
    for height, width in SIZES:
        whole = dict.fromkeys(product(range(height), range(width)), 1)
        assert taps_of(TILINGS[name](height, width)) == whole, (height, width)


@pytest.mark.parametrize("name", TILINGS)
def test_no_piece_has_more_taps_than_a_microkernel_computes(name: str) -> None:
    for height, width in SIZES:
        for rows, columns in TILINGS[name](height, width):
            assert 1 <= len(rows) * len(columns) <= MOST_TAPS, (height, width)


@pytest.mark.parametrize("name", TILINGS)
@pytest.mark.parametrize("size", [3, 5])
def test_a_kernel_that_has_a_microkernel_of_its_own_stays_whole(name: str, size: int) -> None:
    assert TILINGS[name](size, size) == [(range(size), range(size))]


@pytest.mark.parametrize("name", TILINGS)
def test_a_large_kernel_becomes_several_pieces(name: str) -> None:
    for height, width in LARGE:
        assert len(TILINGS[name](height, width)) > 1, (height, width)


def centre(taps: range) -> float:
    return (taps[0] + taps[-1]) / 2


def test_every_nested_piece_has_the_centre_of_the_kernel() -> None:
    for height, width in SIZES:
        for rows, columns in nested(height, width):
            assert (centre(rows), centre(columns)) == ((height - 1) / 2, (width - 1) / 2)


@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_puts_every_nested_piece_where_the_kernel_has_its_taps(stride: int) -> None:
    """Whatever the map's size, so that pieces need neither padding nor slicing."""
    for (height, width), size in product(LARGE, range(1, 15)):
        for piece in nested(height, width):
            for taps, reach in zip(piece, (height, width), strict=True):
                step = taps.step if len(taps) > 1 else 1
                before, _ = same_padding(size, reach, stride)
                own, _ = same_padding(size, len(taps), stride, step)
                assert own == before - taps[0], (height, width, size)


@pytest.mark.parametrize("kernel", [7, 9])
def test_the_two_phases_of_an_odd_kernel_have_its_centre(kernel: int) -> None:
    pieces = polyphase(kernel, kernel)

    assert {rows.step for rows, _ in pieces} == {2}
    assert {centre(taps) for piece in pieces for taps in piece} == {(kernel - 1) / 2}


@pytest.mark.parametrize(("kernel", "most"), [(7, 3), (9, 5), (11, 7), (13, 10)])
def test_nested_cuts_the_papers_kernels_into_few_pieces(kernel: int, most: int) -> None:
    assert len(nested(kernel, kernel)) <= most
