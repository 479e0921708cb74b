"""Shapes of the tensors in an ``.onnx`` file, also behind operators that are onnxruntime's own.

onnx infers shapes for the standard operators only. An operator of onnxruntime's (com.microsoft)
gives its output the shape that some standard operator would; so it is replaced by that one in a
copy of the graph, shapes are inferred there, and the copy is thrown away.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixnet_runtimes import onnx_deduce
from mixnet_runtimes.contents import Shape

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class StandIn:
    """A standard operator that has the same output shape."""

    kind: str
    inputs: tuple[int, ...] = (0,)
    """Which inputs of the original it takes, as far as they are there."""
    attributes: tuple[str, ...] = ()
    """Which attributes of the original it takes."""


_CONV = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
_POOL = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
_GEMM = ("transA", "transB")

STAND_INS = {
    # arithmetic on quantized tensors: (a, a_scale, a_zero, b, b_scale, b_zero, …)
    "QLinearAdd": StandIn("Add", (0, 3)),
    "QLinearMul": StandIn("Mul", (0, 3)),
    "QLinearMatMul": StandIn("MatMul", (0, 3)),
    "QGemm": StandIn("Gemm", (0, 3), _GEMM),
    # activations and conversions keep their input's shape
    "QLinearSigmoid": StandIn("Identity"),
    "QLinearLeakyRelu": StandIn("Identity"),
    "QLinearSoftmax": StandIn("Identity"),
    "QuantizeLinear": StandIn("QuantizeLinear", (0, 1, 2), ("axis",)),
    "DequantizeLinear": StandIn("DequantizeLinear", (0, 1, 2), ("axis",)),
    "Gelu": StandIn("Identity"),
    "FastGelu": StandIn("Identity"),
    "BiasGelu": StandIn("Identity"),
    "QuickGelu": StandIn("Identity"),
    # convolutions and products with something fused to them
    "FusedConv": StandIn("Conv", (0, 1), _CONV),
    "NhwcConv": StandIn("Conv", (0, 1), _CONV),
    "NhwcFusedConv": StandIn("Conv", (0, 1), _CONV),
    "QLinearConv": StandIn("Conv", (0, 3), _CONV),
    "FusedGemm": StandIn("Gemm", (0, 1), _GEMM),
    "DynamicQuantizeMatMul": StandIn("MatMul", (0, 1)),
    # pools
    "QLinearAveragePool": StandIn("AveragePool", (0,), _POOL),
    "QLinearGlobalAveragePool": StandIn("GlobalAveragePool"),
    "NhwcMaxPool": StandIn("MaxPool", (0,), _POOL),
}
"""com.microsoft operator → a standard one with the same output shape."""

ALWAYS_NHWC = {"NhwcConv", "NhwcFusedConv", "NhwcMaxPool"}
"""Operators whose first input and output have the channels last; others say ``channels_last``."""


def infer(model: Any) -> list[str]:
    """State every shape in the model that can be known; return the tensors that still lack one.

    An open batch size becomes 1. Nothing else in the model changes.
    """
    _close_batch(model)
    copy = _with_stand_ins(model)
    types = _standard_types(copy)
    if any(not _is_whole(types.get(name)) for name in _computed(model.graph)):
        types |= onnx_deduce.deduce(copy)
    for value in model.graph.output:
        if _is_whole(types.get(value.name)):
            value.type.CopyFrom(types[value.name])
    _state(model.graph, types)
    return [name for name in _computed(model.graph) if not _is_whole(types.get(name))]


def contradiction(model: Any) -> str:
    """Why the operators of a model cannot have its inputs' sizes; empty where they can."""
    from onnx import shape_inference

    try:
        shape_inference.infer_shapes(_with_stand_ins(model), strict_mode=True, data_prop=True)
    except shape_inference.InferenceError as error:
        return " ".join(str(error).split())[:400]
    return ""


