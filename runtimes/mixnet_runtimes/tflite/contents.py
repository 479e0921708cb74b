"""The content of a ``.tflite`` model, as the plain records of ``contents``.

Every subgraph is described: one is the subgraph of a signature, the others are bodies that
operators run. A record has the number and type of weights, and the value of constants with one
element.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mixnet_common import UsageError
from mixnet_common.errors import nearest
from mixnet_runtimes.contents import (
    Axis,
    Body,
    FileContents,
    FileTensor,
    Operator,
    Shape,
    Signature,
)
from mixnet_runtimes.faults import ModelError
from mixnet_runtimes.tflite import check as tflite_check
from mixnet_runtimes.tflite.words import decoded_text, kind_of, names_of


def describe_tflite(
    model: Any, schema: Any, sha256: str, size_bytes: int, signature: str | None = None
) -> FileContents:
    """The contents of a checked model, seen from one of its signatures, by default the main one.

    Raises UsageError for a signature that it has not, and ModelError for one of a subgraph
    which is not there.
    """
    graphs = [_Subgraph(model, each, schema) for each in model.subgraphs]
    bodies = {key_of(index): graph.body() for index, graph in enumerate(graphs)}
    signatures = tuple(_signature(each, graphs) for each in _list(model.signatureDefs))
    unused = _unused(bodies, {0, *(each.subgraph for each in signatures)})
    chosen = _chosen(signatures, signature)
    graph = graphs[chosen.subgraph]
    main = bodies.pop(key_of(chosen.subgraph))
    return FileContents(
        format="tflite",
        sha256=sha256,
        size_bytes=size_bytes,
        inputs=chosen.inputs or graph.ports(graph.inputs),
        outputs=chosen.outputs or graph.ports(graph.outputs),
        operators=main.operators,
        tensors=main.tensors,
        bodies=bodies,
        signatures=signatures,
        signature=chosen.name or None,
        warnings=(f"{unused} subgraphs are not used by any signature or operator",)
        if unused
        else (),
        origin=_origin(model),
        metadata=_metadata(model),
    )


def input_names(subgraph: Any, signature: Any | None) -> dict[int, str]:
    """Tensor index → what a caller calls it, of a subgraph's inputs."""
    names = _unique_names(subgraph.tensors)
    ports = [] if signature is None else _list(signature.inputs)
    named = {each.tensorIndex: decoded_text(each.name) for each in ports}
    return {index: named.get(index, names[index]) for index in _list(subgraph.inputs)}


def key_of(index: int) -> str:
    """The key of a subgraph among the bodies."""
    return f"subgraph {index}"


def _unused(bodies: Mapping[str, Body], roots: set[int]) -> int:
    """The number of subgraphs that nothing reaches from the roots."""
    pending = [key_of(index) for index in roots]
    reached: set[str] = set()
    while pending:
        key = pending.pop()
        if key not in reached:
            reached.add(key)
            for operator in bodies[key].operators:
                pending += operator.bodies.values()
    return len(bodies) - len(reached)


def _chosen(signatures: tuple[Signature, ...], name: str | None) -> Signature:
    """The signature of that name; without a name the main subgraph's, or one without a name."""
    if name is None:
        main = (each for each in signatures if each.subgraph == 0)
        return next(main, Signature("", {}, {}))
    names = [each.name for each in signatures]
    if name not in names:
        hint = nearest(name, names) if names else "it has none: omit the option"
        raise UsageError(f"the file has no signature {name!r}", hint)
    return signatures[names.index(name)]


def _signature(entry: Any, graphs: "list[_Subgraph]") -> Signature:
    if not 0 <= entry.subgraphIndex < len(graphs):
        raise ModelError(f"a signature names subgraph {entry.subgraphIndex}")
    graph = graphs[entry.subgraphIndex]
    # A signature may list its tensors in another order than the graph, which is the runtime's.
    names = [
        {each.tensorIndex: decoded_text(each.name) for each in _list(ports)}
        for ports in (entry.inputs, entry.outputs)
    ]
    return Signature(
        name=decoded_text(entry.signatureKey),
        inputs=graph.ports(graph.inputs, names[0]),
        outputs=graph.ports(graph.outputs, names[1]),
        subgraph=entry.subgraphIndex,
    )


def _origin(model: Any) -> dict[str, str]:
    found = {"schema version": str(model.version), "description": decoded_text(model.description)}
    return {key: value for key, value in found.items() if value}


MOST_TEXT = 1000
"""Longest metadata in characters that is shown in full."""


def _metadata(model: Any) -> dict[str, str]:
    """The entries of a model's metadata: short texts in full, for all others the size."""
    found = {}
    for entry in _list(model.metadata):
        if 0 <= entry.buffer < len(model.buffers):
            data = bytes(_list(model.buffers[entry.buffer].data)).rstrip(b"\0 ")
            is_text = len(data) <= MOST_TEXT and data.isascii() and data.decode().isprintable()
            found[decoded_text(entry.name)] = data.decode() if is_text else f"{len(data):,} bytes"
    return found


