"""What can be the matter with a phone, and what the user reads: whole commands on fake phones.

After each fault no process, run folder or mark is left on the phone and no setting is changed.
"""

import json
import os
import platform
import shutil
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

import onnx
import phone_kit
from cases import onnx_files
from fake_device import FakePhone
from fake_shell import STATE
from phone_kit import SHORT, restored, run, targets_of

from mixnet_android.adb import Adb, AdbError, NoSpace, Phone
from mixnet_android.adb.errors import explain
from mixnet_android.adb.server import check_server
from mixnet_android.libraries.store import find_for
from mixnet_android.parsers import parse_devices
from mixnet_android.phone import settings, store
from mixnet_android.phone.device import choose_phone, list_devices
from mixnet_android.phone.settings import Wanted
from mixnet_android.runner.build import find_runner
from mixnet_android.runs import hold as holding
from mixnet_android.runs.detached import Run, run_names, run_to_end
from mixnet_android.runs.hold import InUse, TakenOver, hold
from mixnet_android.runs.session import RunnerError, launch
from mixnet_android.runs.status import RunKilled
from mixnet_android.runs.work import Work, install

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick

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


# The shell


@pytest.mark.parametrize(
    ("before", "after", "old"),
    [
        (b"Welcome to lab 3\r\nnext line\n", b"", False),
        (b"WARNING: linker: libc.so: unused DT entry\n", b"", True),
        (b"", b"Bye\n", False),
        (b"\xff\xfe\x80 caf\xe9\n", b"\xff\n", False),
    ],
    ids=["banner", "warning-without-shell-v2", "farewell", "no-utf8"],
)
def test_lines_of_the_shells_own_are_no_part_of_any_answer(
    plug_in: PlugIn, models: tuple[Path, ...], before: bytes, after: bytes, old: bool
) -> None:
    fake = plug_in()
    fake.sandbox.write(AWAKE, "7\n")
    fake.faults.no_shell_v2 = old
    fake.faults.shell.banner, fake.faults.shell.farewell = before, after
    (target,) = targets_of(latency(fake, models[0], "--json"))
    assert target["parity"]["within"]
    assert fake.sandbox.path(AWAKE).read_text() == "7\n"
    assert left_on(fake) == []


