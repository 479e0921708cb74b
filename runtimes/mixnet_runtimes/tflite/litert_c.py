"""LiteRT's C interface, as far as profiling needs it: a compiled model that returns its events.

The only module that calls ``libLiteRt`` by ctypes. That interface is not frozen and a wrong
signature crashes, so this runs in a separate process (see ``litert_child``). Signatures are those
of ``litert/c/*.h`` in the LiteRT repository, versions 2.1.5 to 2.3.
"""

import ctypes
import os
from collections.abc import Sequence
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.errors import install_hint
from mixnet_runtimes.inputs import seeded_input

DISTRIBUTION = "ai-edge-litert"
OLDEST = (2, 1, 5)
"""The first version with options as TOML text and a profiler."""

HINT = f"{install_hint(DISTRIBUTION, upgrade=True)} (2.1.5 or later), or omit --profile"

LIBRARIES = ("libLiteRt.so", "libLiteRt.dylib", "libLiteRt.dll", "LiteRt.dll")
"""Its file name on Linux, macOS and Windows."""

NEEDED = (
    "LiteRtCreateEnvironment", "LiteRtCreateModelFromFile", "LiteRtCreateOptions",
    "LiteRtSetOptionsHardwareAccelerators", "LiteRtCreateOpaqueOptions", "LiteRtAddOpaqueOptions",
    "LiteRtCreateCompiledModel", "LiteRtRunCompiledModel", "LiteRtGetModelSignature",
    "LiteRtGetNumSignatureInputs", "LiteRtGetNumSignatureOutputs",
    "LiteRtGetSignatureInputTensorByIndex", "LiteRtGetSignatureOutputTensorByIndex",
    "LiteRtGetRankedTensorType", "LiteRtGetCompiledModelInputBufferRequirements",
    "LiteRtGetCompiledModelOutputBufferRequirements",
    "LiteRtCreateManagedTensorBufferFromRequirements", "LiteRtGetTensorBufferPackedSize",
    "LiteRtLockTensorBuffer", "LiteRtUnlockTensorBuffer", "LiteRtCompiledModelGetProfiler",
    "LiteRtResetProfiler", "LiteRtStartProfiler", "LiteRtGetNumProfilerEvents",
    "LiteRtGetProfilerEvents",
)  # fmt: skip

ENVIRONMENT_SINCE = "LiteRtCreateModelFromFd"
"""Exported since 2.1.6, when LiteRtCreateModelFromFile got an environment as first argument."""

CPU = 1
WRITE = 1
"""Values of the enumerations LiteRtHwAccelerators and LiteRtTensorBufferLockMode."""

ELEMENTS = {
    1: "float32", 10: "float16", 11: "float64", 9: "int8", 3: "uint8", 7: "int16", 17: "uint16",
    2: "int32", 16: "uint32", 4: "int64", 13: "uint64", 6: "bool",
}  # fmt: skip
"""LiteRtElementType; the first field of LiteRtRankedTensorType."""

TENSOR_TYPE_BYTES = 256
"""Room for a LiteRtRankedTensorType: 72 bytes, and 76 with Microsoft's compiler."""
SIZES_AT = 12 if os.name == "nt" else 8
MOST_SIZES = 8
"""Offset of its dimensions, as int32, and their maximum number."""

EVENT_TYPES = {1 << bit for bit in range(9)}
OPERATOR = 1 << 1
DELEGATED = (1 << 2, 1 << 3)
"""LiteRtProfilerEventType: an operator of the file, an operator inside a delegate (of two kinds,
by who took its time)."""

MEMORY_BYTES = (24, 16, 32)
"""Sizes of MemoryUsage in the headers of various versions; the events determine which it is."""


@dataclass(frozen=True)
class Event:
    """One entry of the profiler's list."""

    tag: str
    type: int
    elapsed_us: int
    index: int
    """Index of an OPERATOR in the file, of a DELEGATED one in the delegate."""


