"""Runs an ``.onnx`` file in onnxruntime on the CPU.

The thread pool does not spin between runs: a spinning pool slows other files that are measured.
"""

import ctypes
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import install_hint
from mixnet_common.readers import show
from mixnet_runtimes.contents import Delegation
from mixnet_runtimes.element_types import STAND_INS, TEXT, array_type
from mixnet_runtimes.onnx import fix as onnx_fix
from mixnet_runtimes.onnx.metadata import read_quantization
from mixnet_runtimes.quantized import NOT_QUANTIZED, checked
from mixnet_runtimes.selection import AS_IT_IS, Fixed
from mixnet_runtimes.session import Array, Session, TensorInfo, first_line

NAME = "onnxruntime"
PROVIDER = "CPUExecutionProvider"
SPINNING = "session.intra_op.allow_spinning"

DATA_FOLDER = "session.model_external_initializers_file_folder_path"
"""Folder of weights beside a file that onnxruntime receives as bytes."""

OPTIMIZED = "optimized.onnx"
"""In the directory of a trace: the graph that onnxruntime made of the file and runs."""

NUMPY_NAMES = {"float": "float32", "double": "float64"}
"""onnxruntime's names of element types that are not numpy's."""


def open_session(path: Path, threads: int, runtime: str | None, fixed: Fixed) -> Session:
    """Open ``path`` with onnxruntime, the only runtime for this format."""
    if runtime is not None and runtime.lower() != NAME:
        raise UsageError(f"no runtime {runtime!r} for .onnx files", f"known: {NAME}")
    return OrtSession(path, threads, fixed=fixed)


def partitions(path: Path, fixed: Fixed) -> Delegation:
    """Always unknown: onnxruntime runs every operator of a file itself."""
    return Delegation(None, reason="an .onnx file runs without a delegate")


def runtime_name(runtime: str | None) -> str:
    """Name and version of onnxruntime."""
    del runtime
    return f"{NAME} {_import().__version__}"


