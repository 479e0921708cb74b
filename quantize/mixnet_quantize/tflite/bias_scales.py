"""Raises the weight scales of an int8 ``.tflite`` file's channels until their biases fit.

A file in which all fit does not change by a byte.
"""

from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from mixnet_quantize.activations.tflite import SCHEMA
from mixnet_quantize.corrections.bias_scales import Array, Int8File, fitting_scales, to_steps
from mixnet_quantize.tflite.edit import buffer_view
from mixnet_runtimes.tflite.pack import gather_buffers, pack
from mixnet_runtimes.tflite.words import decoded_text


def fit_biases_tflite(float32: bytes, int8: bytes) -> Int8File:
    """The int8 file with biases that fit; the real ones are the float32 file's, by their names."""
    schema = import_module(SCHEMA)
    biases = _real_biases(float32, schema)
    model = schema.ModelT.InitFromPackedBuf(int8)
    data = bytearray(int8)
    raised: dict[str, tuple[int, ...]] = {}
    for users in _layers_by_weights(model, schema, biases).values():
        raised |= _fit(model, data, users, biases)
    if not raised:
        return Int8File(int8)
    order = [
        decoded_text(model.subgraphs[0].tensors[each.outputs[0]].name) for each in _operators(model)
    ]
    named = {layer: raised[layer] for layer in order if layer in raised}
    gather_buffers(model, int8)
    _empty_unused(model)
    return Int8File(pack(schema, model), named)


def _operators(model: Any) -> Any:
    return model.subgraphs[0].operators


def _real_biases(float32: bytes, schema: Any) -> Mapping[str, Array]:
    """All float32 vectors of a file that have values, by name."""
    model = schema.ModelT.InitFromPackedBuf(float32)
    data = bytearray(float32)
    return {
        decoded_text(tensor.name): buffer_view(data, tensor.buffer).view("<f4")
        for tensor in model.subgraphs[0].tensors
        if tensor.type == schema.TensorType.FLOAT32
        and tensor.shape is not None
        and len(tensor.shape) == 1
        and buffer_view(data, tensor.buffer).size
    }


def _layers_by_weights(
    model: Any, schema: Any, biases: Mapping[str, Array]
) -> dict[int, list[tuple[str, Any, Any, Any]]]:
    """int8 layers by the tensor of their weights: output's name, input, weights and bias.

    Layers may share weights, and so their scale.
    """
    tensors, found = model.subgraphs[0].tensors, defaultdict(list)
    for operator in _operators(model):
        if len(operator.inputs) < 3 or min(operator.inputs[:3]) < 0:
            continue
        source, weights, bias = (tensors[index] for index in operator.inputs[:3])
        types = [each.type for each in (source, weights, bias)]
        int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
        if types == [int8, int8, int32] and decoded_text(bias.name) in biases:
            layer = decoded_text(tensors[operator.outputs[0]].name)
            found[int(operator.inputs[1])].append((layer, source, weights, bias))
    return found


def _fit(
    model: Any,
    data: bytearray,
    users: list[tuple[str, Any, Any, Any]],
    biases: Mapping[str, Array],
) -> dict[str, tuple[int, ...]]:
    """Raise the scales of one tensor of weights as its layers' biases need; what was raised."""
    weights = users[0][2]
    axis = weights.quantization.quantizedDimension
    given = np.asarray(weights.quantization.scale, np.float64)
    steps = buffer_view(data, weights.buffer).view(np.int8).reshape(weights.shape)
    if len(given) != steps.shape[axis]:
        return {}  # one scale for all channels, which the largest of them has set
    real = np.moveaxis(steps, axis, 0) * given.reshape(-1, *[1] * (steps.ndim - 1))
    flat = real.reshape(len(given), -1)
    fitted, raised = given, {}
    for layer, source, _, bias in users:
        scale = float(source.quantization.scale[0])
        needed = fitting_scales(flat, biases[decoded_text(bias.name)], scale, given)
        fitted = np.maximum(fitted, needed)
        raised[layer] = tuple(int(each) for each in np.flatnonzero(needed > given))
    if not any(raised.values()):
        return {}
    fitted = np.nextafter(fitted.astype(np.float32), np.float32(np.inf)).astype(np.float64)
    fitted = np.where(fitted > given * (1 + 1e-6), fitted, given)
    _replace(model, weights, np.moveaxis(to_steps(real, fitted, np.int8), 0, axis), fitted)
    for _, source, _, bias in users:
        scales = fitted * float(source.quantization.scale[0])
        _replace(model, bias, to_steps(biases[decoded_text(bias.name)], scales, np.int32), scales)
    return {layer: channels for layer, channels in raised.items() if channels}


def _replace(model: Any, tensor: Any, values: Array, scales: Array) -> None:
    """Give a tensor new values and scales; its old buffer may have other users."""
    schema = import_module(SCHEMA)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
    tensor.quantization.scale = scales.astype(np.float32)


def _empty_unused(model: Any) -> None:
    """Take the content from buffers that nothing refers to any more."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {each.buffer for each in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
