"""The whole way to a phone and back through the real adb, and what becomes of its faults.

After each fault: a clear message, nothing lost, nothing left running, no setting left changed.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

if not Path("/proc/self/environ").exists():
    pytest.skip("the fake phone's processes are found in /proc", allow_module_level=True)

from fake_device import FakePhone
from fake_shell import ShellFaults

from mixnet_android.adb import (
    Adb,
    AdbError,
    AdbMissing,
    Answer,
    Lost,
    NoSpace,
    NotExecutable,
    NotFound,
    Offline,
    Phone,
    Several,
    TimedOut,
    Unauthorized,
    client,
    find_adb,
)
from mixnet_android.phone import conditions, device, settings, store
from mixnet_android.phone.settings import Wanted
from mixnet_android.runs import detached
from mixnet_android.runs.detached import Run, run_to_end
from mixnet_android.runs.status import Phase, Rebooted, RunKilled
from mixnet_bench.cli import main
from mixnet_bench.phones.caveats import caveats_of_run
from mixnet_common import MixnetError
from mixnet_common.hashing import sha256_of


@pytest.fixture
def fake(adb: Adb, tmp_path: Path) -> Iterator[FakePhone]:
    with FakePhone(tmp_path / "phone") as running:
        assert adb.connect(running.serial)
        yield running
        adb.run("disconnect", running.serial)


@pytest.fixture(autouse=True)
def no_dawdling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "POLL_S", 0.1)
    monkeypatch.setattr(client, "RECONNECT_EVERY_S", 0.1)


@pytest.fixture
def phone(adb: Adb, fake: FakePhone) -> Phone:
    return Phone(adb, fake.serial)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def changed_settings(fake: FakePhone) -> dict[str, str]:
    state = fake.sandbox.root / "state"
    names = ("setting.global.stay_on_while_plugged_in", "fixed-performance")
    values = {name: (state / name).read_text().strip() for name in names if (state / name).exists()}
    return {name: value for name, value in values.items() if value not in ("0", "false")}


def files(fake: FakePhone) -> list[str]:
    root = fake.sandbox.path(store.FILES)
    return sorted(path.name for path in root.rglob("*") if path.is_file())


# The phone as it should be


def test_devices_tells_what_the_phone_is(fake: FakePhone) -> None:
    result = run("devices", "--json")
    assert result.exit_code == 0, result.output
    (told,) = json.loads(result.stdout)["targets"]
    assert told["target"] == f"adb:{fake.serial}"
    assert (told["model"], told["soc"], told["android"]) == ("Fake 1", "FK1000", "15")
    assert [each["cpus"] for each in told["clusters"]] == [[0, 1], [2, 3]]
    assert told["free_bytes"] == 60_000_000 * 1024
    assert (told["skin_celsius"], told["battery_percent"]) == (31.5, 80)
    assert told["usable"]
    assert told["emulated"]


def test_the_table_never_passes_a_fake_off_as_a_phone(fake: FakePhone) -> None:
    text = run("devices").stdout
    assert "Fake 1 (emulated)" in text
    assert "2×1.8 + 2×2.8 GHz" in text


def test_every_key_of_devices_is_documented(fake: FakePhone) -> None:
    page = Path(__file__).parents[2] / "docs" / "json.md"
    section = page.read_text(encoding="utf-8").partition("## `mixnet-bench devices`")[2]
    section = section.partition("\n## ")[0]
    (told,) = json.loads(run("devices", "--json").stdout)["targets"]
    keys = {key for key in told if key != "clusters"}
    keys |= {f"clusters[].{key}" for key in told["clusters"][0]}
    documented = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert documented - {"host"} == keys  # with --dask alone


@pytest.mark.parametrize("status", [0, 3, 255])
@pytest.mark.parametrize("no_shell_v2", [False, True])
def test_a_commands_status_and_output_come_back(
    adb: Adb, tmp_path: Path, status: int, no_shell_v2: bool
) -> None:
    with FakePhone(tmp_path / "phone") as fake:
        fake.faults.no_shell_v2 = no_shell_v2
        adb.connect(fake.serial)
        answer = Phone(adb, fake.serial).shell(f"printf 'a\\nb'; exit {status}")
        assert (answer.status, answer.text) == (status, "a\nb")
        adb.run("disconnect", fake.serial)


def test_an_old_phone_takes_files_and_runs_programs(adb: Adb, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with FakePhone(tmp_path / "phone") as fake:
        fake.faults.no_shell_v2 = True
        adb.connect(fake.serial)
        phone = Phone(adb, fake.serial)
        assert store.put(phone, tmp_path / "file").pushed
        assert not store.put(phone, tmp_path / "file").pushed
        ended = run_to_end(phone, "old", ["sh", "-c", "exit 3"], limit_s=30)
        assert ended.poll().exit_status == 3
        with settings.settings(phone, Wanted(True, True)):
            assert len(changed_settings(fake)) == 2
        assert changed_settings(fake) == {}
        adb.run("disconnect", fake.serial)


def test_a_file_that_cannot_be_read_is_named(phone: Phone, tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match=r"nothing\.onnx"):
        store.put(phone, tmp_path / "nothing.onnx")


@pytest.mark.parametrize("word", ["a b", "$HOME", "'", '"', "`id`", ";id", "*", "ä\t", "-n"])
def test_words_reach_the_phone_as_they_are(phone: Phone, word: str) -> None:
    assert phone.ask("printf", "%s", word) == word


def test_a_file_is_sent_once_and_known_by_its_content(
    phone: Phone, fake: FakePhone, tmp_path: Path
) -> None:
    local = tmp_path / "my net.tflite"
    local.write_bytes(os.urandom(300_000))
    first, second = store.put(phone, local), store.put(phone, local)
    assert (first.pushed, second.pushed) == (True, False)
    assert fake.sandbox.path(first.path).read_bytes() == local.read_bytes()
    assert os.access(fake.sandbox.path(first.path), os.X_OK)
    local.write_bytes(os.urandom(300_000))  # another file of the same name and size
    assert store.put(phone, local).pushed
    back = tmp_path / "back"
    phone.pull(first.path, back)
    assert sha256_of(back) == first.sha256


def test_a_name_that_looks_like_an_option_is_none(
    phone: Phone, fake: FakePhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--sync").write_bytes(b"content")
    stored = store.put(phone, Path("--sync"))
    assert fake.sandbox.path(stored.path).read_bytes() == b"content"
    phone.pull(stored.path, Path("-a"))
    assert Path("-a").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("said", "freed"), [("12\t/data", 12288), ("²\t/data", 0), ("9" * 5000, 0), ("", 0)]
)
def test_what_a_phone_says_it_freed_is_a_number_or_nothing(
    said: str, freed: int, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Phone, "shell", lambda *_: Answer(0, said))
    assert store.clear(phone) == freed


def test_a_file_damaged_on_the_phone_is_sent_again(
    phone: Phone, fake: FakePhone, tmp_path: Path
) -> None:
    local = tmp_path / "net.onnx"
    local.write_bytes(b"x" * 1000)
    there = fake.sandbox.path(store.put(phone, local).path)
    there.write_bytes(b"y" * 1000)
    assert store.put(phone, local).pushed
    assert there.read_bytes() == local.read_bytes()


def test_clean_leaves_nothing(phone: Phone, fake: FakePhone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    store.put(phone, tmp_path / "file")
    Run(phone, "long").start(["sleep", 60], limit_s=60)
    result = run("devices", "clean", "--on", f"adb:{fake.serial}")
    assert result.exit_code == 0, result.output
    assert list(fake.sandbox.path(device.SHARED).iterdir()) == []
    assert fake.sandbox.processes() == []


def test_a_run_ends_with_its_files_there(phone: Phone, fake: FakePhone, tmp_path: Path) -> None:
    seen: list[str] = []
    script = "echo half > progress; sleep 0.5; echo done > result; echo hm >&2; exit 3"
    ended = run_to_end(phone, "one", ["sh", "-c", script], limit_s=30, on_progress=seen.append)
    status = ended.poll()
    assert (status.phase, status.exit_status, status.complaint) == (Phase.ENDED, 3, "hm\n")
    assert "half" in seen
    phone.pull(f"{ended.folder}/result", tmp_path / "result")
    assert (tmp_path / "result").read_text() == "done\n"
    assert fake.sandbox.processes() == []


def test_a_run_that_ended_is_not_repeated(phone: Phone, fake: FakePhone) -> None:
    for _ in range(2):
        ended = run_to_end(phone, "once", ["sh", "-c", "echo x >> ../count"], limit_s=30)
    assert fake.sandbox.path(f"{store.RUNS}/count").read_text() == "x\n"
    ended.remove()
    assert detached.run_names(phone) == ["count"]


# The phone in trouble


def connect_in_trouble(adb: Adb, fake: FakePhone) -> None:
    """adb itself waits ten seconds for a phone that says nothing; the list knows it before."""
    thread = threading.Thread(target=adb.connect, args=(fake.serial,), daemon=True)
    thread.start()
    until(lambda: any(each.serial == fake.serial for each in adb.devices()))


@pytest.mark.parametrize(
    ("fault", "error", "state", "advice"),
    [
        ("unauthorized", Unauthorized, ("unauthorized", "authorizing"), "accept its question"),
        ("silent", Offline, ("offline", "connecting"), "reconnect the cable|wait a moment"),
    ],
)
def test_a_phone_that_cannot_be_used_is_listed_with_what_to_do(
    adb: Adb,
    tmp_path: Path,
    fault: str,
    error: type[AdbError],
    state: tuple[str, ...],
    advice: str,
) -> None:
    with FakePhone(tmp_path / "phone") as fake:
        setattr(fake.faults, fault, True)
        connect_in_trouble(adb, fake)
        found = {
            each["serial"]: each for each in json.loads(run("devices", "--json").stdout)["targets"]
        }
        told = found[fake.serial]
        assert told["state"] in state
        assert not told["usable"]
        assert any(part in told["advice"][0] for part in advice.split("|"))
        with pytest.raises(error):
            device.choose_phone(adb, fake.serial)
        with pytest.raises(error):
            Phone(adb, fake.serial).shell("echo")
        adb.run("disconnect", fake.serial)


def test_of_two_phones_one_must_be_chosen(adb: Adb, fake: FakePhone, tmp_path: Path) -> None:
    with FakePhone(tmp_path / "other", model="Fake_2") as other:
        adb.connect(other.serial)
        with pytest.raises(Several) as caught:
            device.choose_phone(adb)
        assert fake.serial in caught.value.message
        assert other.serial in caught.value.message
        assert "--on adb:SERIAL" in caught.value.hint
        assert device.choose_phone(adb, other.serial).serial == other.serial
        adb.run("disconnect", other.serial)


def test_the_environments_serial_chooses(
    adb: Adb, fake: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_SERIAL", "elsewhere")
    with pytest.raises(NotFound, match="elsewhere") as caught:
        device.choose_phone(adb)
    assert fake.serial in caught.value.hint


def test_without_a_phone_that_is_said(adb: Adb) -> None:
    result = run("devices", "clean")
    assert result.exit_code == 1
    assert "no phone is connected" in result.stderr
    assert "USB debugging" in result.stderr


def test_a_push_that_breaks_off_leaves_no_file(
    phone: Phone, fake: FakePhone, tmp_path: Path
) -> None:
    local = tmp_path / "big.tflite"
    local.write_bytes(os.urandom(2_000_000))
    fake.faults.sync.hang_up_after = 500_000
    with pytest.raises(AdbError) as caught:
        store.put(phone, local)
    assert fake.serial in caught.value.message
    assert "big.tflite" not in files(fake)
    fake.faults.sync.hang_up_after = None
    phone.reconnect(20)
    assert store.put(phone, local).pushed
    assert files(fake) == ["big.tflite"]


def test_a_full_disk_is_seen_before_the_push(phone: Phone, fake: FakePhone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    fake.sandbox.write("state/df", "/dev/a 100 90 10 90% /data\n")
    with pytest.raises(NoSpace, match="0 MiB free"):
        store.put(phone, tmp_path / "file")
    assert files(fake) == []


def test_a_disk_that_fills_up_during_the_push_is_told(
    phone: Phone, fake: FakePhone, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    fake.faults.sync.disk_bytes = 100_000
    with pytest.raises(NoSpace, match="no space left") as caught:
        store.put(phone, tmp_path / "file")
    assert "devices clean" in caught.value.hint
    assert files(fake) == []


def test_a_place_that_runs_nothing_is_told(phone: Phone, fake: FakePhone) -> None:
    store.check_executable(phone)
    fake.faults.shell.no_exec = True
    with pytest.raises(NotExecutable, match="ermission denied"):
        store.check_executable(phone)
    fake.sandbox.write("proc/mounts", "/dev/a /data f2fs rw,noexec 0 0\n")
    (told,) = json.loads(run("devices", "--json").stdout)["targets"]
    assert "noexec" in told["advice"][0]


@pytest.mark.parametrize("size", [0, 1, 10, 200])
def test_an_answer_that_breaks_off_is_never_taken_for_whole(
    phone: Phone, fake: FakePhone, size: int
) -> None:
    fake.faults.shell = ShellFaults(where="the-command", cut_after=size)
    with pytest.raises(Lost, match=fake.serial):
        phone.shell("seq 1 100 # the-command")


@pytest.mark.parametrize("garbage", [b"", b"\x00\xff\xfe" * 100, b"mixnet- 0\n", b"\x1b[2J" * 9])
def test_garbage_is_never_taken_for_an_answer(
    phone: Phone, fake: FakePhone, garbage: bytes
) -> None:
    fake.faults.shell = ShellFaults(garbage=garbage)
    with pytest.raises(Lost):
        phone.shell("echo hello")
    told = json.loads(run("devices", "--json").stdout)["targets"][0]
    assert not told["usable"]
    assert "disconnected" in told["advice"][0]


def test_a_slow_shell_is_waited_for_but_not_for_ever(phone: Phone, fake: FakePhone) -> None:
    fake.faults.shell.slow_s = 1.0
    assert phone.shell("echo late", timeout_s=30).text == "late\n"
    with pytest.raises(TimedOut, match="did not answer within"):
        phone.shell("echo later", timeout_s=0.2)


def test_a_phone_that_talks_without_end_is_cut_short(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixnet_android.adb import process

    monkeypatch.setattr(process.run_program, "__defaults__", (10_000,))
    with pytest.raises(AdbError, match="without end"):
        phone.shell("seq 1 100000")


def test_a_phone_cannot_write_on_the_terminal(phone: Phone, fake: FakePhone) -> None:
    fake.sandbox.write("state/getprop", "[ro.product.model]: [\x1b[31mred\x07\u202e]\n")
    assert "\x1b" not in run("devices").stdout
    (told,) = json.loads(run("devices", "--json").stdout)["targets"]
    assert told["model"] == "[31mred"


# Runs in trouble


def test_a_run_outlives_the_cable_and_is_picked_up(phone: Phone, fake: FakePhone) -> None:
    lost: list[bool] = []

    def pull_the_cable(line: str) -> None:
        if not lost:
            fake.vanish()
            threading.Timer(1.0, fake.come_back).start()
            lost.append(True)

    ended = run_to_end(
        phone,
        "cable",
        ["sh", "-c", "echo 1 > progress; sleep 2; echo all > result"],
        limit_s=60,
        on_progress=pull_the_cable,
        on_lost=lambda: lost.append(True),
    )
    assert len(lost) == 2
    assert ended.poll().exit_status == 0
    assert fake.sandbox.path(f"{ended.folder}/result").read_text() == "all\n"
    assert fake.sandbox.processes() == []


class Hasty:
    """A clock whose hours are milliseconds."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        self.time += 1
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        time.sleep(0.01)