class OrtSession(Session):
    """An ``.onnx`` file in onnxruntime, its inputs and outputs bound to memory."""

    def __init__(
        self,
        path: Path,
        threads: int,
        trace: Path | None = None,
        fixed: Fixed | None = None,
    ) -> None:
        """Open ``path``; with ``trace``, a directory, record there what is run and for how long.

        ``fixed`` is what ``onnx_fix.fix`` made of the file, with its content where that differs.
        """
        ort = _import()
        # onnxruntime reads whatever protobuf makes of the bytes; this refuses broken files first.
        fixed = fixed or onnx_fix.fix(path, AS_IT_IS)
        self.path = path
        self.runtime = NAME
        self.version = str(ort.__version__)
        self.settings = {
            "threads": threads,
            "inter_op_threads": 1,
            "allow_spinning": False,
            "execution": "sequential",
            "graph_optimization": "all",
            "provider": PROVIDER,
        }
        options = _options(ort, threads)
        options.add_session_config_entry(DATA_FOLDER, str(path.absolute().parent))
        if trace is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(trace / "trace")
            options.optimized_model_filepath = str(trace / OPTIMIZED)
        try:
            # A fallback would be the same provider again, announced on stdout.
            self._session = ort.InferenceSession(
                fixed.content or str(path), options, providers=[PROVIDER], enable_fallback=0
            )
        except Exception as error:  # onnxruntime's exceptions share no base class but this
            raise self._failed("open", error) from error
        self._quantization = read_quantization(
            self._session.get_modelmeta().custom_metadata_map, show(path)
        )
        sizes = {each.name: each.shape for each in fixed.inputs}
        self.inputs = tuple(
            self._info(entry, sizes.get(entry.name, ())) for entry in self._session.get_inputs()
        )
        self.outputs = tuple(self._output(entry) for entry in self._session.get_outputs())
        self._binding = self._session.io_binding()
        self._bound: list[Any] = []
        self._feed: dict[str, Array] | None = None
        self._results: list[Array] = []
        if any(each.dtype == TEXT for each in (*self.inputs, *self.outputs)):
            self._feed = {}  # text cannot be bound to memory
            self.settings["bound"] = False

    def _set(self, arrays: list[Array]) -> None:
        if self._feed is not None:
            named = zip(self.inputs, arrays, strict=True)
            self._feed = {info.name: array for info, array in named}
            return
        self._bound = list(arrays)  # a binding points into the arrays and does not keep them alive
        self._binding.clear_binding_inputs()
        for info, array in zip(self.inputs, arrays, strict=True):
            if info.dtype in STAND_INS:
                self._bound.append(_typed(array, info.dtype))
                self._binding.bind_ortvalue_input(info.name, self._bound[-1])
            else:
                self._binding.bind_cpu_input(info.name, array)
        self._binding.clear_binding_outputs()
        for info in self.outputs:
            self._binding.bind_output(info.name)

    def invoke(self) -> None:
        """Run inference on the inputs that are set."""
        try:
            if self._feed is not None:
                self._results = self._session.run(None, self._feed)
            else:
                self._session.run_with_iobinding(self._binding)
        except Exception as error:
            raise self._failed("run", error) from error

    def end_trace(self) -> Path:
        """Stop recording; the file with the times, in the directory that was named."""
        return Path(self._session.end_profiling())

    def get_outputs(self) -> dict[str, Array]:
        """Copies of the outputs, by name."""
        names = [info.name for info in self.outputs]
        return dict(zip(names, self._outputs(), strict=True))

    def _outputs(self) -> list[Array]:
        if self._feed is not None:
            return self._results
        if any(info.dtype in STAND_INS for info in self.outputs):
            values = self._binding.get_outputs()
            return [
                _bits(value, info.dtype) for info, value in zip(self.outputs, values, strict=True)
            ]
        return list(self._binding.copy_outputs_to_cpu())

    def _output(self, entry: Any) -> TensorInfo:
        shape = tuple(_size(axis, size) for axis, size in enumerate(entry.shape or ()))
        return self._info(entry, shape)

    def _info(self, entry: Any, shape: tuple[int, ...]) -> TensorInfo:
        given = self._quantization.get(entry.name, NOT_QUANTIZED)
        dtype = _dtype(entry.type)
        scale, zero_point = checked(given, entry.name, dtype, show(self.path))
        return TensorInfo(entry.name, shape, dtype, scale, zero_point)


def _typed(array: Array, dtype: str) -> Any:
    """The array as a value of a type that numpy lacks, bit for bit."""
    from onnx import TensorProto

    kind = TensorProto.DataType.Value(dtype.upper())
    value_of = _import().OrtValue.ortvalue_from_numpy_with_onnx_type
    return value_of(array, kind)


def _bits(value: Any, dtype: str) -> Array:
    """A copy of an output; of a type that numpy lacks the bits as whole numbers."""
    held = array_type(dtype)
    if held is None or dtype not in STAND_INS:
        return np.asarray(value.numpy())
    shape = tuple(value.shape())
    data = ctypes.string_at(value.data_ptr(), prod(shape) * held.itemsize)
    return np.frombuffer(data, held).reshape(shape)


def _import() -> Any:
    try:
        return import_module(NAME)
    except ImportError as error:
        raise MixnetError(
            f"onnxruntime cannot be imported: {first_line(error)}", install_hint("onnxruntime")
        ) from error


def _options(ort: Any, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry(SPINNING, "0")
    options.log_severity_level = 3  # errors reach the user as exceptions
    return options


def _size(axis: int, size: int | str | None) -> int:
    """An open batch counts as 1, any other open size as -1."""
    if isinstance(size, int):
        return size
    return 1 if axis == 0 else -1


def _dtype(name: str) -> str:
    """numpy's name for onnxruntime's, such as ``tensor(float)``; others unchanged."""
    element = name.removeprefix("tensor(").removesuffix(")")
    element = NUMPY_NAMES.get(element, element)
    try:
        return np.dtype(element).name
    except TypeError:
        return element
