"""Raises the weight scales of an int8 ``.onnx`` file's (QDQ) channels until their biases fit.

Since 1.23, onnxruntime's own quantizer does this for the bias alone; here there is also room for
the products that are added to it, in every version.
"""

from typing import Any

import numpy as np

from mixnet_quantize.corrections.bias_scales import Array, fitting_scales, to_steps

_DEQUANTIZE = "DequantizeLinear"
_LAYERS = ("Conv", "Gemm")


def fit_biases_onnx(float32: Any, int8: Any) -> dict[str, tuple[int, ...]]:
    """Change an int8 ModelProto in place; the channels that were raised, by the layer's name.

    ``float32`` is the ModelProto that it was made from: the real biases are there, under the same
    nodes' names.
    """
    real = {each.name: each for each in float32.graph.initializer}
    biases = {
        node.name: real[node.input[2]]
        for node in float32.graph.node
        if node.op_type in _LAYERS and len(node.input) > 2 and node.input[2] in real
    }
    file = _Int8Graph(int8.graph)
    raised = {}
    for node in int8.graph.node:
        if node.op_type in _LAYERS and node.name in biases:
            channels = file.fit(node, biases[node.name])
            if channels:
                raised[node.name] = channels
    return raised


class _Int8Graph:
    """A QDQ graph's constants, to be changed in place."""

    def __init__(self, graph: Any) -> None:
        self._constants = {each.name: each for each in graph.initializer}
        self._producers = {name: node for node in graph.node for name in node.output}

    def fit(self, node: Any, bias: Any) -> tuple[int, ...]:
        """Let a layer's biases fit; the channels whose scales were raised."""
        from onnx import numpy_helper

        source, weights, stored = (self._dequantizer(name) for name in node.input[:3])
        if source is None or weights is None or stored is None:
            return ()
        steps, given = self._value(weights.input[0]), self._value(weights.input[1])
        axis = next((each.i for each in weights.attribute if each.name == "axis"), 0)
        if steps.dtype != np.int8 or given.ndim != 1 or given.size != steps.shape[axis]:
            return ()
        real = np.moveaxis(steps, axis, 0).astype(np.float64)
        real *= given.astype(np.float64).reshape(-1, *[1] * (real.ndim - 1))
        wanted = numpy_helper.to_array(bias).astype(np.float64).reshape(-1)
        input_scale = float(self._value(source.input[1]))
        fitted = fitting_scales(real.reshape(len(given), -1), wanted, input_scale, given)
        if not (fitted > given).any():
            return ()
        channels = tuple(int(each) for each in np.flatnonzero(fitted > given))
        fitted = np.where(fitted > given, np.nextafter(fitted.astype(np.float32), np.inf), given)
        self._store(weights.input[0], np.moveaxis(to_steps(real, fitted, np.int8), 0, axis))
        self._store(weights.input[1], fitted.astype(np.float32))
        scales = fitted.astype(np.float64) * input_scale
        self._store(stored.input[0], to_steps(wanted, scales, np.int32))
        self._store(stored.input[1], scales.astype(np.float32))
        return channels

    def _dequantizer(self, tensor: str) -> Any:
        node = self._producers.get(tensor)
        return node if node is not None and node.op_type == _DEQUANTIZE else None

    def _value(self, name: str) -> Array:
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self._constants[name]))

    def _store(self, name: str, values: Array) -> None:
        from onnx import numpy_helper

        constant = self._constants[name]
        shaped = np.ascontiguousarray(values).reshape(tuple(constant.dims))
        constant.CopyFrom(numpy_helper.from_array(shaped, name))
