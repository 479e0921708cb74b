"""A ``.tflite`` or ``.onnx`` file with its known properties. Opens no runtime, writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixnet_bench.targets import model_file


@dataclass(frozen=True)
class ModelFile:
    """A model file on disk. It can be given wherever a path is expected."""

    path: Path
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its origin, as in the ``.json`` beside it; empty for files of other programs."""

    def __fspath__(self) -> str:
        """The path, so that ``open`` and ``Path`` take a ``ModelFile``."""
        return str(self.path)

    @property
    def file_format(self) -> str:
        """``tflite`` or ``onnx``."""
        return self.path.suffix.lower().removeprefix(".")

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, without weights beside an ``.onnx`` file."""
        return self.path.stat().st_size


AnyFile = str | Path | ModelFile
"""Arguments that the API accepts as a model file."""


def path_of(file: AnyFile) -> Path:
    """The path of an existing model file. Raises UsageError for anything else."""
    return model_file(str(Path(file)))
