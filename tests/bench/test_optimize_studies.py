"""The programs that time optimized files, at their quickest."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.studies import optimize, tiling_costs
from mixnet_bench.studies.tiling_costs import FITTED, Case, features_of, file_of, fit, rewritten
from mixnet_bench.studies.turns import time_files
from mixnet_common import MixnetError
from mixnet_runtimes.targets import find_target

CASE = Case((7, 7), (9, 9), 16)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_model_of_costs_is_linear_in_its_constants(precision: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(file_of(Case((7, 7), (9, 9), 16, 1, precision)))
    found, choice, content = rewritten(path, find_target())
    assert content != path.read_bytes()
    direct, tiles = features_of(found, choice, find_target())
    taps = 9 * 9 * 16
    generic = FITTED.index("generic_tap" if precision == "float32" else "generic_tap_int8")
    assert direct[generic] == taps * 49
    assert tiles[generic] == 0
    assert tiles[-1] >= taps * 49
    assert tiles[FITTED.index("sum")] == taps * len(choice.tiles)


def test_constants_are_found_again_in_times_that_follow_them() -> None:
    counts = np.random.default_rng(0).random((30, len(FITTED) + 1)) * 1000
    constants = [6.0, 20.0, 5.0, 2.0, 100.0, 1.0]
    times = counts @ constants * 1e-6
    found = fit(list(zip(counts, map(float, times), strict=True)))
    assert list(found.values()) == pytest.approx(constants[:-1])


def test_a_file_beside_itself_takes_as_long(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(file_of(CASE))
    timed = time_files([path, path], launches=3, rounds=3)
    assert timed.runtime.startswith("LiteRT ")
    assert timed.ms[0] > 0
    (comparison,) = timed.comparisons
    assert 0.5 < comparison.ratio < 2
    assert comparison.launches == 3
    assert comparison.interval is not None
    with pytest.raises(MixnetError, match="failed"):
        time_files([tmp_path / "missing.tflite"], launches=1)


def test_a_network_is_optimized_and_timed_beside_its_original(tmp_path: Path) -> None:
    (tmp_path / "starnet_s1.tflite").write_bytes(file_of(CASE))
    rows = tmp_path / "rows.json"
    asked = ["--models", str(tmp_path), "--only", "starnet_s1", "--launches", "1", "-o", str(rows)]
    result = CliRunner().invoke(optimize.main, asked)
    assert result.exit_code == 0, result.output
    first, second = json.loads(rows.read_text(encoding="utf-8"))["rows"]
    assert (first["precision"], second["precision"]) == ("float32", "int8")
    for row in (first, second):
        assert row["target"] == "litert-2.3"
        assert row["rewritten"] == 1
        assert 0 < row["ratio"] < 1
    assert first["difference"] < 1e-5
    assert "StarNet-S1" in result.output


def test_a_missing_network_needs_an_environment_to_make_it_in(tmp_path: Path) -> None:
    asked = ["--models", str(tmp_path), "--only", "repvit_m0_9"]
    result = CliRunner().invoke(optimize.main, asked)
    assert result.exit_code == 2
    assert "--python" in result.output
    assert CliRunner().invoke(tiling_costs.main, ["--for", "litert-9.9"]).exit_code == 2