def test_a_phone_that_stays_away_keeps_its_run(
    phone: Phone, fake: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Phone, "reconnect", lambda self, timeout_s: None)
    command = ["sh", "-c", "echo 1 > progress; sleep 2; echo x >> ../count"]
    with pytest.raises(Lost, match="did not reconnect") as caught:
        run_to_end(
            phone, "away", command, limit_s=60, clock=Hasty(), lost_for_s=20,
            on_progress=lambda line: fake.vanish(),
        )  # fmt: skip
    assert "run the same command" in caught.value.hint
    monkeypatch.undo()
    fake.come_back()
    phone.reconnect(20)
    assert run_to_end(phone, "away", command, limit_s=60).poll().phase is Phase.ENDED
    assert fake.sandbox.path(f"{store.RUNS}/count").read_text() == "x\n"


def test_a_reboot_during_a_run_is_recognised_and_the_run_made_anew(
    phone: Phone, fake: FakePhone
) -> None:
    def reboot(line: str) -> None:
        fake.reboot()

    command = ["sh", "-c", "echo part > result.part; echo 1 > progress; sleep 60"]
    with pytest.raises(Rebooted) as caught:
        run_to_end(phone, "boot", command, limit_s=90, on_progress=reboot)
    assert "starts a new measurement" in caught.value.hint
    assert "kept" not in caught.value.hint
    assert run_to_end(phone, "boot", ["true"], limit_s=30).poll().exit_status == 0


