"""The runs behind a proof, in a process that may crash; ``proof`` asks it and judges.

It runs the original, with XNNPACK and without, and the candidate, on the same inputs; and every
rewritten operator alone, on what it is given in those runs and on noise.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_export.optimize import finding, samples
from mixnet_export.optimize.document import Document, fresh_model, read_document
from mixnet_export.optimize.editing import Editor, GraphEditor
from mixnet_export.optimize.extracting import extract
from mixnet_export.optimize.finding import Found, constant
from mixnet_export.optimize.reference import activated, depthwise
from mixnet_runtimes import registry
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.session import TensorInfo, first_line
from mixnet_runtimes.tflite_interpreters import find_runtime
from mixnet_runtimes.tflite_pack import pack
from mixnet_runtimes.tflite_session import info_of
from mixnet_runtimes.tflite_words import integers, names_of, text

Array = NDArray[Any]

REFERENCE_WORK = 400_000_000
"""Multiply-adds of a float64 reference; of larger operators it sees some channels only."""

NOISES = 2
HINT = "the file stays as it is; if it runs elsewhere, try that runtime"


def prove(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """What the runs found: ``operators`` one by one, and ``outputs`` of the whole file."""
    runtime, _ = find_runtime(None)
    tell("comparing the operators of", runtime.name)
    paths = [Path(request[key]) for key in ("path", "candidate")]
    original, candidate = (read_document(path) for path in paths)
    found_in_it = finding.find(original, request["most_taps"])
    known = {(e.subgraph, e.operator): e for e in found_in_it if isinstance(e, Found)}
    chosen = [(known[subgraph, place], source) for subgraph, place, source in request["rewritten"]]
    original = _with_biases(original, [found for found, _ in chosen])
    captured = _captured(original, [found for found, _ in chosen])
    operators = []
    for found, source in chosen:
        inputs = [*captured.get((found.subgraph, source), []), *_noises(original, found, source)]
        operators.append(_operator(original, candidate, found, source, inputs))
    tell("comparing the outputs of", runtime.name)
    return {
        "operators": operators,
        "outputs": list(_outputs(original, candidate)),
        "partitions": [registry.partitions(path).partitions for path in paths],
    }


def _with_biases(document: Document, chosen: list[Found]) -> Document:
    """The file with biases of zero where there are none: TFLite's own kernel crashes without."""
    without = [found for found in chosen if found.bias < 0]
    if not without:
        return document
    model, schema = fresh_model(document), document.schema
    for found in without:
        graph = GraphEditor(Editor(model, schema), found.subgraph)
        dtype = np.int32 if found.is_int8 else np.float32
        zeros = graph.constant("no_bias", np.zeros(found.shape.channels, dtype))
        operator = graph.graph.operators[found.operator]
        operator.inputs = [*integers(operator.inputs)[:2], zeros]
    return replace(document, content=pack(schema, model), model=model)


# Operators


def _captured(original: Document, chosen: list[Found]) -> dict[tuple[int, int], list[Array]]:
    """What the operators of the main graph are given when the whole file runs."""
    wanted = {t for f in chosen if f.subgraph == 0 for t in (f.source, f.direct_source)}
    found: dict[tuple[int, int], list[Array]] = {(0, tensor): [] for tensor in wanted}
    if not wanted:
        return found
    interpreter = _open(original, delegates=False, preserve=True)
    for kind in samples.KINDS:
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], samples.sample(kind, _info(detail, original)))
        _invoke(interpreter, original)
        for tensor in wanted:
            found[0, tensor].append(interpreter.get_tensor(tensor))
    return found


def _noises(document: Document, found: Found, source: int) -> Iterator[Array]:
    rng = np.random.default_rng(samples.SEED)
    shape = integers(document.model.subgraphs[found.subgraph].tensors[source].shape)
    for _ in range(NOISES):
        if found.is_int8:
            yield rng.integers(-128, 128, shape).astype(np.int8)
        else:
            yield rng.standard_normal(shape).astype(np.float32)


def _operator(
    original: Document, candidate: Document, found: Found, source: int, inputs: list[Array]
) -> dict[str, Any]:
    """An operator's largest errors on all inputs."""
    place = (found.subgraph, source, found.output)
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
        self._interpreter = _open(document, content=content)

    def run(self, values: Array) -> Array:
        """What they make of an input."""
        (entry,), (output,) = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        self._interpreter.set_tensor(entry["index"], values)
        _invoke(self._interpreter, self._document)
        found: Array = self._interpreter.get_tensor(output["index"])
        return found


# The whole file


