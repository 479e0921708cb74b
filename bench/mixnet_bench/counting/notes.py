"""Notes on what a count includes or omits contrary to expectation."""

from collections import Counter

from mixnet_bench.counting.operands import Operands
from mixnet_bench.counting.tables import Tables
from mixnet_runtimes import FileTensor, Operator


class Notes:
    """Collects what is noticed while operators are looked at."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.not_counted: Counter[str] = Counter()
        """Operators with arithmetic, and those of which nothing is known, by kind."""
        self._foreign: Counter[str] = Counter()
        self._batch_norm = 0
        self._variables, self._are_set = 0, False
        self._sparse = [0, 0]
        self._said: list[str] = []

    def say(self, sentence: str) -> None:
        """Add a sentence unchanged."""
        if sentence and sentence not in self._said:
            self._said.append(sentence)

    def see(self, operator: Operator, params: int) -> None:
        """Look at an operator that has no multiply-adds."""
        name = self._tables.name(operator)
        if name in self._tables.arithmetic:
            self.not_counted[operator.kind] += 1
        elif self._tables.is_foreign(name):
            self.not_counted[name] += 1
            self._foreign[name] += 1
        self._variables += operator.kind == "VAR_HANDLE"
        self._are_set |= operator.kind == "ASSIGN_VARIABLE"
        if operator.kind == "BatchNormalization":
            self._batch_norm += params // 2

    def see_parameter(self, tensor: FileTensor) -> None:
        """Look at a stored parameter."""
        if tensor.sparse:
            self._sparse[0] += tensor.stored
            self._sparse[1] += tensor.elements or 0

    def sentences(self) -> list[str]:
        """One sentence for each thing noticed."""
        found = list(self._said)
        for kind, times in self._foreign.items():
            found.append(f"{times} {kind}: not counted: its computation is not known")
        if self._batch_norm:
            found.append(
                f"parameters include {self._batch_norm} means and variances of batch norms"
            )
        if self._variables and not self._are_set:
            found.append(
                f"{self._variables} variables, whose values are not in the file, are not among"
                " the parameters"
            )
        if self._sparse[0]:
            found.append(
                f"parameters include {self._sparse[0]:,} stored values of sparse weights, whose"
                f" {self._sparse[1]:,} elements the multiply-adds are of"
            )
        return found


def uncountable(tables: Tables, operator: Operator, params: int) -> str:
    """Why the multiply-adds of an operator without a rule are unknown; empty if it has none."""
    name = tables.name(operator)
    if name in tables.unknown_products:
        return f"the number of multiply-adds of {operator.kind} is not known"
    if tables.is_foreign(name) and params:
        return f"the computation of {operator.kind} with its parameters is not known"
    return ""


def activations(operands: Operands) -> int | None:
    """Elements of an operator's first output; None if its size is not known."""
    tensor = operands.outputs[0] if operands.outputs else None
    return None if tensor is None else tensor.elements
