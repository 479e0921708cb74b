"""Where a command may write: never in the place of what it reads, nor of what is no plain file.

Every command names all that it reads, before its work, and is refused an output that would replace
any of it. A symbolic link is followed: what counts is the file that it leads to.
"""

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
    hint = f"name another file, like {like}"
    _check_kind(path, option, hint)
    for each in inputs:
        if each is not None and _would_replace(path, each):
            raise UsageError(f"{option} {show(path)} would replace {show(each)}, an input", hint)
    check_writable(path)


def _check_kind(path: Path, option: str, hint: str) -> None:
    """Nothing is there, or a regular file, or a link that leads to one of the two."""
    try:
        replaceable(path)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL; links in a circle
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{option} {show(path)} cannot be written: {reason}", hint) from error


def _would_replace(path: Path, read: Path) -> bool:
    """Whether writing ``path`` replaces the file ``read``, or one inside the folder ``read``."""
    try:
        target, source = path.resolve(), read.resolve()
        if read.is_dir():
            return target.exists() and source in target.parents
        return target == source or (path.exists() and read.exists() and path.samefile(read))
    except (OSError, ValueError, RuntimeError):
        return False
