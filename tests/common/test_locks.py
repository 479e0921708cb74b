"""One process at a time in a folder, whatever became of the one before."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mixnet_common import MixnetError
from mixnet_common.locks import NAME, locked, take

HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom mixnet_common.locks import locked\n"
    "with locked(Path(sys.argv[1]), ''):\n    print('held', flush=True)\n    time.sleep(60)"
)


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]", number: int) -> None:
    process.send_signal(number)
    process.communicate(timeout=30)


def test_a_folder_is_held_once_and_said_by_whom(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "campaign"
    process = hold(folder)
    with pytest.raises(MixnetError) as caught, locked(folder, "wait for it"):
        pass
    end(process, signal.SIGKILL)

    message = caught.value.message
    assert message.startswith(
        f"{folder} is in use by process {process.pid} on {socket.gethostname()}, since 2"
    )
    assert caught.value.hint == "wait for it"


@pytest.mark.skipif(os.name == "nt", reason="Windows has one way to end a process")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_folder_is_free_once_its_process_is_gone(tmp_path: Path, number: int) -> None:
    end(hold(tmp_path), number)
    assert (tmp_path / NAME).exists() == (number == signal.SIGKILL)

    with locked(tmp_path, ""):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_an_error_gives_a_folder_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path, ""):
        raise ZeroDivisionError
    with locked(tmp_path, ""):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "\x1b[2J", "9" * 10_000])
def test_a_holder_that_does_not_say_who_it_is_is_another_process(
    tmp_path: Path, content: str
) -> None:
    process = hold(tmp_path)
    (tmp_path / NAME).write_text(content)
    with pytest.raises(MixnetError, match=r"is in use by another process$"), locked(tmp_path, ""):
        pass
    end(process, signal.SIGKILL)


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_what_is_no_lock_is_neither_opened_nor_removed(tmp_path: Path, kind: str) -> None:
    (tmp_path / "precious").write_text("x")
    path = tmp_path / NAME
    {
        "fifo": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to("precious"),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(MixnetError, match="cannot lock"), locked(tmp_path, ""):
        pass
    assert os.path.lexists(path)
    assert (tmp_path / "precious").read_text() == "x"


@pytest.mark.skipif(os.name == "nt", reason="there other calls lock")
def test_a_disk_without_locks_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path, ""):
        pass
    assert "cannot be locked (Operation not supported)" in capsys.readouterr().err


def test_an_open_file_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with path.open("wb") as first, path.open("r+b") as second:
        assert take(path, first.fileno())
        assert not take(path, second.fileno())
    with path.open("r+b") as third:
        assert take(path, third.fileno())
