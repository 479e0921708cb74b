"""The runs behind a proof, in a process that may crash; ``proof`` asks it and judges.

It runs the original, with XNNPACK and without, and the candidate, on the same inputs; and every
rewritten operator alone, on what it is given in those runs and on noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_export.optimize import finding
from mixnet_export.optimize.comparing import compare_outputs
from mixnet_export.optimize.comparing_operators import captured_inputs, compare_operator, noises
from mixnet_export.optimize.document import Document, fresh_model, read_document
from mixnet_export.optimize.editing import Editor, GraphEditor
from mixnet_export.optimize.finding import Found
from mixnet_runtimes import registry
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.pack import pack
from mixnet_runtimes.tflite.words import integers


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
    captured = captured_inputs(original, [found for found, _ in chosen])
    operators = []
    for found, source in chosen:
        inputs = [*captured.get((found.subgraph, source), []), *noises(original, found, source)]
        operators.append(compare_operator(original, candidate, found, source, inputs))
    tell("comparing the outputs of", runtime.name)
    return {
        "operators": operators,
        "outputs": list(compare_outputs(original, candidate, _blunted(original, chosen))),
        "partitions": [registry.partitions(path).partitions for path in paths],
    }


def _blunted(document: Document, chosen: Sequence[tuple[Found, int]]) -> Document:
    """The file with zeros for the weights of these operators."""
    model = fresh_model(document)
    for found, _ in chosen:
        tensor = model.subgraphs[found.subgraph].tensors[found.weights]
        buffer = model.buffers[tensor.buffer]
        buffer.data = np.zeros(len(buffer.data), np.uint8)
    return replace(document, content=pack(document.schema, model), model=model)


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