class Library:
    """The shared library of the installed ai-edge-litert. Raises MixnetError."""

    def __init__(self) -> None:
        self.version = _installed_version()
        path = _find()
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise MixnetError(f"{path} cannot be loaded: {error}", HINT) from error
        missing = [name for name in NEEDED if not hasattr(self._library, name)]
        if missing:
            raise MixnetError(f"LiteRT {self.version} does not offer {', '.join(missing)}", HINT)
        self.takes_environment = hasattr(self._library, ENVIRONMENT_SINCE)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that returns a LiteRtStatus. Raises MixnetError unless it is 0."""
        function = getattr(self._library, name)
        function.restype = c_int
        status = function(*arguments)
        if status:
            raise MixnetError(f"LiteRT {self.version}: {name} failed with status {status}")

    def make(self, name: str, *arguments: Any) -> c_void_p:
        """Call a function whose last argument receives a handle; returns the handle."""
        handle = c_void_p()
        self.call(name, *arguments, byref(handle))
        return handle


class ProfiledModel:
    """A ``.tflite`` file, compiled for the CPU with the profiler on, its inputs filled.

    Its handles live as long as its process, which is started for it alone.
    """

    def __init__(
        self, library: Library, path: Path, threads: int, values: Sequence[Path | None] = ()
    ) -> None:
        """Open ``path``; ``values`` are ``.npy`` files of its inputs, in order."""
        self._library = library
        self._environment = library.make("LiteRtCreateEnvironment", c_int(0), None)
        owner = (self._environment,) if library.takes_environment else ()
        self._model = library.make("LiteRtCreateModelFromFile", *owner, c_char_p(os.fsencode(path)))
        self._options = _Options(library, threads)
        self._compiled = library.make(
            "LiteRtCreateCompiledModel", self._environment, self._model, self._options.handle
        )
        self._profiler = library.make("LiteRtCompiledModelGetProfiler", self._compiled)
        if not self._profiler:
            raise MixnetError(f"LiteRT {library.version} has no profiler", HINT)
        self._signature = library.make("LiteRtGetModelSignature", self._model, c_size_t(0))
        self._values = dict(enumerate(values))
        self._inputs = self._buffers("Input")
        self._outputs = self._buffers("Output")

    def record(self) -> None:
        """Forget the events so far and record from now on.

        Until 2.1.6 the profiler's memory is small and drops what is too much for it.
        """
        self._library.call("LiteRtResetProfiler", self._profiler)  # which also stops it
        self._library.call("LiteRtStartProfiler", self._profiler)

    def run(self) -> None:
        """One inference."""
        self._library.call(
            "LiteRtRunCompiledModel",
            self._compiled,
            c_size_t(0),
            c_size_t(len(self._inputs)),
            self._inputs,
            c_size_t(len(self._outputs)),
            self._outputs,
        )

    def events(self) -> list[Event]:
        """The events recorded since ``record``, in order."""
        count = c_int()
        self._library.call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        if not count.value:
            return []  # for which the library has an error
        raw = ctypes.create_string_buffer(count.value * (56 + 2 * max(MEMORY_BYTES)))
        self._library.call("LiteRtGetProfilerEvents", self._profiler, count, raw)
        return _parse(raw, count.value, self._library.version)

    def _buffers(self, kind: str) -> Any:
        """Buffers for all inputs or outputs, the inputs filled: seeded, where none are given."""
        count = c_size_t()
        self._library.call(f"LiteRtGetNumSignature{kind}s", self._signature, byref(count))
        buffers = (c_void_p * count.value)()
        rng = np.random.default_rng(0)
        for index in range(count.value):
            element, buffers[index] = self._buffer(kind, c_size_t(index))
            if kind == "Input":
                self._fill(c_void_p(buffers[index]), element, rng, self._values.get(index))
        return buffers

    def _buffer(self, kind: str, index: c_size_t) -> tuple[int, int | None]:
        """The element type and the buffer of one input or output."""
        library = self._library
        tensor = library.make(f"LiteRtGetSignature{kind}TensorByIndex", self._signature, index)
        tensor_type = ctypes.create_string_buffer(TENSOR_TYPE_BYTES)
        library.call("LiteRtGetRankedTensorType", tensor, tensor_type)
        _close_sizes(tensor_type)
        needs = library.make(
            f"LiteRtGetCompiledModel{kind}BufferRequirements", self._compiled, c_size_t(0), index
        )
        buffer = library.make(
            "LiteRtCreateManagedTensorBufferFromRequirements",
            self._environment,
            tensor_type,
            needs,
        )
        return c_int.from_buffer(tensor_type).value, buffer.value

    def _fill(
        self, buffer: c_void_p, element: int, rng: np.random.Generator, given: Path | None
    ) -> None:
        size = c_size_t()
        self._library.call("LiteRtGetTensorBufferPackedSize", buffer, byref(size))
        address = c_void_p()
        self._library.call("LiteRtLockTensorBuffer", buffer, byref(address), c_int(WRITE))
        dtype = np.dtype(ELEMENTS.get(element, "bool"))
        values = (
            seeded_input((size.value // dtype.itemsize,), dtype, rng)
            if given is None
            else np.load(given, allow_pickle=False)
        ).tobytes()
        if len(values) != size.value:
            raise MixnetError(f"{len(values)} bytes are given for an input of {size.value}")
        ctypes.memmove(address, values, len(values))
        self._library.call("LiteRtUnlockTensorBuffer", buffer)


def _close_sizes(tensor_type: Any) -> None:
    """Set open sizes of the file to 1, for which they are compiled."""
    sizes = (c_int * MOST_SIZES).from_buffer(tensor_type, SIZES_AT)
    for axis, size in enumerate(sizes):
        if size < 0:
            sizes[axis] = 1


class _Options:
    """Compilation options; keeps the texts alive that the library points into."""

    def __init__(self, library: Library, threads: int) -> None:
        self._texts = {
            b"xnnpack": ctypes.create_string_buffer(f"num_threads = {threads}\n".encode()),
            b"runtime_options_string": ctypes.create_string_buffer(b"enable_profiling = true\n"),
        }
        # The library would free each text with this; they are Python's.
        self._keep = ctypes.CFUNCTYPE(None, c_void_p)(lambda _text: None)
        self.handle = library.make("LiteRtCreateOptions")
        library.call("LiteRtSetOptionsHardwareAccelerators", self.handle, c_int(CPU))
        for identifier, text in self._texts.items():
            entry = library.make("LiteRtCreateOpaqueOptions", identifier, text, self._keep)
            library.call("LiteRtAddOpaqueOptions", self.handle, entry)


def _parse(raw: Any, count: int, version: str) -> list[Event]:
    """Read the array of ProfiledEventData with whichever layout makes sense of every entry."""
    for memory_bytes in MEMORY_BYTES:
        entries = (_entry(memory_bytes) * count).from_buffer(raw)
        if all(each.type in EVENT_TYPES and each.source in (0, 1, 2) for each in entries):
            return [
                Event((each.tag or b"").decode(errors="replace"), each.type, each.elapsed, each.one)
                for each in entries
            ]
    raise MixnetError(f"the events of LiteRT {version}'s profiler have an unknown layout", HINT)


def _entry(memory_bytes: int) -> Any:
    """ProfiledEventData; ``one`` and ``two`` are its metadata."""
    fields = [
        ("tag", c_char_p), ("type", c_uint32), ("start", c_uint64), ("elapsed", c_uint64),
        ("memory", ctypes.c_ubyte * (2 * memory_bytes)),
        ("one", c_uint64), ("two", c_uint64), ("source", c_uint32),
    ]  # fmt: skip
    return type("ProfiledEventData", (ctypes.Structure,), {"_fields_": fields})


def _installed_version() -> str:
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise MixnetError(
            f"profiling needs LiteRT, and {DISTRIBUTION} is not installed", HINT
        ) from None
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    if numbers < OLDEST:
        raise MixnetError(f"LiteRT {version} is too old to be profiled", HINT)
    return version


def _find() -> Path:
    package = import_module("ai_edge_litert").__file__
    folder = Path(package or "").parent
    for name in LIBRARIES:
        if (folder / name).is_file():
            return folder / name
    raise MixnetError(f"{folder} holds none of {', '.join(LIBRARIES)}", HINT)
