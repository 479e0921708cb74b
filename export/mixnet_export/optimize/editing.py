"""Changes to a model's tables: tensors are only appended, operators replaced in place."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.hashing import sha256
from mixnet_export.optimize.graph import ports_of
from mixnet_runtimes.tflite.words import decoded_text, integers

Array = NDArray[Any]

TYPES = {"float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32", "int8": "INT8"}
BYTES = {0: "<f4", 1: "<f2", 2: "<i4", 4: "<i8", 9: "|i1"}
"""How constants of the schema's types are stored: float32, float16, int32, int64, int8."""

LARGEST_BYTE_CODE = 127
"""Readers older than the 127th operator look at the one-byte field."""


class Editor:
    """A model under change. Equal constants are stored once in a file."""

    def __init__(self, model: Any, schema: Any) -> None:
        self.model = model
        self.schema = schema
        self._buffers: dict[str, int] = {}
        self._codes = {
            (max(code.builtinCode, code.deprecatedBuiltinCode), code.version): number
            for number, code in enumerate(model.operatorCodes)
            if not code.customCode
        }

    def record(self, kind: str, **values: Any) -> Any:
        """One of the schema's tables, with the given fields set."""
        table = getattr(self.schema, f"{kind}T")()
        for key, value in values.items():
            setattr(table, key, value)
        return table

    def code(self, name: str, version: int = 1) -> int:
        """The number of an operator code, which is appended where the file has none like it."""
        number = getattr(self.schema.BuiltinOperator, name)
        key = (number, version)
        if key not in self._codes:
            self._codes[key] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(
                self.record(
                    "OperatorCode",
                    builtinCode=number,
                    deprecatedBuiltinCode=min(number, LARGEST_BYTE_CODE),
                    version=version,
                )
            )
        return self._codes[key]

    def buffer(self, values: Array) -> int:
        """The number of a buffer with these values."""
        content = np.ascontiguousarray(values)
        data = np.frombuffer(content.astype(content.dtype.newbyteorder("<")).tobytes(), np.uint8)
        key = sha256(data.tobytes())
        if key not in self._buffers:
            self._buffers[key] = len(self.model.buffers)
            self.model.buffers.append(self.record("Buffer", data=data))
        return self._buffers[key]


