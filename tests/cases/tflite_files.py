"""Small .tflite files like those of public bug reports: odd, but all that a user may have.

``write(folder)`` writes them all. What is right for each stands in the tests that use it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

WEIGHTS = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype("f")
BIAS = np.zeros(8, "f")


def write(folder: Path) -> Path:
    """Write every file into a folder, which is returned."""
    open_sizes = convolution(1, signature=(-1, -1, -1))  # tensorflow#42157, as its converter writes
    save(folder / "dynamic.tflite", [open_sizes], WEIGHTS, BIAS)
    save(folder / "static.tflite", [convolution(224)], WEIGHTS, BIAS)
    two = [convolution(32, "small"), convolution(112, "large")]
    signatures = [_signature(key, index) for index, key in enumerate(("small", "large"))]
    save(folder / "two_signatures.tflite", two, WEIGHTS, BIAS, signatures=signatures)
    kernels = np.random.default_rng(1).standard_normal((1, 7, 7, 128)).astype("f")
    biases = np.zeros(128, "f")
    save(folder / "dwmult2.tflite", [_depthwise()], kernels, biases, "DEPTHWISE_CONV_2D")
    return folder


def save(
    path: Path,
    graphs: Sequence[Any],
    weights: Any,
    bias: Any,
    kind: str = "CONV_2D",
    signatures: Sequence[Any] = (),
) -> None:
    model, code = schema.ModelT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 1
    model.version, model.operatorCodes, model.subgraphs = 3, [code], list(graphs)
    model.buffers = [schema.BufferT(), _buffer(weights), _buffer(bias)]
    model.signatureDefs = list(signatures)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def convolution(side: int, name: str = "main", signature: Sequence[int] = ()) -> Any:
    """A graph of one 3×3 convolution, 3 to 8 channels, at its full resolution."""
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideW = options.strideH = 1
    options.dilationWFactor = options.dilationHFactor = 1
    tensors = [
        _tensor("x", (1, side, side, 3), 0, (*signature, 3) if signature else ()),
        _tensor("w", (8, 3, 3, 3), 1),
        _tensor("b", (8,), 2),
        _tensor("y", (1, side, side, 8), 0, (*signature, 8) if signature else ()),
    ]
    return _graph(name, tensors, options)


def _depthwise() -> Any:
    """7×7, stride 2, depth multiplier 2."""
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideW = options.strideH = options.depthMultiplier = 2
    options.dilationWFactor = options.dilationHFactor = 1
    tensors = [
        _tensor("x", (1, 64, 64, 64), 0),
        _tensor("w", (1, 7, 7, 128), 1),
        _tensor("b", (128,), 2),
        _tensor("y", (1, 32, 32, 128), 0),
    ]
    return _graph("main", tensors, options)


def _graph(name: str, tensors: list[Any], options: Any) -> Any:
    graph, operator = schema.SubGraphT(), schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3]
    operator.builtinOptions = options
    kind = type(options).__name__.removesuffix("T")
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    graph.name, graph.tensors, graph.operators = name, tensors, [operator]
    graph.inputs, graph.outputs = [0], [3]
    return graph


def _tensor(name: str, shape: Sequence[int], buffer: int, signature: Sequence[int] = ()) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
    if signature:
        tensor.shapeSignature = list(signature)
    return tensor


def _buffer(values: Any) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    return buffer


def _signature(key: str, subgraph: int) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = key, subgraph
    signature.inputs, signature.outputs = [_port("image", 0)], [_port("out", 3)]
    return signature


def _port(name: str, tensor: int) -> Any:
    port = schema.TensorMapT()
    port.name, port.tensorIndex = name, tensor
    return port
