"""Directories that cannot be written and disks that fill up: a message, and no half file."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_export.cli import main

FORMATS = ["tflite", "onnx"]

WIDE = """
title = "5 MB in few layers"
source = "a test"
resolution = 32
classes = 300
stem = { channels = 8 }
stages = [{ out = 8, kernels = [3, 5], stride = 8 }]
head = { channels = 4096 }
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Exports a network that fills a small disk: format, options."""
    network = tmp_path_factory.mktemp("network") / "wide.toml"
    network.write_text(WIDE)

    def invoke(form: str, *arguments: object) -> Result:
        return CliRunner().invoke(main, [form, str(network), *map(str, arguments)])

    return invoke


def failed(result: Result, *words: str, status: int = 1) -> None:
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    for word in words:
        assert word in result.stderr
    assert "hint: " in result.stderr
    assert result.stdout == ""


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB; needs Linux and the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux mounts a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("form", FORMATS)
def test_a_disk_that_is_too_small_is_named_and_stays_empty(
    run: Run, form: str, small_disk: Path
) -> None:
    failed(run(form, "-o", small_disk), f"wide.{form}", "No space left")

    assert everything_in(small_disk) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_disk_that_fills_up_at_any_file_leaves_nothing(
    run: Run, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model fits, the file beside it does not."""
    sync, calls = os.fsync, []

    def full_at_the_second(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    failed(run(form, "--no-verify", "-o", tmp_path), f"wide.{form}.json", "No space")

    assert len(calls) == 2
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_keeps_the_older_export(
    run: Run, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"wide.{form}").write_bytes(b"older")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    failed(run(form, "--no-verify", "-o", tmp_path), "No space left")

    assert everything_in(tmp_path) == [f"wide.{form}"]
    assert (tmp_path / f"wide.{form}").read_bytes() == b"older"


@pytest.mark.parametrize(
    "form",
    ["tflite", "onnx"],
)
def test_a_full_disk_for_temporary_files_is_named_too(
    run: Run,
    form: str,
    tmp_path: Path,
    small_disk: Path,
    temporary_at: Any,
) -> None:
    temporary_at(small_disk)
    failed(run(form, "-o", tmp_path / "out"), "temporary", "No space left")

    assert not (tmp_path / "out").exists()
    assert everything_in(small_disk) == []


@pytest.fixture
def temporary_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    def move(place: Path) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(place))

    return move


@pytest.mark.parametrize("form", FORMATS)
def test_a_directory_that_may_not_be_written_is_named(
    run: Run, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by the system where it refuses anyone; root is let through, so it is played."""
    place = tmp_path / "locked"
    place.mkdir()
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        place.chmod(0o500)
    else:
        make = tempfile.mkstemp

        def refused(*arguments: Any, **options: Any) -> Any:
            if options.get("dir") == place:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return make(*arguments, **options)

        monkeypatch.setattr(tempfile, "mkstemp", refused)
    try:
        failed(run(form, "--no-verify", "-o", place), "locked", "Permission denied")
    finally:
        place.chmod(0o700)
    assert everything_in(place) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_where_the_directory_should_be_is_refused_at_once(
    run: Run, form: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("mine")
    result = run(form, "-o", tmp_path / "taken")

    assert result.exit_code == 2
    assert "taken" in result.stderr
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("form", FORMATS)
def test_a_directory_where_the_file_should_be_is_named(run: Run, form: str, tmp_path: Path) -> None:
    (tmp_path / f"wide.{form}").mkdir()
    failed(run(form, "--no-verify", "-o", tmp_path), f"wide.{form}", status=2)

    assert everything_in(tmp_path) == [f"wide.{form}"]
