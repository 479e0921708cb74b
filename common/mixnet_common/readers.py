"""Reads files that a user names, with bounds: text, JSON and TOML, and whole files of bytes.

Only regular files are opened: a FIFO would block, a link to ``/dev/zero`` would fill the memory.
Sizes are bounded, for JSON and TOML also depth and the length of numbers; NaN and infinities are
refused. Errors of all readers have the same wording; the meaning of a file is defined elsewhere.
"""

import errno
import json
import math
import os
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

from mixnet_common.errors import UsageError
from mixnet_common.printable import printable

TEXT_BYTES = 64 << 20
"""Bound on a text: a result with a million samples has a third of it."""

TOML_BYTES = 2 << 20
"""Bound on a TOML text, which is written by hand or for a network of at most 10,000 blocks."""

FILE_BYTES = 4 << 30
"""Bound on any other file; a FlatBuffer or a protobuf ends at 2 GiB."""

PROC_BYTES = 1 << 16
"""Bytes read at once of a file under /proc, whose size the system does not report."""

DEPTH = 100
"""Bound on nesting in JSON and TOML."""

DIGITS = 40
"""Bound on the digits of a whole number."""

OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO without a writer answers at once
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


_NO_ROOM = frozenset((errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", -1)))
"""Errors that no reading has, so they are of what is written inside the block."""


@contextmanager
def opened(path: Path, hint: str = "", *, limit: int = FILE_BYTES) -> Iterator[BufferedReader]:
    """A regular file of at most ``limit`` bytes, open for reading. Raises UsageError for others.

    Errors of the system inside the block become UsageErrors as well.
    """
    try:
        handle = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UsageError(cannot_read(path, error), hint) from error
    try:
        _check_regular(path, handle, hint)
        size = os.fstat(handle).st_size
        if size > limit:
            _refuse_size(path, f"{size:,}", limit, hint)
        with os.fdopen(handle, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
        raise UsageError(cannot_read(path, error), hint) from error
    finally:
        os.close(handle)


def check_readable(path: Path, hint: str = "") -> None:
    """Raise UsageError unless this is a regular file that can be opened.

    For files that a library is going to open by their paths.
    """
    with opened(path, hint):
        pass


def is_file(path: Path) -> bool:
    """Whether a regular file is there; False too for a path that the system refuses as such."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, a NUL
        return False


def missing_file(path: Path) -> UsageError:
    """The message if ``is_file`` is False."""
    there = False
    with suppress(OSError, ValueError):
        there = path.exists()
    return UsageError(f"{show(path)} is not a file" if there else f"no file {show(path)}")


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False too for a path that the system refuses as such."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, *, limit: int = FILE_BYTES, hint: str = "") -> bytes:
    """All bytes of a regular file of at most ``limit`` bytes. Raises UsageError."""
    with opened(path, hint, limit=limit) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(max(size, PROC_BYTES), limit) + 1)  # which is allocated, if not filled
        while len(data) <= limit and (more := file.read(PROC_BYTES)):
            data += more
    if len(data) > limit:  # of the files under /proc the system reports no size
        _refuse_size(path, f"over {limit:,}", limit, hint)
    return data


def read_text(path: Path, hint: str = "", *, limit: int = TEXT_BYTES) -> str:
    """The text of a UTF-8 file, without a byte order mark. Raises UsageError, with the hint."""
    try:
        return read_bytes(path, limit=limit, hint=hint).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {show(path)}: it is not UTF-8 text", hint) from error


def read_json(path: Path, hint: str = "", *, limit: int = TEXT_BYTES) -> Any:
    """The content of a JSON file, within the bounds of this module. Raises UsageError."""
    return parse_json(read_text(path, hint, limit=limit), show(path), hint)


def parse_json(text: str | bytes, where: str, hint: str = "") -> Any:
    """The content of a JSON text, within the bounds of this module.

    Raises UsageError that begins with ``where``.
    """
    try:
        content = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=_real_number,
            parse_constant=_constant,
        )
        check_depth(content)
    except RecursionError as error:
        raise UsageError(f"{where} is not valid JSON: {_TOO_DEEP}", hint) from error
    except ValueError as error:
        raise UsageError(f"{where} is not valid JSON: {printable(str(error))}", hint) from error
    return content


def read_toml(path: Path, hint: str = "", *, limit: int = TOML_BYTES) -> dict[str, Any]:
    """The table in a TOML file, within the bounds of this module. Raises UsageError."""
    return parse_toml(read_text(path, hint, limit=limit), show(path), hint)


def parse_toml(text: str, where: str, hint: str = "") -> dict[str, Any]:
    """The table in a TOML text, within the bounds of this module.

    Raises UsageError that begins with ``where``.
    """
    try:
        table = tomllib.loads(text, parse_float=_real_number)
        check_depth(table)
        _check_whole_numbers(table)
    except RecursionError as error:
        raise UsageError(f"{where} is not valid TOML: {_TOO_DEEP}", hint) from error
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of 4,300 digits
        raise UsageError(f"{where} is not valid TOML: {printable(str(error))}", hint) from error
    return table


def check_depth(content: Any) -> None:
    """Raise ValueError if lists and tables are nested deeper than ``DEPTH``."""
    level, pending = 0, [content]
    while pending:
        level += 1
        if level > DEPTH + 1:
            raise ValueError(_TOO_DEEP)
        pending = [inner for each in pending for inner in _inner(each)]


def cannot_read(path: Path, error: Exception) -> str:
    """The message for a file that the system does not allow to read."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot read {show(path)}: {reason or error}"


def show(path: Path | str) -> str:
    """A path as it may be printed."""
    return printable(str(path))


_TOO_DEEP = f"it is nested more than {DEPTH} levels deep"


def _check_regular(path: Path, handle: int, hint: str) -> None:
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise UsageError(f"cannot read {show(path)}: it is {kind}", hint)


def _refuse_size(path: Path, size: str, limit: int, hint: str) -> NoReturn:
    raise UsageError(f"cannot read {show(path)}: {size} bytes, and the limit is {limit:,}", hint)


def _inner(content: Any) -> list[Any]:
    """The lists and tables in one of the two; empty for anything else."""
    if isinstance(content, dict):
        content = list(content.values())
    if not isinstance(content, list):
        return []
    return [each for each in content if isinstance(each, dict | list)]


def _whole_number(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _real_number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:DIGITS]} is not a finite number")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


def _check_whole_numbers(table: dict[str, Any]) -> None:
    """tomllib has no hook for them."""
    pending: list[Any] = [table]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif isinstance(each, int) and abs(each) >= 10**DIGITS:
            raise ValueError(f"a whole number of more than {DIGITS} digits")
