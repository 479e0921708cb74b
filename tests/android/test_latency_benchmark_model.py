"""LiteRT's benchmark_model as the second runner: a stand-in for it, through the real adb."""

import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import tflite_files
from click.testing import CliRunner, Result
from runner_kit import compiler
from warm_phone import stays_warm

if not Path("/proc/self/environ").exists():
    pytest.skip("the fake phone's processes are found in /proc", allow_module_level=True)

from fake_device import FakePhone

from mixnet_android.adb import Adb, Phone
from mixnet_android.phone import device
from mixnet_android.runs import detached
from mixnet_bench.cli import main

pytestmark = pytest.mark.skipif(
    compiler() is None or platform.machine() != "x86_64", reason="NO C COMPILER FOR x86-64 LINUX"
)

STAND_IN = r"""
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    int runs = 0, threads = 0, us = 10000;
    for (int i = 1; i < argc; i++) {
        sscanf(argv[i], "--num_runs=%d", &runs);
        sscanf(argv[i], "--num_threads=%d", &threads);
        if (strncmp(argv[i], "--graph=", 8) == 0 && strstr(argv[i], "slow")) us = 20000;
        if (strncmp(argv[i], "--graph=", 8) == 0 && strstr(argv[i], "broken")) {
            fprintf(stderr, "ERROR: The model is not a valid Flatbuffer file\n");
            return 1;
        }
    }
    FILE *log = fopen("../../log", "a");
    if (log) fprintf(log, "%d\n", us), fclose(log);
    us = us / threads;
    printf("INFO: STARTING!\nINFO: Explicitly applied XNNPACK delegate, and the model graph will be"
           " completely executed by the delegate.\nINFO: count=1 curr=%d\n\nINFO: count=%d first=%d"
           " curr=%d min=%d max=%d avg=%d std=3\nINFO: Inference timings in us: Init: 500, First"
           " inference: %d, Warmup (avg): %d, Inference (avg): %d\n",
           us, runs, us, us, us - 1, us + 1, us, us, us, us);
    return strcmp(getenv("STATUS") ? getenv("STATUS") : "0", "0") != 0;
}
"""

ABI = "[ro.product.cpu.abilist]: [x86_64]\n[ro.mixnet.emulated]: [1]\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.c").write_text(STAND_IN)
    command = [compiler() or "cc", folder / "program.c", "-o", folder / "benchmark_model"]
    subprocess.run(command, check=True)
    return folder / "benchmark_model"


@pytest.fixture
def fake(adb: Adb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePhone]:
    monkeypatch.setattr(detached, "POLL_S", 0.05)
    with FakePhone(tmp_path / "phone") as phone:
        assert adb.connect(phone.serial)
        phone.sandbox.write("state/getprop", ABI)
        yield phone
        adb.run("disconnect", phone.serial)


def latency(fake: FakePhone, program: Path, *arguments: object) -> Result:
    words = ["latency", *map(str, arguments), "--on", f"adb:{fake.serial}"]
    return CliRunner().invoke(main, [*words, "--runner", str(program)])


def models(tmp_path: Path, *names: str) -> list[Path]:
    for name in names:
        weights = tflite_files.WEIGHTS + len(name)
        graph = tflite_files.convolution(8, name)
        tflite_files.save(tmp_path / f"{name}.tflite", [graph], weights, tflite_files.BIAS)
    return [tmp_path / f"{name}.tflite" for name in names]


def targets_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    targets: list[dict[str, Any]] = json.loads(result.stdout)["targets"]
    return targets


