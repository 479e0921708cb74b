"""Tables on terminals of any width: nothing is broken inside a word."""

import re

import pytest

from mixnet_common.plain_progress import PlainProgress
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


def test_columns_stand_below_each_other_whatever_the_script() -> None:
    lines, _ = fitted(Table(("name", "n"), (("日本", "1"), ("e\u0301x", "22"))), None)

    assert {width_of(line) for line in lines[2:]} == {width_of(lines[0])}


def test_a_pipe_gets_a_line_every_ten_seconds_and_none_before() -> None:
    said: list[str] = []
    now = 0.0
    with PlainProgress(said.append, clock=lambda: now) as bar:
        task = bar.add_task("timing", 100)
        for second in range(1, 26):
            now = float(second)
            bar.advance(task, 4)

    assert [re.sub(r"\d+", "N", line) for line in said] == ["timing N %", "timing N %"]
    assert said[0] == "timing 40 %"
