"""Tables as lines of text that fit a terminal: columns are left out, or rows become a few lines.

Pure. Cells are printable and complete at every width; only a cell that is wider than the terminal
is broken, between words.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

GAP = "   "
"""Gap between two columns."""


@dataclass(frozen=True)
class Table:
    """Cells below their columns' heads; the first ``left`` columns begin at their left edge."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1

    def without(self, column: int) -> "Table":
        """The table without one column."""
        return Table(
            _cut(self.columns, column),
            tuple(_cut(row, column) for row in self.rows),
            self.left - (column < self.left),
        )

    @property
    def widths(self) -> list[int]:
        """The width of each column."""
        lines = [self.columns, *self.rows]
        return [max(map(width_of, column)) for column in zip(*lines, strict=True)]

    @property
    def width(self) -> int:
        """The width of the rule, the longest line: it extends one column beyond the cells."""
        return len(GAP) + sum(self.widths) + len(GAP) * (len(self.columns) - 1)


def width_of(text: str) -> int:
    """The width of a text in terminal columns.

    >>> width_of("a×b"), width_of("日本")
    (3, 4)
    """
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def fitted(
    table: Table, width: int | None, drop: Sequence[str] = ()
) -> tuple[list[str], tuple[str, ...]]:
    """A table's lines for a terminal of a given width, and the columns that were left out.

    ``drop`` names those that may be, the first first; rows that become lines keep all. None for a
    width that has no end.
    """
    narrower, dropped = table, []
    for name in drop:
        if width is None or narrower.width <= width:
            break
        if name in narrower.columns:
            narrower = narrower.without(narrower.columns.index(name))
            dropped.append(name)
    if width is None or narrower.width <= width:
        return lines_of(narrower), tuple(dropped)
    return [line for row in table.rows for line in stacked(table, row, width)], ()


def lines_of(table: Table) -> list[str]:
    """The whole table: heads, a rule, rows.

    >>> lines_of(Table(("a", "b"), (("x", "10"),)))
    ['  a    b', ' ────────', '  x   10']
    """
    widths = table.widths
    rule = " " + "─" * (table.width - 1)
    return [_line(table, table.columns, widths), rule] + [
        _line(table, row, widths) for row in table.rows
    ]


def stacked(table: Table, row: Sequence[str], width: int) -> list[str]:
    """A row as lines: its first cell, then the others behind their columns' heads.

    >>> table = Table(("file", "ms", "ratio"), (("a.tflite", "10.5", "0.5"),))
    >>> stacked(table, table.rows[0], 14)
    ['  a.tflite', '    ms 10.5', '    ratio 0.5']
    """
    lines, line = [f"  {each}".rstrip() for each in folded(row[0], width - 2)], ""
    for head, cell in zip(table.columns[1:], row[1:], strict=True):
        if not cell:
            continue
        pair = f"{head} {cell}" if head else cell
        longer = f"{line}{GAP}{pair}" if line else f"    {pair}"
        if line and width_of(longer) > width:
            lines.append(line)
            longer = f"    {pair}"
        line = longer
        if width_of(line) > width:
            lines += [f"    {each}" for each in folded(pair, width - 4)]
            line = ""
    return [*lines, line] if line else lines


def folded(text: str, width: int) -> list[str]:
    """A text as lines that break between words; a longer word stays whole.

    >>> folded("one two three", 7)
    ['one two', 'three']
    """
    import textwrap

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _line(table: Table, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * (width - width_of(cell))
        if index < table.left
        else " " * (width - width_of(cell)) + cell
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"  {GAP.join(padded)}".rstrip()


def _cut(cells: tuple[str, ...], index: int) -> tuple[str, ...]:
    return cells[:index] + cells[index + 1 :]
