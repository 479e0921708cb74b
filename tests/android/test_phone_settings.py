"""A phone's settings are never lost, and what it tells of its condition is kept and judged."""

import platform
import shutil
from pathlib import Path

import pytest

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

import phone_kit
from phone_kit import (
    AWAKE,
    PlugIn,
    latency,
    run,
    targets_of,
)

from mixnet_android.adb import Adb, Phone
from mixnet_android.phone import settings, store
from mixnet_android.phone.settings import Wanted

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick


@pytest.mark.parametrize("said", ["7 percent", "", "Failure calling service settings", "99"])
def test_a_value_that_is_no_setting_is_neither_noted_nor_changed(
    adb: Adb, plug_in: PlugIn, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = plug_in()
    fake.sandbox.write(AWAKE, f"{said}\n")
    with settings.settings(Phone(adb, fake.serial), Wanted(stay_awake=True)) as applied:
        assert applied == Wanted()
        assert fake.sandbox.path(AWAKE).read_text() == f"{said}\n"
    assert fake.sandbox.path(AWAKE).read_text() == f"{said}\n"
    assert "stay_on_while_plugged_in" in capsys.readouterr().err


def test_a_note_that_cannot_be_read_is_kept_and_warned_of(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    note = fake.sandbox.path(store.NOTE)
    note.parent.mkdir(parents=True)
    note.write_text("stay_on seven\n")
    done = latency(fake, models[0], "--json")
    assert targets_of(done)
    assert "cannot be read and is not deleted" in done.stderr
    assert fake.sandbox.path(AWAKE).read_text() == "0\n"
    assert note.read_text() == "stay_on seven\n"
    cleaned = run("devices", "clean", "--on", f"adb:{fake.serial}")
    assert cleaned.exit_code == 0
    assert "cannot be read and is not deleted" in cleaned.stderr
    assert [each.name for each in note.parent.iterdir()] == [note.name]


def test_the_battery_saver_is_a_caveat(plug_in: PlugIn, models: tuple[Path, ...]) -> None:
    fake = plug_in()
    fake.sandbox.write("state/setting.global.low_power", "1\n")
    (target,) = targets_of(latency(fake, models[0], "--json"))
    assert any("battery saver was on" in reason for reason in target["reasons"])
    assert target["conditions"]["before"]["battery_saver"] is True


def test_the_thermal_headroom_is_kept(plug_in: PlugIn, models: tuple[Path, ...]) -> None:
    fake = plug_in()
    fake.sandbox.write("bin/cmd", '#!/bin/sh\necho "Headroom in 10 seconds: 0.62"\n').chmod(0o755)
    (target,) = targets_of(latency(fake, models[0], "--json"))
    assert target["conditions"]["after"]["headroom"] == 0.62


def test_a_phone_that_tells_nothing_of_clocks_and_heat_is_measured(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    shutil.rmtree(fake.sandbox.root / "sys")
    for name in ("thermalservice", "battery", "power"):
        (fake.sandbox.root / "state" / name).unlink()
    done = latency(fake, models[0], "--json")
    (target,) = targets_of(done)
    assert target["parity"]["within"]
    assert "reports no clocks, temperature, thermal status" in done.stderr
    bursts = target["launches"][0]["bursts"]
    assert bursts[0]["canary"]["ms"]  # which tells of both
