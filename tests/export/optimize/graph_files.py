"""Networks of a few layers as ``.tflite`` files, and what they compute in float64."""

from pathlib import Path
from typing import Any

import numpy as np

from mixnet_export.lowering import Model, Plan, lower
from mixnet_export.optimize.document import fresh_model, read_document
from mixnet_export.optimize.regions.stages import Stages, rewrite_regions
from mixnet_export.writers import FORMATS
from mixnet_export.writers.tflite import write_tflite
from mixnet_networks import GraphBuilder
from mixnet_networks.graph.reference import evaluate
from mixnet_quantize.settings import Settings
from mixnet_runtimes.targets import find_target
from mixnet_runtimes.tflite.interpreters import find_runtime
from mixnet_runtimes.tflite.pack import pack


class Net:
    """A network under construction: nodes of the neutral graph, weights drawn at random."""

    def __init__(self, *shape: int, seed: int = 0) -> None:
        self.builder = GraphBuilder("net")
        self.weights: dict[str, Any] = {}
        self.rng = np.random.default_rng(seed)
        self.last = self.builder.input("x", shape)
        self.count = 0

    def add(self, op: str, *others: str, source: str = "", **attributes: Any) -> str:
        """A node that reads the last one (or ``source``) and others; returns its output."""
        self.count += 1
        name = f"n{self.count}.{op}"
        inputs = (source or self.last, *others)
        node = self.builder.add_node(op, name, inputs, **attributes)
        for role, shape in node.parameters.items():
            size = np.prod(shape) / shape[-1] if role.endswith("kernel") else 4
            if op.endswith("depthwise_conv2d") and role.endswith("kernel"):
                size = shape[0] * shape[1]
            drawn = self.rng.standard_normal(shape) / np.sqrt(size)
            if role in ("gamma", "variance"):
                drawn = 0.5 + np.abs(drawn)
            self.weights[node.parameter_name(role)] = drawn.astype(np.float32)
        self.last = node.outputs[0]
        return self.last

    def model(self, *outputs: str) -> Model:
        """The network with these outputs, else the last node's."""
        return Model(self.builder.build(*(outputs or (self.last,))), self.weights)

    def save(self, path: Path, *outputs: str, plan: Plan | None = None) -> Path:
        """Write the network: every operator as it is, unless a plan lowers it first."""
        model = self.model(*outputs)
        path.write_bytes(write_tflite(lower(model, plan) if plan else model))
        return path


def right(model: Model, x: Any) -> list[Any]:
    """What a network computes, in float64."""
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    found = evaluate(model.graph, weights, {"x": x.astype(np.float64)})
    return [found[name] for name in model.graph.outputs]


def run(path: Path, x: Any) -> list[Any]:
    """What a file computes, its outputs in order."""
    interpreter = find_runtime(None)[1](model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x.astype(np.float32))
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]


def rewritten(path: Path, target: str | None = None) -> tuple[Path, Stages]:
    """The file with its regions rewritten, without the proof's process, and what they are."""
    stages = rewrite_regions(read_document(path), find_target(target, "tflite"))
    made = path.with_name("made.tflite")
    made.write_bytes(stages.last.content)
    return made, stages


def hold(path: Path, model: Model, *, seed: int = 1) -> None:
    """Assert that a file computes what a network does, and that this is not a constant."""
    (entry,) = model.graph.inputs
    x = np.random.default_rng(seed).standard_normal(entry.shape)
    for got, expected in zip(run(path, x), right(model, x), strict=True):
        assert got.shape == expected.shape
        assert expected.std() > 1e-3 * abs(expected).max() > 0
        assert abs(got - expected).max() < 1e-5 * max(1, abs(expected).max())


def quantize(path: Path, shape: tuple[int, ...], *, per_tensor: bool = False) -> Path:
    """The int8 file of a float32 one, integers going in and out; with one scale for all weights."""
    rng = np.random.default_rng(7)
    noise = iter([rng.standard_normal(shape).astype(np.float32) for _ in range(3)])
    content = FORMATS["tflite"].quantize(path.read_bytes(), "x", noise, Settings(integer_io=True))
    made = path.with_name("int8.tflite")
    made.write_bytes(content)
    if per_tensor:
        document = read_document(made)
        model = fresh_model(document)
        for operator in model.subgraphs[0].operators:
            _one_scale(model, [int(each) for each in operator.inputs])
        made.write_bytes(pack(document.schema, model))
    return made


def _one_scale(model: Any, inputs: list[int]) -> None:
    """Give the weights of an operator, and its bias, the largest of their scales."""
    tensors = [model.subgraphs[0].tensors[each] for each in inputs]
    if len(tensors) != 3 or tensors[1].quantization is None or tensors[2].type != 2:
        return
    scales = np.asarray(tensors[1].quantization.scale)
    for tensor, dtype in ((tensors[1], np.int8), (tensors[2], np.int32)):
        stored = model.buffers[tensor.buffer]
        steps = np.frombuffer(np.asarray(stored.data, np.uint8).tobytes(), dtype)
        shape = [int(size) for size in tensor.shape]
        axis = tensor.quantization.quantizedDimension
        ratios = (scales / scales.max()).reshape(
            [-1 if n == axis else 1 for n in range(len(shape))]
        )
        changed = np.round(steps.reshape(shape) * ratios).astype(dtype)
        stored.data = np.frombuffer(changed.tobytes(), np.uint8)
        tensor.quantization.scale = np.asarray(tensor.quantization.scale).max(keepdims=True)
        tensor.quantization.zeroPoint = np.zeros(1, np.int64)


def run_int8(path: Path, shape: tuple[int, ...], seed: int = 3) -> list[Any]:
    """What an int8 file computes of noise over the whole range."""
    x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    interpreter = find_runtime(None)[1](model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]


def split_in_int8(path: Path) -> Path:
    """The file with splits of int8, as TensorFlow has them; the quantizer here makes float32 of it.

    What reads a part then reads it with the scale of the whole.
    """
    document = read_document(path)
    model, names = fresh_model(document), document.kinds()
    (graph,) = model.subgraphs
    by_kind = [(names[each.opcodeIndex], each) for each in graph.operators]
    made = {int(each.outputs[0]): each for kind, each in by_kind if kind == "DEQUANTIZE"}
    gone: set[int] = set()
    for kind, split in by_kind:
        if kind != "SPLIT_V" or int(split.inputs[0]) not in made:
            continue
        before = made[int(split.inputs[0])]
        whole = graph.tensors[int(before.inputs[0])]
        split.inputs = [int(before.inputs[0]), *map(int, split.inputs[1:])]
        if int(before.outputs[0]) not in list(graph.outputs):
            gone.add(id(before))
        for part in map(int, split.outputs):
            graph.tensors[part].type = whole.type
            graph.tensors[part].quantization = whole.quantization
            (after,) = [e for k, e in by_kind if k == "QUANTIZE" and int(e.inputs[0]) == part]
            gone.add(id(after))
            (reader,) = [e for _, e in by_kind if int(after.outputs[0]) in map(int, e.inputs)]
            _, weights, bias = map(int, reader.inputs)
            reader.inputs = [part, weights, bias]
            scales = np.asarray(graph.tensors[weights].quantization.scale)
            given = graph.tensors[bias].quantization
            given.scale = (scales * np.asarray(whole.quantization.scale)).astype(np.float32)
    graph.operators = [each for each in graph.operators if id(each) not in gone]
    path.write_bytes(pack(document.schema, model))
    return path
