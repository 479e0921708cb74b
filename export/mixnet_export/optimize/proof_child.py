"""The runs of a verification, in a process that may crash; ``proof`` calls it and judges.

It runs the original, with XNNPACK and without, and the candidate, on the same inputs; and every
rewritten operator separately, on its inputs in those runs and on noise.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_export.optimize import finding
from mixnet_export.optimize.comparing import compare_outputs, given
from mixnet_export.optimize.comparing_operators import (
    captured_inputs,
    compare_operator,
    noises,
    seen_on_pictures,
)
from mixnet_export.optimize.document import Document, fresh_model, read_document
from mixnet_export.optimize.editing import Editor, GraphEditor
from mixnet_export.optimize.finding import Found
from mixnet_export.optimize.regions.comparing import compare_regions
from mixnet_export.optimize.regions.region import Place
from mixnet_runtimes import registry
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers


def prove(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The results: ``regions`` and ``operators`` one by one, ``outputs`` of the file."""
    runtime, _ = find_runtime(None)
    tell("comparing the operators of", runtime.name)
    paths = [Path(request[key]) for key in ("path", "candidate")]
    original, candidate = (read_document(path) for path in paths)
    regions, base = _compared_regions(request, original)
    operators = _compared_operators(request, base, candidate)
    tell("comparing the outputs of", runtime.name)
    blunted = _blunted(original, candidate)
    made_up = []
    if not any(is_ranged for *_, is_ranged in request["rewritten"]):
        made_up = list(compare_outputs(original, candidate, blunted))
    shown = made_up
    if request["pictures"] is not None:
        shown = list(compare_outputs(original, candidate, blunted, given(request["pictures"])))
    return {
        "regions": regions,
        "operators": operators,
        "outputs": shown,
        "made_up": made_up,
        "partitions": [registry.partitions(path).partitions for path in paths],
    }


def _compared_regions(
    request: Mapping[str, Any], original: Document
) -> tuple[list[dict[str, Any]], Document]:
    """The results of each stage's regions, and the file after the last one."""
    found: list[dict[str, Any]] = []
    before = original
    for path, regions in zip(request["files"][1:], request["regions"], strict=True):
        after = read_document(Path(path))
        found += compare_regions(before, after, [Place.of(each) for each in regions])
        before = after
    return found, before


def _compared_operators(
    request: Mapping[str, Any], base: Document, candidate: Document
) -> list[dict[str, Any]]:
    """The results for each tiled convolution."""
    found_in_it = finding.find(base, request["most_taps"])
    known = {(e.subgraph, e.operator): e for e in found_in_it if isinstance(e, Found)}
    chosen = [
        (known[subgraph, place], source, is_ranged)
        for subgraph, place, source, is_ranged in request["rewritten"]
    ]
    base = _with_biases(base, [found for found, _, _ in chosen])
    captured = captured_inputs(base, [found for found, _, is_ranged in chosen if not is_ranged])
    ranged = [source for _, source, is_ranged in chosen if is_ranged]
    on_pictures = seen_on_pictures(base, ranged, request["pictures"])
    operators = []
    for found, source, is_ranged in chosen:
        inputs = [*captured.get((found.subgraph, source), []), *noises(base, found, source)]
        if is_ranged:
            inputs = on_pictures[source]
        operators.append(compare_operator(base, candidate, found, source, inputs))
    return operators


def _blunted(document: Document, candidate: Document) -> Document | None:
    """The file with zeros for the weights that the candidate reads no more; None without any."""
    model = fresh_model(document)
    idle: set[int] = set()
    for graph, other in zip(model.subgraphs, candidate.model.subgraphs, strict=True):
        kept = {t for each in other.operators or () for t in integers(each.inputs)}
        read = {t for each in graph.operators or () for t in integers(each.inputs)}
        idle |= {
            int(graph.tensors[tensor].buffer)
            for tensor in read - kept - {-1}
            if len(integers(graph.tensors[tensor].shape)) > 2
        }
    for number in idle:
        buffer = model.buffers[number]
        if buffer.data is not None:
            buffer.data = np.zeros(len(buffer.data), np.uint8)
    if not any(model.buffers[number].data is not None for number in idle):
        return None
    return replace(document, content=pack(document.schema, model), model=model)


def _with_biases(document: Document, chosen: list[Found]) -> Document:
    """The file with zero biases where there are none: TFLite's own kernel crashes without."""
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