def test_a_runner_that_was_killed_is_told_with_its_signal(phone: Phone, fake: FakePhone) -> None:
    with pytest.raises(RunKilled, match="signal 9") as caught:
        run_to_end(phone, "oom", ["sh", "-c", "kill -9 $$"], limit_s=30)
    assert "memory" in caught.value.hint
    assert fake.sandbox.processes() == []


@pytest.mark.parametrize("failure", ["kill -9 $$", "sleep 60"])
def test_a_run_that_failed_is_made_anew_the_next_time(
    phone: Phone, fake: FakePhone, failure: str
) -> None:
    script = f"if mkdir ../tried; then {failure}; fi; echo again > result"
    for _ in range(2):
        try:
            ended = run_to_end(phone, "again", ["sh", "-c", script], limit_s=1)
            break
        except (RunKilled, TimedOut):
            assert detached.run_names(phone) == ["tried"]
    assert ended.poll().exit_status == 0


@pytest.mark.parametrize(("age_s", "count"), [(10, 1), (detached.FRESH_S + 60, 2), (-60, 2)])
def test_a_run_that_ended_long_ago_is_another_measurement(
    phone: Phone, fake: FakePhone, age_s: float, count: int
) -> None:
    command = ["sh", "-c", "echo x >> ../count"]
    status = fake.sandbox.path(f"{run_to_end(phone, 'old', command, limit_s=30).folder}/status")
    exit_status, ended = status.read_text().split()
    assert abs(int(ended) - time.time()) < 20
    status.write_text(f"{exit_status} {int(time.time() - age_s)}\n")
    assert run_to_end(phone, "old", command, limit_s=30).poll().exit_status == 0
    assert fake.sandbox.path(f"{store.RUNS}/count").read_text() == "x\n" * count


