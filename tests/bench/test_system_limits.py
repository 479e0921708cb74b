"""Commands that the system gives too little: memory, files, threads, room, a directory.

Each ends with a success, or with one error in words, exit status 1 or 2 and no half file. Limits
are set in the child alone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from quick import quick_first

if os.name == "nt":
    pytest.skip("Windows has no such limits", allow_module_level=True)

import resource

SMALL = ("mobilenet-v1", "--multiplier", "0.25", "--resolution", "32", "--classes", "4")
QUICK = ("--launches", "2", "--min-time", "0.01", "--min-count", "2", "--warmup", "1")
NOBODY = 64999
MB = 1000 * 1024
"""As ``ulimit -v`` counts: 150000 is 150 of them."""

COMMANDS = {
    "count network": ("mixnet_bench", "count", "mixnet-s"),
    "count tflite": ("mixnet_bench", "count", "{models}/small.tflite"),
    "count onnx": ("mixnet_bench", "count", "{models}/small.onnx"),
    "latency tflite": (
        *("mixnet_bench", "latency", "{models}/small.tflite", *QUICK),
        *("--profile", "-o", "{out}/o.json"),
    ),
    "latency onnx": (
        "mixnet_bench",
        "latency",
        "{models}/small.onnx",
        *QUICK,
        "-o",
        "{out}/o.json",
    ),
    "parity": (
        *("mixnet_bench", "parity", "{models}/small.tflite", "{models}/small.onnx"),
        *("--data", "{models}/images", "--unlabelled", "-o", "{out}/o.json"),
    ),
    "export tflite": ("mixnet_export", "tflite", *SMALL, "-o", "{out}"),
    "export onnx": ("mixnet_export", "onnx", *SMALL, "-o", "{out}"),
    "export int8": ("mixnet_export", "tflite", *SMALL, "-o", "{out}", "--precision", "int8"),
}


def each(*quick: str) -> list[Any]:
    """Every command as a parameter; those not named are left to the long tests."""
    return quick_first(COMMANDS, quick)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network in both formats, and four images."""
    folder = tmp_path_factory.mktemp("models")
    for form in ("tflite", "onnx"):
        command = [sys.executable, "-m", "mixnet_export", form, *SMALL, "-o", folder, "--no-verify"]
        subprocess.run(command, check=True, capture_output=True)
        (folder / f"mobilenet-v1-x0.25.{form}").rename(folder / f"small.{form}")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for index in range(4):
        pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
    return folder


def run(
    name: str,
    models: Path,
    out: Path,
    limit: Callable[[], None] | None = None,
    before: tuple[str, ...] = (),
    **environment: str,
) -> "subprocess.CompletedProcess[str]":
    """Run a command of the table under a limit, and check how it ended."""
    out.mkdir(exist_ok=True)
    command = [each.format(models=models, out=out) for each in COMMANDS[name]]
    done = subprocess.run(
        [*before, sys.executable, "-m", *command],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
        env={**os.environ, "MIXNET_HOME": str(out), **environment},
    )
    check(done, out)
    return done


def check(done: "subprocess.CompletedProcess[str]", out: Path) -> None:
    """A success with whole files, or an error in words without any."""
    lines = done.stderr.splitlines()
    assert done.returncode in (0, 1, 2), (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    assert len(lines) <= 16, done.stderr
    if done.returncode:
        assert lines[-1].startswith(("error: ", "  hint: ")), done.stderr
        assert sum(line.startswith("error: ") for line in lines) == 1, done.stderr
        assert [each.name for each in out.iterdir() if each.name != "fill"] == []
        return
    for path in out.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    assert [each.name for each in out.iterdir() if each.name.startswith(".")] == []


def memory(megabytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * MB, megabytes * MB))


def files(count: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def file_size(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


MEMORIES = (150, 175, 190, 200, 225, 250, 275, 300)
SOME = (("count tflite", 150), ("latency onnx", 300), ("parity", 225), ("export tflite", 200))


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        pytest.param(*both, marks=() if both in SOME else pytest.mark.long)
        for both in product(COMMANDS, MEMORIES)
    ],
)
def test_a_command_with_little_memory_ends_in_words(
    name: str, megabytes: int, models: Path, tmp_path: Path
) -> None:
    run(name, models, tmp_path / "out", memory(megabytes))


def test_too_little_memory_for_libraries_is_told_as_that(models: Path, tmp_path: Path) -> None:
    done = run("export onnx", models, tmp_path / "out", memory(130))

    assert done.returncode == 1
    assert "memory" in done.stderr.splitlines()[-2] + done.stderr.splitlines()[-1]
    assert "ulimit -v" in done.stderr


def test_enough_memory_that_is_limited_changes_nothing(models: Path, tmp_path: Path) -> None:
    free = run("count network", models, tmp_path / "free")
    limited = run("count network", models, tmp_path / "out", memory(4000))

    assert limited.returncode == free.returncode == 0
    assert (limited.stdout, limited.stderr) == (free.stdout, free.stderr)


