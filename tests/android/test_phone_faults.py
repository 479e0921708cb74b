"""What can be the matter with a phone, and what the user reads: whole commands on fake phones.

After each fault no process, run folder or mark is left on the phone and no setting is changed.
"""

import json
import platform
import shutil
import threading
from pathlib import Path

import pytest
from quick import quick_first

if not Path("/proc/self/environ").exists() or platform.machine() != "x86_64":
    pytest.skip("fake phones run this machine's programs, on x86-64", allow_module_level=True)

import onnx
import phone_kit
from cases import onnx_files
from fake_shell import STATE
from phone_kit import (
    AWAKE,
    PlugIn,
    latency,
    left_on,
    pushed,
    refused,
    restored,
    run,
    targets_of,
)

from mixnet_android.adb import Adb, NoSpace, Phone
from mixnet_android.libraries.store import find_for
from mixnet_android.phone import store
from mixnet_android.runner.build import find_runner
from mixnet_android.runs.detached import run_to_end
from mixnet_android.runs.session import RunnerError, launch
from mixnet_android.runs.status import RunKilled
from mixnet_android.runs.work import Work, install

home, network, models = phone_kit.home, phone_kit.network, phone_kit.models
plug_in, quick = phone_kit.plug_in, phone_kit.quick


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


@pytest.mark.long
def test_a_shell_that_takes_its_time_is_waited_for(
    plug_in: PlugIn, models: tuple[Path, ...]
) -> None:
    fake = plug_in()
    fake.faults.shell.slow_s = 0.3
    assert targets_of(latency(fake, models[0], "--json"))
    assert restored(fake)
    assert left_on(fake) == []


@pytest.mark.parametrize(
    "missing",
    quick_first(("taskset", "sha256sum", "tail", "head", "du", "date"), ("taskset", "tail")),
)
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
    refused(done, f"has no {missing}", "Android has it since")
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
        ("KILL", ("SIGKILL", "out of memory", "finished launches are saved")),
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
        refused(latency(fake, models[0], "--pin", pin), "turned off CPU 2", "CPUs 0, 1")
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
    refused(
        latency(fake, models[0]),
        "the runner for linux-arm64 has not been built",
        "devices build-runner",
    )
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
    assert "stopped an earlier run, latency-of-another-protocol" in done.stderr
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
    refused(run("latency", models[0], "--on", "adb", "--task-profile", "a; reboot"), "not the name")


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
