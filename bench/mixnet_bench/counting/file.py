"""Counts a ``.tflite`` or ``.onnx`` file, anyone's, from what the file itself says.

It runs nothing and knows no network. What it cannot count it says in ``Count.warnings``; where a
convolution's size is open it refuses, since a sum that lacks a layer is no count.
"""

from collections import Counter
from pathlib import Path
from typing import cast

from mixnet_bench.counting.parameters import Constants
from mixnet_bench.counting.record import Count, Layer, Source
from mixnet_bench.counting.rules import LOOKUPS_AND_ARITHMETIC, TABLES, Rule, Sizes
from mixnet_common import MixnetError
from mixnet_runtimes import AS_IT_IS, FileContents, FileTensor, Operator, Selection, read_file

BLOCKED_LAYOUT = "com.microsoft.nchwc"
"""Domain of the operators that onnxruntime writes for one kind of machine, channels padded."""

FIX_SHAPES = (
    "give its inputs fixed sizes when it is written, or, for ONNX, with"
    " onnxruntime.tools.make_dynamic_shape_fixed"
)


def count_file(path: Path, selection: Selection = AS_IT_IS) -> Count:
    """Count a model file, for one image: a file for batches of N counts an N-th of itself.

    Raises MixnetError for a broken file or open sizes, UsageError for a missing or unknown one and
    for a selection that does not fit it.
    """
    return count_contents(read_file(Path(path), selection=selection), Path(path).name)


def count_contents(contents: FileContents, name: str) -> Count:
    """Count a file that is read already. Raises MixnetError where a size is open."""
    if any(operator.domain == BLOCKED_LAYOUT for operator in contents.operators):
        raise MixnetError(
            f"{name} was rearranged by onnxruntime for one kind of machine and cannot be counted",
            "count the file that it was made from",
        )
    constants = Constants(contents)
    rules = TABLES[contents.format]
    batch = batch_size(contents)
    seen: set[str] = set()
    layers, notes = [], Notes()
    for operator in contents.operators:
        if constants.is_part(operator):
            continue
        params = _new_parameters(constants, operator, seen)
        rule = rules.get(operator.kind)
        if rule is not None and _is_layer(operator, rule, constants):
            layers.append(_layer(contents, operator, rule, params, batch, name))
            continue
        notes.take(operator, rule, params)
        if params:
            shape = _shape(contents, operator)
            layers.append(Layer(operator.name, operator.kind, 0, params, 0, shape))
    warnings = [*contents.warnings, *notes.sentences()]
    if any(operator.bodies for operator in contents.operators):
        warnings.append("the bodies of branches and loops are left out")
    if batch > 1:
        warnings.append(f"made for batches of {batch}, counted for one image")
    return Count(name, cast(Source, contents.format), tuple(layers), tuple(warnings))


def batch_size(contents: FileContents) -> int:
    """The first dimension that all inputs and outputs share, else 1: then there is no batch."""
    tensors = (*contents.inputs.values(), *contents.outputs.values())
    sizes = {tensor.shape[0] if tensor.shape else None for tensor in tensors}
    return (sizes.pop() or 1) if len(sizes) == 1 else 1


def _new_parameters(constants: Constants, operator: Operator, seen: set[str]) -> int:
    """Stored elements of the operator's parameters whose buffers no earlier operator had."""
    total = 0
    for tensor in constants.owned(operator):
        if tensor.buffer not in seen:
            seen.add(tensor.buffer)
            total += tensor.stored
    return total


def _is_layer(operator: Operator, rule: Rule, constants: Constants) -> bool:
    """True for convolutions, and for products in which one factor is a constant."""
    if "conv" in operator.kind.lower():
        return True
    weights = operator.inputs[rule.weights]
    return constants.is_constant(weights) or constants.is_constant(operator.inputs[rule.data])


def _layer(
    contents: FileContents, operator: Operator, rule: Rule, params: int, batch: int, file: str
) -> Layer:
    output = _known(contents.tensor(operator.outputs[0]), operator, file)
    macs = rule.macs(
        _known(contents.tensor(operator.inputs[rule.data]), operator, file),
        _known(contents.tensor(operator.inputs[rule.weights]), operator, file),
        output,
        operator.attributes,
    )
    elements = 1
    for size in output:
        elements *= size
    return Layer(operator.name, operator.kind, macs // batch, params, elements // batch, output)


def _known(tensor: FileTensor | None, operator: Operator, file: str) -> Sizes:
    """The tensor's shape, all of it known. Raises MixnetError."""
    if tensor is None or tensor.shape is None or None in tensor.shape:
        what = "a tensor" if tensor is None else f"tensor {tensor.name!r} ({tensor.shape})"
        raise MixnetError(
            f"{file} cannot be counted: the size of {what} at {operator.kind}"
            f" {operator.name!r} is open",
            FIX_SHAPES,
        )
    return cast(Sizes, tensor.shape)


def _shape(contents: FileContents, operator: Operator) -> tuple[int | None, ...]:
    tensor = contents.tensor(operator.outputs[0]) if operator.outputs else None
    return () if tensor is None or tensor.shape is None else tensor.shape


class Notes:
    """What a count leaves out or takes in that its reader may not expect."""

    def __init__(self) -> None:
        self._products: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._batch_norm = 0

    def take(self, operator: Operator, rule: Rule | None, params: int) -> None:
        """Look at an operator that is not counted as a layer."""
        if rule is not None:
            self._products[operator.kind] += 1
        elif operator.kind == "BatchNormalization":
            self._batch_norm += params // 2
        elif params and operator.kind not in LOOKUPS_AND_ARITHMETIC:
            self._unknown[operator.kind] += 1

    def sentences(self) -> list[str]:
        """One sentence for each thing noticed."""
        found = []
        for kind, times in self._products.items():
            found.append(f"{times} {kind} of two activations not counted in the MACs")
        for kind, times in self._unknown.items():
            found.append(f"{times} {kind} with parameters, whose MACs are not counted")
        if self._batch_norm:
            found.append(
                f"parameters include {self._batch_norm} means and variances of batch norms"
            )
        return found
