"""The jail itself: that what the other tests rest on is really there."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from jail import Jail

from mixnet_android.adb import Adb, AdbError, Phone


@pytest.fixture
def phone(jail: Jail) -> Phone:
    return Phone(Adb.find(), jail.serial)


def test_a_real_adbd_runs_commands_and_tells_their_exit_status(phone: Phone) -> None:
    answer = phone.shell("echo hello; (exit 7)")
    assert (answer.text.strip(), answer.status) == ("hello", 7)


def test_files_go_there_and_come_back(phone: Phone, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(3_000_000))
    phone.push(sent, "/data/local/tmp/file")
    phone.pull("/data/local/tmp/file", back, 3_000_000)
    phone.ask("rm", "/data/local/tmp/file")
    assert back.read_bytes() == sent.read_bytes()


def test_aarch64_programs_run_on_the_processor_that_is_emulated(phone: Phone) -> None:
    shown = phone.ask("/lib/ld-linux-aarch64.so.1", "--list-diagnostics")
    assert 'platform="aarch64"' in shown or "aarch64" in shown
    assert phone.shell("echo $QEMU_CPU").text.strip() == "cortex-a76"
    assert "asimddp" in phone.ask("cat", "/proc/cpuinfo")


def test_it_says_of_itself_that_it_is_emulated(phone: Phone) -> None:
    assert phone.ask("getprop", "ro.boot.qemu").strip() == "1"


def test_it_sees_neither_this_machines_network_nor_its_processes_nor_its_files(
    phone: Phone,
) -> None:
    interfaces = phone.ask("cat", "/proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert str(os.getpid()) not in phone.ask("ps", "-A", "-o", "PID").split() or os.getpid() < 100
    assert phone.shell(f"ls {Path(__file__).parent}").status != 0
    assert phone.shell("touch /usr/bin/here").status != 0


def test_a_detached_program_outlives_a_pulled_cable(jail: Jail, phone: Phone) -> None:
    phone.shell(
        "setsid nohup sh -c 'sleep 0.5; echo done > /data/local/tmp/left' >/dev/null 2>&1 &"
    )
    jail.cut()
    with pytest.raises(AdbError):
        phone.shell("true", timeout_s=5)
    jail.mend()
    phone.reconnect(20)
    limit = time.monotonic() + 10
    while phone.shell("cat /data/local/tmp/left").text.strip() != "done":
        assert time.monotonic() < limit
    phone.ask("rm", "/data/local/tmp/left")


def test_nothing_of_it_is_left_when_it_ends() -> None:
    others = set(_children(os.getpid()))
    with Jail() as jail:
        pids = set(_children(os.getpid())) - others
        assert len(pids) >= 3
        folder = jail.folder
        assert folder.exists()
    assert not folder.exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def _children(pid: int) -> list[int]:
    shown = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    own = [int(each) for each in shown.stdout.split()]
    return own + [pid for child in own for pid in _children(child)]
