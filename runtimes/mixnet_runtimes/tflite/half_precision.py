"""Float16 arithmetic for float32 ``.tflite`` files: when it is possible, and how a file allows it.

XNNPACK computes a float32 file in float16 if this is forced, or if the file's metadata allow it and
the processor supports it. It stores nothing in float16, and is not a precision of a file.
"""

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite.words import decoded_text

KEY = "reduced_precision_support"
"""The entry in a file's metadata that XNNPACK reads."""

ALLOWED = "fp16accfp16"
"""Its value for: computed and summed up in float16."""

FEATURES = ("fphp", "asimdhp")
"""Linux's names of the required ARM64 instructions."""

XNNPACK_FLAGS = 15
"""LiteRT's: signed and unsigned 8-bit kernels (1, 2), float16 (4), dynamic fully connected (8);
flags that are given replace the defaults, which are all but 4."""

FORCED, BY_METADATA = "forced", "allowed"
"""Why a file is computed in float16."""

HINT = "export it with --precision float32"

FLOAT32, OTHERS = "FLOAT32", ("INT32", "INT64", "BOOL")


def computes_fp16(features: Iterable[str]) -> bool:
    """Whether a processor with these features computes in float16.

    >>> computes_fp16(["fp", "asimd", "fphp", "asimdhp"]), computes_fp16(["fp", "asimd"])
    (True, False)
    """
    return set(FEATURES) <= set(features)


def allows_fp16(path: Path) -> bool:
    """Whether a ``.tflite`` file's metadata let XNNPACK compute it in float16."""
    model, _ = tflite_file.read_model(path)
    return any(
        decoded_text(each.name) == KEY and _content(model, each.buffer).startswith(ALLOWED.encode())
        for each in model.metadata or ()
        if each is not None
    )


def half_precision_of(path: Path, features: Iterable[str], *, forced: bool) -> str | None:
    """Whether and why a file is computed in float16 by a processor: ``forced`` or ``allowed``.

    Its metadata matter on ARM64 alone, to XNNPACK alone.
    """
    if forced:
        return FORCED
    wanted = computes_fp16(features) and path.suffix.lower() == ".tflite"
    return BY_METADATA if wanted and allows_fp16(path) else None


def host_features() -> tuple[str, ...]:
    """An ARM64 processor's instruction sets, as reported by Linux; empty elsewhere."""
    if platform.machine() not in ("aarch64", "arm64"):
        return ()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return next((tuple(line.split()) for line in lines if line.startswith("Features")), ())


def allow_fp16(model: Any, schema: Any) -> None:
    """Let XNNPACK compute a ModelT in float16."""
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(ALLOWED.encode(), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = KEY, len(model.buffers) - 1
    others = [
        each for each in model.metadata or () if each is None or decoded_text(each.name) != KEY
    ]
    model.metadata = [*others, entry]


def refuse_unless_float32(path: Path, model: Any, schema: Any, option: str) -> None:
    """Raise UsageError if a ModelT computes or stores anything but float32 and whole numbers."""
    names = {value: name for name, value in vars(schema.TensorType).items()}
    found = {
        names.get(tensor.type, "an unknown type")
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
    }
    if other := sorted(found - {FLOAT32, *OTHERS}):
        raise UsageError(
            f"{option} is for float32 files: {show(path)} has {other[0].lower()}", HINT
        )


def _content(model: Any, index: int) -> bytes:
    if not 0 <= index < len(model.buffers):
        return b""
    data = model.buffers[index].data
    return b"" if data is None else bytes(bytearray(data))
