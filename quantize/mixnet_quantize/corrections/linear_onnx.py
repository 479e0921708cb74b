"""The convolutions and dense layers of an ``.onnx`` file (QDQ or float32), and its biases."""

from typing import Any

import numpy as np

from mixnet_quantize.corrections.linear import Array, Linear

_DEQUANTIZE = "DequantizeLinear"


class OnnxLinearFile:
    """A file with its linear layers, float32 or int8."""

    def __init__(self, content: bytes) -> None:
        import onnx

        self._model = onnx.load_from_string(content)
        self._constants = {each.name: each for each in self._model.graph.initializer}
        self._producers = {name: node for node in self._model.graph.node for name in node.output}
        self._biases: dict[str, str] = {}
        self._layers = self._read()

    def layers(self) -> dict[str, Linear]:
        """Every layer with a separate bias, by its node's name, in the order of execution."""
        return dict(self._layers)

    def add_to_bias(self, name: str, amounts: Array) -> None:
        """Add real amounts (out,) to a layer's bias, rounded to the steps it is stored in."""
        from onnx import numpy_helper

        constant, scale = self._stored(self._biases[name])
        stored = numpy_helper.to_array(constant)
        if scale is None:
            changed = (stored + amounts).astype(stored.dtype)
        else:
            limits = np.iinfo(stored.dtype)
            steps = stored + np.round(amounts / scale)
            changed = np.clip(steps, limits.min, limits.max).astype(stored.dtype)
        constant.CopyFrom(numpy_helper.from_array(changed, constant.name))
        bias = self._real(self._biases[name])
        self._layers[name] = Linear(**{**vars(self._layers[name]), "bias": bias})

    def content(self) -> bytes:
        """The current file."""
        return bytes(self._model.SerializeToString())

    def _read(self) -> dict[str, Linear]:
        uses: dict[str, int] = {}
        for node in self._model.graph.node:
            for name in node.input:
                uses[name] = uses.get(name, 0) + 1
        layers = {}
        depths: dict[str, int] = {}
        for node in self._model.graph.node:
            depth = max((depths.get(name, 0) for name in node.input), default=0)
            layer = self._layer(node, depth)
            if layer is not None and uses[node.input[2]] == 1:
                layers[layer.name] = layer
                self._biases[layer.name] = node.input[2]
            for name in node.output:
                depths[name] = depth + (layer is not None)
        return layers

    def _layer(self, node: Any, depth: int) -> Linear | None:
        """A node as a layer; None unless it is a linear layer with constant weights and a bias."""
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            return None
        kernel, bias = (self._real(name) for name in node.input[1:3])
        if kernel is None or bias is None:
            return None
        options = {each.name: each for each in node.attribute}
        shared: dict[str, Any] = {
            "name": node.name,
            "input": self._activation(node.input[0]),
            "bias": bias,
            "depth": depth,
        }
        if node.op_type == "Gemm":
            turned = "transB" in options and options["transB"].i
            return Linear(kernel=(kernel.T if turned else kernel)[None, None], **shared)
        groups = options["group"].i if "group" in options else 1
        depthwise = groups > 1 and kernel.shape[1] == 1
        top, left, bottom, right = _ints(options, "pads", (0, 0, 0, 0))
        weights = kernel.transpose(2, 3, 1, 0)
        if depthwise:
            weights = weights.reshape(*kernel.shape[2:], groups, -1)
        return Linear(
            kernel=weights,
            depthwise=depthwise,
            strides=_ints(options, "strides", (1, 1)),
            dilations=_ints(options, "dilations", (1, 1)),
            padding=((top, bottom), (left, right)),
            **shared,
        )

    def _activation(self, tensor: str) -> str:
        """The tensor before the pair of QuantizeLinear and DequantizeLinear, if there is one."""
        node = self._producers.get(tensor)
        if node is None or node.op_type != _DEQUANTIZE:
            return tensor
        quantizer = self._producers.get(node.input[0])
        return str(quantizer.input[0] if quantizer else node.input[0])

    def _stored(self, tensor: str) -> tuple[Any, Array | None]:
        """The initializer behind a weight, and its scale; None for those that are not constants."""
        from onnx import numpy_helper

        node = self._producers.get(tensor)
        if node is None or node.op_type != _DEQUANTIZE:
            return self._constants.get(tensor), None
        scale = numpy_helper.to_array(self._constants[node.input[1]]).astype(np.float64)
        return self._constants.get(node.input[0]), scale

    def _real(self, tensor: str) -> Any:
        """A constant's real values; None for anything else. Weights have no zero point."""
        from onnx import numpy_helper

        constant, scale = self._stored(tensor)
        if constant is None:
            return None
        values = numpy_helper.to_array(constant).astype(np.float64)
        if scale is None:
            return values
        return values * scale.reshape(-1, *[1] * (values.ndim - 1))


def _ints(options: dict[str, Any], name: str, default: tuple[int, ...]) -> Any:
    return tuple(options[name].ints) if name in options else default