def test_what_is_left_of_a_killed_run_is_told_before_it_is_removed(phone: Phone) -> None:
    def look(left: Run) -> str:
        return f"it left {phone.ask('cat', f'{left.folder}/part').strip()}"

    command = ["sh", "-c", "echo half > part; kill -9 $$"]
    with pytest.raises(RunKilled, match=r"signal 9.*; it left half") as caught:
        run_to_end(phone, "oom", command, limit_s=30, tell_rest=look)
    assert "finished launches are saved" in caught.value.hint
    assert detached.run_names(phone) == []


def fill_up_at(fake: FakePhone, name: str) -> None:
    """Let this file of a run be created, but nothing be written into it: the disk is full."""
    make = (
        f'/bin/mkdir "$@" || exit\nfor d; do :; done\n[ "$1" = -p ] || ln -s /dev/full "$d/{name}"'
    )
    move = 'if [ -L "$1" ]; then rm "$1"; : > "$2"; else exec /bin/mv "$@"; fi'
    for program, script in (("mkdir", make), ("mv", move)):
        fake.sandbox.write(f"bin/{program}", f"#!/bin/sh\n{script}\n").chmod(0o755)


def test_a_run_that_could_not_be_found_again_is_not_begun(phone: Phone, fake: FakePhone) -> None:
    fill_up_at(fake, "pid.new")
    with pytest.raises(NoSpace, match="no space left") as caught:
        run_to_end(phone, "full", ["sh", "-c", "echo x >> ../count; sleep 60"], limit_s=90)
    assert "devices clean" in caught.value.hint
    assert detached.run_names(phone) == []
    assert fake.sandbox.processes() == []