def _state(graph: Any, types: Mapping[str, Any]) -> None:
    """Replace the shapes that the graph states for its inner tensors."""
    outputs = {value.name for value in graph.output}
    del graph.value_info[:]
    for name in _computed(graph):
        if name in types and name not in outputs:
            graph.value_info.add(name=name, type=types[name])


def _is_whole(type_proto: Any | None) -> bool:
    shape = None if type_proto is None else shape_of(type_proto)
    return shape is not None and None not in shape


def shape_of(type_proto: Any) -> Shape | None:
    """The shape that a TypeProto states; None where it states none at all."""
    tensor = type_proto.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(_size(dimension) for dimension in tensor.shape.dim)


def _size(dimension: Any) -> int | None:
    """The size; None where it is open, which some exporters write as -1."""
    known = dimension.HasField("dim_value") and dimension.dim_value != -1
    return dimension.dim_value if known else None


def _computed(graph: Any) -> Iterator[str]:
    for node in graph.node:
        if node.op_type != "Constant":
            yield from (name for name in node.output if name)


def _close_batch(model: Any) -> None:
    """Set the first dimension of every input to 1 where it is open."""
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        if value.name not in constants and dimensions and _size(dimensions[0]) is None:
            symbol = dimensions[0].dim_param
            dimensions[0].dim_value = 1
            _forget_symbol(model, symbol)


def _forget_symbol(model: Any, symbol: str) -> None:
    """Where the file states shapes with the batch's symbol, that is 1 now, too."""
    for value in (*model.graph.value_info, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if symbol and dimension.dim_param == symbol:
                dimension.dim_value = 1


def _standard_types(model: Any) -> dict[str, Any]:
    """Tensor name → type, stated or inferred, with the shape as far as it is known."""
    from onnx import shape_inference

    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:
        # Contradictory or unknown parts make onnx give up on all shapes. What the file itself
        # states is then all that is known; the caller hears which shapes are missing.
        graph = model.graph
    return {value.name: value.type for value in (*graph.value_info, *graph.output)}


def _with_stand_ins(model: Any) -> Any:
    if all(node.domain != MICROSOFT for node in model.graph.node):
        return model
    copy = type(model)()
    copy.CopyFrom(model)
    del copy.graph.node[:]
    for node in model.graph.node:
        stand_in = STAND_INS.get(node.op_type) if node.domain == MICROSOFT else None
        if node.domain == MICROSOFT and node.op_type == "QLinearConcat":
            copy.graph.node.append(_concat(node))
        elif stand_in is None:
            copy.graph.node.append(node)
        else:
            copy.graph.node.extend(_standard_nodes(node, stand_in))
    return copy


def _concat(node: Any) -> Any:
    """Concat of a QLinearConcat's tensors: (y_scale, y_zero, x, x_scale, x_zero, x, …)."""
    from onnx import helper

    kept = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return helper.make_node("Concat", node.input[2::3], node.output, axis=kept.get("axis", 1))


def _standard_nodes(node: Any, stand_in: StandIn) -> list[Any]:
    from onnx import helper

    values = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    attributes = {key: values[key] for key in stand_in.attributes if key in values}
    inputs = [node.input[index] for index in stand_in.inputs if index < len(node.input)]

    def make(sources: list[str], target: str) -> Any:
        return helper.make_node(stand_in.kind, sources, [target], **attributes)

    if node.op_type in ALWAYS_NHWC or values.get("channels_last", 0):
        return _around_transposes(inputs, node.output[0], make)
    return [make(inputs, node.output[0])]


def _around_transposes(
    inputs: list[str], output: str, make: Callable[[list[str], str], Any]
) -> list[Any]:
    """The same operator on a tensor with channels last, as images have them: rank 4."""
    from onnx import helper

    first, last = f"{output}/nchw-in", f"{output}/nchw-out"
    return [
        helper.make_node("Transpose", inputs[:1], [first], perm=[0, 3, 1, 2]),
        make([first, *inputs[1:]], last),
        helper.make_node("Transpose", [last], [output], perm=[0, 2, 3, 1]),
    ]
