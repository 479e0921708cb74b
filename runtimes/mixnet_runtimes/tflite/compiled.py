"""Runs a ``.tflite`` file in LiteRT's compiled-model interface, which can force float16.

Its Interpreter has no such option, but is used for everything else.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_runtimes.selection import Fixed
from mixnet_runtimes.session import Array, Session, TensorInfo
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite.half_precision import XNNPACK_FLAGS
from mixnet_runtimes.tflite.interpreters import RUNTIMES, version_of

LITERT = RUNTIMES[0]

_STDERR = threading.Lock()

HINT = install_hint("ai-edge-litert", upgrade=True)


class CompiledSession(Session):
    """A float32 ``.tflite`` file that is computed in float16."""

    def __init__(self, path: Path, threads: int, runtime: str | None, fixed: Fixed) -> None:
        """Open ``path``; ``fixed`` is what ``tflite_fix.fix`` made of the file."""
        if runtime is not None and runtime.lower() not in (
            LITERT.name.lower(),
            LITERT.distribution,
        ):
            raise UsageError(
                f"--fp16 is for LiteRT, not {runtime}", "omit --runtimes, or name litert"
            )
        data = tflite_file.checked_bytes(path, fixed.content)
        self.path = path
        self.signature = fixed.signature
        self.runtime = LITERT.name
        self.version = version_of(LITERT)
        self.settings = {"threads": threads, "delegate": "XNNPACK", "fp16": True}
        try:
            with _silence():
                self._model = _compile(data, threads, self.version)
                self.inputs, self._inputs = self._side("input")
                self.outputs, self._outputs = self._side("output")
                # It looks for accelerators once more when a buffer is first written.
                self._set([np.zeros(each.shape, each.dtype) for each in self.inputs])
        except (ValueError, RuntimeError) as error:
            raise self._failed("open", error) from error

    def _side(self, side: str) -> tuple[tuple[TensorInfo, ...], list[Any]]:
        """The inputs or outputs of the first signature, and their buffers."""
        signature = self._model.get_signature_by_index(0)
        details = getattr(self._model, f"get_{side}_tensor_details")(signature["key"])
        buffers = getattr(self._model, f"create_{side}_buffers")(0)
        infos = tuple(
            TensorInfo(
                name, tuple(int(each) for each in details[name]["shape"]), _dtype(details[name])
            )
            for name in signature[f"{side}s"]
        )
        return infos, buffers

    def _set(self, arrays: list[Array]) -> None:
        for buffer, array in zip(self._inputs, arrays, strict=True):
            buffer.write(array)

    def invoke(self) -> None:
        """Run inference on the inputs that are set."""
        try:
            self._model.run_by_index(0, self._inputs, self._outputs)
        except (ValueError, RuntimeError) as error:
            raise self._failed("run", error) from error

    def get_outputs(self) -> dict[str, Array]:
        """Copies of the outputs, by name."""
        return {
            info.name: np.array(
                buffer.read(int(np.prod(info.shape)), np.dtype(info.dtype).type)
            ).reshape(info.shape)
            for info, buffer in zip(self.outputs, self._outputs, strict=True)
        }


def _compile(data: bytes, threads: int, version: str) -> Any:
    try:
        from ai_edge_litert.compiled_model import CompiledModel
        from ai_edge_litert.hardware_accelerator import HardwareAccelerator
        from ai_edge_litert.options import CpuOptions, Options

        cpu = CpuOptions(num_threads=threads, xnnpack_flags=XNNPACK_FLAGS)
        options = Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
    except (ImportError, TypeError) as error:
        what = f"LiteRT {version}" if version != "unknown" else "this environment"
        raise MixnetError(f"{what} cannot be set to compute in float16: {error}", HINT) from error
    return CompiledModel.from_buffer(data, options=options)


@contextmanager
def _silence() -> Iterator[None]:
    """Suppress the dozen lines that LiteRT prints about accelerators that it searches."""
    with _STDERR:
        stderr = os.dup(2)
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _dtype(detail: Any) -> str:
    return str(np.dtype(detail["dtype"]).name)
