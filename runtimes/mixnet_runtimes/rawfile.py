"""The bytes of a model file and what every reader says about broken ones."""

import hashlib
from pathlib import Path

from mixnet_common import MixnetError

HINT = "the file may be truncated or of another kind; copy or write it again"


def load(path: Path) -> bytes:
    """All bytes of a file. Raises MixnetError where it cannot be read or is empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MixnetError(f"cannot read {path}: {error.strerror or error}") from error
    if not data:
        raise MixnetError(f"{path} is empty", HINT)
    return data


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def broken(path: Path, why: str) -> MixnetError:
    """The error for a file that is not what its suffix says."""
    return MixnetError(f"{path} is not a valid {path.suffix.lower()} file: {why}", HINT)