def _outputs(original: Document, candidate: Document) -> Iterator[dict[str, Any]]:
    """Every output of every signature, over all inputs."""
    named = [text(each.signatureKey) for each in original.model.signatureDefs or ()]
    keys: list[str | None] = [*named] if named else [None]
    for key in keys:
        runs = [
            _runs(document, key, delegates)
            for document, delegates in ((original, True), (original, False), (candidate, True))
        ]
        for name in runs[0]:
            first, plain, second = (each[name] for each in runs)
            yield {"signature": key, "name": name, **_compared(first, plain, second)}


def _runs(document: Document, key: str | None, delegates: bool) -> dict[str, list[Array]]:
    """By output, what comes of each kind of input."""
    interpreter = _open(document, delegates=delegates)
    found: dict[str, list[Array]] = {}
    for kind in samples.KINDS:
        for name, values in _run(interpreter, document, key, kind).items():
            found.setdefault(name, []).append(values)
    return found


def _run(interpreter: Any, document: Document, key: str | None, kind: str) -> dict[str, Array]:
    if key is not None:
        runner = interpreter.get_signature_runner(key)
        details = runner.get_input_details()
        feed = {
            name: samples.sample(kind, _info(detail, document))
            for name, detail in sorted(details.items())
        }
        return dict(sorted(_called(lambda: runner(**feed), document).items()))
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], samples.sample(kind, _info(detail, document)))
    _invoke(interpreter, document)
    return {
        f"{number} {each['name']}": interpreter.get_tensor(each["index"])
        for number, each in enumerate(interpreter.get_output_details())
    }


def _compared(first: list[Array], plain: list[Array], second: list[Array]) -> dict[str, Any]:
    """How far an output of the candidate (``second``) is from the original's."""
    if any(one.shape != other.shape for one, other in zip(first, second, strict=True)):
        return {"dtype": first[0].dtype.name, "comparable": False}
    one, own, other = (_joined(each) for each in (first, plain, second))
    if one.dtype.kind not in "fiub" or own.shape != one.shape:
        return {"dtype": first[0].dtype.name, "comparable": False}
    one, own, other = (each.astype(np.float64) for each in (one, own, other))
    finite = np.isfinite(one)
    return {
        "dtype": first[0].dtype.name,
        "comparable": bool(np.array_equal(finite, np.isfinite(other))),
        "largest": float(np.abs(one[finite]).max(initial=0)),
        "difference": _distance(one, other, finite),
        "own": _distance(one, own, finite & np.isfinite(own)),
        "share": float((one[finite] != other[finite]).mean()) if finite.any() else 0.0,
        "sqnr_db": _sqnr(one[finite], other[finite]),
        "own_sqnr_db": _sqnr(one[finite], own[finite]),
        "spread": _spread(first),
        "finite": bool(finite.all()),
    }


def _joined(values: list[Array]) -> Array:
    return np.concatenate([each.reshape(-1) for each in values])


def _spread(outputs: list[Array]) -> float:
    """How far outputs for different inputs are from each other at most."""
    found = 0.0
    for one, other in pairwise(outputs):
        if one.shape == other.shape:
            finite = np.isfinite(one) & np.isfinite(other)
            found = max(found, _distance(one.astype(np.float64), other.astype(np.float64), finite))
    return found


def _distance(one: Array, other: Array, where: Array) -> float:
    found = float(np.abs(one[where] - other[where]).max(initial=0))
    return found if np.isfinite(found) else 1e300


def _sqnr(signal: Array, other: Array) -> float | None:
    """Signal to noise in dB; None for no noise."""
    noise = float(np.square(signal - other).sum())
    power = float(np.square(signal).sum())
    if not noise:
        return None
    return float(10 * np.log10(power / noise)) if power and np.isfinite(noise) else -300.0


# Interpreters


def _open(
    document: Document,
    *,
    content: bytes | None = None,
    delegates: bool = True,
    preserve: bool = False,
) -> Any:
    runtime, interpreter_class = find_runtime(None)
    options: dict[str, Any] = {}
    if not delegates:
        module = importlib.import_module(runtime.module)
        resolvers = attrgetter(runtime.resolvers)(module)
        options["experimental_op_resolver_type"] = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    if preserve:
        options["experimental_preserve_all_tensors"] = True
    data = content or document.content

    def opened() -> Any:
        interpreter = interpreter_class(model_content=data, num_threads=1, **options)
        interpreter.allocate_tensors()
        return interpreter

    return _called(opened, document)


def _invoke(interpreter: Any, document: Document) -> None:
    _called(interpreter.invoke, document)


def _called(function: Any, document: Document) -> Any:
    try:
        return function()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"cannot run {document.path}: {first_line(error)}", HINT) from error


def _info(detail: Mapping[str, Any], document: Document) -> TensorInfo:
    return info_of(detail, str(detail["name"]), str(document.path))


def _larger(one: float, other: float) -> float:
    return max(one, other) if np.isfinite(other) else 1e300
