"""Phones of any serial are used, and no adb ends a server that somebody else uses."""

import os
import platform
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

import phone_kit
from fake_device import FakePhone
from fake_shell import STATE
from phone_kit import ONE, PlugIn, latency, left_on, refused, run, targets_of

from mixnet_android.adb import Adb, AdbError, Phone
from mixnet_android.adb.errors import explain
from mixnet_android.adb.server import check_server
from mixnet_android.parsers import parse_devices

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick


def test_serials_with_a_space_ipv6_and_without_any_are_listed() -> None:
    text = (
        "List of devices attached\n"
        "adb-R5CT1234-abCdEf (2)._adb-tls-connect._tcp device product:a model:b transport_id:7\n"
        "[fe80::1%wlan0]:5555   device product:a model:b transport_id:8\n"
        "(no serial number)     device usb:1-2 product:a transport_id:9\n"
        "error: no device found\n"
    )
    assert [(each.serial, each.details["transport_id"]) for each in parse_devices(text)] == [
        ("adb-R5CT1234-abCdEf (2)._adb-tls-connect._tcp", "7"),
        ("[fe80::1%wlan0]:5555", "8"),
        ("(no serial number)", "9"),
    ]


@pytest.fixture
def renaming(adb: Adb, plug_in: PlugIn, tmp_path: Path) -> tuple[Adb, FakePhone, str]:
    """An adb that gives a phone such a serial, and knows it by its transport alone."""
    fake = plug_in()
    serial = "adb-R5CT1234-abCdEf (2)._adb-tls-connect._tcp"
    program = tmp_path / "adb"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -s ] && {{ echo "error: device not found" >&2; exit 1; }}\n'
        f'if [ "$1" = devices ]; then {adb.binary} "$@" | sed \'s/{fake.serial}/{serial}/\'\n'
        f'else exec {adb.binary} "$@"; fi\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Adb(program), fake, serial


def test_a_phone_whose_serial_holds_a_space_is_measured(
    renaming: tuple[Adb, FakePhone, str], models: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    adb, fake, serial = renaming
    monkeypatch.setenv("ADB", str(adb.binary))
    done = run("latency", models[0], "--on", f"adb:{serial}", *ONE, "--json")
    (target,) = targets_of(done)
    assert target["target"] == f"adb:{serial}"
    assert left_on(fake) == []
    fake.vanish()
    with pytest.raises(AdbError):
        Phone(adb, serial).shell("true", 5)


def test_a_phone_at_an_ipv6_address_is_measured(
    adb: Adb, tmp_path: Path, models: tuple[Path, ...]
) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"NO IPv6 HERE, no phone is tested at such an address: {error}")
    with FakePhone(tmp_path / "phone", host="::1") as fake:
        fake.sandbox.write("state/getprop", STATE["getprop"].replace("arm64-v8a", "x86_64"))
        assert adb.connect(fake.serial)
        assert fake.serial.startswith("[::1]:")
        (target,) = targets_of(latency(fake, models[0], "--json"))
        assert target["target"] == f"adb:{fake.serial}"
        adb.run("disconnect", fake.serial)


def test_a_server_that_a_variable_leads_to_and_that_is_not_there_is_named(
    adb: Adb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.1:9")
    refused(run("devices"), "$ADB_SERVER_SOCKET", "tcp:127.0.0.1:9", "correct or unset")
    assert "ADB" not in explain("cannot connect to daemon", None, {}).message


@pytest.fixture
def old_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that says it is of version 32."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(64)
                    client.sendall(b"OKAY00040020")

        threading.Thread(target=serve, daemon=True).start()
        yield port


def test_an_adb_that_would_end_somebodys_server_is_refused_before(
    adb: Adb, old_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("devices")
    refused(done, f"would stop the adb server that runs on port {old_server}", "version 32")
    refused(done, f"(process {os.getpid()})", "set $ADB")
    check_server(adb.binary, {"ADB_SERVER_SOCKET": "tcp:127.0.0.1:9"})  # is none of this machine


def test_a_server_of_the_same_version_is_used(adb: Adb) -> None:
    adb.devices()
    check_server(adb.binary)
