"""Tables on terminals of any width: nothing is broken inside a word."""

import pytest

from mixnet_common.tables import Table, fitted, width_of

COLUMNS = ("file", "median", "95 %", "p90", "first", "verdict")
ROWS = (
    ("mixnet-s-int8.tflite", "28.5", "27.9–29.1", "30.2", "41.0", "contended"),
    ("mixnet-s.onnx", "10.1", "9.98–10.2", "10.4", "12.0", "valid"),
)
TABLE = Table(COLUMNS, ROWS)
CELLS = [cell for row in ROWS for cell in row]


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200, None])
def test_no_cell_is_broken_and_no_line_is_too_long(width: int | None) -> None:
    lines, dropped = fitted(TABLE, width)
    text = "\n".join(lines)

    assert dropped == ()
    for cell in CELLS:
        assert cell in text
    assert width is None or max(map(width_of, lines)) <= width


def test_columns_that_may_go_are_left_out_first() -> None:
    whole, none = fitted(TABLE, TABLE.width, ("p90", "first"))
    narrow, dropped = fitted(TABLE, TABLE.width - 1, ("p90", "first"))

    assert none == ()
    assert dropped == ("p90",)
    assert "p90" in whole[0]
    assert "p90" not in narrow[0]
    assert len(narrow) == len(ROWS) + 2


def test_a_table_as_wide_as_the_terminal_has_no_line_beyond_it() -> None:
    lines, _ = fitted(TABLE, TABLE.width)

    assert max(map(width_of, lines)) == TABLE.width
    assert len(lines) == len(ROWS) + 2


def test_columns_stand_below_each_other_whatever_the_script() -> None:
    lines, _ = fitted(Table(("name", "n"), (("日本", "1"), ("e\u0301x", "22"))), None)

    assert {width_of(line) for line in lines[2:]} == {width_of(lines[0])}
