"""Files for a moment: what a library insists on reading from a disk.

They are gone afterwards, whatever happens; where there is no room for them, that is said.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixnet_common.errors import MixnetError

_NO_ROOM = frozenset((errno.ENOSPC, errno.EROFS, errno.EACCES, getattr(errno, "EDQUOT", -1)))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that exists inside the block only.

    Raises MixnetError where the disk for temporary files refuses, in the block too.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="mixnet-") as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise MixnetError(
            f"cannot write temporary files in {tempfile.gettempdir()}: {error.strerror}",
            "nothing was left behind; make room there, or name another directory in TMPDIR",
        ) from error
