"""Messages for what the system refuses: memory, space, threads, processes, open files, a folder.

Pure functions from an exception, or from a native library's last output, to a MixnetError with a
message for users. Only errors that clearly come from the system are recognized; anything else is a
bug and is printed with its traceback.
"""

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mixnet_common.errors import MixnetError
from mixnet_common.printable import printable


@dataclass(frozen=True)
class Fault:
    """One thing that a system refuses, and what a user can do about it."""

    what: str
    """What happened; ``{}`` is replaced by the file's name."""
    hint: str
    unnamed: str = "a file"
    """Replacement for an unknown name."""
    decisive: bool = False
    """Whatever fails because of it fails for no other reason: a file that cannot be parsed for
    lack of memory is not broken."""


MEMORY = Fault(
    "out of memory",
    "close other programs, raise the limit (ulimit -v), or use fewer --jobs or --threads",
    decisive=True,
)
THREADS = Fault(
    "the system refuses to start another thread or process",
    "close other programs, or raise the limit on processes (ulimit -u) or on memory (ulimit -v)",
    decisive=True,
)
DESCRIPTORS = Fault(
    "too many open files", "raise the limit on open files (ulimit -n)", decisive=True
)
FILE_SIZE = Fault("cannot write {}", "raise the limit on files' sizes (ulimit -f)", "the output")
NO_ROOM = Fault("cannot write {}", "free some disk space, or choose another location", "the output")
READ_ONLY = Fault("cannot write {}", "choose another location", "the output")
NO_TEMPORARY = Fault(
    "temporary files cannot be written",
    "free some space there, or set TMPDIR to another directory",
    decisive=True,
)
BROKEN_DISK = Fault("cannot use {}", "the disk or connection failed; see the system log (dmesg)")
LONG_NAME = Fault("cannot use {}", "choose a shorter name")
NOT_ALLOWED = Fault("cannot use {}", "change its permissions, or choose another")
NO_FOLDER = Fault(
    "the current directory no longer exists", "change to another directory", decisive=True
)
SLOW_READER = Fault(
    "the program that reads the output is too slow",
    "write the output to a file, or pipe it through cat",
)

_BY_NAME = {
    "ENOMEM": MEMORY,
    "EAGAIN": THREADS,
    "EMFILE": DESCRIPTORS,
    "ENFILE": DESCRIPTORS,
    "EFBIG": FILE_SIZE,
    "ENOSPC": NO_ROOM,
    "EDQUOT": NO_ROOM,
    "EROFS": READ_ONLY,
    "EIO": BROKEN_DISK,
    "ESTALE": BROKEN_DISK,
    "ENAMETOOLONG": LONG_NAME,
    "EACCES": NOT_ALLOWED,
    "EPERM": NOT_ALLOWED,
}

FAULTS = {getattr(errno, name): fault for name, fault in _BY_NAME.items() if hasattr(errno, name)}
"""The system's error numbers that are not a mistake of this software."""

_WORDS = (
    (
        re.compile(
            r"\bbad_alloc\b|cannot allocate memory|memory allocation still failed"
            r"|failed to map segment|cannot map zero-fill|\bMemoryError\b|\bout of memory\b",
            re.IGNORECASE,
        ),
        MEMORY,
    ),
    (re.compile(r"can't start new thread|pthread_create|[Tt]hread creation failed"), THREADS),
    (re.compile(r"Too many open files"), DESCRIPTORS),
)
"""The relevant messages of the dynamic loader, C++, OpenBLAS, onnxruntime and Python."""

_NATIVE = (ImportError, OSError, RuntimeError, SystemError)
"""Exceptions of native code; only their messages are searched for the system's."""


def user_error(error: BaseException) -> MixnetError | None:
    """The error for the user from an exception: one of ours, or the system's; None for a bug.

    One of ours that was raised because memory, threads or open files had run out says so first.
    """
    if not isinstance(error, MixnetError):
        return _system_error(error)
    fault = next(filter(None, map(_decisive, _causes(error))), None)
    return error if fault is None else MixnetError(f"{fault.what}: {error.message}", fault.hint)


def raise_system_fault(error: MixnetError) -> None:
    """Raise where an error's true cause is that memory, threads or open files ran out.

    For work that goes on after an error: an image that cannot be decoded is left out, but one that
    finds no memory is a sound image.
    """
    found = user_error(error)
    if found is not None and found is not error:
        raise found from error


def fault_in(text: str) -> Fault | None:
    """The fault that a native library's words or a dying process's stderr speak of, or None.

    >>> fault_in("terminate called after throwing an instance of 'std::bad_alloc'").what
    'out of memory'
    """
    return next((fault for words, fault in _WORDS if words.search(text)), None)


def _system_error(error: BaseException) -> MixnetError | None:
    for each in (error, *_causes(error)):
        fault = fault_of(each)
        if fault is not None:
            return MixnetError(_message(fault, each), fault.hint)
    return None


def fault_of(error: BaseException) -> Fault | None:
    """The system's refusal that this very exception reports; None for all others."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno is not None:
        return _numbered(error)
    native = isinstance(error, _NATIVE) or type(error).__module__.startswith("onnxruntime")
    return fault_in(str(error)) if native else None


def _numbered(error: OSError) -> Fault | None:
    if isinstance(error, FileNotFoundError):
        return _absent(error)
    if error.errno == errno.EAGAIN and "write" in str(error.strerror):
        return SLOW_READER
    return FAULTS.get(error.errno or 0)


def _absent(error: FileNotFoundError) -> Fault | None:
    """A file that is missing is the system's fault only where its folder went away under us."""
    if "temporary directory" in str(error.strerror):
        return NO_TEMPORARY
    if error.filename is None or not os.path.isabs(os.fsdecode(error.filename)):
        try:
            os.getcwd()
        except OSError:
            return NO_FOLDER
    return None


def _decisive(error: BaseException) -> Fault | None:
    fault = fault_of(error)
    return fault if fault is not None and fault.decisive else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The causes of an exception. An import's wrapper often fails to name its cause."""
    seen = {id(error)}
    while True:
        implied = None if error.__suppress_context__ else error.__context__
        following = error.__cause__ or (implied if isinstance(error, ImportError) else None)
        if following is None or id(following) in seen:
            return
        seen.add(id(following))
        yield following
        error = following


def _message(fault: Fault, error: BaseException) -> str:
    name = getattr(error, "filename", None)
    shown = fault.unnamed if name is None else printable(os.fsdecode(name))
    detail = getattr(error, "strerror", None) or str(error).strip()
    lines = detail.splitlines() or [""]
    # NumPy's error has two dozen lines around the loader's one.
    first = printable(next(filter(fault_in, lines), lines[0]).strip()[:300])
    what = fault.what.format(shown)
    if first and "{}" in fault.what:
        return f"{what}: {first}"
    return f"{what} ({first})" if first and first.lower() != what else what
