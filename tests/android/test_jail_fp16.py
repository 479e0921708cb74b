"""Float16 on a real arm64 runtime under qemu, which is told to be a processor that computes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jail import Jail, JailUnavailableError
from jail.packages import CACHE
from jail.wheels import litert_wheel

from mixnet_android.libraries import store as runtimes_store
from mixnet_android.runner import toolchains
from mixnet_android.runner.build import build
from mixnet_bench.cli import main
from mixnet_bench.phones.parity import FLOAT_LIMIT, HALF_LIMIT
from mixnet_export.cli import main as export

pytestmark = pytest.mark.slow

SHORT = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "0", "--json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a runner for the jail and LiteRT."""
    if toolchains.ZIG.missing():
        pytest.skip(f"NO ARM64 RUNNER HERE: {toolchains.ZIG.missing()}")
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXNET_HOME", str(folder))
        patch.setenv("ZIG_GLOBAL_CACHE_DIR", str(CACHE / "zig"))
        try:
            wheel = litert_wheel()
        except JailUnavailableError as error:
            pytest.skip(f"NO ARM64 RUNTIMES HERE: {error}")
        runtimes_store.add(wheel)
        build("linux-arm64", "zig")
        yield folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """MixNet-S on 32×32 pixels that may be computed in float16, and one that says nothing."""
    folder = tmp_path_factory.mktemp("models")
    small = ("tflite", "mixnet-s", "--resolution", "32", "--classes", "40", "--no-verify")
    for name, more in (("allowed", ("--allow-fp16",)), ("plain", ())):
        done = CliRunner().invoke(export, [*small, *more, "-o", str(folder / name)])
        assert done.exit_code == 0, done.output
    return folder / "allowed" / "mixnet-s.tflite", folder / "plain" / "mixnet-s.tflite"


def latency(jail: Jail, *arguments: object) -> list[dict[str, Any]]:
    words = ["latency", *map(str, arguments), *SHORT, "--on", f"adb:{jail.serial}"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets


def test_a_file_that_allows_float16_runs_in_it_is_labelled_and_does_not_differ(
    jail: Jail, home: Path, models: tuple[Path, Path]
) -> None:
    allowed, plain = latency(jail, *models)
    (half,), (full,) = (each["parity"]["outputs"] for each in (allowed, plain))
    assert (allowed["half_precision"], half["limit"]) == ("allowed", HALF_LIMIT)
    assert ("half_precision" in plain, full["limit"]) == (False, FLOAT_LIMIT)
    assert full["error"] < FLOAT_LIMIT < half["error"] < HALF_LIMIT, "it ran in float16"
    for each in (allowed, plain):
        assert each["parity"]["within"] is True
        assert not any("beyond" in reason for reason in each["reasons"])


def test_float16_that_is_forced_is_labelled_and_does_not_differ(
    jail: Jail, home: Path, models: tuple[Path, Path]
) -> None:
    (forced,) = latency(jail, models[1], "--fp16")
    (output,) = forced["parity"]["outputs"]
    assert (forced["half_precision"], forced["given"]) == ("forced", {"fp16": True})
    assert forced["settings"]["runtime"]["fp16"] == 1
    assert FLOAT_LIMIT < output["error"] < HALF_LIMIT
    assert forced["parity"]["within"] is True


def test_devices_tell_that_it_computes_float16(jail: Jail) -> None:
    done = CliRunner().invoke(main, ["devices", "--json"])
    phones = json.loads(done.stdout)["targets"]
    assert next(each for each in phones if each["serial"] == jail.serial)["fp16"] is True
