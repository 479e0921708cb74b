"""The study of runtimes' versions, at its quickest: an environment that is there, one launch."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.studies import environments
from mixnet_bench.studies.environments import RELEASES
from mixnet_bench.studies.runtimes import main
from mixnet_bench.studies.runtimes_table import Ratio, Row, markdown, table
from mixnet_bench.studies.turns import Timed, difference
from mixnet_common.result import encode
from mixnet_runtimes.targets import load_targets

ROW = Row(
    target="tflite-2.17",
    runtime="TensorFlow 2.17.1",
    cpu="a CPU",
    network="mixnet-s",
    precision="float32",
    threads=1,
    launches=5,
    default="xnnpack",
    own="xnnpack-multipass",
    reference_ms=17.04,
    own_ms=13.5,
    default_to_reference=Ratio(value=1.28, interval=(1.2, 1.4)),
    own_to_reference=Ratio(value=0.79),
    own_to_default=Ratio(value=0.62, interval=(0.6, 0.64)),
    difference=7.5e-6,
)


def test_every_target_has_one_release() -> None:
    assert [each.target for each in RELEASES] == list(load_targets().targets)


def test_a_table_has_every_ratio_with_its_interval() -> None:
    columns, (cells,) = table([ROW])
    assert len(columns) == len(cells)
    assert cells == (
        "TensorFlow 2.17.1", "float32", "17.0", "1.28 (1.20 – 1.40)", "0.79",
        "0.62 (0.60 – 0.64)", "8e-06",
    )  # fmt: skip
    first, _, header, line, row = markdown([ROW])
    assert first == "a CPU; threads: 1, processes: 5."
    assert header.count("|") == line.count("|") == row.count("|") == len(columns) + 1


def test_saved_rows_become_a_page_without_measuring(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps([encode(ROW)]), encoding="utf-8")
    asked = [word for name in ("a.json", "b.json") for word in ("--markdown", str(tmp_path / name))]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("TensorFlow 2.17.1") == 2


def test_a_folder_and_known_versions_are_needed(tmp_path: Path) -> None:
    assert "--cache" in CliRunner().invoke(main, []).stderr
    unknown = CliRunner().invoke(main, ["--cache", str(tmp_path), "--only", "litert-9.9"])
    assert unknown.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_outputs_differ_by_their_largest_difference() -> None:
    ours = [np.array([1.0, -4.0]), np.array([0.0])]
    assert difference(ours, ours) == 0
    assert difference(ours, [np.array([1.0, -3.0]), np.array([0.0])]) == 0.25
    assert difference(ours, [np.array([1.0, np.nan]), np.array([0.0])]) == np.inf


def test_files_are_compared_launch_by_launch() -> None:
    logs = ((0.0, np.log(0.5), np.log(0.25)),) * 3
    timed = Timed("a runtime", (4.0, 2.0, 1.0), logs)
    assert timed.compared(1).ratio == pytest.approx(0.5)
    assert timed.compared(2, to=1).ratio == pytest.approx(0.5)
    assert [each.by_cpu for each in timed.comparisons] == [True, True]


@pytest.mark.long
def test_a_version_is_timed_in_its_environment(tmp_path: Path) -> None:
    release = next(each for each in RELEASES if each.target.name == "litert-2.3")
    python = tmp_path / release.name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / release.name / environments.FINISHED).write_text("", encoding="utf-8")
    rows = tmp_path / "rows.json"
    asked = ["--cache", str(tmp_path), "--only", "litert-2.3", "--precision", "float32"]
    result = CliRunner().invoke(main, [*asked, "--launches", "1", "--delete", "-o", str(rows)])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(rows.read_text(encoding="utf-8"))
    assert row["runtime"].startswith("LiteRT 2.3")
    assert (row["default"], row["own"], row["own_to_default"]) == ("xnnpack", "xnnpack", None)
    assert 0 < row["own_to_reference"]["value"] < 0.95
    assert row["difference"] == 0
    assert not (tmp_path / release.name).exists()
