"""Makes all activations of a ``.tflite`` file readable by declaring them as outputs.

A delegate then computes them as always and leaves their values; without a delegate, with all
tensors preserved, this takes fifteen times as long.
"""

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

from mixnet_common import MixnetError
from mixnet_quantize.activations.observer import Array, Observer, the_input
from mixnet_quantize.tflite.edit import with_outputs
from mixnet_runtimes.quantized import to_stored
from mixnet_runtimes.session import TensorInfo, first_line
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.session import info_of
from mixnet_runtimes.tflite.words import decoded_text

SCHEMA = "ai_edge_litert.schema_py_generated"


class TfliteObserver(Observer):
    """A ``.tflite`` file in the first installed interpreter, its activations among the outputs."""

    def __init__(
        self, content: bytes, only: Collection[str] | None, threads: int, where: str
    ) -> None:
        self.where = where
        schema = import_module(SCHEMA)
        subgraph = (model := schema.ModelT.InitFromPackedBuf(content)).subgraphs[0]
        names = [decoded_text(tensor.name) for tensor in subgraph.tensors]
        computed = _computed(model, schema)
        own = [int(index) for index in subgraph.outputs]
        self.outputs = tuple(names[index] for index in own)
        self._indices = {
            names[index]: index
            for index in computed
            if (only is None or names[index] in only) and _is_real(subgraph.tensors[index], schema)
        }
        self.operators = {name: computed[index] for name, index in self._indices.items()}
        wanted = [*own, *(index for index in self._indices.values() if index not in own)]
        self._interpreter = _open(with_outputs(content, wanted), threads, where)
        self._infos = {
            int(each["index"]): _info(each, where)
            for each in self._interpreter.get_output_details()
        }
        (self._entry,) = (int(each["index"]) for each in self._interpreter.get_input_details()[:1])
        self.input = the_input(
            [_info(each, where) for each in self._interpreter.get_input_details()]
        )

    def run(self, image: Array) -> None:
        """Compute everything for one input (batch, height, width, channels) of real values."""
        self._interpreter.set_tensor(self._entry, to_stored(image, self.input))
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise MixnetError(f"{self.where} cannot be run: {first_line(error)}") from error

    def stored(self, name: str) -> tuple[Array, TensorInfo]:
        """An activation of the last run as stored, and how to read it."""
        index = self._indices[name]
        return self._interpreter.get_tensor(index), self._infos[index]


def _computed(model: Any, schema: Any) -> dict[int, str]:
    """The number of every tensor that an operator computes, and that operator's name."""
    words = {number: word for word, number in vars(schema.BuiltinOperator).items()}
    kinds = [
        words.get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM")
        for code in model.operatorCodes
    ]
    return {
        int(index): kinds[operator.opcodeIndex]
        for operator in model.subgraphs[0].operators
        for index in operator.outputs
    }


def _is_real(tensor: Any, schema: Any) -> bool:
    """Whether a tensor holds real numbers: floats, or integers with one scale."""
    if tensor.type in (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16):
        return True
    scales = None if tensor.quantization is None else tensor.quantization.scale
    return scales is not None and len(scales) == 1


def _open(content: bytes, threads: int, where: str) -> Any:
    _, interpreter_class = find_runtime(None)
    try:
        interpreter = interpreter_class(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"{where} cannot be opened: {first_line(error)}") from error
    return interpreter


def _info(detail: Mapping[str, Any], where: str) -> TensorInfo:
    return info_of(detail, str(detail["name"]), where)
