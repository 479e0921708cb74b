"""The runner itself, against stand-in runtimes whose inference takes no time.

Everything runs twice: as it is shipped, and under AddressSanitizer and UBSan.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from runner_kit import QUICK, Kit, Run, compiler, environment

from mixnet_android.runner.protocol import parse, parse_progress, salvage
from mixnet_android.runner.result import Result
from mixnet_android.runner.seeded import seeded_input
from mixnet_android.runner.toolchains import RUNNER

pytestmark = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER FOR LINUX HERE: the native runner is not tested"
)


@pytest.mark.parametrize("library", ["litert", "litert215", "litert32", "tflite"])
def test_a_whole_run_tells_all_there_is(run: Run, library: str) -> None:
    done = run(library, "")
    assert done.status == 0, done.stderr
    result = done.parsed()
    model = result.models[0]
    assert result.end is not None
    assert result.end.reason == "complete"
    assert len(model.samples_ms) >= 20
    assert len(model.warmup_ns) == 10
    assert len(result.threads["end"]) >= 1
    assert result.threads["end"][0].tid == result.header.pid
    assert result.memory["end"].peak_kb > 100
    assert result.header.page_bytes == os.sysconf("SC_PAGESIZE")
    assert set(result.cpus or ()) == os.sched_getaffinity(0)
    cores = {cpu for burst in model.bursts for cpu in burst.cpu}
    assert cores <= os.sched_getaffinity(0)
    assert not done.result.with_name("result.jsonl.part").exists()


def test_a_canary_runs_between_bursts_and_takes_a_small_share_of_the_time(run: Run) -> None:
    done = run("tflite", "spin_ns=2000000", "--burst-ms", "20", "--min-count", "200")
    result = done.parsed()
    bursts = result.models[0].bursts
    canaries = [each.canary for each in bursts if each.canary is not None]
    assert bursts[0].canary is not None
    assert 3 < len(canaries) <= len(bursts)
    assert all(1 <= len(each.ns) == len(each.cpu_ns) <= 40 for each in canaries)
    times = [ns for each in canaries for ns in each.cpu_ns]
    assert 100_000 < min(times) < 50_000_000
    span = bursts[-1].t_ns[-1] - bursts[0].t_ns[0]
    assert len(times) <= 1 + span / 25e6
    assert all(each.cpu in os.sched_getaffinity(0) for each in canaries)


@pytest.mark.parametrize(
    ("library", "text", "told"),
    [
        ("litert", "", True),
        ("litert", "partly=1", False),
        ("litert215", "", None),
        ("tflite", "", None),
    ],
)
def test_whether_xnnpack_took_all_of_a_file_is_told_where_the_library_tells(
    run: Run, library: str, text: str, told: bool | None
) -> None:
    assert run(library, text).parsed().models[0].wholly_delegated is told


def test_threads_tell_how_long_they_waited_for_a_core(run: Run) -> None:
    threads = run("tflite", "").parsed().threads
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel keeps no schedstat")
    for before, after in zip(threads["warmup"], threads["end"], strict=True):
        assert before.run_delay_ns is not None
        assert (after.run_delay_ns or 0) >= before.run_delay_ns


@pytest.mark.parametrize(
    ("library", "api", "interface", "version"),
    [
        ("litert", "litert", "2.1.6", None),
        ("litert215", "litert", "2.1.5", None),
        ("tflite", "tflite", "tflite-c", "2.17.0"),
    ],
)
def test_a_library_is_told_by_what_it_exports(
    run: Run, library: str, api: str, interface: str, version: str | None
) -> None:
    found = run(library, "").parsed().libraries[0]
    assert (found.api, found.interface, found.version) == (api, interface, version)


def test_check_tells_the_libraries_and_loads_no_model(kit: Kit, tmp_path: Path) -> None:
    done = kit.run(tmp_path, "--check", "--library", kit.library("tflite"))
    assert done.status == 0
    assert [each.api for each in done.parsed().libraries] == ["tflite"]


def test_names_that_are_no_text_are_made_text(run: Run) -> None:
    assert run("tflite", "").parsed().models[0].inputs[0].name == "x\ufffd "


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "uint16", "int64"])
def test_seeded_inputs_are_those_of_the_host(run: Run, tmp_path: Path, dtype: str) -> None:
    numbers = {"float32": 1, "float16": 10, "float64": 11, "int8": 9, "uint16": 17, "int64": 4}
    run("litert", f"dtype={numbers[dtype]}", "--seed", "7", "--outputs", tmp_path)
    doubled = np.fromfile(tmp_path / "model0-output0.bin", np.float32)
    count = 16 // np.dtype(dtype).itemsize
    given = seeded_input((count,), dtype, 7, 0).tobytes()
    np.testing.assert_array_equal(doubled, 2 * np.frombuffer(given, np.float32))


def test_seeded_numbers_are_spread_over_their_range() -> None:
    values = seeded_input((100, 100), "float32", 0, 0)
    assert -1 <= values.min() < -0.999 < 0.999 < values.max() < 1
    assert abs(values.mean()) < 0.02
    assert set(seeded_input((1000,), "int8", 0, 0).tolist()) > {-128, 0, 127}
    assert set(seeded_input((100,), "int64", 0, 0).tolist()) == {0, 1}
    assert not np.array_equal(values, seeded_input((100, 100), "float32", 0, 1))


def test_inputs_come_from_files_where_there_are_files(run: Run, tmp_path: Path) -> None:
    given = np.array([1, 2, 3, 4.5], np.float32)
    given.tofile(tmp_path / "in.bin")
    done = run("tflite", "", "--input", tmp_path / "in.bin", "--outputs", tmp_path)
    model = done.parsed().models[0]
    assert model.input_source == "files"
    assert model.output_files[0].tensor.shape == (1, 4)
    np.testing.assert_array_equal(
        np.fromfile(model.output_files[0].path, np.float32), np.float32(2) * given
    )


@pytest.mark.parametrize("content", [b"", b"123", b"x" * 17])
def test_an_input_of_another_size_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.bin").write_bytes(content)
    done = run("litert", "", "--input", tmp_path / "in.bin")
    assert done.status == 1
    assert "should be a file of 16 bytes" in done.parsed().errors[0]


def test_files_for_inputs_that_do_not_exist_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.bin").write_bytes(b"x" * 16)
    one = ("--input", tmp_path / "in.bin")
    assert "1 inputs, but 2 files" in run("litert", "", *one, *one).parsed().errors[0]
    assert "2 inputs, but 1 files" in run("litert", "inputs=2", *one).parsed().errors[0]


@pytest.mark.parametrize(
    ("library", "model", "words"),
    [
        ("litert", "fail=load", "CreateModelFromFile failed with status 3"),
        ("litert", "fail=compile", "CreateCompiledModel failed with status 6"),
        ("litert", "fail=run", "RunCompiledModel failed with status 7"),
        ("litert", "fail=run\nfail_after=15", "RunCompiledModel failed with status 7"),
        ("litert", "rank=9", "9 axes"),
        ("litert", "inputs=17", "17 inputs"),
        ("litert", "dtype=8", "unknown"),
        ("tflite", "fail=load", "TfLiteModelCreateFromFile failed"),
        ("tflite", "fail=compile", "status 1"),
        ("tflite", "fail=run\nfail_after=1", "Invoke failed with status 7"),
        ("tflite", "rank=-1", "-1 axes"),
        ("tflite", "inputs=-3", "-3 inputs"),
    ],
)
def test_what_a_runtime_refuses_is_told_and_the_result_is_whole(
    run: Run, library: str, model: str, words: str
) -> None:
    done = run(library, model)
    result = done.parsed()
    assert done.status == 1
    assert words in result.errors[0]
    assert words in done.stderr
    assert result.end is not None
    assert (result.end.status, result.end.reason) == (1, "failed")


def test_samples_before_a_failure_are_kept(run: Run) -> None:
    result = run("litert", "fail=run\nfail_after=40", "--min-count", "1000").parsed()
    model = result.models[0]
    assert 20 <= len(model.samples_ms) <= 40
    assert result.errors


def test_an_open_axis_counts_as_one(run: Run) -> None:
    assert run("litert", "open=1").parsed().models[0].inputs[0].shape == (1, 4)


def test_threads_reach_the_runtime_and_too_old_libraries_say_so(run: Run) -> None:
    # The stand-in refuses where the delegate was told another number than the interpreter.
    assert run("tflite", "", "--threads", "3").status == 0
    assert run("tflite-old", "", "--threads", "1").status == 0
    assert "several threads" in run("tflite-old", "", "--threads", "2").parsed().errors[0]


@pytest.mark.parametrize("library", ["litert", "litert215", "litert32"])
def test_a_profile_gives_every_event_of_every_round(run: Run, library: str) -> None:
    model = run(library, "", "--profile", "3").parsed().models[0]
    assert [each.round for each in model.profile] == [0, 1, 2]
    assert model.profile[0].events == (("Conv", 8, 0, 10), ("Add", 8, 1, 10))


def test_a_runtime_without_a_profiler_fails_after_all_was_timed(run: Run) -> None:
    done = run("tflite", "", "--profile", "1")
    assert done.status == 1
    assert len(done.parsed().models[0].samples_ms) >= 20


def test_models_take_turns_in_an_order_that_changes(kit: Kit, tmp_path: Path) -> None:
    arguments: list[str | Path] = []
    for name in ("litert", "tflite", "litert215"):
        path = tmp_path / f"{name}.tflite"
        path.write_text("spin_ns=1000")
        arguments += ["--library", kit.library(name), "--model", path]
    done = kit.run(tmp_path, *arguments, *QUICK)
    models = done.parsed().models
    turns = sorted(
        (burst.round, burst.turn, index) for index in models for burst in models[index].bursts
    )
    rounds = [tuple(index for number, _, index in turns if number == each) for each in range(20)]
    assert all(sorted(each) == [0, 1, 2] for each in rounds)
    assert len(set(rounds)) > 2
    ends = [burst.t_ns[-1] for burst in models[0].bursts]
    assert ends == sorted(ends)


def test_sixteen_models_may_each_have_a_library_of_their_own(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_text("")
    each = ("--library", kit.library("litert"), "--model", tmp_path / "m.tflite")
    done = kit.run(tmp_path, *each * 16, *QUICK)
    assert done.status == 0, done.stderr
    assert [model.library for model in done.parsed().models.values()] == list(range(16))


def test_count_and_time_both_hold_for_every_model(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "fast.tflite").write_text("spin_ns=10000")
    (tmp_path / "slow.tflite").write_text("spin_ns=200000")
    library = ("--library", kit.library("litert"))
    models = ("--model", tmp_path / "fast.tflite", "--model", tmp_path / "slow.tflite")
    limits = ("--min-time", "0.02", "--min-count", "30", "--burst-ms", "1")
    result = kit.run(tmp_path, *library, *models, *limits).parsed()
    for model in result.models.values():
        assert len(model.samples_ms) >= 30
        assert sum(model.samples_ms) >= 20
    fast, slow = (np.median(result.models[index].samples_ms) for index in (0, 1))
    assert 0.01 <= fast < 0.1
    assert 0.2 <= slow < 0.4


def test_a_slow_model_alone_runs_as_long_as_it_is_asked_to(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_text("spin_ns=50000000")
    model = ("--library", kit.library("litert"), "--model", tmp_path / "m.tflite")
    limits = ("--warmup", "0", "--min-count", "1", "--min-time", "1", "--burst-ms", "50")
    bursts = kit.run(tmp_path, *model, *limits).parsed().models[0].bursts
    assert {len(each.ns) for each in bursts} == {2}  # a lead and a sample
    assert 1 <= sum(ns for each in bursts for ns in each.ns) / 1e9 < 1.3


def test_the_process_runs_where_it_is_pinned(run: Run) -> None:
    cpu = max(os.sched_getaffinity(0))
    result = run("litert", "", "--cpus", str(cpu)).parsed()
    assert (result.asked_cpus, result.cpus) == ((cpu,), (cpu,))
    assert all(thread.allowed == (cpu,) for thread in result.threads["warmup"])
    assert {at for burst in result.models[0].bursts for at in burst.cpu} == {cpu}
    assert not result.warnings


def test_cpus_that_are_not_there_are_told(run: Run) -> None:
    cpu = max(os.sched_getaffinity(0))
    warned = run("litert", "", "--cpus", f"{cpu},1000").parsed()
    assert "other CPUs" in warned.warnings[0]
    assert warned.cpus == (cpu,)
    assert "cannot pin" in run("litert", "", "--cpus", "1000").parsed().errors[0]


def frequencies(folder: Path, khz: int) -> Path:
    for cpu in os.sched_getaffinity(0):
        path = folder / "devices/system/cpu" / f"cpu{cpu}" / "cpufreq"
        path.mkdir(parents=True)
        (path / "scaling_cur_freq").write_text(f"{khz}\n")
    return folder


def test_frequencies_are_read_around_bursts_or_after_each_sample(run: Run, tmp_path: Path) -> None:
    sysfs = ("--sysfs", frequencies(tmp_path / "sys", 1_800_000))
    bursts = run("litert", "", *sysfs).parsed().models[0].bursts
    assert all(set(each.khz_before.values()) == {1_800_000} for each in bursts)
    assert all(set(each.khz_after) == set(each.cpu) for each in bursts)
    assert bursts[0].khz is None
    each = run("litert", "", *sysfs, "--frequency", "sample").parsed().models[0].bursts[0]
    assert each.khz == (1_800_000,) * len(each.ns)
    off = run("litert", "", *sysfs, "--frequency", "off").parsed().models[0].bursts[0]
    assert (off.khz_before, off.khz_after) == ({}, {})


@pytest.mark.parametrize("content", ["", "<unknown>\n", "-5\n", "9" * 100])
def test_frequencies_that_make_no_sense_do_no_harm(run: Run, tmp_path: Path, content: str) -> None:
    for path in frequencies(tmp_path / "sys", 1).rglob("scaling_cur_freq"):
        path.write_text(content)
    done = run("litert", "", "--sysfs", tmp_path / "sys", "--frequency", "sample")
    assert done.status == 0
    assert done.parsed().models[0].bursts


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--nonsense", "1"],
        ["--model", "m"],
        ["--library", "l"],
        ["--library"],
        ["--library", "l", "--input", "i", "--model", "m"],
        ["--library", "l", "--model", "m", "--threads", "0"],
        ["--library", "l", "--model", "m", "--threads", "1e3"],
        ["--library", "l", "--model", "m", "--threads", "99999999999999999999"],
        ["--library", "l", "--model", "m", "--seed", "-1"],
        ["--library", "l", "--model", "m", "--min-time", "nan"],
        ["--library", "l", "--model", "m", "--min-time", "inf"],
        ["--library", "l", "--model", "m", "--cpus", "3-1"],
        ["--library", "l", "--model", "m", "--cpus", "1,"],
        ["--library", "l", "--model", "m", "--cpus", "99999"],
        ["--library", "l", "--model", "m", "--frequency", "always"],
        ["--library", "l", "--model", "m", "--outputs", ""],
        ["--library", "l", *["--model", "m"] * 17],
        [*["--library", "l"] * 17, "--model", "m"],
        ["--library", "l", "--model", "m", *["--input", "i"] * 17],
    ],
)
def test_wrong_use_is_status_2_and_writes_nothing(
    kit: Kit, tmp_path: Path, arguments: list[str]
) -> None:
    done = kit.run(tmp_path, *arguments)
    assert done.status == 2
    assert done.stderr.startswith("mixnet-runner: ")
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_option(kit: Kit, tmp_path: Path) -> None:
    done = subprocess.run(kit.command("--help"), capture_output=True, text=True, check=True)
    readme = (RUNNER / "README.md").read_text()
    options = {word for word in done.stdout.replace(",", " ").split() if word.startswith("--")}
    assert len(options) > 15
    assert [each for each in sorted(options) if each not in readme] == []


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("/nowhere/lib.so", "cannot open"),
        ("garbage.so", "cannot open"),
        ("libc.so.6", "no runtime known here"),
    ],
)
def test_a_library_that_is_none_is_told(kit: Kit, tmp_path: Path, library: str, words: str) -> None:
    (tmp_path / "garbage.so").write_bytes(b"\x7fELF" + b"\0" * 100)
    if library == "libc.so.6":
        library = next(line.split()[-1] for line in maps() if "libc.so.6" in line)
    done = kit.run(tmp_path, "--library", library, "--model", "m", *QUICK)
    assert done.status == 1
    assert words in done.parsed().errors[0]


def maps() -> list[str]:
    return Path("/proc/self/maps").read_text().splitlines()


def test_a_missing_model_is_told(kit: Kit, tmp_path: Path) -> None:
    done = kit.run(tmp_path, "--library", kit.library("litert"), "--model", "nothing.tflite")
    assert "cannot open nothing.tflite: No such file" in done.parsed().errors[0]


def test_a_result_that_cannot_be_written_is_status_4(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "result.jsonl").mkdir()
    assert kit.run(tmp_path, "--check", "--library", kit.library("litert")).status == 4


def test_what_is_no_file_is_not_replaced_by_a_result(run: Run, tmp_path: Path) -> None:
    """Run as root, ``-o /dev/null`` would otherwise make a file of it."""
    os.mkfifo(tmp_path / "result.jsonl")
    assert run("litert", "").status == 4
    assert (tmp_path / "result.jsonl").is_fifo()


def test_a_full_disk_is_status_4_and_no_result(kit: Kit, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            kit.command("--check", "--library", kit.library("litert")),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    assert done.returncode == 4
    assert b"cannot be written" in done.stderr


def test_an_old_result_is_gone_before_the_new_one_is_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "result.jsonl").write_text("old")
    assert isinstance(run("litert", "fail=load").parsed(), Result)


def start(kit: Kit, folder: Path, *arguments: str | Path) -> "subprocess.Popen[bytes]":
    (folder / "m.tflite").write_text("spin_ns=100000")
    command = kit.command(
        "--library", kit.library("litert"), "--model", "m.tflite", "--min-time", "600",
        "-o", "result.jsonl", "--burst-ms", "2", *arguments,
    )  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, env=environment())
    part = folder / "result.jsonl.part"
    deadline = time.monotonic() + 60
    while not part.exists() or '"burst"' not in part.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_tidily_with_what_it_has(
    kit: Kit, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(kit, tmp_path)
    process.send_signal(number)
    assert process.wait(60) == 3
    result = parse((tmp_path / "result.jsonl").read_text())
    assert result.end is not None
    assert result.end.reason == "signal"
    assert result.models[0].samples_ms


def test_a_stop_file_ends_it_tidily(kit: Kit, tmp_path: Path) -> None:
    process = start(kit, tmp_path, "--stop-file", "stop")
    (tmp_path / "stop").touch()
    assert process.wait(60) == 3
    assert parse((tmp_path / "result.jsonl").read_text()).end is not None


def test_it_ends_by_itself_when_its_time_is_over(run: Run) -> None:
    done = run("litert", "spin_ns=100000", "--max-time", "0.3", "--min-time", "600")
    assert done.status == 3
    end = done.parsed().end
    assert end is not None
    assert end.reason == "max-time"


def test_what_a_killed_runner_measured_is_not_lost(kit: Kit, tmp_path: Path) -> None:
    process = start(kit, tmp_path)
    process.kill()
    process.wait(60)
    assert not (tmp_path / "result.jsonl").exists()
    result = salvage((tmp_path / "result.jsonl.part").read_text())
    assert result.end is None
    assert result.models[0].samples_ms


def test_progress_is_told_while_it_runs_and_at_the_end(run: Run, tmp_path: Path) -> None:
    run("litert", "", "--progress", tmp_path / "progress.jsonl")
    text = (tmp_path / "progress.jsonl").read_text()
    found = parse_progress(text)
    assert found is not None
    assert (found.done, found.stage) == (1, "end")
    assert json.loads(text.splitlines()[0])["stage"] == "loading"


def test_without_a_file_the_lines_go_to_stdout_alone(kit: Kit) -> None:
    done = subprocess.run(
        kit.command("--check", "--library", kit.library("litert")),
        capture_output=True,
        check=True,
        env=environment(),
    )
    assert parse(done.stdout.decode()).libraries[0].api == "litert"


def test_its_own_time_per_inference_is_below_two_microseconds(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.tflite").write_text("")
    limits = ("--min-time", "0", "--min-count", "40000", "--burst-ms", "100")
    library = ("--library", kit.library("litert"))
    done = kit.run(tmp_path, *library, "--model", tmp_path / "m.tflite", *limits)
    bursts = done.parsed().models[0].bursts
    # The best burst's time from the first start to the last, an inference: all that the runner
    # adds, between the readings of the clock and around them.
    whole = min((b.t_ns[-1] - b.t_ns[0]) / (len(b.t_ns) - 1) for b in bursts if len(b.t_ns) > 100)
    between = float(np.median([ns for b in bursts for ns in b.ns]))
    with capsys.disabled():
        print(f"\n{kit.folder.name}: {between:.0f} ns between readings, {whole:.0f} ns in all")
    assert between < 2000
    assert whole < (2000 if "plain" in kit.folder.name else 10_000)
