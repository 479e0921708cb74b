"""The program that holds the runner's latencies against the bench's, without waiting for either."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from runner_kit import Kit, compiler, make

from mixnet_bench.studies import runner as compare_runner
from mixnet_bench.studies.runner import compare_launches, main
from mixnet_bench.timing import native
from mixnet_bench.timing.latency import Plan
from mixnet_common import UsageError


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    if compiler() is None:
        pytest.skip("NO C COMPILER FOR LINUX HERE: the native runner is not tested")
    return make(tmp_path_factory.mktemp("runner-compare"))


def test_equal_times_are_within_and_ten_percent_more_are_not() -> None:
    noise = np.random.default_rng(0).normal(1, 0.01, (2, 15))
    equal = compare_launches("a", 10 * noise[0], 10 * noise[1])
    slower = compare_launches("a", 10 * noise[0], 11 * noise[1])
    assert equal.within
    assert equal.ratio_interval.low < 1 < equal.ratio_interval.high
    assert not slower.within
    assert slower.ratio_interval.low > 1.05


def test_up_to_sixteen_files_are_timed_side_by_side_and_more_are_refused(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "installed_library", lambda path: kit.library("litert"))
    model = tmp_path / "m.tflite"
    model.write_text("")
    plan = Plan((model,) * 16, launches=1, min_count=3, min_time_s=0, warmup=0)
    assert len(native.measure_native(plan, kit.program)) == 16
    with pytest.raises(UsageError, match="17 files are too many"):
        native.measure_native(replace(plan, paths=(model,) * 17), tmp_path / "no-runner")


@pytest.mark.parametrize(("spin_us", "status"), [(1000, 0), (1500, 1)])
def test_the_program_runs_both_and_its_exit_status_is_the_verdict(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spin_us: int, status: int
) -> None:
    monkeypatch.setattr(compare_runner, "python_median", lambda plan: 1.0)
    monkeypatch.setattr(native, "installed_library", lambda path: kit.library("litert"))
    model = tmp_path / "m.tflite"
    model.write_text(f"spin_ns={spin_us * 1000}")
    quick = ["--launches", "3", "--min-count", "5", "--min-time", "0", "--warmup", "0"]
    done = CliRunner().invoke(main, [str(model), "--runner", str(kit.program), *quick, "--json"])
    assert done.exit_code == status, done.output
    entry = json.loads(done.stdout)["targets"][0]
    assert len(entry["runner_ms"]) == len(entry["python_ms"]) == 3
    assert min(entry["runner_ms"]) >= spin_us / 1000


def test_a_runner_that_fails_is_told(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_runner, "python_median", lambda plan: 1.0)
    monkeypatch.setattr(native, "installed_library", lambda path: kit.library("litert"))
    (tmp_path / "m.tflite").write_text("fail=run")
    done = CliRunner().invoke(main, [str(tmp_path / "m.tflite"), "--runner", str(kit.program)])
    assert done.exit_code == 1
    assert "status 7" in done.stderr


def test_the_installed_libraries_are_found() -> None:
    assert native.installed_library(Path("a.tflite")).name.startswith("libLiteRt")
    assert "onnxruntime" in native.installed_library(Path("a.onnx")).name