class _Subgraph:
    """One subgraph, described."""

    def __init__(self, model: Any, subgraph: Any, schema: Any) -> None:
        self._model = model
        self._subgraph = subgraph
        self._kinds = names_of(schema.BuiltinOperator)
        self._types = names_of(schema.TensorType)
        self.inputs: list[int] = _list(subgraph.inputs)
        self.outputs: list[int] = _list(subgraph.outputs)
        self._names = _unique_names(subgraph.tensors)
        self._tensors = [self._tensor(index) for index in range(len(subgraph.tensors))]

    def body(self) -> Body:
        """The subgraph as a record."""
        return Body(
            name=decoded_text(self._subgraph.name),
            inputs=tuple(self._names[index] for index in self.inputs),
            outputs=tuple(self._names[index] for index in self.outputs),
            operators=tuple(self._operators()),
            tensors={tensor.name: tensor for tensor in self._tensors},
        )

    def ports(
        self, indices: list[int], names: Mapping[int, str] | None = None
    ) -> dict[str, FileTensor]:
        """Inputs or outputs by a signature's names; by their own if it has none."""
        known = names or {}
        return {known.get(index, self._names[index]): self._tensors[index] for index in indices}

    def _tensor(self, index: int) -> FileTensor:
        tensor = self._subgraph.tensors[index]
        constant = tflite_check.constant_bytes(self._model, tensor) > 0
        dtype = self._types.get(tensor.type, f"type{tensor.type}")
        scales = _list(None if tensor.quantization is None else tensor.quantization.scale)
        zeros = _list(None if tensor.quantization is None else tensor.quantization.zeroPoint)
        stored = self._stored(tensor, dtype) if constant else 0
        return FileTensor(
            name=self._names[index],
            shape=_shape(tensor),
            dtype=dtype.lower(),
            role="constant" if constant else self._role(index),
            stored=stored,
            buffer=str(tensor.buffer) if constant else "",
            quantized=len(scales) > 0,
            scale=float(scales[0]) if len(scales) == 1 else 0.0,
            zero_point=int(zeros[0]) if len(scales) == len(zeros) == 1 else 0,
            sparse=constant and tensor.sparsity is not None,
            value=self._lone_value(tensor, dtype) if stored == 1 else None,
            stated=_stated(tensor),
        )

    def _role(self, index: int) -> str:
        if index in self.inputs:
            return "input"
        return "output" if index in self.outputs else "activation"

    def _stored(self, tensor: Any, dtype: str) -> int:
        """Elements in the file: of a sparse tensor as many as its bytes hold."""
        bits = tflite_check.BITS.get(dtype)
        if tensor.sparsity is not None and bits:
            return tflite_check.constant_bytes(self._model, tensor) * 8 // bits
        return int(np.prod(_list(tensor.shape), dtype=np.int64))

    def _lone_value(self, tensor: Any, dtype: str) -> float | None:
        """The number in a tensor of one element; None for a type that numpy lacks."""
        data = bytes(_list(self._model.buffers[tensor.buffer].data))
        try:
            value = np.frombuffer(data, np.dtype(dtype.lower()))[0].item()
        except (TypeError, ValueError, IndexError):
            return None
        return value if isinstance(value, int | float) else None

    def _operators(self) -> Iterator[Operator]:
        kinds = [kind_of(code, self._kinds) for code in _list(self._model.operatorCodes)]
        for operator in _list(self._subgraph.operators):
            outputs = tuple(self._name(index) for index in _list(operator.outputs))
            kind = kinds[operator.opcodeIndex]
            yield Operator(
                name=outputs[0] if outputs else kind,
                kind=kind,
                inputs=tuple(self._name(index) for index in _list(operator.inputs)),
                outputs=outputs,
                attributes=_attributes(operator),
                bodies=self._bodies(operator),
            )

    def _bodies(self, operator: Any) -> dict[str, str]:
        """The keys of the subgraphs that an operator's options name."""
        return {
            name if len(indices) == 1 else f"{name}[{place}]": key_of(index)
            for name, indices in tflite_check.subgraphs_of(operator)
            for place, index in enumerate(indices)
        }

    def _name(self, index: int) -> str:
        return self._names[index] if index >= 0 else ""


def _unique_names(tensors: list[Any]) -> list[str]:
    """Names as text; an empty or repeated one gets its index appended."""
    raw = [decoded_text(tensor.name) for tensor in tensors]
    uses = Counter(raw)
    return [
        name if name and uses[name] == 1 else f"{name}#{index}" for index, name in enumerate(raw)
    ]


def _shape(tensor: Any) -> Shape:
    """The tensor's sizes; open ones (-1 in the shape signature) as None, an open batch as 1."""
    sizes = _list(tensor.shape)
    signature = _list(tensor.shapeSignature)
    if len(signature) != len(sizes):
        return tuple(sizes)
    return tuple(
        None if open_size == -1 and axis > 0 else size
        for axis, (size, open_size) in enumerate(zip(sizes, signature, strict=True))
    )


def _stated(tensor: Any) -> tuple[Axis, ...]:
    sizes, signature = _list(tensor.shape), _list(tensor.shapeSignature)
    chosen = signature if len(signature) == len(sizes) else sizes
    return tuple(size if size >= 0 else None for size in chosen)


def _attributes(operator: Any) -> dict[str, Any]:
    options = operator.builtinOptions or operator.builtinOptions2
    if options is None:
        return {}
    return {
        key: tuple(value.tolist()) if isinstance(value, np.ndarray) else value
        for key, value in vars(options).items()
    }


def _list(vector: Any) -> list[Any]:
    """A FlatBuffer vector as a list: None where absent, an array where numeric."""
    if vector is None:
        return []
    return vector.tolist() if isinstance(vector, np.ndarray) else list(vector)
