"""Model files of a few operators, written for the tests, in both formats."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "bool": schema.TensorType.BOOL,
}


@dataclass
class TfliteBuilder:
    """Collects tensors and operators, and writes them."""

    model: Any = field(default_factory=schema.ModelT)
    graph: Any = field(default_factory=schema.SubGraphT)

    def __post_init__(self) -> None:
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.version = 3
        self.model.subgraphs, self.model.operatorCodes = [self.graph], []
        self.model.buffers = [schema.BufferT()]
        self.model.signatureDefs = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        value: Array | None = None,
        dtype: str = "float32",
        scale: Sequence[float] = (),
        axis: int = 0,
    ) -> int:
        """Add a tensor, constant where a value is given; returns its index."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name, list(shape)
        tensor.type = TYPES[dtype if value is None else value.dtype.name]
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        if scale:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = list(scale)
            tensor.quantization.zeroPoint = [0] * len(scale)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None
    ) -> None:
        """Add an operator; ``options`` is the schema's object for it."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            if hasattr(schema.BuiltinOptions, name):
                operator.builtinOptions = options
                operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            else:
                operator.builtinOptions2 = options
                operator.builtinOptions2Type = getattr(schema.BuiltinOptions2, name)
        self.graph.operators.append(operator)

    def subgraph(self) -> int:
        """Go on with a further subgraph; returns its index."""
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs.append(self.graph)
        return len(self.model.subgraphs) - 1

    def signature(
        self,
        inputs: dict[str, int],
        outputs: dict[str, int],
        key: str = "serving_default",
        subgraph: int = 0,
    ) -> None:
        """Name the inputs and outputs of a subgraph, by default the first."""
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = key, subgraph
        signature.inputs = [_map(name, index) for name, index in inputs.items()]
        signature.outputs = [_map(name, index) for name, index in outputs.items()]
        self.model.signatureDefs.append(signature)

    def write(self, path: Path) -> Path:
        """Write the model to ``path`` and return it."""
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def _map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def conv_options(stride: int = 1) -> Any:
    """Options of a CONV_2D with SAME padding."""
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = 1
    return options


def numbers(*shape: int, dtype: str = "float32") -> Array:
    """Values that differ from each other, small and of both signs."""
    values = np.random.default_rng(sum(shape)).normal(size=shape)
    return (values * 20).astype(dtype) if dtype.startswith("int") else values.astype(dtype)


def conv_tflite(path: Path) -> Path:
    """8×8×4 → grouped 3×3 convolution to 6 channels, 2 groups, stride 2, ReLU → 4×4×6."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 8, 8, 4))
    weights = builder.tensor("weights", (6, 3, 3, 2), numbers(6, 3, 3, 2))
    bias = builder.tensor("bias", (6,), numbers(6))
    y = builder.tensor("conv", (1, 4, 4, 6))
    z = builder.tensor("relu", (1, 4, 4, 6))
    builder.operator("CONV_2D", [x, weights, bias], [y], conv_options(stride=2))
    builder.operator("RELU", [y], [z])
    builder.graph.inputs, builder.graph.outputs = [x], [z]
    builder.signature({"image": x}, {"scores": z})
    return builder.write(path)


def branching_tflite(path: Path) -> Path:
    """Two signatures, ``first`` and ``second``, that run the branches x + 1 and x - 1.

    The first takes x + 1 where its flag holds, the second x - 1.
    """
    builder = TfliteBuilder()
    builder.model.subgraphs = []
    for then, other in ((2, 3), (3, 2)):
        _start_graph(builder)
        flag, x = builder.tensor("flag", (1,), dtype="bool"), builder.tensor("x", (1, 4))
        y = builder.tensor("y", (1, 4))
        options = schema.IfOptionsT()
        options.thenSubgraphIndex, options.elseSubgraphIndex = then, other
        builder.operator("IF", [flag, x], [y], options)
        builder.graph.inputs, builder.graph.outputs = [flag, x], [y]
    for change in (1, -1):
        _start_graph(builder)
        x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
        constant = builder.tensor("c", (1,), np.array([change], np.float32))
        builder.operator("ADD", [x, constant], [y], schema.AddOptionsT())
        builder.graph.inputs, builder.graph.outputs = [x], [y]
    for index, name in enumerate(("first", "second")):
        builder.signature({"flag": 0, "x": 1}, {"y": 2})
        entry = builder.model.signatureDefs[-1]
        entry.signatureKey, entry.subgraphIndex = name, index
    return builder.write(path)


def _start_graph(builder: TfliteBuilder) -> None:
    """Add a further graph, to which tensors and operators go from now on."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    builder.graph = graph
    builder.model.subgraphs.append(graph)


def split_tflite(path: Path) -> Path:
    """RELU, SPLIT_V into 3 + 5 channels, which no delegate takes, and a RELU on each part."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4, 4, 8)), builder.tensor("y", (1, 4, 4, 8))
    sizes = builder.tensor("sizes", (2,), np.array([3, 5], np.int32))
    axis = builder.tensor("axis", (), np.array(3, np.int32))
    parts = [builder.tensor(f"part{n}", (1, 4, 4, n)) for n in (3, 5)]
    done = [builder.tensor(f"done{n}", (1, 4, 4, n)) for n in (3, 5)]
    options = schema.SplitVOptionsT()
    options.numSplits = 2
    builder.operator("RELU", [x], [y])
    builder.operator("SPLIT_V", [y, sizes, axis], parts, options)
    for part, result in zip(parts, done, strict=True):
        builder.operator("RELU", [part], [result])
    builder.graph.inputs, builder.graph.outputs = [x], done
    return builder.write(path)


def conv_onnx(path: Path, batch: int | str = 1) -> Path:
    """4×8×8 → grouped 3×3 convolution to 6 channels, 2 groups, stride 2, ReLU → 6×4×4."""
    nodes = [
        helper.make_node(
            "Conv", ["image", "weights", "bias"], ["y"], "conv",
            group=2, pads=[1, 1, 1, 1], strides=[2, 2],
        ),
        helper.make_node("Relu", ["y"], ["scores"], "relu"),
    ]  # fmt: skip
    return write_onnx(
        path,
        nodes,
        {"image": (batch, 4, 8, 8)},
        {"scores": (batch, 6, 4, 4)},
        {"weights": numbers(6, 2, 3, 3), "bias": numbers(6)},
    )


def write_onnx(
    path: Path,
    nodes: Sequence[Any],
    inputs: dict[str, Sequence[int | str]],
    outputs: dict[str, Sequence[int | str] | None],
    constants: dict[str, Array] | None = None,
    *,
    domains: Sequence[str] = (),
    dtypes: dict[str, int] | None = None,
) -> Path:
    """Write a graph of float tensors, or of other element types named in ``dtypes``."""
    types = dtypes or {}
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [_value(name, shape, types) for name, shape in inputs.items()],
        [_value(name, shape, types) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(each, 1) for each in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, path)
    return path


def _value(name: str, shape: Sequence[int | str] | None, types: dict[str, int]) -> Any:
    return helper.make_tensor_value_info(name, types.get(name, TensorProto.FLOAT), shape)
