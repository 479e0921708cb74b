"""How the commands start: without tracebacks, also where memory is limited."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and limits are POSIX's")

Limit = tuple[str, int]


def start(tmp_path: Path, main: str, limit: Limit | None = None) -> "subprocess.Popen[str]":
    """Run ``mixnet_common.entry.start`` on a module with these lines; after "ready" it waits.

    ``limit`` is one of ``resource``'s, and how much it allows.
    """
    (tmp_path / "command.py").write_text(main, encoding="utf-8")

    def limited() -> None:
        import resource

        assert limit is not None
        resource.setrlimit(getattr(resource, limit[0]), (limit[1], limit[1]))

    return subprocess.Popen(
        [sys.executable, "-c", "from mixnet_common.entry import start; start('command')"],
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        preexec_fn=None if limit is None else limited,  # noqa: PLW1509 - it starts no thread
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


LIMITED = ("RLIMIT_AS", 1 << 30)

LIMITS = pytest.mark.parametrize("limit", [None, pytest.param(LIMITED, marks=POSIX)])
"""Without a limit of memory, and with one, for which a child does the work."""


@LIMITS
def test_a_commands_status_is_the_processs(tmp_path: Path, limit: Limit | None) -> None:
    process = start(tmp_path, "def main():\n    print('done')\n    raise SystemExit(3)", limit)

    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 3


@LIMITS
def test_a_module_that_cannot_be_imported_for_lack_of_memory_is_told(
    tmp_path: Path, limit: Limit | None
) -> None:
    process = start(tmp_path, "raise MemoryError", limit)

    assert process.communicate(timeout=60)[1].startswith("error: out of memory\n  hint: ")
    assert process.returncode == 1


@POSIX
def test_hashes_that_find_no_memory_are_told_as_that(tmp_path: Path) -> None:
    """Python's own module logs a traceback for each of them and goes on without."""
    logs = "import logging\nlogging.exception('code for hash sha256 was not found.')\n"
    (tmp_path / "hashlib.py").write_text(logs, encoding="utf-8")
    process = start(tmp_path, "raise ZeroDivisionError", LIMITED)

    assert process.communicate(timeout=60)[1].startswith("error: out of memory\n  hint: ")
    assert process.returncode == 1


@LIMITS
def test_a_bug_keeps_its_traceback(tmp_path: Path, limit: Limit | None) -> None:
    process = start(tmp_path, "def main(): raise ZeroDivisionError", limit)

    assert "ZeroDivisionError" in process.communicate(timeout=60)[1]
    assert process.returncode == 1


@POSIX
@LIMITS
def test_an_interrupt_while_modules_are_imported_ends_without_traceback(
    tmp_path: Path, limit: Limit | None
) -> None:
    process = start(tmp_path, "import time\nprint('ready', flush=True)\ntime.sleep(60)", limit)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


@POSIX
@pytest.mark.parametrize("module", ["mixnet_bench", "mixnet_export"])
def test_an_interrupt_at_any_time_of_a_start_leaves_no_traceback(module: str) -> None:
    command = [sys.executable, "-m", module, "--help"]
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - begun
    for share in (0.5, 0.7, 0.9):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(share * whole)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1]
        assert "mixnet_common" not in error
        assert "click" not in error


@POSIX
@pytest.mark.parametrize(
    "module", ["mixnet_bench", "mixnet_bench.cli", "mixnet_export", "mixnet_export.cli"]
)
def test_an_interrupt_during_the_first_imports_leaves_no_traceback(
    tmp_path: Path, module: str
) -> None:
    slow = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
    (tmp_path / "click.py").write_text(slow, encoding="utf-8")
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--help"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


@POSIX
@pytest.mark.parametrize(
    ("death", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", "Aborted (signal 6)"),
        ("os._exit(3)", "a library terminated it (exit status 3)"),
    ],
)
def test_a_command_that_a_library_ends_for_lack_of_memory_says_so(
    tmp_path: Path, death: str, how: str
) -> None:
    process = start(tmp_path, f"import os, signal\ndef main(): {death}", LIMITED)

    assert process.communicate(timeout=60)[1] == (
        f"error: the command died: {how}\n"
        "  hint: it may use 1,024 MB of memory, probably too little: raise the limit (ulimit -v)\n"
    )
    assert process.returncode == 1


@POSIX
def test_a_command_that_a_library_ends_for_lack_of_threads_says_so(tmp_path: Path) -> None:
    death = "import os, signal\ndef main(): os.kill(os.getpid(), signal.SIGSEGV)"
    process = start(tmp_path, death, ("RLIMIT_NPROC", 900))

    assert process.communicate(timeout=60)[1] == (
        "error: the command died: Segmentation fault (signal 11)\n"
        "  hint: it may start 900 processes and threads, probably too few: raise the limit"
        " (ulimit -u)\n"
    )
    assert process.returncode == 1


@POSIX
def test_a_terminated_command_unwinds_where_memory_is_limited(tmp_path: Path) -> None:
    main = (
        "import signal, sys, time\n"
        "def main():\n"
        "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "    try:\n        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n        print('unwound')\n"
    )
    process = start(tmp_path, main, LIMITED)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()

    assert process.communicate(timeout=60) == ("unwound\n", "")
    assert process.returncode == 143


@POSIX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has its kernel do it")
def test_no_command_goes_on_when_its_parent_is_killed(tmp_path: Path) -> None:
    main = "import os, time\ndef main():\n    print(os.getpid(), flush=True)\n    time.sleep(60)"
    process = start(tmp_path, main, LIMITED)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert child != process.pid
    process.kill()
    process.communicate(timeout=60)  # its pipes are closed once the child is gone too
