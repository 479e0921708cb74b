"""The convolutions and dense layers of a ``.tflite`` file, and biases to be changed in place."""

from importlib import import_module
from typing import Any

import numpy as np

from mixnet_quantize.activations.tflite import SCHEMA
from mixnet_quantize.corrections.linear import Array, Linear
from mixnet_quantize.tflite.edit import buffer_view
from mixnet_runtimes.tflite.words import decoded_text


class TfliteLinearFile:
    """A file's bytes with its linear layers, float32 or int8."""

    def __init__(self, content: bytes) -> None:
        self._schema = import_module(SCHEMA)
        self._content = bytearray(content)
        self._model = self._schema.ModelT.InitFromPackedBuf(content)
        self._tensors = self._model.subgraphs[0].tensors
        self._biases: dict[str, Any] = {}
        self._layers = self._read()

    def layers(self) -> dict[str, Linear]:
        """Every layer with a separate bias, by its output, in the order of execution."""
        return dict(self._layers)

    def add_to_bias(self, name: str, amounts: Array) -> None:
        """Add real amounts (out,) to a layer's bias, rounded to the steps it is stored in."""
        tensor = self._biases[name]
        stored = self._view(tensor)
        scale = _scale(tensor)
        if scale is None:
            stored += amounts.astype(stored.dtype)
        else:
            steps = stored + np.round(amounts / scale)
            limits = np.iinfo(stored.dtype)
            stored[:] = np.clip(steps, limits.min, limits.max)
        self._layers[name] = Linear(**{**vars(self._layers[name]), "bias": self._real(tensor)})

    def content(self) -> bytes:
        """The current file."""
        return bytes(self._content)

    def _read(self) -> dict[str, Linear]:
        uses: dict[int, int] = {}
        for tensor in self._tensors:
            uses[tensor.buffer] = uses.get(tensor.buffer, 0) + 1
        layers = {}
        depths: dict[int, int] = {}
        for operator in self._model.subgraphs[0].operators:
            depth = max((depths.get(index, 0) for index in operator.inputs), default=0)
            layer, bias = self._layer(operator, depth)
            if layer is not None and uses[bias.buffer] == 1:
                layers[layer.name] = layer
                self._biases[layer.name] = bias
            for index in operator.outputs:
                depths[index] = depth + (layer is not None)
        return layers

    def _layer(self, operator: Any, depth: int) -> tuple[Linear | None, Any]:
        """An operator as a layer with its bias tensor; None if it is not a linear layer."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        operators = self._schema.BuiltinOperator
        known = (operators.CONV_2D, operators.DEPTHWISE_CONV_2D, operators.FULLY_CONNECTED)
        if number not in known or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return None, None
        source, kernel, bias = (self._tensors[index] for index in operator.inputs)
        if not (self._view(kernel).size and self._view(bias).size):
            return None, None
        weights, options = self._real(kernel), operator.builtinOptions
        shared: dict[str, Any] = {
            "name": decoded_text(self._tensors[operator.outputs[0]].name),
            "input": decoded_text(source.name),
            "bias": self._real(bias),
            "depth": depth,
        }
        if number == operators.FULLY_CONNECTED:
            return Linear(kernel=weights.T[None, None], **shared), bias
        depthwise = number == operators.DEPTHWISE_CONV_2D
        shape = (*weights.shape[1:3], -1, options.depthMultiplier) if depthwise else ()
        return Linear(
            kernel=weights.reshape(shape) if depthwise else weights.transpose(1, 2, 3, 0),
            depthwise=depthwise,
            strides=(options.strideH, options.strideW),
            dilations=(options.dilationHFactor, options.dilationWFactor),
            padding="same" if options.padding == self._schema.Padding.SAME else "valid",
            **shared,
        ), bias

    def _view(self, tensor: Any) -> Array:
        """A constant's stored values, flat, to be overwritten; empty for an activation."""
        types = self._schema.TensorType
        dtypes = {types.FLOAT32: "<f4", types.INT32: "<i4", types.INT8: "i1"}
        if tensor.type not in dtypes:
            return np.empty(0)
        return buffer_view(self._content, tensor.buffer).view(dtypes[tensor.type])

    def _real(self, tensor: Any) -> Array:
        """A constant's real values in its shape."""
        values = self._view(tensor).reshape(tensor.shape).astype(np.float64)
        scale = _scale(tensor)
        if scale is None:
            return values
        shape = [1] * values.ndim
        shape[tensor.quantization.quantizedDimension] = -1
        return np.asarray(values * scale.reshape(shape if scale.size > 1 else (1,) * values.ndim))


def _scale(tensor: Any) -> Array | None:
    """Real size of one step, by channel or one for all; None for floats."""
    scale = None if tensor.quantization is None else tensor.quantization.scale
    return None if scale is None or not len(scale) else np.asarray(scale, np.float64)
