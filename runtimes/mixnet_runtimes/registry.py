"""Which module reads and which module runs a file, by its suffix.

A new format is one line in FORMATS and the module that it names. The modules, and the heavy
libraries behind them, are imported when a file is opened, not before.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from mixnet_common import UsageError
from mixnet_common.readers import is_file, missing_file
from mixnet_runtimes.contents import Delegation, FileContents
from mixnet_runtimes.session import Session, check_threads


@dataclass(frozen=True)
class Format:
    """A file format: its name and the modules that know it."""

    name: str
    reader: str
    """Module with ``read(path: Path, signature) -> FileContents``."""
    opener: str
    """Module with ``open_session(path, threads, runtime)`` and ``partitions(path)``."""
    profiler: str
    """Module with ``profile(path, threads, rounds, timeout_s) -> Profile``."""


FORMATS = {
    ".tflite": Format(
        "tflite",
        "mixnet_runtimes.tflite_file",
        "mixnet_runtimes.tflite_session",
        "mixnet_runtimes.litert_profile",
    ),
    ".onnx": Format(
        "onnx",
        "mixnet_runtimes.onnx_file",
        "mixnet_runtimes.ort_session",
        "mixnet_runtimes.ort_profile",
    ),
}


def open_session(path: Path, *, threads: int = 1, runtime: str | None = None) -> Session:
    """Open a model file with a runtime of this machine.

    A ``.tflite`` is opened by the first installed of LiteRT, tflite-runtime and TensorFlow Lite,
    an ``.onnx`` by onnxruntime; ``runtime`` asks for one by name. Raises UsageError for a missing
    file, an unknown suffix or runtime, and MixnetError for a file that is broken.
    """
    check_threads(threads)
    opener = import_module(format_of(path).opener)
    return cast(Session, opener.open_session(Path(path), threads, runtime))


def read_file(path: Path, signature: str | None = None) -> FileContents:
    """Read a model file without running it, as the named signature sees it (TFLite).

    Raises like ``open_session``; UsageError too for a signature that the file has not.
    """
    return cast(FileContents, import_module(format_of(path).reader).read(Path(path), signature))


def partitions(path: Path) -> Delegation:
    """How a runtime of this machine cuts the file into delegated pieces. Raises likewise."""
    return cast(Delegation, import_module(format_of(path).opener).partitions(Path(path)))


def is_model_file(name: str) -> bool:
    """True where the name ends like a file that ``open_session`` can open.

    >>> is_model_file("a/mixnet-s.TFLITE"), is_model_file("mixnet-s")
    (True, False)
    """
    return Path(name).suffix.lower() in FORMATS


def format_of(path: Path) -> Format:
    """The format of an existing file, by its suffix. Raises UsageError."""
    path = Path(path)
    known = ", ".join(FORMATS)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} is no kind of model file known here", f"known suffixes: {known}")
    if not is_file(path):
        raise missing_file(path)
    return FORMATS[path.suffix.lower()]