class GraphEditor:
    """The same for one subgraph: its tensors and operators."""

    def __init__(self, editor: Editor, number: int) -> None:
        self.editor = editor
        self.graph = editor.model.subgraphs[number]
        self._number = number
        self._constants: dict[tuple[int, tuple[int, ...], str], int] = {}
        self._replaced: dict[int, list[Any]] = {}

    def constant(self, name: str, values: Array) -> int:
        """A tensor with these values; equal ones are one tensor."""
        kind = values.dtype.name
        key = (self.editor.buffer(values), tuple(values.shape), kind)
        if key not in self._constants:
            self._constants[key] = self._append(name, values.shape, TYPES[kind], key[0])
        return self._constants[key]

    def activation(self, name: str, shape: Sequence[int], like: int) -> int:
        """A float32 tensor that is computed, its batch as open as another's."""
        index = self._append(name, shape, "FLOAT32", self._empty_buffer())
        signature = self.graph.tensors[like].shapeSignature
        if signature is not None and len(signature) == len(shape):
            opened = [-1 if int(signature[0]) < 0 else int(shape[0]), *map(int, shape[1:])]
            self.graph.tensors[index].shapeSignature = opened
        return index

    def activation_like(self, name: str, shape: Sequence[int], like: int) -> int:
        """A tensor that is computed, of another's type, scales and open batch."""
        index = self.activation(name, shape, like)
        given = self.graph.tensors[like]
        self.graph.tensors[index].type = given.type
        self.graph.tensors[index].quantization = copy.deepcopy(given.quantization)
        return index

    def set_scale(self, tensor: int, scale: float, zero: int) -> None:
        """Give a tensor one scale and zero point, and no range that an exporter noted."""
        given = self.editor.record("QuantizationParameters")
        given.scale, given.zeroPoint = np.array([scale], np.float32), np.array([zero], np.int64)
        self.graph.tensors[tensor].quantization = given

    def quantized_constant(
        self, name: str, values: Array, scales: Array, zeros: Array, *, axis: int
    ) -> int:
        """A tensor with these integers and scales, which are those along an axis."""
        number = self._append(
            name, values.shape, TYPES[values.dtype.name], self.editor.buffer(values)
        )
        given = self.editor.record("QuantizationParameters")
        given.scale, given.zeroPoint = scales.astype(np.float32), zeros.astype(np.int64)
        given.quantizedDimension = axis if len(scales) > 1 else 0
        self.graph.tensors[number].quantization = given
        return number

    def picked(self, name: str, tensor: int, axis: int, order: Sequence[int]) -> int:
        """A constant of some of another's entries along an axis, its scales picked with them."""
        given = self.graph.tensors[tensor]
        dtype = BYTES[given.type]
        data = np.asarray(self.editor.model.buffers[given.buffer].data, np.uint8)
        values = np.frombuffer(data.tobytes(), dtype).reshape(integers(given.shape))
        taken = np.ascontiguousarray(np.take(values, order, axis))
        index = self._append(name, taken.shape, "FLOAT32", self.editor.buffer(taken))
        made = self.graph.tensors[index]
        made.type, made.quantization = given.type, copy.deepcopy(given.quantization)
        scales = made.quantization
        if scales is not None and scales.quantizedDimension == axis:
            for key in ("scale", "zeroPoint"):
                values = getattr(scales, key)
                if values is not None and len(values) > 1:
                    setattr(scales, key, np.asarray(values)[list(order)])
        return index

    def clone(self, place: int, inputs: Sequence[int], outputs: Sequence[int], at: int = -1) -> Any:
        """The operator at ``place`` once more, on other tensors; in its own place, or another's."""
        operator = copy.copy(self.graph.operators[place])
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        self._replaced.setdefault(place if at < 0 else at, []).append(operator)
        return operator

    def operator(
        self,
        place: int,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        version: int = 1,
        **values: Any,
    ) -> Any:
        """Append an operator to the replacement of the one at ``place``."""
        operator = self.editor.record(
            "Operator",
            opcodeIndex=self.editor.code(kind, version),
            inputs=list(inputs),
            outputs=list(outputs),
            debugMetadataIndex=self.graph.operators[place].debugMetadataIndex,
        )
        if options:
            operator.builtinOptionsType = getattr(self.editor.schema.BuiltinOptions, options)
            operator.builtinOptions = self.editor.record(options, **values)
        self._replaced.setdefault(place, []).append(operator)
        return operator

    def remove(self, place: int) -> None:
        """Leave out an operator."""
        self._replaced.setdefault(place, [])

    def finish(self) -> list[list[Any]]:
        """Put the new operators in their places, and drop the weights that nothing reads any more.

        Returns the operators by the place of those that they replace.
        """
        before = list(self.graph.operators)
        self.graph.operators = [
            each
            for place, operator in enumerate(before)
            for each in self._replaced.get(place, [operator])
        ]
        touched = {t for place in self._replaced for t in _tensors(before[place])}
        self._drop(touched)
        return [self._replaced.get(place, []) for place in range(len(before))]

    def _drop(self, candidates: set[int]) -> None:
        """Drop what held values for operators that are gone, and the DEQUANTIZE behind it."""
        read = self._read()
        idle = [each for each in self.graph.operators if self._is_idle(each, candidates, read)]
        gone = {id(operator) for operator in idle}
        self.graph.operators = [each for each in self.graph.operators if id(each) not in gone]
        candidates |= {tensor for operator in idle for tensor in integers(operator.inputs)}
        used = {tensor for operator in self.graph.operators for tensor in _tensors(operator)}
        for index in candidates - used - self._ports() - {-1}:
            self.graph.tensors[index].buffer = self._empty_buffer()

    def _is_idle(self, operator: Any, candidates: set[int], read: set[int]) -> bool:
        """Whether it makes float32 of weights that nothing reads any more."""
        code = self.editor.model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        outputs = set(integers(operator.outputs))
        is_decoder = number == self.editor.schema.BuiltinOperator.DEQUANTIZE
        return is_decoder and outputs <= candidates and not outputs & read

    def _read(self) -> set[int]:
        """Tensors that an operator reads, or that others know."""
        inputs = {
            tensor for operator in self.graph.operators for tensor in integers(operator.inputs)
        }
        return inputs | self._ports()

    def _ports(self) -> set[int]:
        return set(ports_of(self.editor.model, self._number))

    def _append(self, name: str, shape: Sequence[int], kind: str, buffer: int) -> int:
        self.graph.tensors.append(
            self.editor.record(
                "Tensor",
                name=name,
                shape=[int(size) for size in shape],
                type=getattr(self.editor.schema.TensorType, kind),
                buffer=buffer,
                hasRank=True,
            )
        )
        return len(self.graph.tensors) - 1

    def _empty_buffer(self) -> int:
        """A buffer without content: the first one, by the format's custom."""
        first = self.editor.model.buffers[0]
        if first.data is None or not len(first.data):
            return 0
        return self.editor.buffer(np.empty(0, np.uint8))


def empty_unused_buffers(model: Any, before: set[int]) -> None:
    """Take the content from buffers that had users ``before`` and have none now."""
    for number in before - used_buffers(model):
        model.buffers[number].data = None


def used_buffers(model: Any) -> set[int]:
    """Buffers that a tensor or an entry of the metadata refers to."""
    found = {int(tensor.buffer) for graph in model.subgraphs for tensor in graph.tensors}
    return found | {int(each.buffer) for each in model.metadata or ()}


def name_of(graph: Any, tensor: int) -> str:
    """A tensor's name."""
    return decoded_text(graph.tensors[tensor].name) or f"tensor{tensor}"


def _tensors(operator: Any) -> list[int]:
    return [*integers(operator.inputs), *integers(operator.outputs)]
