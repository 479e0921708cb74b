"""The tables of a ``.tflite`` file under construction.

A TFLite file is a flatbuffer: a table of buffers (bytes), a table of tensors that point into it,
and a list of operators that connect tensors by number. This module builds those tables;
``tflite_operators`` has the TFLite form of each of our operators.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_networks import Graph, Tensor
from mixnet_runtimes.tflite.pack import pack

SIGNATURE = "serving_default"
SCHEMA_VERSION = 3


class TfliteWriter:
    """The tables of a file under construction, filled by the emitters."""

    def __init__(self, model: Model) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.model = model
        self.graph: Graph = model.graph
        self._buffers: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        self._constants: dict[tuple[bytes, tuple[int, ...], str], int] = {}
        self._tensors: list[Any] = []
        self._indices: dict[str, int] = {}
        self._operators: list[Any] = []
        self._codes: dict[tuple[int, int], int] = {}
        for tensor in model.graph.inputs:
            self.activation(tensor.name)

    # Tensors

    def activation(self, name: str) -> int:
        """The index of one of the graph's tensors."""
        if name not in self._indices:
            self.declare(self.graph.tensors[name])
        return self._indices[name]

    def declare(self, tensor: Tensor) -> int:
        """Add a tensor that the graph does not know, for use between two operators of one node."""
        self._indices[tensor.name] = self._add_tensor(tensor.name, tensor.shape, np.float32, 0)
        return self._indices[tensor.name]

    def weight(self, name: str, array: NDArray[Any]) -> int:
        """Add a float32 constant, already in TFLite's layout."""
        return self._add_constant(name, np.ascontiguousarray(array, np.float32))

    def integers(self, name: str, values: Any) -> int:
        """The index of an int32 constant; equal ones are stored once."""
        array = np.ascontiguousarray(values, np.int32)
        key = (array.tobytes(), array.shape, "int32")
        if key not in self._constants:
            self._constants[key] = self._add_constant(name, array)
        return self._constants[key]

    def _add_constant(self, name: str, array: NDArray[Any]) -> int:
        self._buffers.append(array.reshape(-1).view(np.uint8))
        return self._add_tensor(name, array.shape, array.dtype, len(self._buffers) - 1)

    def _add_tensor(self, name: str, shape: tuple[int, ...], dtype: Any, buffer: int) -> int:
        types = {"float32": self.schema.TensorType.FLOAT32, "int32": self.schema.TensorType.INT32}
        self._tensors.append(
            self.record(
                "Tensor",
                name=name,
                shape=list(shape),
                type=types[np.dtype(dtype).name],
                buffer=buffer,
                hasRank=True,
            )
        )
        return len(self._tensors) - 1

    # Operators

    def record(self, kind: str, **values: Any) -> Any:
        """One of the schema's tables, with the given fields set."""
        table = getattr(self.schema, f"{kind}T")()
        for key, value in values.items():
            if not hasattr(table, key):
                raise AttributeError(f"the schema's {kind} has no field {key}")
            setattr(table, key, value)
        return table

    def operator(
        self,
        code: str,
        inputs: list[int],
        outputs: list[int],
        options: str = "",
        version: int = 1,
        **values: Any,
    ) -> None:
        """Append an operator: its builtin code, tensors, and options by the schema's names."""
        operator = self.record(
            "Operator", opcodeIndex=self._code(code, version), inputs=inputs, outputs=outputs
        )
        if options:
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            operator.builtinOptions = self.record(options, **values)
        self._operators.append(operator)

    def _code(self, code: str, version: int) -> int:
        number = getattr(self.schema.BuiltinOperator, code)
        return self._codes.setdefault((number, version), len(self._codes))

    # The file

    def finish(self) -> bytes:
        """Pack all tables into the file's bytes."""
        self._check_constants()
        model = self.record(
            "Model",
            version=SCHEMA_VERSION,
            description=f"{self.graph.name}, written by mixnet-mobile",
            operatorCodes=[self._operator_code(*key) for key in self._codes],
            subgraphs=[self._subgraph()],
            signatureDefs=[self._signature()],
            buffers=[self.record("Buffer", data=data) for data in self._buffers],
        )
        return pack(self.schema, model)

    def _operator_code(self, number: int, version: int) -> Any:
        # Readers older than the 127th operator look at the one-byte field.
        old = min(number, 127)
        return self.record(
            "OperatorCode", builtinCode=number, deprecatedBuiltinCode=old, version=version
        )

    def _subgraph(self) -> Any:
        return self.record(
            "SubGraph",
            name=self.graph.name,
            tensors=self._tensors,
            operators=self._operators,
            inputs=[self._indices[tensor.name] for tensor in self.graph.inputs],
            outputs=[self._indices[name] for name in self.graph.outputs],
        )

    def _signature(self) -> Any:
        def maps(names: Any) -> list[Any]:
            return [
                self.record("TensorMap", name=name, tensorIndex=self._indices[name])
                for name in names
            ]

        return self.record(
            "SignatureDef",
            signatureKey=SIGNATURE,
            subgraphIndex=0,
            inputs=maps(tensor.name for tensor in self.graph.inputs),
            outputs=maps(self.graph.outputs),
        )

    def _check_constants(self) -> None:
        """Some interpreters accept a constant of the wrong size and compute NaN from it."""
        sizes = {self.schema.TensorType.FLOAT32: 4, self.schema.TensorType.INT32: 4}
        for tensor in self._tensors:
            have = self._buffers[tensor.buffer].size
            want = math.prod(tensor.shape) * sizes[tensor.type]
            if tensor.buffer and have != want:
                raise MixnetError(
                    f"{tensor.name}: {have} bytes for the shape {tensor.shape}, not {want}"
                )
