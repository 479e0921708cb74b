"""Which outputs a command may write: never its inputs, nor anything but regular files.

Every command lists its inputs before its work, and an output that would replace one of them is
refused. A symbolic link is followed to its target.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mixnet_common.errors import UsageError
from mixnet_common.files import check_writable, replaceable
from mixnet_common.readers import show


def check_output(
    path: Path, inputs: Iterable[Path | None] = (), *, option: str = "-o", like: str = "out.json"
) -> None:
    """Raise unless a file can be written at ``path`` and replaces nothing that matters.

    ``inputs`` are all files and folders that the command reads, and others that it writes; a
    folder stands for every file that is inside it now. None among them is passed over. ``like`` is
    a file name of the command's own type, for the hint. Leaves nothing behind and makes no
    directory.
    """
    check_outputs((path,), inputs, option=option, like=like)


def check_outputs(
    paths: Iterable[Path],
    inputs: Iterable[Path | None] = (),
    *,
    option: str = "-o",
    like: str = "out.json",
) -> None:
    """The same for several files, of which none may be another either."""
    hint = f"use another, such as {like}"
    read, written = _Files(each for each in inputs if each is not None), _Files(())
    for path in paths:
        check_writable(_checked(path, option, hint), option)
        for known, what in ((read, "an input"), (written, "another output")):
            if (found := known.replaced_by(path)) is not None:
                raise UsageError(f"{option} {show(path)} would replace {show(found)}, {what}", hint)
        written.add(path)


def check_folder(path: Path, *, option: str = "-o", like: str = "out/") -> None:
    """Raise unless files can be written into the folder ``path``, which need not be there yet."""
    hint = f"use another folder, such as {like}"
    try:
        if os.path.lexists(path) and not path.is_dir():
            raise UsageError(f"{option} {show(path)} is not a folder", hint)
    except (OSError, ValueError) as error:
        raise UsageError(_cannot_write(path, option, error), hint) from error
    check_writable(path / "file", option)


def named_files(*names: str | Path | None) -> list[Path]:
    """Those that are files, of what may be a name that this software knows, or a file's path."""
    paths = (Path(name) for name in names if name)
    return [path for path in paths if _status(path) is not None]


def _checked(path: Path, option: str, hint: str) -> Path:
    """The output path, at which there is nothing, a regular file, or a link to one of the two."""
    try:
        return replaceable(path)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL; links in a circle
        raise UsageError(_cannot_write(path, option, error), hint) from error


def _cannot_write(path: Path, option: str, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{option} {show(path)} cannot be written: {reason}"


class _Files:
    """Files and folders, found again under any of their names."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_identity: dict[tuple[int, int], Path] = {}
        self._by_path: dict[Path | None, Path] = {}
        self._folders: dict[Path | None, Path] = {}
        for path in paths:
            self.add(path)

    def add(self, path: Path) -> None:
        """Take in a file or a folder, or what is to become a file."""
        status = _status(path)
        if status is None:
            self._by_path.setdefault(_resolved(path), path)
        elif stat.S_ISDIR(status.st_mode):
            self._folders.setdefault(_resolved(path), path)
        else:
            self._by_identity.setdefault((status.st_dev, status.st_ino), path)

    def replaced_by(self, path: Path) -> Path | None:
        """The file that writing ``path`` would replace, or its folder."""
        status, resolved = _status(path), _resolved(path)
        if status is None:
            return self._by_path.get(resolved)
        folders = () if resolved is None else resolved.parents
        inside = next((self._folders[each] for each in folders if each in self._folders), None)
        return self._by_identity.get((status.st_dev, status.st_ino), inside)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return None
