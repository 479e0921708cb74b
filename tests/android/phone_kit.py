"""Whole commands on fake phones: fixtures and helpers for the tests that run them.

A module takes a fixture by assigning it: ``home = phone_kit.home``.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_device import FakePhone
from fake_shell import STATE
from runner_kit import compiler
from test_runner_models import installed

from mixnet_android.adb import Adb, client
from mixnet_android.libraries import store as runtimes_store
from mixnet_android.phone import store
from mixnet_android.runner.build import build
from mixnet_android.runs import detached
from mixnet_bench.cli import main
from mixnet_bench.tuning import phone as tuning_phone
from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights

SHORT = ("--launches", "2", "--min-count", "3", "--min-time", "0", "--warmup", "0")
NETWORK = (
    'source = "a test"\nresolution = 16\nclasses = 5\nstem = { channels = 8 }\n'
    "stages = [{ out = 8, kernels = [3, 5], expand = 2, se = 0.5, activation = 'swish' }]\n"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with this machine's own runner and runtimes."""
    if compiler() is None:
        pytest.skip("NO C COMPILER FOR LINUX HERE: nothing is tested on fake phones")
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXNET_HOME", str(folder))
        runtimes_store.add(installed("ai_edge_litert", "libLiteRt.so"), "2.3.0")
        runtimes_store.add(installed("onnxruntime", "capi/libonnxruntime.so.*"))
        build("linux-x86_64")
    return folder


@pytest.fixture(autouse=True)
def quick(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXNET_HOME", str(home))
    monkeypatch.setattr(detached, "POLL_S", 0.1)
    monkeypatch.setattr(client, "RECONNECT_EVERY_S", 0.1)
    monkeypatch.setattr(tuning_phone, "LONGEST_S", 0.02)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "tiny.toml"
    path.write_text(NETWORK)
    return path


@pytest.fixture(scope="module")
def models(network: Path) -> tuple[Path, ...]:
    loaded = load_network(str(network))
    lowered = lower(Model(loaded.graph, seeded_weights(loaded)))
    for name, form in FORMATS.items():
        network.with_suffix(f".{name}").write_bytes(form.write(lowered))
    return tuple(network.with_suffix(f".{name}") for name in ("tflite", "onnx"))


@pytest.fixture
def plug_in(adb: Adb, tmp_path: Path) -> Iterator[Callable[[], FakePhone]]:
    """Plugs in as many phones as are asked for."""
    with ExitStack() as stack:

        def another() -> FakePhone:
            folder = tmp_path / f"phone{time.monotonic_ns()}"
            fake = stack.enter_context(FakePhone(folder))
            fake.sandbox.write("state/getprop", STATE["getprop"].replace("arm64-v8a", "x86_64"))
            assert adb.connect(fake.serial)
            stack.callback(adb.run, "disconnect", fake.serial)
            return fake

        yield another


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def targets_of(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets


def restored(fake: FakePhone) -> bool:
    state = fake.sandbox.root / "state"
    fixed = state / "fixed-performance"
    awake = (state / "setting.global.stay_on_while_plugged_in").read_text().strip()
    return awake == "0" and (not fixed.exists() or fixed.read_text().strip() == "false")


# Faults

ONE = (*SHORT, "--launches", "1")
AWAKE = "state/setting.global.stay_on_while_plugged_in"
PlugIn = Callable[[], FakePhone]


def left_on(fake: FakePhone) -> list[str]:
    """What of ours is on the phone beside the files that are kept for the next time."""
    root = fake.sandbox.path(store.ROOT)
    kept = {each.name for each in root.glob("*")} - {"files", "runs"} if root.exists() else set()
    runs = fake.sandbox.path(store.RUNS)
    return sorted(kept) + [each.name for each in (runs.glob("*") if runs.exists() else ())]


def pushed(fake: FakePhone) -> list[Path]:
    root = fake.sandbox.path(store.FILES)
    return [each for each in root.rglob("*") if each.is_file()] if root.exists() else []


def latency(fake: FakePhone, *words: object) -> Any:
    return run("latency", *words, "--on", f"adb:{fake.serial}", *ONE)


def refused(done: Any, *words: str) -> None:
    assert done.exit_code in (1, 2), done.output
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
    for each in words:
        assert each in done.stderr, done.stderr
