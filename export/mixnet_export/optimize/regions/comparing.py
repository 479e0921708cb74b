"""Compares a region before and after, with float64, or with the original if undefined there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize import samples
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.extracting import extract
from mixnet_export.optimize.interpreting import input_info, invoke, open_interpreter
from mixnet_export.optimize.regions.evaluating import UnknownOperatorError, evaluate
from mixnet_export.optimize.regions.region import Place
from mixnet_runtimes.tflite.words import integers

Array = NDArray[Any]

Captured = Mapping[int, Sequence[Array]]
"""Values on every kind of input, by tensor of the main graph."""


def compare_regions(
    before: Document, after: Document, places: Sequence[Place]
) -> Iterator[dict[str, Any]]:
    """Each region's largest errors, on the file's intermediate values and on noise."""
    wanted = {t for place in places if place.subgraph == 0 for t in place.sources}
    captured = capture(before, wanted) if wanted else {}
    for place in places:
        inputs = [*_captured(captured, place), _noise(before, place)]
        yield compare_region(before, after, place, inputs)


def capture(document: Document, wanted: set[int]) -> dict[int, list[Array]]:
    """The values of the main graph's tensors when the whole file runs."""
    found: dict[int, list[Array]] = {tensor: [] for tensor in wanted}
    interpreter = open_interpreter(document, delegates=False, preserve=True)
    for kind in samples.KINDS:
        for detail in interpreter.get_input_details():
            values = samples.sample(kind, input_info(detail, document))
            interpreter.set_tensor(detail["index"], values)
        invoke(interpreter, document)
        for tensor in wanted:
            found[tensor].append(interpreter.get_tensor(tensor))
    return found


def _captured(captured: Captured, place: Place) -> list[list[Array]]:
    if place.subgraph:
        return []
    return [list(each) for each in zip(*(captured[t] for t in place.sources), strict=True)]


def _noise(document: Document, place: Place) -> list[Array]:
    rng = np.random.default_rng(samples.SEED)
    tensors = document.model.subgraphs[place.subgraph].tensors
    types = document.schema.TensorType
    found: list[Array] = []
    for source in place.sources:
        shape = integers(tensors[source].shape)
        if tensors[source].type == types.INT8:
            found.append(rng.integers(-128, 128, shape).astype(np.int8))
        elif tensors[source].type == types.UINT8:
            found.append(rng.integers(0, 256, shape).astype(np.uint8))
        elif tensors[source].type == types.FLOAT32:
            found.append(rng.standard_normal(shape).astype(np.float32))
        else:
            found.append(np.zeros(shape, _dtype(types, tensors[source].type)))
    return found


def _dtype(types: Any, number: int) -> Any:
    known = {types.INT32: np.int32, types.INT64: np.int64, types.BOOL: np.bool_,
             types.INT16: np.int16, types.FLOAT16: np.float16}  # fmt: skip
    return known.get(number, np.float32)


def compare_region(
    before: Document, after: Document, place: Place, inputs: Sequence[list[Array]]
) -> dict[str, Any]:
    """Errors in floats (``error``, ``own``), ``steps`` and ``share`` in integers."""
    parts = [_Part(document, place) for document in (before, after)]
    worst = {"error": 0.0, "own": 0.0, "steps": 0, "share": 0.0}
    is_exact = True
    for values in inputs:
        first, second = (part.run(values) for part in parts)
        references = _reference(before, place, values, first)
        for one, other, right in zip(first, second, references, strict=True):
            is_exact &= one.shape == other.shape and bool(np.array_equal(one, other))
            for key, value in errors_of(one, other, right).items():
                worst[key] = max(worst[key], value)
    return {"inputs": len(inputs), "is_exact": is_exact, **worst}


def _reference(
    document: Document, place: Place, values: list[Array], original: list[Array]
) -> list[Array]:
    """The region in float64; the original's own outputs where it has no definition here."""
    if any(each.dtype.kind != "f" for each in (*values, *original)):
        return original
    try:
        return evaluate(document, place, values)
    except UnknownOperatorError:
        return original


def errors_of(one: Array, other: Array, right: Array) -> dict[str, Any]:
    """The errors of both; for integers, their difference."""
    if one.shape != other.shape or right.shape != one.shape:
        return {"error": 1e300}
    if one.dtype.kind != "f":
        steps = np.abs(one.astype(np.int64) - other.astype(np.int64))
        return {"steps": int(steps.max(initial=0)), "share": float((steps > 0).mean())}
    finite = np.isfinite(right)
    if not finite.all():
        same = np.array_equal(np.isfinite(one), np.isfinite(other))
        return {"error": 0.0 if same else 1e300}
    scale = float(np.abs(right).max(initial=0)) or 1.0
    error, own = (
        float(np.abs(each.astype(np.float64) - right).max(initial=0)) / scale
        for each in (other, one)
    )
    return {"error": error if np.isfinite(error) else 1e300, "own": own}


class _Part:
    """The operators of a region, opened."""

    def __init__(self, document: Document, place: Place) -> None:
        self._document = document
        content = extract(
            document.model, document.schema, place.subgraph, place.sources, place.outputs
        )
        self._interpreter = open_interpreter(document, content=content)

    def run(self, values: Sequence[Array]) -> list[Array]:
        """Their outputs for inputs."""
        interpreter = self._interpreter
        for entry, value in zip(interpreter.get_input_details(), values, strict=True):
            interpreter.set_tensor(entry["index"], value)
        invoke(interpreter, self._document)
        return [interpreter.get_tensor(e["index"]) for e in interpreter.get_output_details()]
