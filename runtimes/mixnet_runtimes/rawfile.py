"""The bytes of a model file and what every reader says about broken ones."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.readers import read_bytes, show

HINT = "the file may be truncated or of another kind; copy or write it again"


def load(path: Path) -> bytes:
    """All bytes of a regular file. Raises MixnetError where it cannot be read or is empty."""
    data = read_bytes(path)
    if not data:
        raise MixnetError(f"{show(path)} is empty", HINT)
    return data


def with_companions(paths: Iterable[Path]) -> Iterator[Path]:
    """Model files, and after each what belongs to it: its provenance and weights beside it.

    They need not be there.
    """
    for path in paths:
        yield path
        for ending in (".json", ".data", "_data"):
            yield path.with_name(f"{path.name}{ending}")


def broken(path: Path, why: str) -> MixnetError:
    """The error for a file that is not what its suffix says."""
    return MixnetError(f"{show(path)} is not a valid {path.suffix.lower()} file: {why}", HINT)
