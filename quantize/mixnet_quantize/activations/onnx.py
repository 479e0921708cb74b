"""Makes all activations of an ``.onnx`` file readable by adding them to its outputs, in memory.

In a quantized file (QDQ) an activation is the output of its DequantizeLinear, since the next
operator reads it; onnxruntime's integer kernels compute it, fused as always.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mixnet_common import MixnetError
from mixnet_quantize.activations.observer import Array, Observer, the_input
from mixnet_runtimes.onnx.metadata import Parameters, read_quantization
from mixnet_runtimes.onnx.session import DATA_FOLDER, PROVIDER, SPINNING
from mixnet_runtimes.quantized import NOT_QUANTIZED, checked, to_stored
from mixnet_runtimes.session import TensorInfo, first_line

_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
}
"""Types of activations that hold real numbers."""


class OnnxObserver(Observer):
    """An ``.onnx`` file in onnxruntime, its activations among the outputs."""

    def __init__(
        self,
        content: bytes,
        only: Collection[str] | None,
        threads: int,
        where: str,
        folder: Path | None = None,
    ) -> None:
        self.where = where
        import onnx

        model = onnx.load_from_string(content)
        self.outputs = tuple(value.name for value in model.graph.output)
        shown, operators = _activations(model.graph)
        if only is not None:
            operators = {name: op for name, op in operators.items() if name in only}
        for tensor in (shown[name] for name in operators):
            if tensor not in self.outputs:
                model.graph.output.append(onnx.ValueInfoProto(name=tensor))
        as_written = only is None and not any(n.op_type == _QUANTIZE for n in model.graph.node)
        content = model.SerializeToString()
        del model  # as large as the file, like the session that follows
        self._session = _open(content, threads, as_written, where, folder)
        metadata = self._session.get_modelmeta().custom_metadata_map
        quantization = read_quantization(metadata, where)
        self.input = the_input(
            [_info(each, quantization, where) for each in self._session.get_inputs()]
        )
        self._infos = {
            each.name: _info(each, quantization, where)
            for each in self._session.get_outputs()
            if each.type in _TYPES
        }
        self._shown = {name: tensor for name, tensor in shown.items() if tensor in self._infos}
        self.operators = {name: op for name, op in operators.items() if name in self._shown}
        self._values: dict[str, Array] = {}

    def run(self, image: Array) -> None:
        """Compute everything for one input (batch, height, width, channels) of real values."""
        laid_out = image.transpose(0, 3, 1, 2) if image.ndim == 4 else image
        feed = {self.input.name: to_stored(laid_out, self.input)}
        names = list(self._infos)
        try:
            values = self._session.run(names, feed)
        except Exception as error:  # onnxruntime's exceptions share no base class but this
            raise MixnetError(f"{self.where} cannot be run: {first_line(error)}") from error
        self._values = dict(zip(names, values, strict=True))

    def stored(self, name: str) -> tuple[Array, TensorInfo]:
        """An activation of the last run, feature maps NHWC, and how to read it."""
        tensor = self._shown[name]
        values = self._values[tensor]
        laid_out = values.transpose(0, 2, 3, 1) if values.ndim == 4 else values
        return laid_out, self._infos[tensor]


def _activations(graph: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The tensor with an activation's values and its operator, by activation."""
    producers = {name: node for node in graph.node for name in node.output}
    quantized = {node.output[0]: node.input[0] for node in graph.node if node.op_type == _QUANTIZE}
    shown = {name: name for name in producers}
    operators = {}
    for node in graph.node:
        if node.op_type == _DEQUANTIZE and node.input[0] in quantized:
            real, source = node.output[0], quantized[node.input[0]]
            shown[source] = real
            if source in producers and real in {value.name for value in graph.output}:
                operators[real] = producers[source].op_type
        elif node.op_type not in (_QUANTIZE, _DEQUANTIZE, "Constant"):
            operators |= dict.fromkeys(node.output, node.op_type)
    return shown, operators


def _open(content: bytes, threads: int, as_written: bool, where: str, folder: Path | None) -> Any:
    """A session; if all float32 tensors are outputs, it is faster without optimisation."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.add_session_config_entry(SPINNING, "0")
    options.log_severity_level = 3  # errors reach the user as exceptions
    if folder is not None:
        options.add_session_config_entry(DATA_FOLDER, str(folder.absolute()))
    try:
        return onnxruntime.InferenceSession(content, options, providers=[PROVIDER])
    except Exception as error:
        raise MixnetError(f"{where} cannot be opened: {first_line(error)}") from error


def _info(entry: Any, quantization: Parameters, where: str) -> TensorInfo:
    dtype = _TYPES.get(entry.type, entry.type)
    given = quantization.get(entry.name, NOT_QUANTIZED)
    scale, zero_point = checked(given, entry.name, dtype, where)
    shape = tuple(size if isinstance(size, int) else -1 for size in entry.shape or ())
    return TensorInfo(entry.name, shape, dtype, scale, zero_point)
