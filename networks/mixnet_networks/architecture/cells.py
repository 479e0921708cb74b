"""Searched cells as data: which operations a NASNet- or DARTS-like cell applies to which inputs.

Rows of a network's file become frozen records, checked value by value. Nothing is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_common.printable import printable

MOST_CELLS = 100
MOST_NODES = 32

SEPARABLE = {"sep3": 3, "sep5": 5, "sep7": 7}
"""Kernel sizes of separable convolutions: depthwise and 1x1, twice."""

DILATED = {"dil3": 3, "dil5": 5}
"""Kernel sizes of separable convolutions with dilation 2: depthwise and 1x1, once."""

POOLS = {"avg3": "avg_pool", "max3": "max_pool"}
"""Operators of 3x3 pools."""

OPERATIONS = ("same", *SEPARABLE, *DILATED, *POOLS)
"""Operations of a branch; ``same`` passes its input, at half the size if the stride is 2."""


@dataclass(frozen=True)
class Branch:
    """One operation on one earlier tensor.

    ``source`` is 0 for the output of the block before the last one, 1 for that of the last one,
    2 and more for this cell's own nodes.
    """

    operation: str
    source: int


@dataclass(frozen=True)
class Cell:
    """A cell: each node is the sum of two branches; ``concat`` lists what makes the output."""

    name: str
    nodes: tuple[tuple[Branch, Branch], ...]
    concat: tuple[int, ...]


def read_cells(table: Any, where: str) -> tuple[Cell, ...]:
    """The cells of a file, by name. Raises UsageError that begins with ``where``."""
    if not isinstance(table, Mapping) or len(table) > MOST_CELLS:
        raise UsageError(f"{where}: 'cells' must be a table of at most {MOST_CELLS} cells")
    return tuple(
        _read_cell(name, cell, f"{where}, cell {printable(name)}") for name, cell in table.items()
    )


def _read_cell(name: str, table: Any, where: str) -> Cell:
    if not isinstance(table, Mapping) or set(table) != {"nodes", "concat"}:
        raise UsageError(f"{where}: must have the keys 'nodes' and 'concat' and no others")
    rows, concat = table["nodes"], table["concat"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_NODES:
        raise UsageError(f"{where}: 'nodes' must be a list of 1 to {MOST_NODES} rows")
    nodes = tuple(
        _read_node(row, index, f"{where}, node {index}") for index, row in enumerate(rows, 2)
    )
    if not isinstance(concat, list) or not 1 <= len(concat) <= MOST_NODES:
        raise UsageError(f"{where}: 'concat' must be a list of 1 to {MOST_NODES} nodes")
    for source in concat:
        _check_source(source, len(rows) + 2, f"{where}: 'concat'")
    return Cell(name, nodes, tuple(concat))


def _read_node(row: Any, index: int, where: str) -> tuple[Branch, Branch]:
    if not isinstance(row, list) or len(row) != 4:
        raise UsageError(
            f'{where}: must be two operations with their inputs, like ["sep3", 1, "same", 0]'
        )
    first, second = (Branch(row[at], row[at + 1]) for at in (0, 2))
    for branch in (first, second):
        if branch.operation not in OPERATIONS:
            hint = nearest(str(branch.operation)[:20], OPERATIONS)
            raise UsageError(f"{where}: unknown operation {str(branch.operation)[:20]!r}", hint)
        _check_source(branch.source, index, where)
    return first, second


def _check_source(source: Any, end: int, where: str) -> None:
    if type(source) is not int or not 0 <= source < end:
        raise UsageError(f"{where}: an input must be a whole number from 0 to {end - 1}")