def test_files_are_timed_in_turns_and_labelled(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    files = models(tmp_path, "quick", "slow")
    saved = tmp_path / "saved.json"
    options = ("--launches", 3, "--min-count", 90, "--threads", 2, "--pin", "0-1")
    result = latency(fake, program, *files, *options, "--json", "-o", saved)
    quick, slow = targets_of(result)
    assert (quick["mean_ms"], slow["mean_ms"]) == (5.0, 10.0)
    assert slow["ratio_to_first"]["value"] == pytest.approx(2)
    assert slow["ratio_to_first"]["interval"] == pytest.approx([2, 2])
    assert [each["timed"]["count"] for each in quick["launches"]] == [30, 30, 30]
    assert quick["launches"][0]["delegated"] == "all"
    assert (quick["runner"], quick["label"]) == ("benchmark_model", "shell process")
    assert quick["settings"]["pin"] == [0, 1]
    assert json.loads(saved.read_text())["targets"] == [quick, slow]
    assert list(fake.sandbox.path(f"{device.SHARED}/mixnet-mobile/runs").iterdir()) == []


def key_paths(value: object, path: str = "") -> Iterator[str]:
    """The path of every value."""
    if value in ({}, []):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from key_paths(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from key_paths(value[0], f"{path}[]")
    else:
        yield path


def test_every_key_is_documented(fake: FakePhone, program: Path, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "json.md"
    heading = "## `mixnet-bench latency --on adb --runner FILE`\n"
    section = page.read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    documented = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    result = latency(fake, program, *models(tmp_path, "quick"), "--launches", 1, "--json")
    keys = set(key_paths(targets_of(result)[0]))
    assert {"runner_sha256", "launches[].warmup.mean_ms", "device.serial"} < keys
    assert {path for path in keys if not path.startswith("shapes.")} <= documented


def test_it_is_never_called_valid_nor_an_emulators_time_a_phones(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    result = latency(fake, program, *models(tmp_path, "quick"), "--launches", 3, "--json")
    assert targets_of(result)[0]["verdict"] == "emulated"
    fake.sandbox.write("state/getprop", ABI.replace("[1]", "[0]"))
    result = latency(fake, program, *models(tmp_path, "quick"), "--launches", 3, "--json")
    assert targets_of(result)[0]["verdict"] == "unsampled"
    assert "saves no samples" in result.stderr


def test_a_limit_of_the_mode_that_was_asked_for_is_no_throttling(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    fake.sandbox.write("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", "1000000\n")
    asked = (*models(tmp_path, "quick"), "--launches", 1, "--json")
    (free,) = targets_of(latency(fake, program, *asked))
    (fixed,) = targets_of(latency(fake, program, *asked, "--fixed-performance"))
    assert any("limited to 1.00 of" in reason for reason in free["reasons"])
    assert not any("limited to" in reason for reason in fixed["reasons"])


def test_earlier_runs_are_ended_before_it_cools_and_a_warm_start_is_a_doubt(
    adb: Adb, fake: FakePhone, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone(adb, fake.serial)
    detached.Run(phone, "latency-other-0").start(["sleep", "100"], 100)
    seen = stays_warm(phone, monkeypatch)
    result = latency(fake, program, *models(tmp_path, "quick"), "--launches", 1, "--json")
    (target,) = targets_of(result)
    assert seen == ["looked"]
    assert any("it was warm at the start" in reason for reason in target["reasons"])


def test_the_table_says_by_what_it_was_measured(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    result = latency(fake, program, *models(tmp_path, "quick"), "--launches", 2)
    assert result.exit_code == 0, result.output
    assert "by benchmark_model" in result.stdout
    assert "EMULATED" in result.stdout


def test_what_was_measured_before_an_error_is_not_measured_again(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    """This seed runs the good file first: it is run once by two commands."""
    files = models(tmp_path, "quick", "broken")
    log = fake.sandbox.path(f"{device.SHARED}/mixnet-mobile/log")
    for _ in range(2):
        result = latency(fake, program, *files, "--launches", 1, "--seed", 0)
        assert result.exit_code == 1
        assert "not a valid Flatbuffer" in result.stderr
    assert log.read_text().splitlines() == ["10000"]
    assert fake.sandbox.processes() == []


def test_what_was_measured_in_another_mode_is_measured_again(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    files = models(tmp_path, "quick", "broken")
    log = fake.sandbox.path(f"{device.SHARED}/mixnet-mobile/log")
    for mode in ((), ("--fixed-performance",)):
        result = latency(fake, program, *files, "--launches", 1, "--seed", 0, *mode)
        assert "not a valid Flatbuffer" in result.stderr
    assert log.read_text().splitlines() == ["10000", "10000"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("net.onnx", (), "runs .tflite files only"),
        ("net.tflite", ("--profile",), "--profile does not work with benchmark_model"),
        ("net.tflite", ("--on", "host"), "--runner applies to phones"),
        ("net.tflite", ("--on", "all"), "--runner applies to one phone"),
    ],
)
def test_what_it_cannot_do_is_refused_at_once(
    name: str, options: tuple[str, ...], words: str, program: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"net")
    on = () if "--on" in options else ("--on", "adb")
    command = ["latency", str(tmp_path / name), "--runner", str(program), *on, *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_program_for_another_phone_is_refused(
    fake: FakePhone, program: Path, tmp_path: Path
) -> None:
    fake.sandbox.write("state/getprop", ABI.replace("x86_64", "arm64-v8a"))
    result = latency(fake, program, *models(tmp_path, "quick"))
    assert result.exit_code == 1
    assert "is for linux-x86_64, and the phone is linux-arm64" in result.stderr


def test_a_program_that_is_none_is_refused(fake: FakePhone, tmp_path: Path) -> None:
    script = tmp_path / "benchmark_model"
    script.write_text("#!/bin/sh\n")
    result = latency(fake, script, *models(tmp_path, "quick"))
    assert result.exit_code == 1
    assert "is not an ELF file" in result.stderr
    assert latency(fake, tmp_path / "none", *models(tmp_path, "quick")).exit_code == 2
