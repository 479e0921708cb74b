"""The numbers of inputs and outputs of ONNX operators, and the types of their attributes.

They come from onnx's schemas for the standard operators, and from a table for those of onnxruntime
that are read here. Other operators are unknown, so their operands must not be indexed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.onnx.types import plain_domain

MICROSOFT = "com.microsoft"

FEWEST = {
    "Attention": 2, "BiasGelu": 2, "DequantizeLinear": 2, "DynamicQuantizeMatMul": 3,
    "EmbedLayerNormalization": 5, "FastGelu": 1, "FusedConv": 2, "FusedGemm": 2, "FusedMatMul": 2,
    "Gelu": 1, "GroupQueryAttention": 1, "MatMulInteger16": 2, "MatMulIntegerToFloat": 4,
    "MatMulNBits": 3, "MultiHeadAttention": 1, "NhwcConv": 2, "NhwcFusedConv": 2, "NhwcMaxPool": 1,
    "PackedAttention": 3, "QAttention": 5, "QGemm": 6, "QLinearAdd": 7, "QLinearAveragePool": 4,
    "QLinearConcat": 5, "QLinearConv": 8, "QLinearGlobalAveragePool": 5, "QLinearLeakyRelu": 4,
    "QLinearMatMul": 8, "QLinearMul": 7, "QLinearReduceMean": 4, "QLinearSigmoid": 4,
    "QLinearSoftmax": 5, "QuantizeLinear": 2, "QuickGelu": 1, "SkipLayerNormalization": 3,
}  # fmt: skip
"""onnxruntime's operators, which onnx has no schema of, and their fewest inputs."""

WHOLE_NUMBERS = ("kernel_shape", "strides", "dilations", "pads")
WHOLE_NUMBER = ("group", "transA", "transB", "axis", "channels_last", "num_heads")


class Operands:
    """Checks the operators of one model, by the versions of the operator sets that it imports."""

    def __init__(self, opsets: Iterable[Any]) -> None:
        self._versions = {plain_domain(each.domain): each.version for each in opsets}
        self._schemas: dict[tuple[str, str], Any] = {}

    def check(self, node: Any) -> None:
        """Raise ModelError for too few or too many operands, or an attribute of a wrong type."""
        domain = plain_domain(node.domain)
        schema = self._schema(domain, node.op_type)
        if schema is None:
            if domain in ("", MICROSOFT):
                _check_unlisted(node)
            return
        _check(node, "inputs", node.input, schema.inputs, schema.min_input, schema.max_input)
        _check(node, "outputs", node.output, schema.outputs, schema.min_output, schema.max_output)
        _check_attributes(node, schema)

    def _schema(self, domain: str, kind: str) -> Any | None:
        key = (domain, kind)
        if key not in self._schemas:
            self._schemas[key] = _find(kind, self._versions.get(domain), domain)
        return self._schemas[key]


def _find(kind: str, version: int | None, domain: str) -> Any | None:
    from onnx import defs

    try:
        if version is None:
            return defs.get_schema(kind, domain)
        return defs.get_schema(kind, version, domain)
    except (defs.SchemaError, TypeError):  # TypeError: a version that is not a C int
        return None


def _check(
    node: Any, what: str, names: Sequence[str], operands: Sequence[Any], fewest: int, most: int
) -> None:
    from onnx.defs import OpSchema

    single = OpSchema.FormalParameterOption.Single
    missing = [
        place
        for place, operand in enumerate(operands[:fewest])
        if operand.option == single and not any(names[place : place + 1])
    ]
    there = min(len(names), fewest) - sum(place < len(names) for place in missing)
    if there < fewest:
        raise ModelError(f"{describe_operand(node)} has {there} of {fewest} {what}")
    if len(names) > most:
        raise ModelError(f"{describe_operand(node)} has {len(names)} {what} and can have {most}")


def _check_attributes(node: Any, schema: Any) -> None:
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, attribute in given.items():
        known = schema.attributes.get(name)
        if known is not None and int(known.type) != attribute.type and not attribute.ref_attr_name:
            raise ModelError(f"{describe_operand(node)} has its attribute {name!r} of another type")
    for name, known in schema.attributes.items():
        if known.required and name not in given:
            raise ModelError(f"{describe_operand(node)} lacks its attribute {name!r}")


def _check_unlisted(node: Any) -> None:
    """What is known of an operator of onnxruntime's own."""
    from onnx import AttributeProto

    fewest = FEWEST.get(node.op_type, 0)
    if len(node.input) < fewest:
        raise ModelError(f"{describe_operand(node)} has {len(node.input)} of {fewest} inputs")
    if fewest and not any(node.output[:1]):
        raise ModelError(f"{describe_operand(node)} has 0 of 1 outputs")
    for attribute in node.attribute:
        for names, kind in (
            (WHOLE_NUMBERS, AttributeProto.INTS),
            (WHOLE_NUMBER, AttributeProto.INT),
        ):
            if attribute.name in names and attribute.type != kind:
                raise ModelError(
                    f"{describe_operand(node)} has its attribute {attribute.name!r} of another type"
                )


def describe_operand(node: Any) -> str:
    """An operator as messages call it: its kind, and its name where it has one."""
    return f"{node.op_type} {node.name!r}" if node.name else str(node.op_type)
