"""What would make the runner wait forever: it ends in time, with a whole result that says why."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from runner_kit import QUICK, Done, Kit, Run, compiler, environment

from mixnet_android.runner.protocol import parse_progress

pytestmark = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER FOR LINUX HERE: the native runner is not tested"
)

SOON = 20.0
"""Seconds within which even a busy machine sees an end that is due after one or two."""


def check_failed(done: Done, *words: str) -> None:
    result = done.parsed()
    assert done.status == 1, done.stderr
    assert result.end is not None
    assert (result.end.status, result.end.reason) == (1, "failed")
    (message,) = result.errors
    for each in words:
        assert each in message
    assert message in done.stderr
    assert not done.result.with_name("result.jsonl.part").exists()


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_a_fifo_as_library_is_refused(kit: Kit, tmp_path: Path) -> None:
    pipe = fifo(tmp_path / "lib.so")
    done = kit.run(tmp_path, "--library", pipe, "--model", "m", timeout_s=SOON)
    check_failed(done, "lib.so is not a regular file")


def test_a_fifo_as_model_is_refused(kit: Kit, tmp_path: Path) -> None:
    model = fifo(tmp_path / "m.tflite")
    library = kit.library("litert")
    done = kit.run(tmp_path, "--library", library, "--model", model, timeout_s=SOON)
    check_failed(done, "m.tflite is not a regular file")


@pytest.mark.parametrize("path", ["pipe", "/dev/zero", "."])
def test_an_input_that_is_no_file_is_refused(run: Run, tmp_path: Path, path: str) -> None:
    fifo(tmp_path / "pipe")
    given = tmp_path / path
    check_failed(run("litert", "", "--input", given), f"{given} is not a regular file")


def test_an_output_that_is_a_fifo_is_refused(run: Run, tmp_path: Path) -> None:
    fifo(tmp_path / "model0-output0.bin")
    done = run("litert", "", "--outputs", tmp_path)
    check_failed(done, "model0-output0.bin is not a regular file")


def test_a_fifo_in_the_place_of_the_growing_result_is_status_4(run: Run, tmp_path: Path) -> None:
    fifo(tmp_path / "result.jsonl.part")
    assert run("litert", "").status == 4


def test_progress_into_a_fifo_waits_for_no_reader(run: Run, tmp_path: Path) -> None:
    pipe = fifo(tmp_path / "progress")
    assert run("litert", "", "--progress", pipe).status == 0
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("litert", "", "--progress", pipe).status == 0
        told = parse_progress(os.read(reader, 65536).decode())
    finally:
        os.close(reader)
    assert told is not None
    assert told.stage == "end"


def test_a_fifo_in_the_place_of_a_frequency_is_no_frequency(run: Run, tmp_path: Path) -> None:
    for cpu in os.sched_getaffinity(0):
        folder = tmp_path / "devices/system/cpu" / f"cpu{cpu}" / "cpufreq"
        folder.mkdir(parents=True)
        fifo(folder / "scaling_cur_freq")
    done = run("litert", "", "--sysfs", tmp_path)
    assert done.status == 0
    assert {tuple(each.khz_after) for each in done.parsed().models[0].bursts} == {()}


def test_a_library_that_hangs_while_it_is_loaded_ends_when_its_time_is_over(
    kit: Kit, tmp_path: Path
) -> None:
    started = time.monotonic()
    done = kit.run(
        tmp_path, "--check", "--library", kit.library("litert"),
        "--library", kit.library("hanging"), "--max-time", "0.5", timeout_s=SOON,
    )  # fmt: skip
    assert time.monotonic() - started > 0.5
    check_failed(done, "libhanging.so was still being loaded when --max-time (0.5 s) was over")
    assert [each.api for each in done.parsed().libraries] == ["litert"]


def test_without_a_file_the_last_lines_go_to_stdout(kit: Kit) -> None:
    done = subprocess.run(
        kit.command("--check", "--library", kit.library("hanging"), "--max-time", "0.2"),
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
        env=environment(),
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith('{"type": "end", "status": 1')


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("load", "model.tflite was still being loaded when --max-time (0.3 s) was over"),
        ("run", "model.tflite was still running 1 s after --max-time (0.3 s) was over"),
    ],
)
def test_a_model_that_hangs_ends_when_its_time_is_over(run: Run, step: str, words: str) -> None:
    done = run("tflite", f"hang={step}", "--max-time", "0.3")
    check_failed(done, words)


def test_a_result_is_whole_though_the_library_hangs_afterwards(run: Run) -> None:
    done = run("tflite", "hang=unload", "--max-time", "0.5")
    assert done.status == 0
    assert len(done.parsed().models[0].samples_ms) >= 20


def test_time_that_is_over_before_all_is_loaded_ends_tidily(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "slow.tflite").write_text("spin_ns=400000000")
    models = ("--model", tmp_path / "slow.tflite") * 3
    done = kit.run(
        tmp_path, "--library", kit.library("tflite"), *models, *QUICK,
        "--max-time", "0.2", "--outputs", tmp_path, "--profile", "1",
    )  # fmt: skip
    assert done.status == 3
    result = done.parsed()
    assert result.end is not None
    assert result.end.reason == "max-time"
    assert list(result.models) == [0]
