"""int8 operators in a form that XNNPACK supports, so that the network stays in one partition.

A RELU that is not fused, because its input has another use (as in NASNet's cells), is not delegated
in int8. Its output's range begins at zero, so requantizing its input to that range clips all
negative values: a QUANTIZE from int8 to int8, which XNNPACK has, is the same function.
"""

import struct
from collections.abc import Iterator
from typing import Any

_INDEX_SLOT = 4
"""Offset of ``opcode_index`` in the vtable of the schema's Operator: the first field."""

_OLD_CODE_SLOT, _CODE_SLOT = 4, 10
"""Slots of ``deprecated_builtin_code`` and ``builtin_code`` in OperatorCode."""

_LOWEST = -128


def requantize_relus(content: bytes) -> bytes:
    """The same int8 file with every RELU that allows it as a QUANTIZE.

    Left alone are those in float32, and those whose output can be negative. The file is changed in
    its bytes; where there is nothing to change it is the same.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    relu, quantize = schema.BuiltinOperator.RELU, schema.BuiltinOperator.QUANTIZE
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    kinds = [max(each.BuiltinCode(), each.DeprecatedBuiltinCode()) for each in codes]
    relus = [each for each in _operators(model) if kinds[each.OpcodeIndex()] == relu]
    rectifying = [each for each in relus if _cuts_off(model.Subgraphs(0), each)]
    edited = bytearray(content)
    if quantize in kinds:
        for each in rectifying:
            _overwrite(edited, each._tab, _INDEX_SLOT, "<I", kinds.index(quantize))
    elif len(rectifying) == len(relus):
        for code in (code for code, kind in zip(codes, kinds, strict=True) if kind == relu):
            _overwrite(edited, code._tab, _OLD_CODE_SLOT, "<b", quantize)
            _overwrite(edited, code._tab, _CODE_SLOT, "<i", quantize)
    return bytes(edited)


def _operators(model: Any) -> Iterator[Any]:
    graph = model.Subgraphs(0)
    return (graph.Operators(index) for index in range(graph.OperatorsLength()))


def _cuts_off(graph: Any, operator: Any) -> bool:
    """Whether both ends are int8 and the output's lowest number represents zero."""
    from ai_edge_litert import schema_py_generated as schema

    ends = [graph.Tensors(number) for number in (operator.Inputs(0), operator.Outputs(0))]
    return (
        all(each.Type() == schema.TensorType.INT8 for each in ends)
        and ends[1].Quantization().ZeroPoint(0) == _LOWEST
    )


def _overwrite(edited: bytearray, table: Any, slot: int, form: str, value: int) -> None:
    """Write over a table's number; one that is left out for being the default stays."""
    if field := table.Offset(slot):
        struct.pack_into(form, edited, table.Pos + field, value)
