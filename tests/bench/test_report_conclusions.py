"""What a report says before its first table, and what changed between two runs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_results import latency, parity, save

from mixnet_bench.cli import main
from mixnet_bench.report.comparisons import int8_table
from mixnet_bench.report.conclusions import change_table, conclusions
from mixnet_bench.report.html import shown_columns
from mixnet_bench.report.load import load_results
from mixnet_bench.report.tables import latency_table, parity_table


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

    assert "2.0× faster than tflite float32 default (ratio 0.50–0.50), 31% of its size" in first
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


def accuracy(weights_from: str | None, **more: object) -> dict[str, object]:
    """A comparison of the two files of ``saved``, by their hashes."""
    top1 = {"first_percent": 71.0, "second_percent": 70.5, "loss_points": 0.5}
    first = {"name": "net.tflite", "sha256": "f" * 64, "weights_from": weights_from}
    second = {"name": "net-int8.tflite", "sha256": "e" * 64, "weights_from": weights_from}
    return {**parity(), "files": [first, second], "top1": top1, **more}


def timed_and_compared(tmp_path: Path, **more: object) -> Path:
    timed = [
        latency("net", "tflite", "float32", "default", 20.0) | {"sha256": "f" * 64},
        latency("net", "tflite", "int8", "default", 10.0) | {"sha256": "e" * 64},
    ]
    return save(tmp_path / "a.json", *timed, accuracy(**more))  # type: ignore[arg-type]


def test_both_accuracies_stand_beside_the_ratio(tmp_path: Path) -> None:
    table = int8_table(load_results([timed_and_compared(tmp_path, weights_from="net.pth")]))

    assert table is not None
    cells = dict(zip(table.columns, (cell.text for cell in table.rows[0]), strict=True))
    assert cells["top-1, %"] == "70.5"
    assert cells["top-1 of it, %"] == "71.0"
    assert cells["top-1 lost, points (95 %)"] == "+0.50"
    assert cells["ms (95 %)"] == "10.0 (9.90–10.2)"
    assert cells["ms of it (95 %)"] == "20.0 (19.8–20.4)"


def test_accuracy_of_random_weights_is_said_to_mean_nothing(tmp_path: Path) -> None:
    results = load_results([timed_and_compared(tmp_path, weights_from="seed 0")])
    table, pairs = parity_table(results), int8_table(results)

    assert table is not None
    assert pairs is not None
    for row in (table.rows[0], pairs.rows[0]):
        texts = [cell.text for cell in row]
        assert "random weights" in texts
        assert "70.5" not in texts
        assert "70.50" not in texts
    assert "accuracy unknown (random weights)" in conclusions(results)[0]


def test_an_export_with_a_seed_marks_earlier_comparisons_too(tmp_path: Path) -> None:
    timed_and_compared(tmp_path, weights_from=None)
    exported = {"file_format": "tflite", "sha256": "e" * 64, "weights": {"source": "seed 3"}}
    save(tmp_path / "b.json", exported)

    assert load_results([tmp_path]).parities[0].is_random


def test_accuracy_on_the_calibration_images_gets_a_warning(tmp_path: Path) -> None:
    path = timed_and_compared(tmp_path, weights_from="net.pth", calibrated_on_data=True)
    page = tmp_path / "report.html"
    made = CliRunner().invoke(main, ["report", str(path), "-o", str(page)])

    assert made.exit_code == 0, made.output
    assert "measured on their calibration images" in page.read_text(encoding="utf-8")


def test_files_that_are_no_results_are_skipped_with_a_word(tmp_path: Path) -> None:
    good = saved(tmp_path / "a.json", 20.0, 10.0)
    model, other, page = (tmp_path / name for name in ("a.tflite", "b.json", "report.html"))
    model.write_bytes(b"TFL3\0\xff")
    other.write_text('{"name": "no result"}', encoding="utf-8")
    made = CliRunner().invoke(main, ["report", *map(str, (good, model, other)), "-o", str(page)])

    assert made.exit_code == 0, made.output
    assert made.stderr.count("left out") == 2
    assert "b.json contains no results" in page.read_text(encoding="utf-8")

    alone = CliRunner().invoke(main, ["report", str(model), str(other), "-o", str(page)])
    assert alone.exit_code == 2
    missing = CliRunner().invoke(main, ["report", str(good), "no.json", "-o", str(page)])
    assert missing.exit_code == 2
    assert "no.json" in missing.stderr
