"""Runs a ``.tflite`` file in the installed TensorFlow Lite interpreter.

The three runtimes are one code base with the same Interpreter; they are tried in the order of
RUNTIMES. Float and int8 operators go to the XNNPACK delegate, which all three apply by default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common.readers import show
from mixnet_runtimes.contents import Delegation
from mixnet_runtimes.element_types import TEXT
from mixnet_runtimes.quantized import NOT_QUANTIZED, checked
from mixnet_runtimes.selection import AS_IT_IS, Fixed
from mixnet_runtimes.session import Array, Session, TensorInfo
from mixnet_runtimes.tflite import delegation
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite import fix as tflite_fix
from mixnet_runtimes.tflite.compiled import CompiledSession
from mixnet_runtimes.tflite.interpreters import find_runtime, version_of

PORTS = ("inputs", "outputs")


def open_session(path: Path, threads: int, runtime: str | None, fixed: Fixed) -> Session:
    """Open ``path`` with the named runtime, or the first installed one; in float16 with LiteRT."""
    if fixed.fp16:
        return CompiledSession(path, threads, runtime, fixed)
    return TfliteSession(path, threads, runtime, fixed)


def partitions(path: Path, fixed: Fixed) -> Delegation:
    """The delegate partitions of ``path`` in the first installed runtime."""
    return TfliteSession(path, 1, None, fixed).delegation


def runtime_name(runtime: str | None) -> str:
    """Name and version of the named runtime, or the first installed one."""
    chosen, _ = find_runtime(runtime)
    return f"{chosen.name} {version_of(chosen)}"


class TfliteSession(Session):
    """A ``.tflite`` file in an interpreter, its tensors allocated."""

    delegation: Delegation
    pieces: list[list[int]] | None
    """The operators of each delegated piece, by their index in the file; None if it is unknown."""

    def __init__(
        self, path: Path, threads: int, runtime: str | None, fixed: Fixed | None = None
    ) -> None:
        """Open ``path``; ``fixed`` is what ``tflite_fix.fix`` made of the file."""
        fixed = fixed or tflite_fix.fix(path, AS_IT_IS)
        data = tflite_file.checked_bytes(path, fixed.content)
        chosen, interpreter_class = find_runtime(runtime)
        self.path = path
        self.signature = fixed.signature
        self.runtime = chosen.name
        self.version = version_of(chosen)
        try:
            self._interpreter = interpreter_class(model_content=data, num_threads=threads)
            # The interpreter appends its delegates as further operators while allocating.
            before = _operators(self._interpreter)
            self._interpreter.allocate_tensors()
            after = _operators(self._interpreter)
            self._bind()
        except (ValueError, RuntimeError) as error:
            raise self._failed("open", error) from error
        self.delegation = delegation.delegation_of(before, after)
        self.pieces = delegation.pieces(before, after)
        self.settings = {
            "threads": threads,
            "delegate": "XNNPACK" if self.delegation.partitions else None,
        }

    def _bind(self) -> None:
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self._input_indices = [int(detail["index"]) for detail in inputs]
        self._output_indices = [int(detail["index"]) for detail in outputs]
        names = _signature_names(
            self._interpreter, set(self._input_indices), set(self._output_indices)
        )
        self.inputs, self.outputs = (
            tuple(self._info(detail, names) for detail in details) for details in (inputs, outputs)
        )

    def _info(self, detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorInfo:
        name = names.get(int(detail["index"]), str(detail["name"]))
        return info_of(detail, name, show(self.path))

    def _set(self, arrays: list[Array]) -> None:
        for index, array in zip(self._input_indices, arrays, strict=True):
            self._interpreter.set_tensor(index, array)

    def invoke(self) -> None:
        """Run inference on the inputs that are set."""
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise self._failed("run", error) from error

    def get_outputs(self) -> dict[str, Array]:
        """Copies of the outputs, by name."""
        return {
            info.name: self._interpreter.get_tensor(index)
            for info, index in zip(self.outputs, self._output_indices, strict=True)
        }


def _operators(interpreter: Any) -> list[delegation.Node] | None:
    """The interpreter's operators; None if it does not list them (a private method does)."""
    try:
        entries = interpreter._get_ops_details()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return None
    return [
        delegation.Node(
            str(entry["op_name"]),
            tuple(int(index) for index in entry["inputs"] if index >= 0),
            tuple(int(index) for index in entry["outputs"] if index >= 0),
        )
        for entry in entries
    ]


def _signature_names(interpreter: Any, inputs: set[int], outputs: set[int]) -> dict[int, str]:
    """Tensor index → its name in the main subgraph's signature.

    Signatures of other subgraphs have other tensors, and so are recognized by their indices.
    """
    if not hasattr(interpreter, "_get_full_signature_list"):
        return {}
    for signature in interpreter._get_full_signature_list().values():
        names = [{int(i): str(n) for n, i in signature[key].items()} for key in PORTS]
        if set(names[0]) == inputs and set(names[1]) == outputs:
            # An input that is handed through as an output goes by its name as an input.
            return names[1] | names[0]
    return {}


def info_of(detail: Mapping[str, Any], name: str, where: str) -> TensorInfo:
    """An input or output as an interpreter describes it, under a name.

    Raises MixnetError that begins with ``where`` for a scale or zero point that cannot be.
    """
    dtype = np.dtype(detail["dtype"])
    scale, zero_point = detail["quantization"]
    given = (float(scale), int(zero_point)) if dtype.kind in "iu" else NOT_QUANTIZED
    shape = tuple(int(size) for size in detail["shape"])
    kind = TEXT if detail["dtype"] is np.bytes_ else dtype.name
    return TensorInfo(name, shape, kind, *checked(given, name, kind, where))
