"""What devices setup says is missing, where no phone is needed to know it."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# The package has a command of the same name.
setup = import_module("mixnet_bench.commands.devices.setup")


class StubAdb:
    """Knows no phone any more."""

    binary = Path("adb")

    @classmethod
    def find(cls) -> "StubAdb":
        return cls()

    def devices(self) -> tuple[Any, ...]:
        return ()


def test_a_phone_that_went_away_meanwhile_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chosen:
        serial = "R58M1"

    monkeypatch.setattr(setup, "Adb", StubAdb)
    monkeypatch.setattr(setup, "choose_phone", lambda *_: Chosen())
    parts, platform = setup.look_at_phone(None, None)
    assert [(part.name, part.ready) for part in parts] == [("adb", True), ("phone", False)]
    assert "R58M1 was just disconnected" in parts[1].advice[0]
    assert platform is None
