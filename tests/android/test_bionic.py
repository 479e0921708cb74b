"""Android's own linker and C library, and Microsoft's Android build of onnxruntime, in the jail.

They are nobody's to pass on, so ``$MIXNET_BIONIC`` names a folder with them (``jail/README.md``).
x86-64 runs natively, arm64 under qemu; in both the runner is the one that zig builds.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jail import Jail, JailUnavailableError, connected
from jail.bionic import VARIABLE, bionic_folder

from mixnet_android.adb import Adb, Phone
from mixnet_android.libraries import store as runtimes_store
from mixnet_android.runner import toolchains
from mixnet_android.runner.build import build, find_runner
from mixnet_bench.cli import main
from mixnet_common.folders import home
from mixnet_export.cli import main as export

pytestmark = pytest.mark.slow
SHORT = ("--launches", "1", "--min-count", "3", "--min-time", "0", "--warmup", "1")
AAR = "onnxruntime.aar"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """MixNet-S on 32×32 pixels, float32 and int8."""
    folder = tmp_path_factory.mktemp("models")
    for precision in ("float32", "int8"):
        words = ["onnx", "mixnet-s", "--precision", precision, "--for", "onnxruntime-1.29"]
        words += ["--resolution", "32", "--classes", "40", "--no-verify", "-o", str(folder)]
        done = CliRunner().invoke(export, words)
        assert done.exit_code == 0, done.output
    return folder / "mixnet-s.onnx", folder / "mixnet-s-int8.onnx"


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def android(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Phone]:
    """A jail with Android's linker for one ABI, a runner for it and its runtime."""
    machine = request.param
    try:
        bionic_folder(machine)
        aar = Path(os.environ[VARIABLE]) / AAR
        if not aar.is_file():
            raise JailUnavailableError(f"${VARIABLE} holds no {AAR}")
        if toolchains.ZIG.missing():
            raise JailUnavailableError(f"the runner cannot be built: {toolchains.ZIG.missing()}")
        with (
            pytest.MonkeyPatch.context() as patch,
            Jail(android=machine) as jail,
            connected(jail, tmp_path_factory.mktemp("adb")),
        ):
            patch.setenv("MIXNET_HOME", str(tmp_path_factory.mktemp("home")))
            runtimes_store.add(aar)
            build(f"android-{machine}", "zig")
            yield Phone(Adb.find(), jail.serial)
    except JailUnavailableError as error:
        if os.environ.get("MIXNET_REQUIRE_JAIL"):
            raise
        pytest.skip(f"NO ANDROID LIBRARIES HERE, Android's linker is not tested: {error}")


@pytest.fixture(scope="module")
def targets(android: Phone, models: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Both files, profiled, pinned to one CPU."""
    cpu = (os.cpu_count() or 1) - 1
    words = ["latency", *map(str, models), "--on", f"adb:{android.serial}", *SHORT]
    done = CliRunner().invoke(main, [*words, "--profile", "--pin", str(cpu), "--json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return found


def test_androids_linker_starts_the_runner_that_zig_built(android: Phone) -> None:
    machine = "arm64" if "arm64" in android.ask("getprop", "ro.product.cpu.abi") else "x86_64"
    runner = find_runner(f"android-{machine}")
    assert home() in runner.parents
    android.push(runner, "/data/local/tmp/runner")
    android.ask("chmod", "755", "/data/local/tmp/runner")
    assert android.ask("/data/local/tmp/runner", "--version").startswith("mixnet-runner")


def test_it_is_an_android_with_androids_onnxruntime(targets: list[dict[str, Any]]) -> None:
    for each in targets:
        assert each["runtime"] == "onnxruntime"
        assert each["runtime_version"] == "1.29.0"
        assert each["library"]["source"] == AAR


def test_outputs_are_this_machines_in_float32_and_within_a_step_in_int8(
    targets: list[dict[str, Any]],
) -> None:
    assert [each["parity"]["outputs"][0]["unit"] for each in targets] == ["of the largest", "steps"]
    errors = [each["parity"]["outputs"][0]["error"] for each in targets]
    assert all(each["parity"]["within"] for each in targets), errors


def test_every_operator_is_profiled(targets: list[dict[str, Any]]) -> None:
    for each in targets:
        assert each["profile"]["total_us"] > 0
        assert any("depthwise" in row["category"] for row in each["profile"]["categories"])


def test_threads_stay_on_the_cpu_that_was_asked_for(targets: list[dict[str, Any]]) -> None:
    cpu = (os.cpu_count() or 1) - 1
    for each in targets:
        ran = {core for run in each["launches"] for burst in run["bursts"] for core in burst["cpu"]}
        assert each["settings"]["pin"] == [cpu]
        assert ran == {cpu}


def test_nothing_of_it_can_be_taken_for_a_phones_latency(targets: list[dict[str, Any]]) -> None:
    assert [each["verdict"] for each in targets] == ["emulated"] * 2
