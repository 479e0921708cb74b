"""The whole way through a real adbd: real arm64 runner and runtimes under qemu, equal outputs.

One run, whose cable is pulled in the middle, is looked at by most tests: emulation is slow. What
needs no arm64 is tested on fake phones.
"""

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import onnx_files
from click.testing import CliRunner, Result
from jail import Jail, JailUnavailableError
from jail.packages import CACHE
from jail.wheels import litert_wheel, onnxruntime_wheel

from mixnet_android.adb import Adb, Phone
from mixnet_android.libraries import store as runtimes_store
from mixnet_android.runner import toolchains
from mixnet_android.runner.build import build
from mixnet_bench.cli import main
from mixnet_bench.commands.devices.selftest import CHECKS
from mixnet_bench.commands.devices.selftest import run_selftest as selftest
from mixnet_bench.commands.latency_phones import show
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.timing.latency import Plan
from mixnet_common import MixnetError
from mixnet_common.result import decode
from mixnet_export.cli import main as export

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
pytestmark = pytest.mark.slow

SHORT = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "0")
FREE = re.compile(r"(settings\.runtime|khz_before|khz_after|shapes)\..*")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a runner for the jail, built here, and both runtimes."""
    if toolchains.ZIG.missing():
        pytest.skip(f"NO ARM64 RUNNER HERE: {toolchains.ZIG.missing()}")
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXNET_HOME", str(folder))
        patch.setenv("ZIG_GLOBAL_CACHE_DIR", str(CACHE / "zig"))
        try:
            wheels = litert_wheel(), onnxruntime_wheel()
        except JailUnavailableError as error:
            pytest.skip(f"NO ARM64 RUNTIMES HERE: {error}")
        for wheel in wheels:
            runtimes_store.add(wheel)
        build("linux-arm64", "zig")
        yield folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """MixNet-S on 32×32 pixels, float32 and int8, for both runtimes: all its operators, soon."""
    folder = tmp_path_factory.mktemp("models")
    small = ("--resolution", "32", "--classes", "40", "--no-verify", "-o", str(folder))
    for form in ("tflite", "onnx"):
        for precision in ("float32", "int8"):
            done = CliRunner().invoke(export, [form, "mixnet-s", "--precision", precision, *small])
            assert done.exit_code == 0, done.output
    names = ("mixnet-s.tflite", "mixnet-s.onnx", "mixnet-s-int8.tflite", "mixnet-s-int8.onnx")
    return tuple(folder / name for name in names)


def latency(jail: Jail, *arguments: object) -> Result:
    words = [*map(str, arguments), "--on", f"adb:{jail.serial}"]
    return CliRunner().invoke(main, ["latency", *words])


@pytest.fixture(scope="module")
def done(jail: Jail, home: Path, models: tuple[Path, ...]) -> Result:
    """All four files side by side, on the big cluster where there is one; the cable was pulled."""
    pin = ("--pin", "big") if (os.cpu_count() or 1) > 1 else ()
    pulled = threading.Thread(target=_pull_when_running, args=(jail,), daemon=True)
    pulled.start()
    done = latency(jail, *models, *SHORT, *pin, "--json")
    pulled.join(30)
    return done


def _pull_when_running(jail: Jail) -> None:
    phone = Phone(Adb.find(), jail.serial)
    while "latency-" not in phone.shell("ls /data/local/tmp/mixnet-mobile/runs").text:
        time.sleep(0.2)
    jail.cut()
    time.sleep(1.5)
    jail.mend()


@pytest.fixture(scope="module")
def measured(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets


@pytest.mark.long
def test_a_cable_that_is_pulled_costs_nothing(done: Result) -> None:
    """Whether the loss was noticed, and said so, depends on when the phone was asked."""
    assert done.exit_code == 0, done.output


def test_every_file_runs_in_its_runtime(measured: list[dict[str, Any]]) -> None:
    assert [each["runtime"] for each in measured] == ["LiteRT", "onnxruntime"] * 2
    assert all(each["runtime_version"][0].isdigit() for each in measured)


def test_every_sample_comes_back_with_when_and_where(measured: list[dict[str, Any]]) -> None:
    for target in measured:
        bursts = [burst for launch in target["launches"] for burst in launch["bursts"]]
        assert len(target["samples_ms"]) >= 2
        assert len(target["samples_ms"]) == sum(len(burst["t_ms"]) for burst in bursts)
        assert [len(burst["cpu"]) for burst in bursts] == [burst["count"] for burst in bursts]
        assert all(burst["khz_before"] for burst in bursts)


def test_threads_stay_on_the_cores_that_were_asked_for(measured: list[dict[str, Any]]) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one CPU: there is no big cluster")
    big = set(range((os.cpu_count() or 1) // 2, os.cpu_count() or 1))
    for target in measured:
        seen = {
            cpu for run in target["launches"] for burst in run["bursts"] for cpu in burst["cpu"]
        }
        assert set(target["settings"]["pin"]) == big
        assert seen <= big


def test_outputs_equal_this_machines(measured: list[dict[str, Any]]) -> None:
    units = [target["parity"]["outputs"][0]["unit"] for target in measured]
    assert units == ["of the largest"] * 2 + ["steps"] * 2
    errors = {each["name"]: each["parity"]["outputs"][0]["error"] for each in measured}
    assert all(each["parity"]["within"] for each in measured), errors


def test_nothing_of_it_can_be_taken_for_a_phones_latency(measured: list[dict[str, Any]]) -> None:
    for target in measured:
        assert target["emulated"] is True
        assert target["verdict"] == "emulated"
        assert target["reasons"][0].startswith("it ran under emulation")
        assert target["label"] == "shell process"


def test_conditions_are_read_before_and_after(measured: list[dict[str, Any]]) -> None:
    for moment in ("before", "after"):
        conditions = measured[0]["conditions"][moment]
        assert conditions["celsius"] == 31.2
        assert conditions["thermal_status"] == 0
        assert conditions["clusters"][0]["governor"] == "schedutil"


def test_every_key_is_documented(measured: list[dict[str, Any]]) -> None:
    text = DOCS.read_text(encoding="utf-8")
    known: set[str] = set()
    for command in ("latency", "latency --on adb"):
        section = text.split(f"## `mixnet-bench {command}`")[1].split("\n## ")[0]
        known |= set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    printed = {path for each in measured for path in _paths(each) if not FREE.search(path)}
    assert printed <= known, sorted(printed - known)


def _paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _paths(each, f"{path}[]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _paths(each, f"{path}.{key}" if path else key)
    else:
        yield path


def test_settings_are_restored_and_nothing_runs_on(jail: Jail, measured: object) -> None:
    phone = Phone(Adb.find(), jail.serial)
    log = phone.ask("cat", "/data/local/tmp/.settings.log").splitlines()
    assert "svc power stayon true" in log
    assert log[-1] == "settings delete global stay_on_while_plugged_in"
    assert "mixnet-runner" not in phone.ask("ps", "-A", "-o", "ARGS")
    assert phone.ask("ls", "/data/local/tmp/mixnet-mobile/runs").split() == []


def test_the_table_says_that_it_was_emulated(
    measured: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    show([decode(PhoneLatencyResult, each) for each in measured], as_json=False)
    printed = capsys.readouterr().out
    assert printed.startswith("EMULATED")
    row = next(line for line in printed.splitlines() if "mixnet-s-int8.tflite" in line)
    assert row.split()[-1] == "emulated"


def test_setup_finds_everything_there(jail: Jail, home: Path) -> None:
    done = CliRunner().invoke(main, ["devices", "setup", "--on", f"adb:{jail.serial}", "--json"])
    assert done.exit_code == 0, done.output
    parts = {each["name"]: each["ready"] for each in json.loads(done.stdout)["targets"]}
    assert parts == dict.fromkeys(
        ("adb", "phone", "runner", "litert for .tflite", "onnxruntime for .onnx"), True
    )


def test_setup_names_what_is_missing(
    jail: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path))
    done = CliRunner().invoke(main, ["devices", "setup", "--on", f"adb:{jail.serial}"])
    assert done.exit_code == 1
    assert "build-runner --target linux-arm64" in done.stdout
    assert "onnxruntime==1.32.0" in done.stdout
    assert "3 of 5 are missing" in done.stderr


@pytest.mark.long
def test_the_selftest_checks_every_assumption_and_writes_them_down(
    jail: Jail, home: Path, models: tuple[Path, ...], tmp_path: Path, measured: object
) -> None:
    file = tmp_path / "selftest.json"
    plan = Plan(paths=(), launches=1, min_count=2, min_time_s=0, warmup=0)
    with contextlib.suppress(MixnetError):  # a busy machine is not as fast as itself
        selftest(jail.serial, models[2], False, file, plan)
    answers = {each["name"]: each for each in json.loads(file.read_text())["targets"]}
    assert set(answers) == set(CHECKS)
    against_itself = answers.pop("a file is as fast as itself")
    assert "outputs equal" in against_itself["detail"]
    assert [each for each in answers.values() if not each["holds"]] == []
    assert against_itself["emulated"] is True


# Anyone's files


@pytest.mark.long
def test_anyones_files_run_as_given_with_outputs_equal_to_this_machines(
    jail: Jail, home: Path, cases: Path, tmp_path: Path
) -> None:
    """Open sizes in both formats, a signature, weights beside a file, and given indices."""
    table = onnx_files.helper.make_node("Gather", ["e", "ids"], ["y"])
    path = tmp_path / "table.onnx"
    weights = {"e": np.arange(200, dtype=np.float32).reshape(50, 4)}
    types = {"ids": onnx_files.Type.INT64}
    onnx_files.save(path, [table], {"ids": (1, 6)}, {"y": (1, 6, 4)}, weights, types=types)
    np.save(tmp_path / "ids.npy", np.array([[49, 3, 7, 0, 21, 42]]))
    names = ("dynamic.tflite", "dynhw.onnx", "two_signatures.tflite", "ext.onnx")
    done = latency(
        jail, *(cases / name for name in names), path, "--shape", "dynamic.tflite:x=1,20,30,3",
        "--dim", "H=20", "--dim", "W=30", "--signature", "large",
        "--input", f"ids={tmp_path / 'ids.npy'}", *SHORT, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    targets = json.loads(done.stdout)["targets"]
    assert [each["shapes"] for each in targets[:2]] == [
        {"x": [1, 20, 30, 3]},
        {"x": [1, 3, 20, 30]},
    ]
    assert targets[2]["signature"] == "large"
    assert [each["name"] for each in targets[3]["data_files"]] == ["ext.onnx.data"]
    assert list(targets[4]["given"]["inputs"]) == ["ids"]
    assert all(each["parity"]["within"] for each in targets), [each["parity"] for each in targets]
