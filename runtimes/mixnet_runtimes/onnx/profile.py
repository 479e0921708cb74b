"""Profiles an ``.onnx`` in onnxruntime, whose own profiler names every node that it runs.

These are the nodes of onnxruntime's optimized graph: fused, reordered, renamed. That graph is
written beside the times and read back, so that the kernels and groups of nodes are known.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.temporary import temporary_folder
from mixnet_runtimes import child
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.contents import FileContents, FileTensor, Operator, Shape
from mixnet_runtimes.onnx import file as onnx_file
from mixnet_runtimes.onnx.session import NAME, OPTIMIZED, OrtSession, runtime_name
from mixnet_runtimes.prepared import Prepared, fixed_of, from_json, input_arrays
from mixnet_runtimes.profiling import WARMUP, OperatorTime, Profile, summarize_rounds

Record = Mapping[str, Any]
"""An entry of the trace: ``{"cat": "Node", "name": "conv_kernel_time", "dur": 12, "args": …}``."""

SUFFIX = "_kernel_time"
"""Suffix of an entry that times a node."""

RUN = "model_run"
"""Name of the entry that times a whole inference."""


def profile(prepared: Prepared, threads: int, rounds: int, timeout_s: float) -> Profile:
    """See ``mixnet_runtimes.profile``."""
    with temporary_folder() as directory:
        request = {
            "prepared": prepared.to_json(),
            "threads": threads,
            "rounds": WARMUP + rounds,
            "directory": str(directory),
        }
        limits = child.Limits(timeout_s, child.limits_for(prepared.source).memory_bytes)
        answer = child.ask(
            "mixnet_runtimes.onnx.profile:measure_trace", prepared.source, request, limits
        )
        records = json.loads((directory / answer["trace"]).read_text(encoding="utf-8"))
        contents = onnx_file.read(directory / OPTIMIZED)
    return profile_of_trace(records, contents, answer["version"], threads, rounds)


def measure_trace(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """In a separate process: run the rounds, and write trace and graph into the directory."""
    prepared, directory = from_json(request["prepared"]), Path(request["directory"])
    tell("profiling", runtime_name(None))
    session = OrtSession(prepared.source, request["threads"], directory, fixed_of(prepared))
    session.set_inputs(input_arrays(prepared, np.random.default_rng(0)))
    for _ in range(request["rounds"]):
        session.invoke()
    return {"trace": session.end_trace().name, "version": session.version}


def profile_of_trace(
    records: list[Record], contents: FileContents, version: str, threads: int, rounds: int
) -> Profile:
    """A profile from the trace's entries, the last ``rounds`` of their inferences."""
    inferences = list(split(records))[-rounds:]
    nodes = [node_of(each) for each in inferences[0][0]] if inferences else []
    if not nodes or any([node_of(each) for each in found] != nodes for found, _ in inferences):
        raise MixnetError(
            f"onnxruntime {version} wrote a profile that cannot be read",
            "measure without --profile, or try another version of onnxruntime",
        )
    times = summarize_rounds(
        [[each["dur"] for each in found] for found, _ in inferences],
        [run["dur"] for _, run in inferences],
    )
    contents = with_shapes(contents, inferences[0][0])
    operators = {operator.name: operator for operator in contents.operators}
    return Profile(
        runtime=NAME,
        version=version,
        threads=threads,
        rounds=len(inferences),
        operators=tuple(
            OperatorTime(
                name=name,
                kind=kind,
                event=kind,
                time_us=time_us,
                operator=operators.get(name),
            )
            for (name, kind), time_us in zip(nodes, times.operators_us, strict=True)
        ),
        unaccounted_us=times.unaccounted_us,
        inference_us=times.inference_us,
        contents=contents,
    )


def split(records: list[Record]) -> Iterator[tuple[list[Record], Record]]:
    """The nodes of each inference and its own entry, which is last."""
    nodes: list[Record] = []
    for record in records:
        if record.get("cat") == "Node" and record["name"].endswith(SUFFIX):
            nodes.append(record)
        elif record.get("name") == RUN:
            yield nodes, record
            nodes = []


def node_of(record: Record) -> tuple[str, str]:
    """The node's name and operator."""
    return record["name"].removesuffix(SUFFIX), record["args"]["op_name"]


def with_shapes(contents: FileContents, records: list[Record]) -> FileContents:
    """The contents with the shapes that the trace saw; onnx infers none for blocked layouts."""
    operators = {operator.name: operator for operator in contents.operators}
    tensors = dict(contents.tensors)
    for record in records:
        operator = operators.get(node_of(record)[0])
        if operator is None:
            continue
        for name, shape in _seen(operator, record["args"]):
            known = tensors.get(name, FileTensor(name, None, "float32", "activation"))
            if known.shape is None:
                tensors[name] = replace(known, shape=shape)
    return replace(contents, tensors=tensors)


def _seen(operator: Operator, details: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    """Tensor and shape, as in ``[{"float": [1, 16, 112, 112]}]``; omitted inputs are not listed."""
    for names, key in (
        (operator.inputs, "input_type_shape"),
        (operator.outputs, "output_type_shape"),
    ):
        present = [name for name in names if name]
        seen = [tuple(sizes) for each in details.get(key, []) for sizes in each.values()]
        if len(seen) == len(present):
            yield from zip(present, seen, strict=True)
