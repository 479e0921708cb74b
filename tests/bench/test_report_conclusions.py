"""What a report says before its first table, and what changed between two runs."""

import json
from pathlib import Path

import pytest
from made_up_results import latency

from mixnet_bench.report.conclusions import change_table, conclusions
from mixnet_bench.report.html import shown_columns
from mixnet_bench.report.load import load_results
from mixnet_bench.report.tables import latency_table


def saved(path: Path, *medians: float) -> Path:
    """A run of a float32 and an int8 file."""
    targets = [
        latency("net", "tflite", precision, "default", median)
        for precision, median in zip(("float32", "int8"), medians, strict=True)
    ]
    path.write_text(json.dumps({"format": 1, "targets": targets}))
    return path


def test_the_first_line_says_what_int8_gains_and_the_last_what_can_be_trusted(
    tmp_path: Path,
) -> None:
    first, last = conclusions(load_results([saved(tmp_path / "a.json", 20.0, 10.0)]))

    assert "0.50 of the time (0.50–0.50), 0.31 of the size" in first
    assert last.startswith("2 of 2 timings are valid")


def test_two_runs_of_the_same_files_get_a_table_of_what_changed(tmp_path: Path) -> None:
    then, now = saved(tmp_path / "a.json", 20.0, 10.0), saved(tmp_path / "b.json", 20.0, 8.0)
    table = change_table(load_results([then, now]))

    assert table is not None
    changes = [row[table.columns.index("change, %")].number for row in table.rows]
    assert changes == pytest.approx([0.0, -20.0])
    assert change_table(load_results([then])) is None


def test_a_column_without_a_value_is_left_out(tmp_path: Path) -> None:
    results = load_results([saved(tmp_path / "a.json", 20.0, 10.0)])
    table = latency_table(results, results.devices[0])
    names = [column.name for column in shown_columns(table)]

    assert names[:3] == ["file", "median, ms", "verdict"]
    assert all(any(row[table.columns.index(name)].text for row in table.rows) for name in names)
