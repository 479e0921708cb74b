"""The quantization step of a file's only output, if 8-bit values become floats at its very end.

Reads files. None if a file does not determine such a step; its values may still be quantized.
"""

from pathlib import Path

from mixnet_common import MixnetError
from mixnet_common.system_faults import raise_system_fault


def output_step(path: Path) -> float | None:
    """The scale by which the file's only output is dequantized from 8 bits, else None."""
    look = {".tflite": _of_tflite, ".onnx": _of_onnx}.get(path.suffix)
    try:
        return None if look is None else look(path)
    except MixnetError as error:  # a file that runs, and that only its runtime can read
        raise_system_fault(error)
        return None


def _of_tflite(path: Path) -> float | None:
    from mixnet_runtimes.tflite.file import find_schema, read_model

    model, _ = read_model(path)
    graph, schema = model.subgraphs[0], find_schema()
    if schema is None or len(graph.outputs) != 1:
        return None
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        if operator.outputs[0] == graph.outputs[0]:
            source = graph.tensors[operator.inputs[0]]
            small = source.type in (schema.TensorType.INT8, schema.TensorType.UINT8)
            scales = getattr(source.quantization, "scale", None)
            if scales is None or len(scales) != 1 or not small:
                return None
            return float(scales[0]) if number == schema.BuiltinOperator.DEQUANTIZE else None
    return None


def _of_onnx(path: Path) -> float | None:
    from onnx import TensorProto, numpy_helper

    from mixnet_runtimes.onnx.file import read_model

    graph = read_model(path).graph
    if len(graph.output) != 1:
        return None
    constants = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.output[0] == graph.output[0].name and node.op_type == "DequantizeLinear":
            # Without a zero point 8 bits are the default, but another type is possible.
            if len(node.input) < 3 or not set(node.input[1:]) <= set(constants):
                return None
            scale, zero = (constants[name] for name in node.input[1:])
            if zero.data_type not in (TensorProto.INT8, TensorProto.UINT8):
                return None
            values = numpy_helper.to_array(scale)
            return float(values.reshape(-1)[0]) if values.size == 1 else None
    return None
