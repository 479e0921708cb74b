"""Compares a rewritten operator with its definition in float64; in int8, with the original."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.optimize import samples
from mixnet_export.optimize.calibrating.running import Shown
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.extracting import extract
from mixnet_export.optimize.finding import Found
from mixnet_export.optimize.interpreting import input_info, invoke, open_interpreter
from mixnet_export.optimize.reference import activated, depthwise
from mixnet_export.optimize.values import constant
from mixnet_runtimes.tflite.words import integers, names_of

Array = NDArray[Any]

REFERENCE_WORK = 400_000_000
"""Multiply-adds of a float64 reference; of larger operators it sees some channels only."""

NOISES = 2

MOST_RUNS = 16
"""On pictures, all of which ``calibrating`` has compared before."""


def captured_inputs(original: Document, chosen: list[Found]) -> dict[tuple[int, int], list[Array]]:
    """The inputs of the main graph's operators when the whole file runs."""
    wanted = {t for f in chosen if f.subgraph == 0 for t in (f.source, f.direct_source)}
    found: dict[tuple[int, int], list[Array]] = {(0, tensor): [] for tensor in wanted}
    if not wanted:
        return found
    interpreter = open_interpreter(original, delegates=False, preserve=True)
    for kind in samples.KINDS:
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(
                detail["index"], samples.sample(kind, input_info(detail, original))
            )
        invoke(interpreter, original)
        for tensor in wanted:
            found[0, tensor].append(interpreter.get_tensor(tensor))
    return found


def seen_on_pictures(
    document: Document, sources: list[int], pictures: str | None
) -> dict[int, list[Array]]:
    """The values of the main graph's tensors for some of a user's images."""
    if not sources or pictures is None:
        return {}
    runs = np.load(pictures, mmap_mode="r")
    shown = Shown(document, sources)
    count = min(len(runs), MOST_RUNS)
    seen = [shown.run(runs[number * len(runs) // count]) for number in range(count)]
    return {source: [each[source] for each in seen] for source in sources}


def noises(document: Document, found: Found, source: int) -> Iterator[Array]:
    """Noise in the shape and type of what an operator reads, over the whole range in int8."""
    rng = np.random.default_rng(samples.SEED)
    shape = integers(document.model.subgraphs[found.subgraph].tensors[source].shape)
    for _ in range(NOISES):
        if found.is_int8:
            yield rng.integers(-128, 128, shape).astype(np.int8)
        else:
            yield rng.standard_normal(shape).astype(np.float32)


def compare_operator(
    original: Document, candidate: Document, found: Found, source: int, inputs: list[Array]
) -> dict[str, Any]:
    """An operator's largest errors on all inputs."""
    place = (found.subgraph, [source], [found.output])
    first, second = (
        _Part(document, extract(document.model, document.schema, *place))
        for document in (original, candidate)
    )
    worst = {"error": 0.0, "own": 0.0, "steps": 0, "share": 0.0}
    for values in inputs:
        expected, got = first.run(values), second.run(values)
        if found.is_int8:
            steps = np.abs(expected.astype(np.int64) - got.astype(np.int64))
            seen = {"steps": int(steps.max()), "share": float((steps > 0).mean())}
        else:
            seen = _errors(original, found, values, expected, got)
        worst = {key: _larger(value, seen.get(key, 0)) for key, value in worst.items()}
    return {"inputs": len(inputs), **worst}


def _errors(
    document: Document, found: Found, values: Array, expected: Array, got: Array
) -> dict[str, Any]:
    """Errors against the float64 reference, relative to its largest value."""
    kernel, bias, activation = _operands(document, found)
    shape = found.shape
    step = max(1, shape.outputs * shape.taps // REFERENCE_WORK)
    part = slice(None, None, step)
    exact = depthwise(
        values[..., part], kernel[..., part], None if bias is None else bias[part], shape
    )
    if not np.isfinite(exact).all():
        same = np.array_equal(np.isfinite(expected), np.isfinite(got))
        return {"error": 0.0 if same else float("inf")}
    scale = float(np.abs(exact).max()) or 1.0
    right = activated(exact, activation)
    error, own = (float(np.abs(each[..., part] - right).max()) / scale for each in (got, expected))
    return {"error": error, "own": own}


def _operands(document: Document, found: Found) -> tuple[Array, Array | None, str]:
    """Kernel, bias and activation of a float32 operator; no bias where it is computed."""
    graph = document.model.subgraphs[found.subgraph]
    dtype = np.float16 if found.form == "float16" else np.float32
    kernel = constant(document.model, graph.tensors[found.weights], dtype)[0]
    number = graph.operators[found.operator].builtinOptions.fusedActivationFunction
    activation = names_of(document.schema.ActivationFunctionType)[number]
    return kernel, _bias(document, graph, found.bias), activation


def _bias(document: Document, graph: Any, bias: int) -> Array | None:
    if bias < 0:
        return None
    for operator in graph.operators:
        if bias in integers(operator.outputs):  # a float16 one, behind its DEQUANTIZE
            stored = graph.tensors[int(operator.inputs[0])]
            return constant(document.model, stored, np.float16).astype(np.float32)
    return constant(document.model, graph.tensors[bias], np.float32)


class _Part:
    """Some operators, opened."""

    def __init__(self, document: Document, content: bytes) -> None:
        self._document = document
        self._interpreter = open_interpreter(document, content=content)

    def run(self, values: Array) -> Array:
        """Their outputs for an input."""
        (entry,), (output,) = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        self._interpreter.set_tensor(entry["index"], values)
        invoke(self._interpreter, self._document)
        found: Array = self._interpreter.get_tensor(output["index"])
        return found


def _larger(one: float, other: float) -> float:
    return max(one, other) if np.isfinite(other) else 1e300
