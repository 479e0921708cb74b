"""The rule tables of each format, looked up for one operator at a time."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from mixnet_bench.counting import onnx_rules, tflite_rules
from mixnet_bench.counting.operands import Operands, Rule
from mixnet_runtimes import Operator


@dataclass(frozen=True)
class Tables:
    """The tables of a format's operators."""

    rules: Mapping[str, Rule]
    unknown_products: Set[str]
    control: Set[str]
    movement: Set[str]
    arithmetic: Set[str]
    settings: Mapping[str, Sequence[int]]
    domains: Set[str] = frozenset({""})
    """Sets of operators that the tables name without their domain."""
    narrow: bool = False
    """Whether integers of few bits are weights even where they carry no scale of their own."""
    biases: Mapping[str, int] = field(default_factory=dict)
    """Inputs where an int32 constant is a quantized bias."""
    packed: Mapping[tuple[str, int], Callable[[Operands], int]] = field(default_factory=dict)
    """The number of parameters in constants of which a byte holds several."""

    def name(self, operator: Operator) -> str:
        """The operator's name in the tables: with its domain where the name alone would do for two.

        >>> TABLES["onnx"].name(Operator("a", "Attention", (), (), domain="com.microsoft"))
        'com.microsoft.Attention'
        """
        full = f"{operator.domain}.{operator.kind}"
        if operator.domain not in self.domains or full in self.rules:
            return full
        return full if full in self.unknown_products else operator.kind

    def is_foreign(self, name: str) -> bool:
        """Whether no table has the operator."""
        known = (self.rules, self.unknown_products, self.control, self.movement, self.arithmetic)
        return not any(name in each for each in known)


TABLES: Mapping[str, Tables] = {
    "tflite": Tables(
        tflite_rules.RULES,
        tflite_rules.UNKNOWN_PRODUCTS,
        tflite_rules.CONTROL,
        tflite_rules.MOVEMENT,
        tflite_rules.ARITHMETIC,
        tflite_rules.SETTINGS,
    ),
    "onnx": Tables(
        onnx_rules.RULES,
        onnx_rules.UNKNOWN_PRODUCTS,
        onnx_rules.CONTROL,
        onnx_rules.MOVEMENT,
        onnx_rules.ARITHMETIC,
        onnx_rules.SETTINGS,
        domains=onnx_rules.KNOWN_DOMAINS,
        narrow=True,
        biases=onnx_rules.INT32_BIASES,
        packed=onnx_rules.PACKED,
    ),
}
"""Tables by the format's name."""
