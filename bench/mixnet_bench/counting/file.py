"""Counts a ``.tflite`` or ``.onnx`` file of any origin from its own content.

It uses no knowledge of a network, and runs nothing, except, in a separate process, a ``.tflite``
whose inner sizes depend on values. ``Count.warnings`` lists what is not included; a figure that
cannot be known is None, with the reason, and a file with open input sizes is refused.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from mixnet_bench.counting.batch import batch_of, has_open_batch, per_image
from mixnet_bench.counting.bodies import Figures, combine, handed, sum_of
from mixnet_bench.counting.notes import Notes, activations, uncountable
from mixnet_bench.counting.operands import CANNOT_RUN, Operands, Rule, UnknownError, as_text
from mixnet_bench.counting.record import BodyCount, Count, Layer, Source
from mixnet_bench.counting.scope import Scope
from mixnet_bench.counting.tables import TABLES
from mixnet_common import MixnetError
from mixnet_runtimes import (
    AS_IT_IS,
    Body,
    FileContents,
    FileTensor,
    Operator,
    Selection,
    read_file,
    stated_inputs,
)
from mixnet_runtimes.probing import Use, ask_sizes

BLOCKED_LAYOUT = "com.microsoft.nchwc"
"""Domain of the operators that onnxruntime writes for one kind of machine, channels padded."""

FIX_SHAPES = (
    "write it with fixed input sizes, or, for ONNX, with onnxruntime.tools.make_dynamic_shape_fixed"
)

MOST_OPERATORS = 1_000_000
"""Limit over all graphs, each time that they are counted. No useful file has this many."""

DEEPEST = 40
"""Most graphs within each other; one that runs itself has no end."""


def count_file(path: Path, selection: Selection = AS_IT_IS) -> Count:
    """Count a model file, as one of its signatures runs it, by default the main one.

    The figures are for one image where the file has a batch. Raises MixnetError for a broken file
    or open sizes, UsageError for a missing or unknown one and for a selection that does not fit it.
    """
    contents = read_file(Path(path), selection=selection)
    if contents.format == "tflite" and sizes_depend_on_values(contents):
        sizes = ask_sizes(Use(Path(path), selection=selection))
        contents = with_sizes(contents, sizes)
    is_sized = bool(selection.shapes or selection.dims)  # else an open batch is 1
    stated = stated_inputs(Path(path), selection.signature) if is_sized else []
    open_batch = has_open_batch(each.sizes for each in stated)
    return count_contents(contents, Path(path).name, open_batch)


def count_signatures(path: Path, counted: Count) -> dict[str, Count | str]:
    """The count of every signature of a file that has several, ``counted`` being that of one.

    Of one that is refused, for its open sizes, there is the reason in place of a count.
    """
    if len(counted.signatures) < 2:
        return {}
    return {
        each.name: counted
        if each.name == counted.signature
        else _count_signature(path, Selection(signature=each.name))
        for each in read_file(path).signatures
    }


def _count_signature(path: Path, selection: Selection) -> Count | str:
    try:
        return count_file(path, selection)
    except MixnetError as error:
        return error.message


def sizes_depend_on_values(contents: FileContents) -> bool:
    """Whether sizes are open in a ``.tflite`` that no input's open batch accounts for."""
    has_batch = any(_is_open(each, slice(1)) for each in contents.inputs.values())
    computed = [each for each in contents.tensors.values() if each.role != "input"]
    return any(_is_open(each, slice(1 if has_batch else 0, None)) for each in computed)


def _is_open(tensor: FileTensor, axes: slice) -> bool:
    return None in (tensor.stated or ())[axes]


def with_sizes(contents: FileContents, sizes: Mapping[int, tuple[int, ...]]) -> FileContents:
    """The contents with sizes, by the tensor's index, that the file leaves open."""
    tensors = dict(contents.tensors)
    filled = 0
    for index, (name, tensor) in enumerate(contents.tensors.items()):
        shape = sizes.get(index)
        if _is_open(tensor, slice(None)) and shape is not None:
            tensors[name] = replace(tensor, shape=shape)
            filled += shape != tensor.shape
    sentence = (
        f"the sizes of {filled} tensors depend on values; the sizes of a run on zeros are used"
    )
    warnings = (*contents.warnings, sentence) if filled else contents.warnings
    return replace(contents, tensors=tensors, warnings=warnings)


def count_contents(contents: FileContents, name: str, open_batch: bool = False) -> Count:
    """Count a file that is read already; ``open_batch``: it leaves the size of its batch open.

    Raises MixnetError if a size is open.
    """
    walk = _Walk(contents, name)
    scope = Scope(walk.tables, contents.operators, contents.tensors)
    layers = walk.layers(scope)
    count = Count(name, cast(Source, contents.format), layers)
    if count.reason:
        _refuse_open_sizes(contents, name, count.reason)
    batch = batch_of(contents, walk.images, layers, open_batch)
    warnings = [*contents.warnings, *walk.notes.sentences()]
    if batch is None:
        warnings.append("counted for the sizes in the file, as its batch axis is not known")
    elif batch > 1:
        warnings.append(f"made for batches of {batch}, counted for one image")
        layers = per_image(layers, batch)
    return replace(
        count,
        layers=layers,
        warnings=tuple(warnings),
        batch=batch,
        signature=contents.signature,
        signatures=tuple(each.name for each in contents.signatures),
        not_counted=dict(walk.notes.not_counted),
    )


