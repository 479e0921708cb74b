"""How often a loop runs its body, if constant limit, start and step determine it. Pure."""

from mixnet_bench.counting.operands import UnknownError
from mixnet_bench.counting.scope import Scope
from mixnet_runtimes import Body, Operator

DATA = "the number of times that it runs its body depends on its data"

COMPARISONS = {
    "LESS": "<",
    "LESS_EQUAL": "<=",
    "GREATER": ">",
    "GREATER_EQUAL": ">=",
    "NOT_EQUAL": "!=",
}
"""TFLite's comparisons of a counter with its limit."""

MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}
"""The same comparison with its sides exchanged."""

DIRECTIONS = {1: "!=", 2: ">=", 3: ">", 4: "<=", 5: "<"}
"""StableHLO's directions of a comparison, as numbers in the schema."""


def of_loop(scope: Scope, operator: Operator, body: Body) -> int:
    """Turns of ONNX's Loop: its limit, where its condition stays true. Raises UnknownError."""
    limit, condition = (*operator.inputs, "", "")[:2]
    begins = scope.value(condition) if condition else 1
    if begins is not None and not begins:
        return 0
    turns = scope.value(limit) if limit else None
    if turns is None:
        raise UnknownError(DATA)
    goes_on = body.tensors.get(body.outputs[0]) if body.outputs else None
    if begins is None or goes_on is None or not goes_on.value:
        raise UnknownError(f"its condition may end it before {int(turns)} turns")
    return max(0, int(turns))


def of_scan(scope: Scope, operator: Operator) -> int:
    """Turns of ONNX's Scan: the size of what it scans. Raises UnknownError."""
    scanned = operator.attributes.get("num_scan_inputs", 0)
    if not 0 < scanned <= len(operator.inputs):
        raise UnknownError("its scanned inputs are not given")
    axes = operator.attributes.get("scan_input_axes") or (0,)
    tensor = scope.tensor(operator.inputs[-scanned])
    shape = None if tensor is None else tensor.shape
    if not shape or not -len(shape) <= axes[0] < len(shape):
        raise UnknownError(DATA)
    size = shape[axes[0]]
    if size is None:
        raise UnknownError(f"the size of tensor {operator.inputs[-scanned]!r} is not known")
    return size


def of_while(scope: Scope, operator: Operator, condition: Body, body: Body) -> int:
    """Turns of TFLite's WHILE: a counter is compared with a constant. Raises UnknownError."""
    return _Counting(scope, operator, condition, body).turns(condition.outputs[0])


class _Counting:
    """A WHILE whose counters are looked for."""

    def __init__(self, scope: Scope, operator: Operator, condition: Body, body: Body) -> None:
        self._scope, self._operator = scope, operator
        self._condition, self._body = condition, body
        self._makers = {name: each for each in condition.operators for name in each.outputs}
        self._steps = {name: each for each in body.operators for name in each.outputs}

    def turns(self, name: str, depth: int = 8) -> int:
        """Turns until a tensor of the condition is false."""
        maker = self._makers.get(name)
        if maker is None or not depth:
            raise UnknownError(DATA)
        if maker.kind in ("LOGICAL_AND", "STABLEHLO_AND"):
            return min(self.turns(each, depth - 1) for each in maker.inputs)
        sign = COMPARISONS.get(maker.kind)
        if maker.kind == "STABLEHLO_COMPARE":
            sign = DIRECTIONS.get(maker.attributes.get("comparisonDirection", -1))
        if sign is None or len(maker.inputs) != 2:
            raise UnknownError(DATA)
        first, second = maker.inputs
        limit = self._constant(second)
        if limit is not None:
            return self._until(first, sign, limit)
        limit = self._constant(first)
        if limit is None:
            raise UnknownError(DATA)
        return self._until(second, MIRRORED[sign], limit)

    def _constant(self, name: str) -> int | None:
        """The whole number in a tensor of the condition that is the same in every turn."""
        if name in self._condition.inputs:
            place = self._condition.inputs.index(name)
            if self._body.outputs[place] != self._body.inputs[place]:
                return None
            return _whole(self._scope.value(self._operator.inputs[place]))
        tensor = self._condition.tensors.get(name)
        return None if tensor is None else _whole(tensor.value)

    def _until(self, counter: str, sign: str, limit: int) -> int:
        if counter not in self._condition.inputs:
            raise UnknownError(DATA)
        place = self._condition.inputs.index(counter)
        start = _whole(self._scope.value(self._operator.inputs[place]))
        step = self._step(place)
        if start is None or step is None:
            raise UnknownError(DATA)
        return turns_until(start, step, sign, limit)

    def _step(self, place: int) -> int | None:
        """The constant that the body adds to a state; None if it does something else."""
        state = self._body.inputs[place]
        maker = self._steps.get(self._body.outputs[place])
        if maker is None or len(maker.inputs) != 2 or state not in maker.inputs:
            return None
        other = maker.inputs[1] if maker.inputs[0] == state else maker.inputs[0]
        tensor = self._body.tensors.get(other)
        amount = None if tensor is None else _whole(tensor.value)
        if amount is None:
            return None
        if maker.kind in ("ADD", "STABLEHLO_ADD"):
            return amount
        minus = maker.kind in ("SUB", "STABLEHLO_SUBTRACT") and maker.inputs[0] == state
        return -amount if minus else None


def _whole(value: float | None) -> int | None:
    return value if isinstance(value, int) else None


def turns_until(start: int, step: int, sign: str, limit: int) -> int:
    """The turns in which a counter that starts and steps so compares so with its limit.

    Raises UnknownError if that never ends.

    >>> turns_until(0, 1, "<", 10), turns_until(10, -3, ">=", 1), turns_until(5, 1, "<", 5)
    (10, 4, 0)
    """
    if sign in (">", ">="):
        start, step, limit = -start, -step, -limit
    if sign in ("<=", ">="):
        limit += 1
    distance = limit - start
    if distance == 0 or (distance < 0 and sign != "!="):
        return 0
    if sign == "!=":
        if step == 0 or distance % step or distance // step < 0:
            raise UnknownError("its counter never meets its limit")
        return distance // step
    if step <= 0:
        raise UnknownError("its counter never reaches its limit")
    return -(-distance // step)
