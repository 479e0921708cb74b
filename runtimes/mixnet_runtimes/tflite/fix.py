"""A ``.tflite`` file with other sizes of its inputs, or with another of its signatures first.

The sizes are those that the interpreter computes for every tensor when its inputs are resized; they
are overwritten in place, and everything else stays byte for byte. For another signature the tables
are rewritten, with its subgraph as the first: runtimes differ in how they call the others.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError, UsageError
from mixnet_common.errors import nearest
from mixnet_common.readers import show
from mixnet_runtimes import child, probing
from mixnet_runtimes.selection import Fixed, Input, Selection, Size, close, rewritten, with_sizes
from mixnet_runtimes.session import first_line
from mixnet_runtimes.tflite import contents as tflite_contents
from mixnet_runtimes.tflite import file as tflite_file
from mixnet_runtimes.tflite import pack as tflite_pack
from mixnet_runtimes.tflite.half_precision import refuse_unless_float32
from mixnet_runtimes.tflite.interpreters import plain_interpreter
from mixnet_runtimes.tflite.words import decoded_text

Shapes = Mapping[int, tuple[int, ...]]
"""Shapes by the number of the tensor in its subgraph."""

NUMBER_OF_SUBGRAPH, NUMBERS_OF_SUBGRAPHS = "SubgraphIndex", "SubgraphIndices"
"""Ends of the names of operators' options that hold such numbers, as in ``bodySubgraphIndex``."""


def fix(path: Path, selection: Selection) -> Fixed:
    """The file with the selection's sizes and signature.

    Raises UsageError if the selection does not fit the file, MixnetError for a broken file, for
    sizes that stay open, and where no interpreter is installed that could resize it.
    """
    schema = tflite_file.find_schema()
    if schema is None and selection == Selection():
        return Fixed(())
    model, data = tflite_file.read_model(path)
    if selection.fp16:
        refuse_unless_float32(path, model, schema, "--fp16")
    own = _choose(path, model, None)
    chosen = own if selection.signature is None else _choose(path, model, selection.signature)
    name = None if chosen is None else decoded_text(chosen.signatureKey)
    inputs = _inputs(model, schema, chosen)
    closed = close(show(path), list(inputs.values()), selection)
    wanted = {index: closed[each.name] for index, each in inputs.items()}
    changed = rewritten(inputs.values(), closed)
    content = None
    if chosen is not None and not _is_first(model, chosen):
        content = _with_first(model, data, chosen)
    if changed or wanted != {index: each.usual for index, each in inputs.items()}:
        content = _resized(path, content or data, wanted, selection)
    given = Selection(changed, signature=None if chosen is own else name, fp16=selection.fp16)
    sized = with_sizes(inputs.values(), closed)
    return Fixed(sized, content, name, given=given, fp16=selection.fp16)


def stated(path: Path, signature: str | None = None) -> list[Input]:
    """The inputs of a signature, by default the file's own, as the file states them.

    Raises UsageError for a signature that it lacks, MixnetError for a broken file.
    """
    model, _ = tflite_file.read_model(path)
    chosen = _choose(path, model, signature)
    return list(_inputs(model, tflite_file.find_schema(), chosen).values())


def _inputs(model: Any, schema: Any, chosen: Any | None) -> dict[int, Input]:
    """The inputs of a signature's subgraph, by tensor number, under the signature's names."""
    subgraph = model.subgraphs[0 if chosen is None else chosen.subgraphIndex]
    names = tflite_contents.input_names(subgraph, chosen)
    types = {value: key.lower() for key, value in vars(schema.TensorType).items()}
    return {
        index: Input(
            names[index],
            _sizes(tensor),
            types.get(tensor.type, "unknown"),
            *_quantization(tensor),
            tuple(_integers(tensor.shape)),
        )
        for index in _integers(subgraph.inputs)
        for tensor in [subgraph.tensors[index]]
    }


def _quantization(tensor: Any) -> tuple[float, int]:
    """The scale and zero point of a whole tensor; zeros if it has none."""
    found = tensor.quantization
    if found is None or found.scale is None or len(found.scale) != 1:
        return 0.0, 0
    zero_points = _integers(found.zeroPoint)
    return float(found.scale[0]), zero_points[0] if zero_points else 0


def _sizes(tensor: Any) -> tuple[Size, ...]:
    stored, stated = _integers(tensor.shape), _integers(tensor.shapeSignature)
    if len(stated) != len(stored):
        return tuple(stored)
    return tuple(None if size == -1 else own for own, size in zip(stored, stated, strict=True))


# Signatures


def _choose(path: Path, model: Any, name: str | None) -> Any | None:
    """The signature of that name; without a name the first subgraph's, which runtimes run."""
    signatures = [each for each in model.signatureDefs or () if each is not None]
    names = {decoded_text(each.signatureKey): each for each in signatures}
    if name is None:
        return next((each for each in signatures if each.subgraphIndex == 0), None)
    if not names:
        raise UsageError(f"{show(path)} has no signatures", "omit --signature")
    if name not in names:
        raise UsageError(f"{show(path)} has no signature {name}", nearest(name, names))
    if not 0 <= names[name].subgraphIndex < len(model.subgraphs):
        raise MixnetError(f"{show(path)}: signature {name} refers to no subgraph", "write it again")
    return names[name]


def _is_first(model: Any, chosen: Any) -> bool:
    """Whether all runtimes take it for the file's own: the first, of the first subgraph."""
    return chosen is model.signatureDefs[0] and chosen.subgraphIndex == 0


