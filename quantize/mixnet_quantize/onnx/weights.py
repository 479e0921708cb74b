"""``.onnx`` files with smaller stored weights only: nothing is calibrated.

Stored weights are unpacked by ordinary operators on constants, which onnxruntime computes once,
when it opens the file: it runs as fast as float32, on every CPU.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_common.temporary import temporary_folder
from mixnet_quantize.float16 import check_fits
from mixnet_quantize.onnx.quantize import quietly

STEPS = 127
"""Steps of int8 on each side of zero."""


def float16_onnx(content: bytes) -> bytes:
    """Weights as float16, cast to float32; biases stay float32.

    A graph that computes in float16 would be slower: onnxruntime has no such kernels for most CPUs
    and casts around each. Raises MixnetError if a weight is too large for float16.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(content)
    unpacking = []
    for weights in _weights(model, ("Conv", "Gemm", "MatMul")):
        name, values = weights.name, numpy_helper.to_array(weights)
        check_fits(name, values)
        stored = f"{name}.float16"
        weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        unpacking.append(helper.make_node("Cast", [stored], [name], name, to=TensorProto.FLOAT))
    return _finished(model, unpacking)


def dynamic_onnx(content: bytes) -> bytes:
    """Weights in int8, one scale a channel; the dense layer computes in int8.

    It measures its input's range at run time. Convolutions compute in float32: as ConvInteger they
    would take three times as long as that.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(_dense_dynamic(content))
    unpacking = []
    for weights in _weights(model, ("Conv",)):
        name = weights.name
        steps, scales = _quantized(numpy_helper.to_array(weights))
        stored, raw, scale = (f"{name}.{part}" for part in ("int8", "steps", "scale"))
        weights.CopyFrom(numpy_helper.from_array(steps, stored))
        model.graph.initializer.append(numpy_helper.from_array(scales, scale))
        unpacking += [
            helper.make_node("Cast", [stored], [raw], raw, to=TensorProto.FLOAT),
            helper.make_node("Mul", [raw, scale], [name], name),
        ]
    return _finished(model, unpacking)


def _quantized(weights: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (out, …) in int8 and the scale of each output (out, 1, …)."""
    axes = tuple(range(1, weights.ndim))
    largest = np.abs(weights).max(axis=axes, keepdims=True)
    scales = (np.where(largest > 0, largest, 1) / STEPS).astype(np.float32)
    return np.round(weights / scales).astype(np.int8), scales


def _dense_dynamic(content: bytes) -> bytes:
    """Dense layers by onnxruntime's dynamic quantization, weights in seven bits as ever."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    try:
        with temporary_folder() as folder, quietly():
            path = folder / "dynamic.onnx"
            quantize_dynamic(
                onnx.load_from_string(content),
                path,
                op_types_to_quantize=["Gemm", "MatMul"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
            return path.read_bytes()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"the file cannot be quantized: {error}") from error


def _weights(model: Any, operators: tuple[str, ...]) -> Iterator[Any]:
    """The float32 constants that operators of these kinds multiply with."""
    from onnx import TensorProto

    wanted = {node.input[1] for node in model.graph.node if node.op_type in operators}
    for each in list(model.graph.initializer):
        if each.name in wanted and each.data_type == TensorProto.FLOAT:
            yield each


def _finished(model: Any, unpacking: list[Any]) -> bytes:
    """The file with further nodes before all others."""
    import onnx

    nodes = [*unpacking, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
