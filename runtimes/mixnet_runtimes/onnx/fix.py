"""An ``.onnx`` file with other sizes of its inputs: rewritten in memory, with new inferred shapes.

The file's shapes of inner tensors are valid only at its own sizes, so they are dropped. Weights
never change, and files beside it stay there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixnet_common import UsageError
from mixnet_common.readers import show
from mixnet_runtimes import rawfile
from mixnet_runtimes.onnx import external_data
from mixnet_runtimes.onnx import file as onnx_file
from mixnet_runtimes.onnx import shapes as onnx_shapes
from mixnet_runtimes.onnx.metadata import metadata_of, read_quantization
from mixnet_runtimes.onnx.types import dtype_name, stated_size
from mixnet_runtimes.selection import Fixed, Input, Selection, Size, close, rewritten, with_sizes

Shapes = Mapping[str, tuple[int, ...]]


def fix(path: Path, selection: Selection) -> Fixed:
    """The file with the selection's sizes.

    Raises UsageError if the selection does not fit the file, MixnetError for a broken file and
    for sizes that stay open.
    """
    if selection.fp16:
        raise UsageError(f"--fp16 is for .tflite files, not {show(path)}", "omit it, or the file")
    model = _read(path, selection.signature)
    inputs = _inputs(path, model)
    has_data = any(True for _ in external_data.places(model))
    closed = close(show(path), inputs, selection)
    changed = rewritten(inputs, closed)
    fixed = Fixed(with_sizes(inputs, closed), has_data=has_data, given=Selection(changed))
    if not changed:
        return fixed
    content, can_open = _rewritten(path, inputs, closed)
    return replace(fixed, content=content) if can_open else replace(fixed, described=content)


def stated(path: Path, signature: str | None = None) -> list[Input]:
    """The inputs that are tensors and no weights, as the file states them.

    Raises UsageError for a signature, MixnetError for a broken file.
    """
    return _inputs(path, _read(path, signature))


def _read(path: Path, signature: str | None) -> Any:
    if signature is not None:
        raise UsageError(
            f"{show(path)} has no signature {signature!r}", "only .tflite files have signatures"
        )
    return onnx_file.read_model(path)


def _inputs(path: Path, model: Any) -> list[Input]:
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    scales = read_quantization(metadata_of(model), show(path))
    return [
        Input(
            value.name,
            _sizes(value.type.tensor_type),
            dtype_name(value.type.tensor_type.elem_type),
            *scales.get(value.name, (0.0, 0)),
        )
        for value in model.graph.input
        if value.name not in weights and value.type.HasField("tensor_type")
    ]


def _sizes(tensor: Any) -> tuple[Size, ...] | None:
    return tuple(map(stated_size, tensor.shape.dim)) if tensor.HasField("shape") else None


def _rewritten(path: Path, inputs: list[Input], closed: Shapes) -> tuple[bytes, bool]:
    """The file at these sizes, and whether onnxruntime opens it so.

    It infers the shapes of all branches, and refuses a file of which one cannot run.
    """
    import onnx

    model = onnx.load_model_from_string(rawfile.load(path))
    external_data.take_small(path, model)
    _set_inputs(model.graph, closed)
    _forget(model, _names(inputs, closed))
    can_open = _check(path, model, closed)
    return bytes(model.SerializeToString()), can_open


def _set_inputs(graph: Any, closed: Shapes) -> None:
    for value in graph.input:
        if value.name in closed:
            shape = value.type.tensor_type.shape
            shape.Clear()
            shape.SetInParent()
            for size in closed[value.name]:
                shape.dim.add().dim_value = size


def _names(inputs: list[Input], closed: Shapes) -> dict[str, int]:
    """The sizes of the dimensions that the inputs name."""
    return {
        name: size
        for each in inputs
        for name, size in zip(each.sizes or (), closed[each.name], strict=False)
        if isinstance(name, str)
    }


def _forget(model: Any, names: Mapping[str, int]) -> None:
    """Leave nothing stated of computed tensors but their types and numbers of axes."""
    for graph in _graphs(model.graph):
        del graph.value_info[:]
        for value in graph.output:
            for dimension in value.type.tensor_type.shape.dim:
                known = names.get(dimension.dim_param)
                dimension.Clear()
                if known is not None:
                    dimension.dim_value = known
    for function in model.functions:
        if hasattr(function, "value_info"):
            del function.value_info[:]


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner)


def _check(path: Path, model: Any, closed: Shapes) -> bool:
    """Whether all branches can run at the sizes. Raises UsageError if operators cannot."""
    faults, idle = onnx_shapes.contradictions(model)
    if faults:
        given = " ".join(f"{name}={','.join(map(str, shape))}" for name, shape in closed.items())
        raise UsageError(
            f"{show(path)} cannot have the sizes {given}: {faults[0]}",
            "give sizes that its operators support",
        )
    return not idle