def _refuse_open_sizes(contents: FileContents, name: str, reason: str) -> None:
    """Raise MixnetError if an input's open size is why something is not known."""
    for key, tensor in contents.inputs.items():
        if tensor.shape is None or None in tensor.shape:
            sizes = tensor.stated or tensor.shape
            shape = "any shape" if sizes is None else as_text(sizes)
            raise MixnetError(
                f"{name} cannot be counted: its input {key!r} has open sizes, {shape} ({reason})",
                FIX_SHAPES,
            )


class _Walk:
    """Goes through the graphs of a file, each buffer of parameters counted once."""

    def __init__(self, contents: FileContents, name: str) -> None:
        self._contents = contents
        self._name = name
        self._seen: set[str] = set()
        self._counted: dict[object, Figures] = {}
        self._budget = iter(range(MOST_OPERATORS))
        self.tables = TABLES[contents.format]
        self.notes = Notes(self.tables)
        self.images: list[int] = []
        """The sizes of the batches of all convolutions."""

    def layers(self, scope: Scope, depth: int = 0) -> tuple[Layer, ...]:
        """The layers of a graph, for one run of it."""
        found = []
        for operator in scope.operators:
            if next(self._budget, None) is None:
                self._refuse(f"it runs more than {MOST_OPERATORS:,} operators")
            if operator.domain == BLOCKED_LAYOUT:
                raise MixnetError(
                    f"{self._name} was optimized by onnxruntime for one kind of machine and"
                    " cannot be counted",
                    "count the file that it was made from",
                )
            if not scope.is_part(operator):
                layer = self._layer(scope, operator, depth)
                if layer is not None:
                    found.append(layer)
        return tuple(found)

    def _refuse(self, why: str) -> None:
        raise MixnetError(f"{self._name} cannot be counted: {why}", "it may be damaged")

    def _layer(self, scope: Scope, operator: Operator, depth: int) -> Layer | None:
        """An operator's layer; None for one with neither parameters nor multiply-adds."""
        if operator.bodies:
            return self._with_bodies(scope, operator, depth)
        params = self._new_parameters(scope, operator)
        operands = scope.operands(operator)
        rule = self.tables.rules.get(self.tables.name(operator))
        if rule is not None:
            return self._counted_layer(operator, operands, rule, params)
        reason = uncountable(self.tables, operator, params)
        if reason:
            return _layer(operator, operands, Figures(None, None, reason), params)
        self.notes.see(operator, params)
        return _layer(operator, operands, Figures(0, 0), params) if params else None

    def _counted_layer(
        self, operator: Operator, operands: Operands, rule: Rule, params: int
    ) -> Layer:
        try:
            macs = rule.macs(operands)
            if rule.image is not None:
                self.images.append(operands.sizes(rule.image)[0])
        except UnknownError as fault:
            return _layer(operator, operands, Figures(None, None, str(fault)), params)
        except (IndexError, ValueError, ZeroDivisionError):
            reason = f"{CANNOT_RUN}its tensors have an unsupported number of axes"
            return _layer(operator, operands, Figures(None, None, reason), params)
        elements = activations(operands)
        reason = "the size of its output is not known" if elements is None else ""
        return _layer(operator, operands, Figures(macs, elements, reason), params)

    def _new_parameters(self, scope: Scope, operator: Operator) -> int:
        """The operator's parameters whose buffers no earlier operator had."""
        found = 0
        for tensor, number in scope.parameters(operator):
            if tensor.buffer not in self._seen:
                self._seen.add(tensor.buffer)
                self.notes.see_parameter(tensor)
                found += number
        return found

    def _with_bodies(self, scope: Scope, operator: Operator, depth: int) -> Layer | None:
        if depth >= DEEPEST:
            self._refuse(f"its graphs are nested more than {DEEPEST} levels deep")
        bodies = {role: self._contents.bodies[key] for role, key in operator.bodies.items()}
        figures: dict[str, Figures] = {}
        counted, params = [], self._new_parameters(scope, operator)
        for role in bodies:
            figures[role], layers = self._body(scope, operator, role, bodies, depth)
            params += sum(layer.params for layer in layers)
            counted.append(BodyCount(role, layers))
        taken, sentence = combine(scope, operator, bodies, figures)
        self.notes.say(sentence)
        if not params and taken == Figures(0, 0):
            return None
        return _layer(operator, scope.operands(operator), taken, params, tuple(counted))

    def _body(
        self, scope: Scope, operator: Operator, role: str, bodies: Mapping[str, Body], depth: int
    ) -> tuple[Figures, tuple[Layer, ...]]:
        """The count of a body, and its layers unless it is listed already."""
        body, constants = bodies[role], handed(scope, operator, role, bodies)
        same = (operator.bodies[role], *sorted((a, id(b), c) for a, (b, c) in constants.items()))
        if same in self._counted:
            return self._counted[same], ()
        outer = scope if body.outer is not None else None
        inner = Scope(self.tables, body.operators, body.tensors, outer, constants)
        layers = self.layers(inner, depth + 1)
        self._counted[same] = sum_of(layers)
        return self._counted[same], layers


def _layer(
    operator: Operator,
    operands: Operands,
    figures: Figures,
    params: int,
    bodies: tuple[BodyCount, ...] = (),
) -> Layer:
    tensor = operands.outputs[0] if operands.outputs else None
    return Layer(
        name=operator.name,
        op=operator.kind,
        macs=figures.macs,
        params=params,
        activations=figures.activations,
        output_shape=() if tensor is None or tensor.shape is None else tensor.shape,
        reason=figures.reason,
        bodies=bodies,
    )
