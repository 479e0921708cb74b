"""Little ``.tflite`` files with one depthwise convolution each, of every form that exporters write.

They are written through the schema alone, so that nothing of what is tested makes them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mixnet_networks.graph.padding import same_padding
from mixnet_runtimes.tflite.pack import pack


@dataclass(frozen=True)
class Case:
    """A depthwise convolution in a file of its own."""

    size: tuple[int, int] = (14, 14)
    kernel: tuple[int, int] = (7, 7)
    channels: int = 8
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    pads: tuple[tuple[int, int], tuple[int, int]] | None = None
    """Zeros of a PAD before it."""
    activation: str = "NONE"
    form: str = "float32"
    bias: bool = True
    batch: int = 1
    open_batch: bool = False
    pad_value: float = 0.0
    """Of a PADV2."""
    seed: int = 0
    centred: bool = False
    """Whether weights fall off towards the kernel's edge, as trained ones do."""

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width that the convolution itself sees."""
        pads = self.pads or ((0, 0), (0, 0))
        height, width = (n + sum(pair) for n, pair in zip(self.size, pads, strict=True))
        return height, width

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the output; below 1 where no window fits."""
        axes = zip(self.padded, self.kernel, self.strides, self.dilations, strict=True)
        height, width = (
            -(-n // s) if self.padding == "SAME" else (n - (k - 1) * d - 1) // s + 1
            for n, k, s, d in axes
        )
        return height, width


def save(path: Path, case: Case) -> Path:
    """Write the file of a case."""
    path.write_bytes(content(case))
    return path


def content(case: Case) -> bytes:
    """The file of a case."""
    return pack(schema, model(case))


def model(case: Case) -> Any:
    """The file of a case as tables."""
    return _Maker(case).make()


def reference(case: Case, x: Any) -> Any:
    """What a float32 case computes, tap by tap, in float64."""
    weights, bias = values(case)
    pads = case.pads or ((0, 0), (0, 0))
    if case.padding == "SAME":
        axes = zip(case.padded, case.kernel, case.strides, case.dilations, strict=True)
        more = [same_padding(n, k, s, d) for n, k, s, d in axes]
    else:
        more = [(0, 0), (0, 0)]
    x = np.pad(x.astype(np.float64), ((0, 0), *pads, (0, 0)), constant_values=case.pad_value)
    x = np.pad(x, ((0, 0), *more, (0, 0)))
    result = np.zeros((case.batch, *case.output, case.channels))
    for i, j in np.ndindex(*case.output):
        top, left = i * case.strides[0], j * case.strides[1]
        rows = top + np.arange(case.kernel[0]) * case.dilations[0]
        columns = left + np.arange(case.kernel[1]) * case.dilations[1]
        window = x[:, rows][:, :, columns]
        result[:, i, j] = (window * weights[0]).sum(axis=(1, 2))
    result += bias if case.bias else 0
    low, high = {
        "NONE": (-np.inf, np.inf),
        "RELU": (0, np.inf),
        "RELU6": (0, 6),
        "RELU_N1_TO_1": (-1, 1),
    }[case.activation]
    return np.clip(result, low, high)


def values(case: Case) -> tuple[Any, Any]:
    """Weights (1, h, w, c) and bias (c,) of a case, as real values."""
    rng = np.random.default_rng(case.seed)
    taps = case.kernel[0] * case.kernel[1]
    weights = rng.standard_normal((1, *case.kernel, case.channels)) / np.sqrt(taps)
    if case.centred:
        rows, columns = (np.exp(-((np.arange(n) - (n - 1) / 2) ** 2)) for n in case.kernel)
        weights = weights * np.outer(rows, columns)[:, :, None]
        weights = weights / np.sqrt((weights**2).sum(axis=(0, 1, 2)))
    dtype = np.float16 if case.form == "float16" else np.float32
    return weights.astype(dtype), rng.standard_normal(case.channels).astype(dtype)


SCALE, ZERO = 0.05, 3
OUT_SCALE, OUT_ZERO = 0.04, -7
TYPES = {"float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32", "int8": "INT8"}


class _Maker:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.description = "one depthwise convolution"
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], "main"
        self.int8 = case.form.startswith("int8")

    def make(self) -> Any:
        case = self.case
        kind = "int8" if self.int8 else "float32"
        x = self.tensor("x", (case.batch, *case.size, case.channels), kind, quant=(SCALE, ZERO))
        source = self.pad(x, kind) if case.pads is not None else x
        shape = (case.batch, *case.output, case.channels)
        weights, bias = self.weights()
        y = self.tensor("y", shape, kind, quant=(OUT_SCALE, OUT_ZERO))
        options = schema.DepthwiseConv2DOptionsT()
        options.padding = getattr(schema.Padding, case.padding)
        options.strideH, options.strideW = case.strides
        options.dilationHFactor, options.dilationWFactor = case.dilations
        options.depthMultiplier = 1
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, case.activation)
        version = 3 if self.int8 else 2 if max(case.dilations) > 1 else 1
        inputs = [source, weights, bias] if case.bias else [source, weights]
        self.operator("DEPTHWISE_CONV_2D", inputs, [y], options, version)
        self.graph.inputs, self.graph.outputs = [x], [y]
        return self.model

    def pad(self, x: int, kind: str) -> int:
        case = self.case
        amounts = np.array([(0, 0), *(case.pads or ()), (0, 0)], np.int32)
        inputs = [x, self.constant("paddings", amounts)]
        padded = self.tensor(
            "padded", (case.batch, *case.padded, case.channels), kind, quant=(SCALE, ZERO)
        )
        if not case.pad_value:
            self.operator("PAD", inputs, [padded], schema.PadOptionsT(), 2 if self.int8 else 1)
        else:
            inputs.append(self.constant("value", np.array([case.pad_value], np.float32)))
            self.operator("PADV2", inputs, [padded], schema.PadV2OptionsT(), 1)
        return padded

    def weights(self) -> tuple[int, int]:
        weights, bias = values(self.case)
        if self.int8:
            return self.int8_weights(weights, bias)
        found = [self.constant("w", weights), self.constant("b", bias) if self.case.bias else -1]
        if self.case.form == "float16":
            for n, stored in enumerate(found):
                if stored >= 0:
                    name, shape = f"float{n}", list(self.graph.tensors[stored].shape)
                    found[n] = self.tensor(name, shape, "float32", batch=False)
                    options = schema.DequantizeOptionsT()
                    self.operator("DEQUANTIZE", [stored], [found[n]], options, 3)
        return found[0], found[1]

    def int8_weights(self, weights: Any, bias: Any) -> tuple[int, int]:
        per_channel = self.case.form == "int8-per-channel"
        largest = np.abs(weights).max(axis=(0, 1, 2)) if per_channel else np.abs(weights).max()
        scales = np.atleast_1d(largest / 127).astype(np.float32)
        steps = np.round(weights / scales).astype(np.int8)
        stored = self.constant("w", steps, scales)
        wide = np.round(bias / (scales * np.float32(SCALE))).astype(np.int32)
        return stored, self.constant("b", wide, scales * np.float32(SCALE), 0)

    def constant(self, name: str, array: Any, scales: Any = None, axis: int = 3) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        index = self.tensor(name, array.shape, array.dtype.name, batch=False)
        tensor = self.graph.tensors[index]
        tensor.buffer, tensor.quantization = len(self.model.buffers) - 1, None
        if scales is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
            tensor.quantization.quantizedDimension = axis if len(scales) > 1 else 0
        return index

    def tensor(
        self,
        name: str,
        shape: Any,
        kind: str,
        quant: tuple[float, int] | None = None,
        batch: bool = True,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name, [int(size) for size in shape]
        tensor.type = getattr(schema.TensorType, TYPES[kind])
        if batch and self.case.open_batch:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
        if kind == "int8" and quant is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([quant[0]], np.float32)
            tensor.quantization.zeroPoint = np.array([quant[1]], np.int64)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: Any, outputs: Any, options: Any, version: int) -> None:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, version
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = options
        self.graph.operators.append(operator)
