"""Phones to test with: the jail, where a real adbd and aarch64 programs run. See ``jail/``."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # for the jail and what else lies here

from jail import Jail, JailUnavailableError, connected
from jail.server import adb_server
from runner_kit import QUICK, SANITIZERS, Done, Kit, Run, make

from mixnet_android.adb import Adb


@pytest.fixture(scope="module")
def jail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    """A running jail, known to an adb server of its own. $MIXNET_REQUIRE_JAIL forbids to skip."""
    try:
        with Jail() as running, connected(running, tmp_path_factory.mktemp("adb")):
            yield running
    except JailUnavailableError as error:
        if os.environ.get("MIXNET_REQUIRE_JAIL"):
            raise
        pytest.skip(f"NO JAIL HERE, nothing is tested against a real adbd: {error}")


@pytest.fixture(scope="module")
def adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """The real adb with a server of its own, for fake phones."""
    try:
        with adb_server(tmp_path_factory.mktemp("adb-home")) as binary:
            yield Adb(binary)
    except JailUnavailableError as error:
        pytest.skip(f"NO ADB HERE, nothing is tested on fake phones: {error}")


@pytest.fixture(scope="session", params=["plain", "sanitized"])
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    flags = SANITIZERS if request.param == "sanitized" else ()
    return make(tmp_path_factory.mktemp(f"runner-{request.param}"), *flags)


@pytest.fixture
def run(kit: Kit, tmp_path: Path) -> Run:
    """Run on a stand-in model: ``run(library, model_text, *arguments)``."""

    def start(library: str, model: str, *arguments: str | Path) -> Done:
        path = tmp_path / "model.tflite"
        path.write_text(model)
        return kit.run(
            tmp_path, "--library", kit.library(library), "--model", path, *QUICK, *arguments
        )

    return start