@pytest.mark.parametrize("name", each("latency tflite"))
def test_a_command_with_few_open_files_ends_in_words(
    name: str, models: Path, tmp_path: Path
) -> None:
    done = run(name, models, tmp_path / "out", files(8))

    if done.returncode:
        assert "error: too many open files" in done.stderr
        assert "ulimit -n" in done.stderr


@pytest.mark.parametrize("name", each("export tflite"))
def test_a_command_that_may_only_write_small_files_ends_in_words(
    name: str, models: Path, tmp_path: Path
) -> None:
    done = run(name, models, tmp_path / "out", file_size(4096))

    assert done.returncode == 0 or "File too large" in done.stderr
    if name.startswith("export"):
        assert done.returncode == 1


def few_processes(count: int) -> tuple[str, ...]:
    """What to put before a command. Root is exempt, so there it runs as a user without processes.

    That user keeps root's right to read and write, which the tests' files need.
    """
    setpriv, prlimit = shutil.which("setpriv"), shutil.which("prlimit")
    if prlimit is None or (os.geteuid() == 0 and setpriv is None):
        pytest.skip("needs prlimit, and for root setpriv (util-linux), to limit processes")
    limit = (prlimit, f"--nproc={count}")
    if os.geteuid() != 0:
        return limit
    rights = "+dac_override,+dac_read_search"
    return (
        *(setpriv or "", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *(f"--inh-caps={rights}", f"--ambient-caps={rights}"),
        *("--bounding-set=-sys_admin,-sys_resource", *limit),
    )


@pytest.mark.parametrize("name", ["count network", "latency tflite", "parity"])
def test_a_command_that_may_start_no_thread_says_so(
    name: str, models: Path, tmp_path: Path
) -> None:
    done = run(name, models, tmp_path / "out", before=few_processes(1))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith("error: the system refuses to start another thread or process")
    assert "ulimit -u" in done.stderr


@pytest.fixture(scope="module")
def for_anyone(models: Path) -> Iterator[Path]:
    """A folder with a copy of the models, in which any user may look: pytest's own is root's.

    Click asks the system (``os.access``), which knows nothing of a user's special rights then.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copytree(models, Path(folder) / "models")
        os.chmod(Path(folder) / "models", 0o755)
        yield Path(folder)


@pytest.mark.parametrize(
    "count", [4, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3, 5, 8))]
)
@pytest.mark.parametrize("name", each("latency tflite"))
def test_a_command_that_may_start_few_threads_ends_in_words(
    name: str, count: int, for_anyone: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without processes, whose few are counted")
    out = for_anyone / f"{name}-{count}"
    done = run(name, for_anyone / "models", out, before=few_processes(count))

    assert done.returncode == 0 or "ulimit -u" in done.stderr


@pytest.fixture
def full(tmp_path: Path) -> tuple[tuple[str, ...], Path]:
    """What to put before a command for which a folder is a full disk, and that folder."""
    folder = tmp_path / "full"
    folder.mkdir()
    script = (
        'mount -t tmpfs -o size=64k none "$1" && head -c 60k /dev/zero > "$1/fill" && shift'
        ' && "$@"; status=$?; cp -a "$0/." "$0-after"; exit $status'
    )
    before = ("unshare", "-m", "sh", "-c", script, str(folder), str(folder))
    probe = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0"', str(folder))
    try:
        subprocess.run(probe, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs root and unshare (util-linux), to mount a small disk")
    return before, folder


@pytest.mark.parametrize("name", each("export onnx"))
def test_a_command_on_a_full_disk_ends_in_words(
    name: str, models: Path, full: tuple[tuple[str, ...], Path]
) -> None:
    before, folder = full
    done = run(name, models, folder, before=before)
    after = folder.with_name(f"{folder.name}-after")

    assert [each.name for each in after.iterdir() if each.name.startswith(".")] == []
    if name.startswith("export"):
        assert done.returncode == 1
        assert [each.name for each in after.iterdir()] == ["fill"]
    assert done.returncode == 0 or "No space left on device" in done.stderr


@pytest.mark.parametrize("name", each("export onnx"))
def test_a_command_without_room_for_temporary_files_ends_in_words(
    name: str, models: Path, tmp_path: Path, full: tuple[tuple[str, ...], Path]
) -> None:
    before, folder = full
    done = run(name, models, tmp_path / "out", before=before, TMPDIR=str(folder))

    assert done.returncode == 0 or "TMPDIR" in done.stderr


@pytest.mark.parametrize("name", each("count onnx"))
def test_a_command_whose_directory_is_gone_ends_in_words(
    name: str, models: Path, tmp_path: Path
) -> None:
    script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    gone = ("sh", "-c", script, str(tmp_path / "gone"))
    assert run(name, models, tmp_path / "out", before=gone).returncode == 0


def test_a_relative_path_in_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    command = (sys.executable, "-m", "mixnet_export", "tflite", *SMALL, "-o", "here")
    done = subprocess.run(
        ["sh", "-c", script, str(tmp_path / "gone"), *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check(done, tmp_path)
    assert "the current directory no longer exists" in done.stderr
