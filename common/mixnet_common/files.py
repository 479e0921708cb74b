"""Output files that are whole or absent.

A file is written under a temporary name in its own directory and renamed when all of it is on the
disk, so that a full disk, a crash or a second process never leaves a partial file. Only a regular
file is ever replaced; a symbolic link is followed to its target.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mixnet_common.errors import MixnetError


def write_whole(path: Path, content: bytes | str) -> None:
    """Write one file, whole or not at all. Raises MixnetError if the disk refuses."""
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes | str]) -> None:
    """Write several files that belong together: none appears before all are on the disk.

    Missing directories are made. Raises MixnetError, naming the file, where the disk refuses.
    """
    written: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            target = replaceable(path)  # or the rename would fail, after others have succeeded
            target.parent.mkdir(parents=True, exist_ok=True)
            written[target] = _write_temporary(target, content)
        for path, temporary in written.items():
            os.replace(temporary, path)
    except OSError as error:
        raise MixnetError(
            f"cannot write {path}: {error.strerror or error}",
            "no partial file was left; choose another directory or free some space, and run the"
            " command again",
        ) from error
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def replaceable(path: Path) -> Path:
    """The file that writing ``path`` replaces: for a symbolic link, its target.

    Raises OSError if something is there that is not a regular file: a directory, a device, a
    FIFO.
    """
    target = path.resolve() if path.is_symlink() else path
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "it is not a regular file")
    return target


def check_writable(path: Path, option: str = "-o") -> None:
    """Raise MixnetError unless a file can be written at ``path``, before the work for it is done.

    Leaves nothing behind and makes no directory.
    """
    try:
        directory = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise MixnetError(
            f"cannot write {path}: {error.strerror or error}", f"choose another file for {option}"
        ) from error


def _write_temporary(path: Path, content: bytes | str) -> Path:
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
