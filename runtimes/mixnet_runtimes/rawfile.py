"""The bytes of a model file, and the errors of all readers for broken ones."""

from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.readers import read_bytes, show

HINT = "the file may be truncated or of another type; copy or export it again"


def load(path: Path) -> bytes:
    """All bytes of a regular file. Raises MixnetError if it cannot be read or is empty."""
    data = read_bytes(path)
    if not data:
        raise MixnetError(f"{show(path)} is empty", HINT)
    return data


def broken(path: Path, why: str) -> MixnetError:
    """The error for a file that does not match its suffix."""
    return MixnetError(f"{show(path)} is not a valid {path.suffix.lower()} file: {why}", HINT)
