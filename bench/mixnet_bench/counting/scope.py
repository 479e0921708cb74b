"""Which tensors of a graph are constant, and which stored parameters an operator uses first.

A file also stores shapes, axes, limits, scales and zero points, which are settings, not parameters.
Weights may reach their operator through others (DequantizeLinear, Transpose, Identity, Cast): an
operator whose inputs are all constant is itself part of the constant. A nested graph has access to
the constants around it, and to those that its operator passes to it.
"""

from collections.abc import Iterator, Mapping
from typing import Union

from mixnet_bench.counting.operands import Operands
from mixnet_bench.counting.tables import Tables
from mixnet_runtimes import FileTensor, Operator

REAL = ("float", "bfloat", "complex")
"""Prefixes of weight types; integers are weights if they are quantized."""

NARROW_INTEGERS = frozenset({"int2", "uint2", "int4", "uint4", "int8", "uint8", "int16", "uint16"})

Place = tuple["Scope", str]
"""A tensor, by the graph that has it and its name there."""

Parameter = tuple[FileTensor, int]
"""A stored tensor and how many parameters it is."""


class Scope:
    """One graph: its tensors, what is constant among them, and what it sees from outside."""

    def __init__(
        self,
        tables: Tables,
        operators: tuple[Operator, ...],
        tensors: Mapping[str, FileTensor],
        outer: Union["Scope", None] = None,
        handed: Mapping[str, Place] | None = None,
    ) -> None:
        """``handed`` are inputs that are constants of other graphs, with their places there."""
        self.operators = operators
        self.tensors = tensors
        self.tables = tables
        self._outer = outer
        self._handed = handed or {}
        self._maker: dict[str, Operator] = {}
        self._scales: set[str] = set()
        for operator in operators:
            self._learn(operator)

    def _learn(self, operator: Operator) -> None:
        inputs = [name for name in operator.inputs if name]
        if inputs and not operator.bodies and all(self.is_constant(name) for name in inputs):
            self._maker.update({name: operator for name in operator.outputs if name})
        if operator.kind == "DynamicQuantizeLinear":
            self._scales.update(operator.outputs[1:2])

    def find(self, name: str) -> Place | None:
        """The origin of a tensor; None if no graph has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._handed:
                return scope._handed[name]
            if name in scope.tensors:
                return scope, name
            scope = scope._outer
        return None

    def tensor(self, name: str) -> FileTensor | None:
        """The tensor as this graph sees it; None for an omitted input."""
        scope: Scope | None = self if name else None
        while scope is not None:
            if name in scope.tensors:
                return scope.tensors[name]
            scope = scope._outer
        return None

    def value(self, name: str) -> float | None:
        """The number in a tensor of one element, if the file contains it."""
        place = self.find(name) if name else None
        own = self.tensor(name)
        if own is not None and own.value is not None:
            return own.value
        if place is None:
            return None
        tensor = place[0].tensors.get(place[1])
        return None if tensor is None else tensor.value

    def operands(self, operator: Operator) -> Operands:
        """The argument of a rule."""
        return Operands(
            [self.tensor(name) for name in operator.inputs],
            [self.tensor(name) for name in operator.outputs],
            operator.attributes,
        )

    def is_constant(self, name: str) -> bool:
        """True for a stored tensor and for one computed from stored tensors only."""
        place = self.find(name)
        if place is None:
            return False
        scope, name = place
        return name in scope._maker or scope.tensors[name].role == "constant"

    def is_part(self, operator: Operator) -> bool:
        """True for an operator that only prepares constants for others."""
        return any(name in self._maker for name in operator.outputs)

    def parameters(self, operator: Operator) -> Iterator[Parameter]:
        """The stored parameters that enter at this operator, some perhaps more than once."""
        # Dynamic quantization multiplies the input's scale by the weights'.
        if operator.kind == "Mul" and any(name in self._scales for name in operator.inputs):
            return
        rule = self.tables.rules.get(self.tables.name(operator))
        named = rule.weights if rule else ()
        pending: list[tuple[Scope, Operator, int, bool]] = [
            (self, operator, position, position in named)
            for position in self._open_positions(operator)
        ]
        visited: set[tuple[int, str]] = set()
        while pending:
            scope, reader, position, weight = pending.pop()
            place = scope.find(reader.inputs[position])
            if place is None:
                continue
            source, name = place
            maker = source._maker.get(name)
            if maker is None:
                tensor = source.tensors[name]
                if scope._is_parameter(tensor, reader, position, weight):
                    yield tensor, scope._number_of(tensor, reader, position)
            elif (id(source), name) not in visited:
                visited.add((id(source), name))
                pending += [
                    (source, maker, inner, weight) for inner in source._open_positions(maker)
                ]

    def _open_positions(self, operator: Operator) -> Iterator[int]:
        """The positions of an operator's inputs that are not settings."""
        settings = self.tables.settings.get(self.tables.name(operator), ())
        for position, name in enumerate(operator.inputs):
            if name and position not in settings:
                yield position

    def _is_parameter(
        self, tensor: FileTensor, operator: Operator, position: int, weight: bool
    ) -> bool:
        if not tensor.stored or not self._is_number(tensor, operator, position):
            return False
        # A lone number in Mul(x, 1/6) is arithmetic; as the bias of one class it is a parameter.
        return tensor.stored > 1 or weight

    def _is_number(self, tensor: FileTensor, operator: Operator, position: int) -> bool:
        if tensor.dtype.startswith(REAL) or tensor.quantized:
            return True
        if tensor.dtype == "int32":
            return self.tables.biases.get(operator.kind) == position
        return self.tables.narrow and tensor.dtype in NARROW_INTEGERS

    def _number_of(self, tensor: FileTensor, operator: Operator, position: int) -> int:
        packed = self.tables.packed.get((operator.kind, position))
        return tensor.stored if packed is None else packed(self.operands(operator))
