"""What the system refuses becomes one line for the user; a bug stays a bug."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_common.system_faults import (
    DESCRIPTORS,
    FAULTS,
    FILE_SIZE,
    MEMORY,
    NO_FOLDER,
    THREADS,
    fault_in,
    raise_system_fault,
    user_error,
)

SYSTEM = {
    "memory": (MemoryError(), "out of memory"),
    "memory of the system": (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
    "C++": (RuntimeError("std::bad_alloc"), "out of memory (std::bad_alloc)"),
    "a library": (
        ImportError("libx.so: failed to map segment from shared object"),
        "out of memory (libx.so: failed to map segment from shared object)",
    ),
    "numpy": (
        ImportError(
            "\n\nIMPORTANT: READ THIS\n\nit was: x.so: failed to map segment from shared\n\n"
        ),
        "out of memory (it was: x.so: failed to map segment from shared)",
    ),
    "ctypes": (OSError("libx.so: cannot map zero-fill pages"), "out of memory ("),
    "threads": (
        RuntimeError("can't start new thread"),
        "the system refuses to start another thread or process (can't start new thread)",
    ),
    "processes": (
        BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
        "the system refuses to start another thread or process (",
    ),
    "a pipe that is full": (
        BlockingIOError(errno.EAGAIN, "write could not complete without blocking"),
        "the program that reads the output is too slow (",
    ),
    "open files": (OSError(errno.EMFILE, "Too many open files"), "too many open files"),
    "stdout": (
        OSError(errno.ENOSPC, "No space left on device"),
        "cannot write the output: No space left on device",
    ),
    "a file": (
        OSError(errno.EFBIG, "File too large", "out/a.onnx"),
        "cannot write out/a.onnx: File too large",
    ),
    "a disk": (OSError(errno.EIO, "Input/output error", b"a\x1b"), r"cannot use a\x1b: Input"),
    "a name": (
        OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300),
        f"cannot use {'x' * 300}: File name too long",
    ),
    "permission": (
        PermissionError(errno.EACCES, "Permission denied", "a"),
        "cannot use a: Permission denied",
    ),
}


@pytest.mark.parametrize(("error", "expected"), SYSTEM.values(), ids=SYSTEM)
def test_what_the_system_refuses_is_told_in_one_line(error: Exception, expected: str) -> None:
    found = user_error(error)

    assert found is not None
    assert found.message.startswith(expected)
    assert found.message.isprintable()
    assert found.hint
    assert found.exit_status == 1


BUGS = (
    ZeroDivisionError(),
    RuntimeError("a dictionary changed its size during iteration"),
    FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    IsADirectoryError(errno.EISDIR, "Is a directory", "a"),
    ImportError("cannot import name 'a' from 'b'"),
    ValueError("out of memory"),  # nothing native raises it
    KeyboardInterrupt(),
)


@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_a_bug_is_none_of_the_systems_faults(error: BaseException) -> None:
    assert user_error(error) is None


def raised_anew(first: Exception, second: Exception) -> Exception:
    """The second, raised while the first was being handled, without naming it as its cause."""
    try:
        try:
            raise first
        except type(first):
            raise second  # noqa: B904
    except type(second) as error:
        return error


def test_a_bug_in_the_handling_of_a_systems_fault_is_a_bug() -> None:
    assert user_error(raised_anew(MemoryError(), KeyError("a"))) is None


def test_an_array_beyond_the_memory_is_told_with_its_size() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.int8)
    found = user_error(caught.value)

    assert found is not None
    assert found.message.startswith("out of memory (Unable to allocate 1.00 EiB")


@pytest.mark.parametrize("cause", [MemoryError(), RuntimeError("bad_alloc: std::bad_alloc")])
def test_a_file_that_finds_no_memory_is_not_said_to_be_broken(cause: Exception) -> None:
    with pytest.raises(UsageError) as caught:
        raise UsageError("a.onnx is broken", "write it again") from cause
    found = user_error(caught.value)

    assert found is not None
    assert (found.message, found.hint) == ("out of memory: a.onnx is broken", MEMORY.hint)
    assert found.exit_status == 1
    with pytest.raises(MixnetError, match=r"^out of memory: "):
        raise_system_fault(caught.value)


@pytest.mark.parametrize("cause", [None, ValueError("a"), OSError(errno.ENOSPC, "full", "a")])
def test_an_error_of_ours_for_any_other_reason_stays_as_it_is(cause: Exception | None) -> None:
    with pytest.raises(UsageError) as caught:
        raise UsageError("cannot write a", "write it elsewhere") from cause

    assert user_error(caught.value) is caught.value
    raise_system_fault(caught.value)


def test_an_import_that_hides_its_cause_is_looked_through() -> None:
    """As numpy does, which adds advice on how to install it."""
    cause = ImportError("libblas.so: failed to map segment from shared object")
    found = user_error(raised_anew(cause, ImportError("please read this advice")))

    assert found is not None
    assert found.message.startswith("out of memory (libblas.so")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a directory that is in use")
@pytest.mark.parametrize("call", ["os.getcwd()", "os.stat('here')", "open('here', 'w')"])
def test_a_current_directory_that_is_gone_is_told(tmp_path: Path, call: str) -> None:
    program = (
        "import os\nfrom mixnet_common.system_faults import user_error\n"
        f"os.rmdir(os.getcwd())\ntry: {call}\nexcept OSError as error: print(user_error(error))"
    )
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(NO_FOLDER.what)


def test_every_number_has_advice() -> None:
    assert FAULTS[errno.EFBIG] is FILE_SIZE
    assert FAULTS[errno.EMFILE] is FAULTS[errno.ENFILE] is DESCRIPTORS
    assert all(fault.hint for fault in FAULTS.values())


WORDS = {
    "OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 2: Resource": THREADS,
    "OpenBLAS error: Memory allocation still failed after 10 retries, giving up.": MEMORY,
    "cannot allocate memory for thread-local data: ABORT": MEMORY,
    "terminate called after throwing an instance of 'std::bad_alloc'": MEMORY,
    "MemoryError": MEMORY,
    "Segmentation fault": None,
    "AssertionError: in_memory": None,
}


@pytest.mark.parametrize(("words", "fault"), WORDS.items(), ids=WORDS)
def test_the_words_of_native_libraries_are_understood(words: str, fault: object) -> None:
    assert fault_in(words) is fault


def test_threads_are_still_to_be_had() -> None:
    """The probe that tells OpenBLAS's interrupt from a user's finds none lacking here."""
    from mixnet_common.interrupts import lack_of_threads

    before = threading.active_count()
    assert lack_of_threads() is None
    assert threading.active_count() == before
