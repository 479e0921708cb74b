"""Shapes of the tensors in an ``.onnx`` file, including those after onnxruntime's own operators.

onnx infers shapes for the standard operators only. An operator of onnxruntime (com.microsoft) has
the output shape of some standard operator; it is replaced by that one in a copy of the graph,
shapes are inferred there, and the copy is discarded.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixnet_runtimes.contents import Shape
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx import bodies as onnx_bodies
from mixnet_runtimes.onnx import deduce as onnx_deduce
from mixnet_runtimes.onnx.types import stated_size

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class StandIn:
    """A standard operator that has the same output shape."""

    kind: str
    inputs: tuple[int, ...] = (0,)
    """Which inputs of the original it takes, if they exist."""
    attributes: tuple[str, ...] = ()
    """The attributes that it copies from the original."""


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
    "MatMulIntegerToFloat": StandIn("MatMul", (0, 1)),
    "MatMulInteger16": StandIn("MatMul", (0, 1)),
    "GemmFastGelu": StandIn("MatMul", (0, 1)),
    "GemmFloat8": StandIn("Gemm", (0, 1), _GEMM),
    # pools
    "QLinearAveragePool": StandIn("AveragePool", (0,), _POOL),
    "QLinearGlobalAveragePool": StandIn("GlobalAveragePool"),
    "NhwcMaxPool": StandIn("MaxPool", (0,), _POOL),
}
"""com.microsoft operator → a standard one with the same output shape."""

ALWAYS_NHWC = {"NhwcConv", "NhwcFusedConv", "NhwcMaxPool"}
"""Operators whose first input and output have the channels last; others say ``channels_last``."""


Numbers = Mapping[str, Mapping[str, float]]
"""Lone numbers that a model computes from its shapes: by the key of a graph, by name."""


def infer(model: Any) -> Numbers:
    """State every shape in the model that can be known, in the bodies of its operators too.

    An open batch size becomes 1. Nothing else in the model changes. What is learnt of values on the
    way is returned. Raises ModelError for a stated shape that contradicts the inferred one.
    """
    closed = _close_batch(model)
    copy = _with_stand_ins(model)
    deduction = onnx_deduce.deduce(copy)
    # A batch that was closed here may contradict what a file states for all others. And what stands
    # in for an operator that onnx does not know is our belief, not the file's.
    if deduction.lies and not closed and copy is model:
        raise ModelError(deduction.lies[0])
    types = {value.name: value.type for value in (*model.graph.value_info, *model.graph.output)}
    types |= deduction.types
    if copy is not model:
        _state_bodies(model.graph, copy.graph)
    for value in model.graph.output:
        known = types.get(value.name)
        if _is_whole(known) or (known is not None and shape_of(value.type) is None):
            value.type.CopyFrom(known)
    _state(model.graph, types)
    return deduction.numbers


def _state_bodies(graph: Any, copy: Any) -> None:
    """Copy the stated shapes of a copy's bodies, in which other nodes may replace Microsoft's."""
    for target, source in zip(_all_bodies(graph), _all_bodies(copy), strict=True):
        _state_bodies(target, source)
        del target.value_info[:]
        target.value_info.extend(source.value_info)
        ports = [(each.input, each.output) for each in (target, source)]
        for kept, found in zip(*ports, strict=True):
            for value, known in zip(kept, found, strict=True):
                value.type.CopyFrom(known.type)


def _all_bodies(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from onnx_bodies.bodies_of(node).values()


def contradictions(model: Any) -> tuple[list[str], list[str]]:
    """Why the operators of a model cannot have its inputs' sizes; empty if they can.

    The second are those of branches that cannot run at these sizes, and need not: the other one
    can.
    """
    copy = type(model)()
    copy.CopyFrom(model)
    deduction = onnx_deduce.deduce(_with_stand_ins(copy))
    return deduction.faults, deduction.idle


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
    """The shape that a TypeProto states; None if it states none at all."""
    tensor = type_proto.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(_size(dimension) for dimension in tensor.shape.dim)


def _size(dimension: Any) -> int | None:
    """The size; None if it is open, which some exporters write as -1."""
    known = dimension.HasField("dim_value") and dimension.dim_value != -1
    return dimension.dim_value if known else None


def _computed(graph: Any) -> Iterator[str]:
    for node in graph.node:
        if node.op_type != "Constant":
            yield from (name for name in node.output if name)


def _close_batch(model: Any) -> bool:
    """Set the first dimension of every input to 1 where it is open; True if any was."""
    closed = False
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        if value.name not in constants and dimensions and _size(dimensions[0]) is None:
            symbol = stated_size(dimensions[0])
            dimensions[0].dim_value = 1
            _forget_symbol(model, symbol)
            closed = True
    return closed


def _forget_symbol(model: Any, symbol: int | str | None) -> None:
    """Set the batch's symbol to 1 in the shapes that the file states, too."""
    for value in (*model.graph.value_info, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if symbol and dimension.dim_param == symbol:
                dimension.dim_value = 1


def _with_stand_ins(model: Any) -> Any:
    if not _is_microsoft(model.graph):
        return model
    copy = type(model)()
    copy.CopyFrom(model)
    _replace(copy.graph)
    return copy


def _is_microsoft(graph: Any) -> bool:
    return any(node.domain == MICROSOFT for node in graph.node) or any(
        _is_microsoft(body) for body in _all_bodies(graph)
    )


def _replace(graph: Any) -> None:
    """Put standard operators in the places of Microsoft's, in bodies too."""
    for body in _all_bodies(graph):
        _replace(body)
    nodes = [each for node in graph.node for each in _standard_form(node)]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _standard_form(node: Any) -> list[Any]:
    if node.domain != MICROSOFT or onnx_bodies.bodies_of(node):
        return [node]
    if node.op_type == "QLinearConcat":
        return [_concat(node)]
    stand_in = STAND_INS.get(node.op_type)
    return [node] if stand_in is None else _standard_nodes(node, stand_in)


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
