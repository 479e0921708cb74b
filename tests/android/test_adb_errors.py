"""What adb says when something is wrong, in its versions' words, and the error that it becomes."""

from pathlib import Path

import pytest

from mixnet_android import adb as errors
from mixnet_android.adb.binary import find_adb
from mixnet_android.adb.errors import explain
from mixnet_android.adb.process import run_program

COMPLAINTS = [
    ("error: no devices/emulators found", errors.NotFound),
    ("adb: no devices/emulators found", errors.NotFound),
    ("error: device 'R58M1' not found", errors.NotFound),
    ("adb: device 'R58M1' not found", errors.NotFound),
    ("error: device offline", errors.Offline),
    ("adb: device offline", errors.Offline),
    ("error: device still authorizing", errors.Offline),
    ("error: more than one device/emulator", errors.Several),
    (
        "error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\n"
        "Try 'adb kill-server' if that seems wrong.",
        errors.Unauthorized,
    ),
    ("failed to authenticate to 127.0.0.1:43287", errors.Unauthorized),
    (
        "error: insufficient permissions for device: user in plugdev group; are your udev rules"
        " wrong?",
        errors.NoPermissions,
    ),
    ("adb: error: failed to copy 'a' to '/data/a': remote No space left on device", errors.NoSpace),
    ("error: closed", errors.Lost),
    ("adb: error: failed to read copy response: EOF", errors.Lost),
    ("adb: error: connect failed: closed", errors.Lost),
    ("something else entirely", errors.AdbError),
    ("", errors.AdbError),
]


@pytest.mark.parametrize(("complaint", "kind"), COMPLAINTS)
def test_a_complaint_becomes_the_error_that_it_means(
    complaint: str, kind: type[errors.AdbError]
) -> None:
    error = explain(complaint, "R58M1")
    assert type(error) is kind
    assert "R58M1" in error.message
    assert error.hint or kind is errors.AdbError


def test_unknown_words_are_passed_on() -> None:
    assert "something else entirely" in explain("noise\nsomething else entirely\n", None).message


def test_a_program_that_never_ends_is_ended() -> None:
    output = run_program(["sh", "-c", "echo begun; exec sleep 60"], 0.5)
    assert output.timed_out
    assert output.stdout == "begun\n"


def test_a_program_that_prints_without_end_is_ended() -> None:
    output = run_program(["yes"], 30, limit=100_000)
    assert output.too_much
    assert not output.timed_out
    assert len(output.stdout) == 100_000


def test_a_programs_input_is_empty() -> None:
    assert run_program(["cat"], 10).stdout == ""


def test_a_daemon_that_keeps_the_outputs_open_does_not_hold_us() -> None:
    output = run_program(["sh", "-c", "sleep 8 & echo done"], 6)
    assert (output.stdout, output.timed_out) == ("done\n", False)


def test_the_sdks_adb_is_found_where_it_is_installed(tmp_path: Path) -> None:
    tools = tmp_path / "platform-tools"
    tools.mkdir()
    for name in ("adb", "adb.exe"):
        (tools / name).write_text("#!/bin/sh\n")
        (tools / name).chmod(0o755)
    found = find_adb({"PATH": str(tmp_path), "ANDROID_HOME": str(tmp_path)})
    assert found.parent == tools


@pytest.mark.parametrize("serial", ["-s", "../x", "a b", "a;b", "", "$(id)"])
def test_what_is_no_serial_never_reaches_adb(serial: str, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound, match="not a serial number of a phone"):
        errors.Phone(errors.Adb(tmp_path / "adb"), serial)
