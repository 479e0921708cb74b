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
from mixnet_runtimes import fit, rawfile
from mixnet_runtimes.contents import Delegation, FileContents
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.model_files import data_files
from mixnet_runtimes.selection import AS_IT_IS, Fixed, Input, Selection
from mixnet_runtimes.session import Session, check_threads


@dataclass(frozen=True)
class Format:
    """A file format: its name and the modules that know it."""

    name: str
    reader: str
    """Module with ``read(path, signature, content) -> FileContents``."""
    fixer: str
    """Module with ``fix(path, selection) -> Fixed`` and ``stated(path, signature) -> [Input]``."""
    opener: str
    """Module with ``open_session(path, threads, runtime, fixed)``, ``partitions(path, fixed)`` and
    ``runtime_name(runtime)``."""
    profiler: str
    """Module with ``profile(prepared, threads, rounds, timeout_s) -> Profile``."""


FORMATS = {
    ".tflite": Format(
        "tflite",
        "mixnet_runtimes.tflite.file",
        "mixnet_runtimes.tflite.fix",
        "mixnet_runtimes.tflite.session",
        "mixnet_runtimes.tflite.profile.litert",
    ),
    ".onnx": Format(
        "onnx",
        "mixnet_runtimes.onnx.file",
        "mixnet_runtimes.onnx.fix",
        "mixnet_runtimes.onnx.session",
        "mixnet_runtimes.onnx.profile",
    ),
}


def open_session(
    path: Path,
    *,
    threads: int = 1,
    runtime: str | None = None,
    selection: Selection = AS_IT_IS,
) -> Session:
    """Open a model file with a runtime of this machine.

    A ``.tflite`` is opened by the first installed of LiteRT, tflite-runtime and TensorFlow Lite,
    an ``.onnx`` by onnxruntime; ``runtime`` asks for one by name. ``selection`` gives sizes that
    the file leaves open, and its signature. Raises UsageError for a missing file, an unknown suffix
    or runtime and a selection that does not fit, and MixnetError for a file that is broken and for
    sizes that stay open.
    """
    fixed = fix(path, selection)
    if fixed.has_data:
        data_files(Path(path))  # a runtime would say it in more words
    return open_fixed(path, fixed, threads=threads, runtime=runtime)


def open_fixed(
    path: Path, fixed: Fixed, *, threads: int = 1, runtime: str | None = None
) -> Session:
    """Open what ``fix`` made of a file. Raises like ``open_session``."""
    check_threads(threads)
    opener = import_module(format_of(path).opener)
    return cast(Session, opener.open_session(Path(path), threads, runtime, fixed))


def fix(path: Path, selection: Selection = AS_IT_IS) -> Fixed:
    """The file as the selection makes it. Raises like ``open_session``."""
    return cast(Fixed, import_module(format_of(path).fixer).fix(Path(path), selection))


def stated_inputs(path: Path, signature: str | None = None) -> list[Input]:
    """The inputs as the file states them, some sizes open. Raises like ``open_session``."""
    return cast(list[Input], import_module(format_of(path).fixer).stated(Path(path), signature))


def read_file(
    path: Path, signature: str | None = None, *, selection: Selection | None = None
) -> FileContents:
    """Read a model file without running it, as the named signature sees it (TFLite).

    With a selection, which names a signature of its own, open sizes are closed or refused; without
    one they stay open. Raises like ``open_session``; UsageError too for a signature that the file
    has not.
    """
    reader = import_module(format_of(path).reader)
    fixed = None if selection is None else fix(path, selection)
    content = None if fixed is None else fixed.content or fixed.described
    contents = cast(FileContents, reader.read(Path(path), signature, content))
    try:
        fit.check(contents)
    except ModelError as fault:
        if content is not None:
            hint = "give sizes that its operators support"
            raise UsageError(f"{path} cannot have these sizes: {fault}", hint) from fault
        raise rawfile.broken(Path(path), str(fault)) from fault
    return contents


def partitions(path: Path, selection: Selection = AS_IT_IS) -> Delegation:
    """How this machine's runtime divides the file into delegate partitions. Raises likewise."""
    fixed = fix(path, selection)
    return cast(Delegation, import_module(format_of(path).opener).partitions(Path(path), fixed))


def runtime_name(path: Path, runtime: str | None = None) -> str:
    """Name and version of what would open the file. Raises like ``open_session``."""
    return str(import_module(format_of(path).opener).runtime_name(runtime))


def is_model_file(name: str) -> bool:
    """True if the name ends like a file that ``open_session`` can open.

    >>> is_model_file("a/mixnet-s.TFLITE"), is_model_file("mixnet-s")
    (True, False)
    """
    return Path(name).suffix.lower() in FORMATS


def format_of(path: Path) -> Format:
    """The format of an existing file, by its suffix. Raises UsageError."""
    path = Path(path)
    known = ", ".join(FORMATS)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} is not a model file of a known kind", f"known suffixes: {known}")
    if not is_file(path):
        raise missing_file(path)
    return FORMATS[path.suffix.lower()]
