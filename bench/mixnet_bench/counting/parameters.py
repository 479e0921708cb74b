"""Which constants of a file are weights and biases, and which operator they belong to.

A file also stores shapes, axes, limits, scales and zero points; those are settings, not parameters.
Weights may reach their operator through others (DequantizeLinear, Transpose, Identity, Cast): an
operator whose inputs are all constant is itself part of the constant.
"""

from collections.abc import Iterator

from mixnet_bench.counting.rules import SETTINGS, TABLES
from mixnet_runtimes import FileContents, FileTensor, Operator

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
NARROW_INTEGERS = frozenset({"int2", "int4", "uint4", "int8", "uint8", "int16", "uint16"})

INT32_BIASES = {"DequantizeLinear": 0, "QLinearConv": 8, "QGemm": 6}
"""ONNX: where an int32 constant is a quantized bias, and not a size or an index."""


class Constants:
    """The constant part of a file: what is computed from stored values alone."""

    def __init__(self, contents: FileContents) -> None:
        self._contents = contents
        self._settings = SETTINGS[contents.format]
        self._rules = TABLES[contents.format]
        self._maker: dict[str, Operator] = {}
        self._scales: set[str] = set()
        for operator in contents.operators:
            self._learn(operator)

    def _learn(self, operator: Operator) -> None:
        inputs = [name for name in operator.inputs if name]
        if inputs and all(self.is_constant(name) for name in inputs):
            self._maker.update({name: operator for name in operator.outputs if name})
        if operator.kind == "DynamicQuantizeLinear":
            self._scales.update(operator.outputs[1:2])

    def is_constant(self, name: str) -> bool:
        """True for a stored tensor and for one computed from stored tensors only."""
        tensor = self._contents.tensor(name)
        return name in self._maker or (tensor is not None and tensor.role == "constant")

    def is_part(self, operator: Operator) -> bool:
        """True for an operator that only prepares constants for others."""
        return any(name in self._maker for name in operator.outputs)

    def owned(self, operator: Operator) -> Iterator[FileTensor]:
        """The stored parameters that enter at this operator, some perhaps more than once."""
        settings = self._settings.get(operator.kind, ())
        # Dynamic quantization multiplies the input's scale by the weights'.
        scaling = operator.kind == "Mul" and any(x in self._scales for x in operator.inputs)
        for position, name in enumerate(operator.inputs):
            if not name or position in settings:
                continue
            tensor = self._contents.tensor(name)
            if name in self._maker:
                yield from self._behind(name, self._is_weight_of(operator, position))
            elif tensor and self._is_parameter(tensor, operator, position) and not scaling:
                yield tensor

    def _behind(self, name: str, weight: bool) -> Iterator[FileTensor]:
        """Parameters among the constants that ``name`` is computed from."""
        maker = self._maker[name]
        settings = self._settings.get(maker.kind, ())
        for position, source in enumerate(maker.inputs):
            if not source or position in settings:
                continue
            tensor = self._contents.tensor(source)
            if source in self._maker:
                yield from self._behind(source, weight)
            elif tensor and self._is_parameter(tensor, maker, position, weight):
                yield tensor

    def _is_parameter(
        self, tensor: FileTensor, operator: Operator, position: int, weight: bool = False
    ) -> bool:
        if not tensor.stored or not self._is_number(tensor, operator, position):
            return False
        # A lone number in Mul(x, 1/6) is arithmetic; as the bias of one class it is a parameter.
        return tensor.stored > 1 or weight or self._is_weight_of(operator, position)

    def _is_number(self, tensor: FileTensor, operator: Operator, position: int) -> bool:
        if self._contents.format == "tflite":
            return tensor.dtype in FLOATS or tensor.quantized
        if tensor.dtype == "int32":
            return INT32_BIASES.get(operator.kind) == position
        return tensor.dtype in FLOATS or tensor.dtype in NARROW_INTEGERS

    def _is_weight_of(self, operator: Operator, position: int) -> bool:
        rule = self._rules.get(operator.kind)
        return rule is not None and position in (rule.weights, rule.bias)
