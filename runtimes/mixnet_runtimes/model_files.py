"""All files of a model: the file itself, and the files with its weights.

Used by everything that hashes a model, measures its size or copies it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_common.hashing import sha256, sha256_of
from mixnet_common.system_faults import fault_of
from mixnet_runtimes import rawfile


@dataclass(frozen=True)
class DataFile:
    """A file beside a model."""

    name: str
    """The path by which the model calls it, relative to its folder."""
    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Identity:
    """The identity of a model with all its files."""

    sha256: str
    """Hash of the file; with weights beside it, of its hash and of their names and hashes."""
    size_bytes: int
    """Size of all files together."""
    data: tuple[DataFile, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values; the files beside it only where there are any."""
        found: dict[str, Any] = {"sha256": self.sha256, "size_bytes": self.size_bytes}
        if self.data:
            found["data_files"] = [
                {"name": each.name, "sha256": each.sha256, "size_bytes": each.size_bytes}
                for each in self.data
            ]
        return found


def data_files(path: Path) -> dict[str, Path]:
    """The files beside a model with its weights, by the model's names for them.

    Raises MixnetError for a broken model, and if one of them is missing or outside the folder.
    """
    if path.suffix.lower() != ".onnx":
        return {}
    from mixnet_runtimes.onnx import external_data

    try:
        import onnx

        model = onnx.load_model_from_string(rawfile.load(path))
    except MixnetError:
        raise
    except Exception as error:
        if fault_of(error) is not None:
            raise
        return {}  # without onnx, or not protobuf: opening it reports the error
    return external_data.files(path, model)


def identity_of(path: Path) -> Identity:
    """Hash and size of a model with all that belongs to it. Raises as ``data_files`` does."""
    own, size = sha256_of(path), path.stat().st_size
    data = tuple(
        DataFile(name, file, sha256_of(file), file.stat().st_size)
        for name, file in data_files(path).items()
    )
    if not data:
        return Identity(own, size)
    lines = [own, *(f"{each.name}\0{each.sha256}" for each in data)]
    return Identity(sha256("\n".join(lines)), size + sum(each.size_bytes for each in data), data)


def with_companions(paths: Iterable[Path]) -> Iterator[Path]:
    """Model files, and after each what belongs to it: its provenance and weights beside it.

    They need not be there.
    """
    for path in paths:
        yield path
        yield path.with_name(f"{path.name}.json")
        with suppress(MixnetError, OSError):
            yield from data_files(path).values()
        for ending in (".data", "_data"):
            yield path.with_name(f"{path.name}{ending}")
