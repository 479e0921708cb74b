"""SHA-256 of bytes and of files: this software identifies content only by it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mixnet_common.readers import opened


def sha256(data: bytes | str) -> str:
    """The hash of bytes, or of a text in UTF-8, in hexadecimal.

    >>> sha256("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def sha256_of_parts(parts: Iterable[bytes | str]) -> str:
    """The hash of all parts one after another, of which one is in memory at a time.

    >>> sha256_of_parts(["a", b"b"]) == sha256("ab")
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """The hash of a regular file, read in chunks. Raises UsageError if it cannot be read."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
