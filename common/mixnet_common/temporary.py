"""Temporary files, for libraries that only read from a disk.

They are always removed afterwards; if there is no space for them, an error says so.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixnet_common.errors import MixnetError
from mixnet_common.system_faults import FILE_SIZE, NO_ROOM, NOT_ALLOWED, READ_ONLY, fault_of

_NO_ROOM = (FILE_SIZE, NO_ROOM, NOT_ALLOWED, READ_ONLY)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that exists inside the block only.

    Raises MixnetError if the disk for temporary files refuses, in the block too.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
            yield Path(folder)
    except OSError as error:
        fault = fault_of(error)
        if fault not in _NO_ROOM:
            raise
        hint = "free some space there, or set TMPDIR to another directory"
        raise MixnetError(
            f"cannot write temporary files in {tempfile.gettempdir()}: {error.strerror}",
            f"no partial file was left; {fault.hint if fault is FILE_SIZE else hint}",
        ) from error