def test_a_disk_that_fills_up_during_a_run_is_told(phone: Phone, fake: FakePhone) -> None:
    fill_up_at(fake, "status.new")
    with pytest.raises(NoSpace, match="no space left") as caught:
        run_to_end(phone, "full", ["sh", "-c", "sleep 0.5"], limit_s=90)
    assert "devices clean" in caught.value.hint
    assert detached.run_names(phone) == []


def test_a_run_ended_from_outside_is_told(phone: Phone, fake: FakePhone) -> None:
    def kill_all(line: str) -> None:
        fake.sandbox.end_all()

    command = ["sh", "-c", "echo 1 > progress; sleep 60"]
    with pytest.raises(RunKilled, match="stopped by another program"):
        run_to_end(phone, "shot", command, limit_s=90, on_progress=kill_all)


def test_a_run_beyond_its_limit_is_ended_by_the_phone_itself(phone: Phone, fake: FakePhone) -> None:
    with pytest.raises(TimedOut, match="took too long"):
        run_to_end(phone, "slow", ["sleep", 60], limit_s=1)
    assert fake.sandbox.processes() == []


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_ctrl_c_leaves_nothing_running(phone: Phone, fake: FakePhone, stubborn: str) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    command = ["sh", "-c", f"{stubborn}echo 1 > progress; sleep 60 & sleep 60"]
    with pytest.raises(KeyboardInterrupt):
        run_to_end(phone, "stop", command, limit_s=90, on_progress=interrupt)
    assert fake.sandbox.processes() == []