def _with_first(model: Any, data: bytes, chosen: Any) -> bytes:
    """The file with the chosen signature and its subgraph in front; the two change places."""
    schema, own = tflite_file.find_schema(), chosen.subgraphIndex
    places = {0: own, own: 0}
    graphs = model.subgraphs
    graphs[0], graphs[own] = graphs[own], graphs[0]
    rest = [each for each in model.signatureDefs if each is not chosen]
    model.signatureDefs = [chosen, *rest]
    for signature in model.signatureDefs:
        signature.subgraphIndex = places.get(signature.subgraphIndex, signature.subgraphIndex)
    for graph in graphs:
        for operator in graph.operators or ():
            for options in (operator.builtinOptions, operator.builtinOptions2):
                _move(options, places)
    tflite_pack.gather_buffers(model, data)
    return tflite_pack.pack(schema, model)


def _move(options: Any, places: Mapping[int, int]) -> None:
    for field, value in vars(options).items() if options is not None else ():
        if field.endswith(NUMBER_OF_SUBGRAPH):
            setattr(options, field, places.get(value, value))
        elif field.endswith(NUMBERS_OF_SUBGRAPHS) and value is not None:
            setattr(options, field, [places.get(int(each), int(each)) for each in value])


# Sizes


def sizes_when_run(path: Path, selection: Selection) -> dict[int, tuple[int, ...]]:
    """The sizes of the first subgraph's tensors; those that depend on values, of a run on zeros.

    Raises like ``fix``. May crash where the interpreter does.
    """
    fixed = fix(path, selection)
    content = fixed.content or tflite_file.checked_bytes(path)
    graph = _graph(bytearray(content))
    wanted = {
        int(index): tuple(_integers(graph.Tensors(int(index)).ShapeAsNumpy()))
        for index in _integers(graph.InputsAsNumpy())
        if graph.Tensors(int(index)).ShapeLength()
    }
    return _computed_sizes(path, content, wanted, _written(graph))


def _graph(content: bytearray) -> Any:
    schema = tflite_file.find_schema()
    assert schema is not None
    return schema.Model.GetRootAs(content, 0).Subgraphs(0)


def _written(graph: Any) -> list[int]:
    return [
        int(index)
        for place in range(graph.OperatorsLength())
        for operator in [graph.Operators(place)]
        if operator.OutputsLength()
        for index in _integers(operator.OutputsAsNumpy())
    ]


def _resized(path: Path, content: bytes, wanted: Shapes, selection: Selection) -> bytes:
    edited = bytearray(content)
    graph = _graph(edited)
    if child.is_inside():
        sizes = _computed_sizes(path, content, wanted, _written(graph))
    else:
        sizes = probing.ask_fixed_sizes(probing.Use(path, selection=selection))
    for index, shape in sizes.items():
        if index < graph.TensorsLength():
            _overwrite(graph.Tensors(index), shape)
    return bytes(edited)


def fixed_sizes(path: Path, selection: Selection) -> dict[int, tuple[int, ...]]:
    """The sizes that ``fix`` writes into a file. Raises likewise, and may crash."""
    graph = _graph(bytearray(fix(path, selection).content or tflite_file.checked_bytes(path)))
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    return {
        index: tuple(_integers(tensor.ShapeAsNumpy()))
        for index, tensor in enumerate(tensors)
        if tensor.ShapeLength()
    }


def _overwrite(tensor: Any, shape: Sequence[int]) -> None:
    """Set a tensor's sizes in place; a tensor without a field for them does not change."""
    for length, view in (
        (tensor.ShapeLength(), tensor.ShapeAsNumpy),
        (tensor.ShapeSignatureLength(), tensor.ShapeSignatureAsNumpy),
    ):
        if length == len(shape) > 0:
            view()[:] = shape


def _computed_sizes(
    path: Path, content: bytes, wanted: Shapes, written: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """The sizes of all tensors once the inputs have the wanted ones, by an interpreter.

    Where sizes depend on values, they are those of one run on zeros.
    """
    interpreter = plain_interpreter(content)
    try:
        for index, shape in wanted.items():
            interpreter.resize_tensor_input(index, list(shape), strict=False)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        sizes = " ".join("×".join(map(str, shape)) for shape in wanted.values())
        raise UsageError(
            f"{show(path)} cannot have inputs of {sizes}: {first_line(error)}",
            "give sizes that its operators support",
        ) from error
    if _has_dynamic(interpreter, written):
        _run_on_zeros(interpreter, wanted)
    return {
        int(each["index"]): tuple(int(size) for size in each["shape"])
        for each in interpreter.get_tensor_details()
    }


def _has_dynamic(interpreter: Any, written: Sequence[int]) -> bool:
    """Whether the sizes of a computed tensor are only known when it runs: it has no memory yet."""
    for index in written:
        try:
            interpreter.tensor(index)()
        except ValueError:
            return True
    return False


def _run_on_zeros(interpreter: Any, wanted: Shapes) -> None:
    """What cannot run on zeros keeps the sizes of its file for what depends on values."""
    details = {int(each["index"]): each for each in interpreter.get_input_details()}
    try:
        for index, shape in wanted.items():
            interpreter.set_tensor(index, np.zeros(shape, details[index]["dtype"]))
        interpreter.invoke()
    except (ValueError, RuntimeError):
        return


def _integers(vector: Any) -> list[int]:
    return [] if vector is None else [int(each) for each in vector]
