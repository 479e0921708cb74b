"""Files appear whole or not at all, whatever the disk does."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mixnet_common import MixnetError, write_whole
from mixnet_common.files import write_all

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for so many calls, then a full disk."""
    left = [calls]

    def limited(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        return function(*arguments, **options) if left[0] >= 0 else full_disk()

    return limited


@pytest.mark.parametrize(
    ("content", "stored"), [(b"\x00\r\n\xff", b"\x00\r\n\xff"), ("é\n", b"\xc3\xa9\n"), (b"", b"")]
)
def test_a_file_holds_exactly_what_was_written(
    tmp_path: Path, content: bytes | str, stored: bytes
) -> None:
    write_whole(tmp_path / "a", content)

    assert (tmp_path / "a").read_bytes() == stored
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_missing_directories_are_made(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "deeper" / "a", b"1")

    assert (tmp_path / "new" / "deeper" / "a").read_bytes() == b"1"


def test_a_relative_path_is_written_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole(Path("a"), b"1")

    assert (tmp_path / "a").read_bytes() == b"1"


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old and longer")
    write_whole(tmp_path / "a", b"new")

    assert (tmp_path / "a").read_bytes() == b"new"


@POSIX_ONLY
def test_a_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    write_whole(tmp_path / "whole", b"")

    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "ordinary").stat().st_mode
    )


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)

    with pytest.raises(MixnetError, match=r"cannot write .*model: No space left") as caught:
        write_whole(tmp_path / "model", b"x" * 1000)

    assert caught.value.exit_status == 1
    assert "free some space" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full_disk)

    with pytest.raises(MixnetError):
        write_whole(tmp_path / "model", b"new")

    assert (tmp_path / "model").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_of_several_files_none_appears_where_the_second_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", after(1, os.fsync))

    with pytest.raises(MixnetError, match=r"cannot write .*second"):
        write_all({tmp_path / "first": b"1", tmp_path / "second": b"2"})

    assert list(tmp_path.iterdir()) == []


def test_of_several_files_none_appears_where_the_second_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()

    with pytest.raises(MixnetError, match=r"cannot write .*second: Is a directory"):
        write_all({tmp_path / "first": b"1", tmp_path / "second": b"2"})

    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_several_files_appear_together(tmp_path: Path) -> None:
    write_all({tmp_path / "a": b"1", tmp_path / "there" / "b": "2"})

    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "there" / "b").read_bytes() == b"2"


@pytest.mark.parametrize("function", ["mkstemp", "fdopen"])
def test_a_disk_that_refuses_early_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    module = "tempfile" if function == "mkstemp" else "os"
    monkeypatch.setattr(f"mixnet_common.files.{module}.{function}", full_disk)

    with pytest.raises(MixnetError, match="No space left"):
        write_whole(tmp_path / "a", b"1")

    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", b"1")

    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_directory_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MixnetError, match=r"cannot write .*file.*a: "):
        write_whole(tmp_path / "file" / "a", b"1")


def test_a_directory_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(MixnetError, match=r"cannot write .*taken"):
        write_whole(tmp_path / "taken", b"1")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@POSIX_ONLY
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MixnetError, match=r"cannot write .*a: Permission denied"):
            write_whole(tmp_path / "a", b"1")
    finally:
        tmp_path.chmod(0o700)


def test_a_refused_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("mixnet_common.files.tempfile.mkstemp", refused)

    with pytest.raises(MixnetError, match=r"cannot write .*a: Permission denied"):
        write_whole(tmp_path / "a", b"1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own refusal, on a device that is always full."""
    temporary = tmp_path / "temporary"

    def on_the_full_device(**_: Any) -> tuple[int, str]:
        temporary.write_bytes(b"")
        return os.open("/dev/full", os.O_WRONLY), str(temporary)

    monkeypatch.setattr("mixnet_common.files.tempfile.mkstemp", on_the_full_device)

    with pytest.raises(MixnetError, match=r"cannot write .*model: No space left on device"):
        write_whole(tmp_path / "model", b"x" * 100_000)

    assert list(tmp_path.iterdir()) == []