def test_a_shell_that_takes_its_time_is_waited_for(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    fake.faults.shell.slow_s = 1.0
    assert targets_of(latency(fake, models[0], "--json"))
    assert restored(fake)
    assert left_on(fake) == []


@pytest.mark.parametrize("missing", ["taskset", "sha256sum", "tail", "head", "du", "date"])
def test_phones_without_a_tool_are_measured(
    plug_in: PlugIn, models: tuple[Path, ...], missing: str
) -> None:
    fake = plug_in()
    fake.faults.shell.missing = (missing,)
    (target,) = targets_of(latency(fake, models[0], "--json"))
    assert target["parity"]["within"]
    assert restored(fake)
    assert left_on(fake) == []


def test_a_sleep_that_takes_whole_seconds_only_is_enough(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    script = (
        '#!/bin/sh\ncase $1 in *.*) echo "bad number" >&2; exit 1;; esac\nexec /bin/sleep "$@"\n'
    )
    fake.sandbox.write("bin/sleep", script).chmod(0o755)
    assert targets_of(latency(fake, models[0], "--json"))


@pytest.mark.parametrize("missing", ["setsid", "nohup"])
def test_a_program_that_is_needed_and_lacking_is_named(
    plug_in: PlugIn, models: tuple[Path, ...], missing: str
) -> None:
    fake = plug_in()
    fake.faults.shell.missing = (missing,)
    done = latency(fake, models[0])
    refused(done, f"has no {missing}", "Android's own have")
    assert "devices clean" not in done.stderr
    assert restored(fake)
    assert left_on(fake) == []


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    script = f"#!/bin/sh\necho \"mkdir: '{store.ROOT}': Permission denied\" >&2\nexit 1\n"
    fake.sandbox.write("bin/mkdir", script).chmod(0o755)
    refused(latency(fake, models[0]), "Permission denied", "ls -ld /data/local/tmp")
    assert fake.sandbox.path(AWAKE).read_text() == "0\n"


def test_a_note_that_cannot_be_written_says_how_to_do_without(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    script = 'case "$3" in *settings-to-restore) echo "mv: Permission denied" >&2; exit 1;; esac'
    fake.sandbox.write("bin/mv", f'#!/bin/sh\n{script}\nexec /bin/mv "$@"\n').chmod(0o755)
    refused(latency(fake, models[0]), "Permission denied", "--keep-settings")
    assert targets_of(latency(fake, models[0], "--keep-settings", "--json"))
    log = fake.sandbox.root / "state/log"
    words = log.read_text() if log.exists() else ""
    assert "svc" not in words
    assert " put " not in words


# Settings


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
    assert "cannot be read and is kept" in done.stderr
    assert fake.sandbox.path(AWAKE).read_text() == "0\n"
    assert note.read_text() == "stay_on seven\n"
    cleaned = run("devices", "clean", "--on", f"adb:{fake.serial}")
    assert cleaned.exit_code == 0
    assert "cannot be read and is kept" in cleaned.stderr
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
    assert "nothing of its clocks, temperature, thermal status" in done.stderr
    bursts = target["launches"][0]["bursts"]
    assert bursts[0]["canary"]["ms"]  # which tells of both


# What runs there


def fails_by(home: Path, folder: Path, script: str) -> Path:
    """A home whose runner is this shell script."""
    made = folder / "home"
    shutil.copytree(home / "runtimes", made / "runtimes")
    runner = made / "runner/linux-x86_64/mixnet-runner"
    runner.parent.mkdir(parents=True)
    runner.write_text(f"#!/bin/sh\n{script}\n")
    return made


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("ILL", ("SIGILL", "litert 2.3.0", "have asimdhp, asimddp, i8mm and lack bf16, sve")),
        ("BUS", ("SIGBUS", "damaged or its storage full")),
        ("KILL", ("SIGKILL", "out of memory", "launches that had ended are kept")),
    ],
)
def test_a_signal_is_explained_and_chatter_is_no_reason(
    plug_in: PlugIn,
    models: tuple[Path, ...],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signal: str,
    words: tuple[str, ...],
) -> None:
    fake = plug_in()
    chatter = 'echo "INFO: Created TensorFlow Lite XNNPACK delegate for CPU." >&2'
    script = f"{chatter}\nkill -{signal} $$"
    monkeypatch.setenv("MIXNET_HOME", str(fails_by(home, tmp_path, script)))
    done = latency(fake, models[0])
    refused(done, *words)
    assert "INFO" not in done.stderr
    assert restored(fake)
    assert left_on(fake) == []
    assert fake.sandbox.processes() == []


def test_a_real_complaint_is_the_reason(adb: Adb, plug_in: PlugIn) -> None:
    phone = Phone(adb, plug_in().serial)
    script = "echo 'INFO: hello' >&2; echo 'bad alloc' >&2; echo 'INFO: bye' >&2; kill -6 $$"
    with pytest.raises(RunKilled, match=r"6 \(SIGABRT\): bad alloc"):
        run_to_end(phone, "one", ["sh", "-c", script], limit_s=30)


def test_cpus_that_are_switched_off_are_refused_before_anything_is_pushed(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    fake.sandbox.write("sys/devices/system/cpu/online", "0-1\n")
    for pin in ("big", "1,2"):
        refused(latency(fake, models[0], "--pin", pin), "switched off CPU 2", "online are 0, 1")
    assert pushed(fake) == []


@pytest.mark.parametrize("abis", ["armeabi-v7a,armeabi", "riscv64", "x86"])
def test_a_phone_that_no_runtime_is_for_is_refused_before_anything_is_pushed(
    plug_in: PlugIn, models: tuple[Path, ...], abis: str
) -> None:
    fake = plug_in()
    fake.sandbox.write("state/getprop", STATE["getprop"].replace("arm64-v8a", abis))
    refused(
        latency(fake, models[0]), abis.split(",", maxsplit=1)[0], "32-bit phones are not supported"
    )
    assert pushed(fake) == []
    (told,) = json.loads(run("devices", "--json").stdout)["targets"]
    assert "32-bit phones are not supported" in told["advice"][0]


def test_a_phone_without_a_runner_for_it_is_refused_before_anything_is_pushed(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    fake.sandbox.write("state/getprop", STATE["getprop"])
    refused(latency(fake, models[0]), "no runner for linux-arm64", "devices build-runner")
    assert pushed(fake) == []


def test_a_library_for_a_newer_android_is_refused_before_anything_is_pushed(
    plug_in: PlugIn,
    models: tuple[Path, ...],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = plug_in()
    own = tmp_path / "home"
    shutil.copytree(home, own)
    for note in (own / "runtimes").glob("*/runtime.json"):
        note.write_text(json.dumps({**json.loads(note.read_text()), "api_level": 99}))
    monkeypatch.setenv("MIXNET_HOME", str(own))
    refused(latency(fake, models[0]), "needs Android with API level 99", "has 35")
    assert pushed(fake) == []


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\0" * 4096, "is not a valid"), (b"\x89PNG\r\n" * 9, "is not a valid")],
    ids=["empty", "zeros", "picture"],
)
def test_what_is_no_model_is_refused_before_anything_is_pushed(
    plug_in: PlugIn, tmp_path: Path, suffix: str, content: bytes, words: str
) -> None:
    fake = plug_in()
    file = tmp_path / f"file{suffix}"
    file.write_bytes(content)
    refused(latency(fake, file), str(file), words)
    assert pushed(fake) == []


@pytest.mark.parametrize(
    ("versions", "words"),
    [((40, 10), "is of opset 40, and onnxruntime"), ((17, 99), "is of IR version 99, and onnx")],
)
def test_a_file_that_is_newer_than_the_library_is_said_to_be(
    adb: Adb,
    plug_in: PlugIn,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    versions: tuple[int, int],
    words: str,
) -> None:
    fake = plug_in()
    phone = Phone(adb, fake.serial)
    node = onnx_files.helper.make_node("Relu", ["x"], ["y"])
    file = tmp_path / "new.onnx"
    onnx_files.save(file, [node], {"x": (1, 4)}, {"y": (1, 4)})
    model = onnx.load(file)
    model.opset_import[0].version, model.ir_version = versions
    onnx.save(model, file)
    library = find_for("onnx", "linux-x86_64")
    work = Work(
        runner=find_runner("linux-x86_64"), models=(file,), libraries=(library.path,), threads=1,
        cpus=None, warmup=0, min_count=1, min_time_s=0, burst_ms=1, seed=0, outputs=False,
        titles=(library.title,),
    )  # fmt: skip
    with pytest.raises(RunnerError, match=words) as caught:
        launch(phone, "newer", work, install(phone, work))
    assert "at most" in caught.value.message
    assert "devices add-runtime" in caught.value.hint
    assert left_on(fake) == []


def test_a_model_larger_than_what_is_free_is_refused_with_both_numbers(
    adb: Adb, plug_in: PlugIn, tmp_path: Path
) -> None:
    fake = plug_in()
    fake.sandbox.write("state/df", f"/dev/a 900000 500000 {300 * 1024} 60% /data\n")
    large = tmp_path / "large.tflite"
    with large.open("wb") as file:
        file.truncate(500 * 2**20)
    with pytest.raises(NoSpace, match="300 MiB free, and 516 are needed"):
        store.put(Phone(adb, fake.serial), large)
    assert pushed(fake) == []


def test_what_an_older_version_left_there_is_removed_with_a_word(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    old = fake.sandbox.path(f"{store.RUNS}/latency-of-another-protocol")
    old.mkdir(parents=True)
    (old / "pid").write_text("garbage\n")
    done = latency(fake, models[0], "--json")
    assert targets_of(done)
    assert "ended an earlier run, latency-of-another-protocol" in done.stderr
    assert left_on(fake) == []


def test_a_push_of_somebody_else_that_grows_is_left_alone(
    adb: Adb, plug_in: PlugIn, tmp_path: Path
) -> None:
    fake = plug_in()
    phone = Phone(adb, fake.serial)
    file = tmp_path / "a.onnx"
    file.write_bytes(b"content")
    folder = fake.sandbox.path(store.put(phone, file).path).parent
    (folder / "a.onnx").unlink()
    dead, growing = folder / ".coming-dead", folder / ".coming-growing"
    dead.write_bytes(b"half")
    growing.write_bytes(b"")
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.1):
            with growing.open("ab") as other:
                other.write(b"more")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        assert store.put(phone, file).pushed
    finally:
        stop.set()
        thread.join()
    assert growing.exists()
    assert not dead.exists()


# Task profiles


def test_a_task_profile_is_set_recorded_and_compared(
    plug_in: PlugIn, models: tuple[Path, ...], tmp_path: Path
) -> None:
    fake = plug_in()
    fake.sandbox.write("bin/settaskprofile", '#!/bin/sh\necho "profile $*" >> "$PHONE/state/log"\n')
    fake.sandbox.path("bin/settaskprofile").chmod(0o755)
    done = latency(fake, models[0], "--task-profile", "MaxPerformance", "--json")
    (target,) = targets_of(done)
    assert target["task_profile"] == "MaxPerformance"
    saved = tmp_path / "with.json"
    saved.write_text(json.dumps({"format": 1, "targets": [target]}))
    refused(
        latency(fake, models[0], "--against", saved), "task_profile 'MaxPerformance' then, None now"
    )
    assert "MaxPerformance" in (fake.sandbox.root / "state/log").read_text()


def test_a_phone_without_task_profiles_runs_without(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    done = latency(plug_in(), models[0], "--task-profile", "MaxPerformance", "--json")
    (target,) = targets_of(done)
    assert target["task_profile"] is None
    assert "has no settaskprofile" in done.stderr
    refused(run("latency", models[0], "--on", "adb", "--task-profile", "a; reboot"), "no profile's")


# One phone, once


def twins(plug_in: PlugIn, boots: tuple[str, str]) -> tuple[FakePhone, FakePhone]:
    """Two connections to phones of one serial number."""
    fakes = plug_in(), plug_in()
    for fake, boot in zip(fakes, boots, strict=True):
        own = STATE["getprop"].replace("arm64-v8a", "x86_64") + "[ro.serialno]: [R5CT1234]\n"
        fake.sandbox.write("state/getprop", own)
        fake.sandbox.write("proc/sys/kernel/random/boot_id", f"{boot}\n")
    return fakes


def test_a_phone_that_is_there_twice_is_one_phone(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    twins(plug_in, ("same-boot", "same-boot"))
    assert choose_phone(adb).serial
    same = [each.same_as for each in list_devices(adb)]
    assert same.count(None) == 1
    done = run("latency", models[0], "--on", "all", *ONE, "--json")
    assert len(targets_of(done)) == 1
    assert "it is measured once" in done.stderr
    listed = run("devices")
    assert "the same phone as" in listed.stderr + listed.stdout


def test_phones_that_share_a_serial_number_are_two(adb: Adb, plug_in: PlugIn) -> None:
    """Cheap phones do."""
    twins(plug_in, ("one-boot", "other-boot"))
    assert [each.same_as for each in list_devices(adb)] == [None, None]
    with pytest.raises(AdbError, match="2 phones are connected"):
        choose_phone(adb)


def somebody(fake: FakePhone, host: str = "lab-1", age_s: int = 60, pid: int = 77) -> None:
    """Let somebody else hold the phone."""
    root = fake.sandbox.path(store.HOLD)
    root.mkdir(parents=True, exist_ok=True)
    then = int(time.time()) - age_s
    (root / "owner").write_text(f"hold 0123456789abcdef ann {host} {pid} {then}\n")
    (root / "beat").write_text(f"{then}\n")


def test_a_phone_that_somebody_measures_on_is_refused_and_can_be_taken_over(
    adb: Adb, plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    somebody(fake, age_s=120)
    phone = Phone(adb, fake.serial)
    Run(phone, "latency-of-ann").start(["sleep", "100"], 100)
    since = time.strftime("%H:%M", time.localtime(time.time() - 120))
    done = latency(fake, models[0])
    refused(done, "is in use: ann on lab-1 (process 77)", since, "--take-over")
    refused(run("devices", "clean", "--on", f"adb:{fake.serial}"), "is in use: ann on lab-1")
    assert run_names(phone) == ["latency-of-ann"]
    assert pushed(fake) == []
    taken = latency(fake, models[0], "--take-over", "--json")
    assert targets_of(taken)
    assert "ended what ann on lab-1" in taken.stderr
    assert left_on(fake) == []
    assert fake.sandbox.processes() == []


def test_devices_clean_can_take_over_too(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    somebody(fake)
    done = run("devices", "clean", "--on", f"adb:{fake.serial}", "--take-over")
    assert done.exit_code == 0, done.output
    assert left_on(fake) == []


def test_whoever_was_ended_reads_by_whom(adb: Adb, plug_in: PlugIn) -> None:
    phone = Phone(adb, (fake := plug_in()).serial)

    def other(line: str) -> None:
        somebody(fake, age_s=0)
        Run(phone, "mine").kill()

    command = ["sh", "-c", "echo 1 > progress; sleep 60"]
    with pytest.raises(TakenOver, match="taken over by ann on lab-1") as caught, hold(phone):
        run_to_end(phone, "mine", command, limit_s=90, on_progress=other)
    assert "launches that had ended are kept" in caught.value.hint
    assert fake.sandbox.path(store.HOLD).exists()  # it is the other's


def test_a_mark_whose_process_has_ended_holds_nothing(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    somebody(fake, host=holding._word(platform.node()), age_s=0, pid=gone)
    with hold(Phone(adb, fake.serial)):
        assert holding._TOKEN in fake.sandbox.path(f"{store.HOLD}/owner").read_text()
    assert left_on(fake) == []


def test_a_process_of_this_machine_that_lives_holds_the_phone(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    somebody(fake, host=holding._word(platform.node()), age_s=9000, pid=os.getppid())
    with pytest.raises(InUse), hold(Phone(adb, fake.serial)):
        pass


@pytest.mark.parametrize("running", [False, True])
def test_an_old_mark_of_another_host_holds_only_while_something_runs(
    adb: Adb, plug_in: PlugIn, running: bool
) -> None:
    fake = plug_in()
    somebody(fake, age_s=holding.STALE_S + 60)
    phone = Phone(adb, fake.serial)
    if running:
        Run(phone, "latency-of-ann").start(["sleep", "100"], 100)
        with pytest.raises(InUse), hold(phone):
            pass
    else:
        with hold(phone):
            pass
        assert left_on(fake) == []


def test_a_holder_is_heard_of_as_long_as_it_asks(adb: Adb, plug_in: PlugIn) -> None:
    fake = plug_in()
    phone = Phone(adb, fake.serial)
    with hold(phone):
        beat = fake.sandbox.path(f"{store.HOLD}/beat")
        beat.write_text("1\n")
        Run(phone, "none").poll()
        assert int(beat.read_text()) > 1
        with hold(phone):  # of the same process: nothing happens
            pass
        assert beat.exists()
    assert left_on(fake) == []


@pytest.mark.parametrize("content", ["", "hold\n", "\xff", "hold x y z 1 2\n" * 1000])
def test_a_mark_that_is_garbage_holds_nothing(adb: Adb, plug_in: PlugIn, content: str) -> None:
    fake = plug_in()
    root = fake.sandbox.path(store.HOLD)
    root.mkdir(parents=True)
    (root / "owner").write_text(content)
    with hold(Phone(adb, fake.serial)):
        pass
    assert left_on(fake) == []


# Serials and servers


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
    refused(run("devices"), "$ADB_SERVER_SOCKET", "tcp:127.0.0.1:9", "unset it")
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
    refused(done, f"would end the adb server that runs on port {old_server}", "version 32")
    refused(done, f"(process {os.getpid()})", "set $ADB")
    check_server(adb.binary, {"ADB_SERVER_SOCKET": "tcp:127.0.0.1:9"})  # is none of this machine


def test_a_server_of_the_same_version_is_used(adb: Adb) -> None:
    adb.devices()
    check_server(adb.binary)


# The selftest


def test_the_selftest_without_runtimes_accuses_no_phone(
    plug_in: PlugIn, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = plug_in()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("MIXNET_HOME", str(tmp_path / "empty"))
    done = run("devices", "selftest", "--on", f"adb:{fake.serial}", "--json")
    found = {each["name"]: each["holds"] for each in targets_of(done)}
    for name in ("LiteRT can be loaded", "a file is as fast as itself"):
        assert found[name] is None
    assert "may be wrong" not in done.stderr
