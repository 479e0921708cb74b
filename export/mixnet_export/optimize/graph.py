"""One subgraph of a model: the operators that write and read each tensor, and shared tensors."""

from collections import Counter
from typing import Any

from mixnet_export.optimize.document import Document
from mixnet_export.optimize.values import LeftAloneError
from mixnet_runtimes.tflite.words import integers, names_of


class Graph:
    """The operators and tensors of a subgraph."""

    def __init__(self, document: Document, number: int) -> None:
        self.model, self.schema = document.model, document.schema
        self.number = number
        self._tables = document.model.subgraphs[number]
        self._kinds = document.kinds()
        self._types = names_of(document.schema.TensorType)
        self.operators: list[Any] = list(self._tables.operators or ())
        self.producers = {
            tensor: index
            for index, operator in enumerate(self.operators)
            for tensor in integers(operator.outputs)
        }
        """The operator that writes a tensor."""
        self.readers = Counter(t for each in self.operators for t in integers(each.inputs))
        """The number of readers of a tensor."""
        self.ports = set(ports_of(document.model, number))
        self._writes = Counter(t for each in self.operators for t in integers(each.outputs))

    def kind(self, operator: Any) -> str:
        """The kind of an operator."""
        return str(self._kinds[operator.opcodeIndex])

    def tensor(self, index: int) -> Any:
        """A tensor's table."""
        return self._tables.tensors[index]

    def type(self, index: int) -> str:
        """A tensor's type by its name in the schema."""
        number = self.tensor(index).type
        return self._types.get(number, f"TYPE_{number}")

    def check_fixed(self, source: int, output: int) -> None:
        """Raise LeftAloneError unless only the batch is open, and nothing a variable."""
        for tensor in (self.tensor(source), self.tensor(output)):
            if tensor.isVariable:
                raise LeftAloneError("it reads or writes a variable")
            if tensor.sparsity is not None:
                raise LeftAloneError("its input or output is sparse")
        for index in {source, output, *integers(self._tables.inputs)}:
            if any(size < 0 for size in integers(self.tensor(index).shapeSignature)[1:]):
                raise LeftAloneError("its sizes are open (dynamic shapes)")
        if self._writes[output] > 1:
            raise LeftAloneError("its output is written twice")

    def has_open_batch(self, *tensors: int) -> bool:
        """Whether the batch of any of these is open."""
        signatures = (integers(self.tensor(index).shapeSignature) for index in tensors)
        return any(signature and signature[0] < 0 for signature in signatures)


def ports_of(model: Any, number: int) -> list[int]:
    """The tensors of a subgraph that others know: inputs, outputs and those of signatures."""
    graph = model.subgraphs[number]
    found = [*integers(graph.inputs), *integers(graph.outputs)]
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == number:
            ports = [*(signature.inputs or ()), *(signature.outputs or ())]
            found += [port.tensorIndex for port in ports]
    return found
