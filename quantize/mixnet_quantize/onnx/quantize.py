"""int8 ``.onnx`` files by onnxruntime: static QDQ, weights per channel, our own ranges.

Activations are unsigned 8-bit, which onnxruntime runs faster than signed ones on x86-64. Weights
use 7 of their 8 bits: on x86-64 without VNNI onnxruntime adds products of two in 16 bits, which
overflow silently with full-range weights (MixNet-S on the picture: 12.5 dB instead of 18.0).

Operators between the convolutions are quantized too. One in float32 would cost little itself, but
ends onnxruntime's integer layout (NHWC): MixNet-S then takes 1.2 times as long as its float32 file,
instead of 0.9 (onnxruntime 1.32, x86-64 with AVX2).
"""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_quantize.activations.observe import ONNX, observe
from mixnet_quantize.calibration.ranges import Ranges, activation_ranges
from mixnet_quantize.calibration.seen import Extremes
from mixnet_quantize.corrections.bias_scales import Int8File
from mixnet_quantize.onnx.bias_scales import fit_biases_onnx
from mixnet_quantize.settings import DEFAULT, Settings
from mixnet_runtimes.onnx.metadata import QUANTIZATION_KEY

BETWEEN = ("Add", "Concat", "GlobalAveragePool", "Mul", "Sigmoid")
"""Operators that onnxruntime has in int8, beyond those that its QDQ quantizer handles itself."""

SIGMOID = (0.0, 1.0)
"""Its output's range by definition, whatever calibration saw."""


def calibrate_onnx(
    content: bytes,
    name: str,
    samples: Iterable[NDArray[Any]],
    settings: Settings = DEFAULT,
    seen: dict[str, Extremes] | None = None,
) -> Ranges:
    """The ranges of a float32 file's tensors over inputs (batch, channels, h, w).

    ``name`` is the file's input. They hold for any choice of layers that stay in float32. ``seen``,
    if given, gets each sample's extremes in every tensor. Raises UsageError if the settings name
    a layer that is not in the file, before any input is taken.
    """
    settings.check_layers(_operator_names(content))
    nhwc = (np.moveaxis(sample, 1, -1) for sample in samples)
    return activation_ranges(observe(content, ONNX), name, nhwc, settings, seen)


def apply_onnx(content: bytes, ranges: Ranges, settings: Settings = DEFAULT) -> Int8File:
    """Quantize a float32 file to int8, its tensors' ranges being known; every bias fits.

    Raises UsageError if the settings name a layer that is not in the file, MixnetError if
    the quantizer refuses the file.
    """
    import onnx

    operators = _operator_names(content)
    settings.check_layers(operators)
    floating = [each for each in operators if settings.is_float(each)]
    model = _quantize(_with_shapes(content), ranges, settings, floating)
    raised = fit_biases_onnx(onnx.load_from_string(content), model)
    if settings.integer_io:
        _strip_ends(model)
    onnx.checker.check_model(model)
    return Int8File(bytes(model.SerializeToString()), raised)


def _operator_names(content: bytes) -> list[str]:
    import onnx

    return [node.name for node in onnx.load_from_string(content).graph.node]


def _with_shapes(content: bytes) -> Any:
    """The file with the shape of every tensor in it, as the quantizer requires."""
    import onnx

    return onnx.shape_inference.infer_shapes(onnx.load_from_string(content))


def _quantize(model: Any, ranges: Ranges, settings: Settings, floating: list[str]) -> Any:
    """What onnxruntime's ``quantize_static`` does after its calibration, but in memory."""
    from onnxruntime.quantization import QDQQuantizer, QuantType
    from onnxruntime.quantization.registry import QDQRegistry

    unsigned = settings.activations == "unsigned"
    try:
        with quietly():
            quantizer = QDQQuantizer(
                model,
                True,  # per channel
                settings.weight_bits == 7,  # reduce_range
                QuantType.QInt8,
                QuantType.QUInt8 if unsigned else QuantType.QInt8,
                _tensors_data({**ranges, **_fixed(model)}),
                [],  # no choice of nodes, but all
                floating,  # apart from these
                sorted({*QDQRegistry, *BETWEEN}),
                {"ActivationSymmetric": not unsigned},
            )
            quantizer.quantize_model()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"the file cannot be quantized: {error}") from error
    quantizer.model.topological_sort()
    return quantizer.model.model


def _fixed(model: Any) -> Ranges:
    """Ranges that follow from the operator alone."""
    return {
        name: SIGMOID
        for node in model.graph.node
        if node.op_type == "Sigmoid"
        for name in node.output
    }


def _tensors_data(ranges: Ranges) -> Any:
    """Ranges in the quantizer's form."""
    from onnxruntime.quantization import CalibrationMethod, TensorsData

    pairs = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    return TensorsData(CalibrationMethod.MinMax, pairs)


@contextmanager
def quietly() -> Iterator[None]:
    """The quantizer advises, through the root logger, what has been done already."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)


def _strip_ends(model: Any) -> None:
    """Let integers go in and out: drop the first QuantizeLinear and the last DequantizeLinear.

    Their scales and zero points go into the metadata, where an application finds them.
    """
    graph = model.graph
    constants = {each.name: each for each in graph.initializer}
    ends = [(value, "QuantizeLinear", "input", "output") for value in graph.input]
    ends += [(value, "DequantizeLinear", "output", "input") for value in graph.output]
    parameters = {}
    for value, op_type, outside, inside in ends:
        (node,) = (node for node in graph.node if value.name in getattr(node, outside))
        if node.op_type != op_type:
            raise MixnetError(f"{value.name} is not quantized, so --io int8 is not possible")
        parameters[value.name] = _parameters(constants, node)
        _bridge(graph, node, inner=getattr(node, inside)[0], outer=value.name)
        value.type.tensor_type.elem_type = constants[node.input[2]].data_type
    model.metadata_props.add(key=QUANTIZATION_KEY, value=json.dumps(parameters))


def _parameters(constants: dict[str, Any], node: Any) -> dict[str, float | int]:
    from onnx import numpy_helper

    scale, zero_point = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
    return {"scale": float(scale), "zero_point": int(zero_point)}


def _bridge(graph: Any, node: Any, inner: str, outer: str) -> None:
    """Remove a node at the edge of the graph and give the tensor inside the name outside."""
    graph.node.remove(node)
    for other in graph.node:
        for names in (other.input, other.output):
            for index, name in enumerate(names):
                if name == inner:
                    names[index] = outer