def test_one_run_does_not_end_another(phone: Phone, fake: FakePhone) -> None:
    first, second = Run(phone, "first"), Run(phone, "second")
    for each in (first, second):
        each.start(["sleep", 60], limit_s=60)
    first.kill()
    assert first.poll().phase is Phase.KILLED
    assert second.poll().phase is Phase.RUNNING
    second.kill()


@pytest.mark.parametrize("name", ["", "../x", "a b", "a;b", ".", "x" * 100])
def test_a_runs_name_is_no_way_out_of_its_folder(phone: Phone, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a run"):
        Run(phone, name)


# Settings


def test_settings_are_changed_inside_the_block_only(phone: Phone, fake: FakePhone) -> None:
    with settings.settings(phone, Wanted(stay_awake=True, fixed_performance=True)) as applied:
        assert applied == Wanted(True, True)
        assert len(changed_settings(fake)) == 2
    assert changed_settings(fake) == {}
    assert not fake.sandbox.path(store.NOTE).exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_settings_come_back_on_every_way_out(
    phone: Phone, fake: FakePhone, error: type[BaseException]
) -> None:
    with pytest.raises(error), settings.settings(phone, Wanted(True, True)):
        raise error
    assert changed_settings(fake) == {}


def test_settings_come_back_after_a_lost_cable(phone: Phone, fake: FakePhone) -> None:
    with settings.settings(phone, Wanted(True, True)):
        fake.vanish()
        threading.Timer(0.5, fake.come_back).start()
    assert changed_settings(fake) == {}


def test_settings_come_back_with_the_next_run_where_the_host_died(
    adb: Adb, phone: Phone, fake: FakePhone
) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mixnet_android.adb import Adb, Phone\n"
        "from mixnet_android.phone.settings import Wanted, settings\n"
        "with settings(Phone(Adb(Path(sys.argv[1])), sys.argv[2]), Wanted(True, True)):\n"
        "    os._exit(9)\n"
    )
    command = [sys.executable, "-c", program, str(adb.binary), fake.serial]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9
    assert len(changed_settings(fake)) == 2
    with settings.settings(phone, Wanted()):
        assert changed_settings(fake) == {}


def test_a_setting_that_was_not_there_is_removed_again(phone: Phone, fake: FakePhone) -> None:
    place = fake.sandbox.root / "state/setting.global.stay_on_while_plugged_in"
    place.unlink()
    with settings.settings(phone, Wanted(stay_awake=True)):
        assert place.read_text() == "15\n"
    assert not place.exists()


def test_a_phone_without_fixed_performance_is_measured_as_it_is(
    phone: Phone, fake: FakePhone, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.sandbox.write("bin/cmd", "#!/bin/sh\nexit 255\n")
    with settings.settings(phone, Wanted(True, True)) as applied:
        assert applied == Wanted(stay_awake=True, fixed_performance=False)
    assert "no fixed-performance mode" in capsys.readouterr().err
    assert changed_settings(fake) == {}


# Conditions


def test_conditions_are_read_in_one_call(phone: Phone) -> None:
    read = conditions.read_conditions(phone)
    assert read.celsius == 31.5
    assert read.screen_on is False
    assert read.boot_id
    assert [each.governor for each in read.clusters] == ["schedutil", "schedutil"]


def test_a_reboot_between_two_runs_voids_the_result(phone: Phone, fake: FakePhone) -> None:
    before = conditions.read_conditions(phone)
    fake.reboot()
    phone.reconnect(20)
    found = caveats_of_run(before, conditions.read_conditions(phone))
    assert [each.verdict for each in found] == ["void"]


# The program


def test_a_missing_adb_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AdbMissing, match="does not name a program"):
        find_adb({"ADB": str(tmp_path / "none")})


def test_the_named_adb_comes_before_the_paths(tmp_path: Path) -> None:
    for folder in ("named", "path"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "adb").write_text("#!/bin/sh\n")
        (tmp_path / folder / "adb").chmod(0o755)
    here: dict[str, Any] = {"PATH": str(tmp_path / "path")}
    assert find_adb(here) == tmp_path / "path" / "adb"
    assert find_adb({**here, "ADB": str(tmp_path / "named/adb")}) == tmp_path / "named" / "adb"


def test_an_adb_that_cannot_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "adb").write_text("no program")
    (tmp_path / "adb").chmod(0o755)
    with pytest.raises(AdbMissing, match="cannot run"):
        Adb(tmp_path / "adb").devices()
