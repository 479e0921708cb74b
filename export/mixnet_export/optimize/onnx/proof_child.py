"""The runs of an ``.onnx`` file's verification, in a process that may crash.

Every block separately, before and after, against the neutral graph in float64; and the whole file
against the original, with onnxruntime's graph optimizations and without.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_export.lowering import Model, find_plan
from mixnet_export.optimize import samples
from mixnet_export.optimize.comparing import HUGE, change_of, compared
from mixnet_export.optimize.onnx.blocks import OnnxBlock, find
from mixnet_export.optimize.onnx.extracting import extract
from mixnet_export.optimize.onnx.graph import OnnxGraph, read_graph
from mixnet_export.optimize.onnx.loading import load
from mixnet_export.optimize.regions.comparing import errors_of
from mixnet_networks.graph.reference import evaluate
from mixnet_runtimes.child_process import Tell
from mixnet_runtimes.onnx import fix
from mixnet_runtimes.selection import AS_IT_IS
from mixnet_runtimes.session import TensorInfo, first_line
from mixnet_runtimes.targets import find_target

Array = NDArray[Any]
Feed = dict[str, Array]

TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)

HINT = "the file is not changed; if another runtime can run it, use --for with that runtime"


def prove(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The results of the runs: ``regions`` one by one, and ``outputs`` of the whole file."""
    tell("comparing the blocks of", "onnxruntime")
    path, candidate = Path(request["path"]), Path(request["candidate"])
    original, made = load(path), load(candidate)
    graph = read_graph(original)
    plan = find_plan("default", "onnx", target=find_target(request["target"]))
    wanted = set(request["blocks"])
    blocks = [block for block in find(graph, plan) if block.name in wanted]
    feeds = _feeds(path, original)
    regions = list(_compared_blocks(graph, made, blocks, feeds))
    tell("comparing the outputs of", "onnxruntime")
    return {"regions": regions, "outputs": list(_compared_outputs(original, made, feeds))}


def _feeds(path: Path, model: Any) -> list[Feed]:
    """Inputs of every kind for the whole file."""
    sizes = {each.name: each.shape for each in fix.fix(path, AS_IT_IS).inputs}
    entries = _session(model).get_inputs()
    infos = [
        TensorInfo(each.name, _sizes(sizes.get(each.name, each.shape)), _dtype(each.type))
        for each in entries
    ]
    return [{info.name: samples.sample(kind, info) for info in infos} for kind in samples.KINDS]


def _sizes(given: Sequence[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else 1 for size in given)


def _dtype(kind: str) -> str:
    """numpy's name of a type as onnxruntime writes it, such as ``tensor(float)``."""
    name = kind[len("tensor(") : -1]
    return {"float": "float32", "double": "float64"}.get(name, name)


def _session(model: Any, *, plain: bool = False) -> Any:
    """A session of a model; ``plain`` without graph optimizations."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no base class but this
        raise MixnetError(f"onnxruntime cannot open it: {first_line(error)}", HINT) from error


def _run(session: Any, feed: Feed) -> list[Array]:
    try:
        found: list[Array] = session.run(None, feed)
    except Exception as error:  # as above
        raise MixnetError(f"onnxruntime cannot run it: {first_line(error)}", HINT) from error
    return found


# Blocks


def _compared_blocks(
    graph: OnnxGraph, made: Any, blocks: Sequence[OnnxBlock], feeds: Sequence[Feed]
) -> Iterator[dict[str, Any]]:
    sources = list(dict.fromkeys(name for block in blocks for name in block.sources))
    captured = _captured(graph, sources, feeds)
    rng = np.random.default_rng(samples.SEED)
    for block in blocks:
        parts = [_session(extract(model, block, graph)) for model in (graph.model, made)]
        noise = {
            name: rng.standard_normal(graph.shapes[name]).astype(np.float32)
            for name in block.sources
        }
        worst = {"error": 0.0, "own": 0.0, "steps": 0, "share": 0.0}
        for feed in (*({n: each[n] for n in block.sources} for each in captured), noise):
            right = _reference(block.model, list(feed.values()))
            for one, other, exact in zip(*(_run(p, feed) for p in parts), right, strict=True):
                for key, value in errors_of(one, other, exact).items():
                    worst[key] = max(worst[key], value)
        yield {"inputs": len(feeds) + 1, **worst}


def _captured(graph: OnnxGraph, names: Sequence[str], feeds: Sequence[Feed]) -> list[Feed]:
    """The values of tensors when the whole file runs."""
    import onnx
    from onnx import helper

    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.output[:]
    inputs = {each.name for each in model.graph.input}
    wanted = [name for name in names if name not in inputs]
    for name in wanted:
        model.graph.output.append(
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, graph.shapes[name])
        )
    if not wanted:
        return [dict(feed) for feed in feeds]
    session = _session(model)
    return [{**feed, **dict(zip(wanted, _run(session, feed), strict=True))} for feed in feeds]


def _reference(model: Model, inputs: Sequence[Array]) -> list[Array]:
    """A block in float64, NCHW in and out."""
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    feed = {
        tensor.name: value.astype(np.float64).transpose(TO_NHWC)
        for tensor, value in zip(model.graph.inputs, inputs, strict=True)
    }
    found = evaluate(model.graph, weights, feed)
    return [found[name].transpose(TO_NCHW) for name in model.graph.outputs]


# The whole file


def _compared_outputs(original: Any, made: Any, feeds: Sequence[Feed]) -> Iterator[dict[str, Any]]:
    sessions = [_session(original), _session(original, plain=True), _session(made)]
    blunted = _blunted(original, made)
    names = [each.name for each in sessions[0].get_outputs()]
    runs = [[_run(session, feed) for feed in feeds] for session in sessions]
    without = None if blunted is None else [_run(_session(blunted), feed) for feed in feeds]
    for place, name in enumerate(names):
        first, plain, second = ([outputs[place] for outputs in each] for each in runs)
        change = HUGE
        if without is not None:
            change = change_of(first, [outputs[place] for outputs in without])
        yield {"signature": None, "name": name, "change": change, **compared(first, plain, second)}


def _blunted(original: Any, made: Any) -> Any | None:
    """The original with zeros for the weights that went; None if none did."""
    import onnx
    from onnx import numpy_helper

    kept = {each.name for each in made.graph.initializer}
    model = onnx.ModelProto()
    model.CopyFrom(original)
    gone = [e for e in model.graph.initializer if e.name not in kept and len(e.dims) > 2]
    for each in gone:
        zeros = np.zeros_like(numpy_helper.to_array(each))
        each.CopyFrom(numpy_helper.from_array(zeros, each.name))
    return model if gone else None
