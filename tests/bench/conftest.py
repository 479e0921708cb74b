"""Stand-ins for what timing talks to: workers that run by reading numbers, and tiny real files."""

import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))  # for little_classifier


class FakeWorker:
    """Answers like a worker; each inference takes the next of its numbers, in milliseconds."""

    def __init__(self, target: str, durations_ms: Iterator[float], log: list[Any]) -> None:
        self.target = target
        self.durations_ms = durations_ms
        self.log = log
        self.ended = False

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.log.append((self.target, request, timeout_s))
        if request["do"] == "load":
            return {
                "load_ms": 5.0,
                "runtime": "Numbers",
                "runtime_version": "1.0",
                "runtime_settings": {"threads": request["threads"]},
                "affinity": request["pin"],
            }
        return {"samples_ms": [next(self.durations_ms) for _ in range(request["count"])]}

    def end(self) -> None:
        self.ended = True


class FakeFleet:
    """Starts fake workers and remembers them: ``durations`` by target name."""

    def __init__(self, durations: dict[str, list[float]]) -> None:
        self.durations = durations
        self.workers: list[FakeWorker] = []
        self.log: list[Any] = []

    def __call__(self, target: str) -> FakeWorker:
        worker = FakeWorker(target, cycle(self.durations[target]), self.log)
        self.workers.append(worker)
        return worker

    def runs(self) -> list[tuple[str, int]]:
        """Who ran how many inferences, in order."""
        return [(name, asked["count"]) for name, asked, _ in self.log if asked["do"] == "run"]


@pytest.fixture(scope="session")
def fleet() -> Callable[[dict[str, list[float]]], FakeFleet]:
    return FakeFleet


@pytest.fixture
def tiny_network(tmp_path: Path) -> Path:
    """A network's TOML file, small enough to be tuned in seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(
        'source = "a test"\nresolution = 16\nclasses = 5\nstem = { channels = 8 }\n'
        "stages = [{ out = 8, kernels = [3, 5, 7], expand = 2, se = 0.5, activation = 'swish' }]\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="session")
def tiny_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 1×1 convolution, 3 to 4 channels on 8×8 pixels, with its bias: 16 parameters."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    weight = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3, 1, 1)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv")
    graph = helper.make_graph(
        [node],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])],
        [
            numpy_helper.from_array(weight, "w"),
            numpy_helper.from_array(np.ones(4, np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    save(model, path)
    return path


@pytest.fixture(scope="session")
def tiny_tflite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same convolution as ``tiny_onnx``, channels last."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version = 3
    model.description = "tiny"
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.name = "main"
    weight = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 1, 1, 3)
    arrays = (
        ("x", (1, 8, 8, 3), None),
        ("w", (4, 1, 1, 3), weight),
        ("b", (4,), np.ones(4, np.float32)),
        ("y", (1, 8, 8, 4), None),
    )
    graph.tensors = [_tensor(schema, model, *array) for array in arrays]
    graph.inputs, graph.outputs = [0], [3]
    graph.operators = [_convolution(schema)]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    model.operatorCodes = [code]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path = tmp_path_factory.mktemp("tflite") / "tiny.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


def _tensor(schema: Any, model: Any, name: str, shape: tuple[int, ...], values: Any) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
    tensor.buffer = 0
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    return tensor


def _convolution(schema: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.SAME
    operator.builtinOptions = options
    return operator


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little MixNet as ``.tflite``, with the labels ape, bee, cat and dog."""
    from little_classifier import export_tiny

    return export_tiny(tmp_path_factory.mktemp("classifier"), "tflite")


@pytest.fixture(scope="session")
def tiny_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped picture, wider than high."""
    from PIL import Image

    from mixnet_networks.images.picture import picture

    path = tmp_path_factory.mktemp("photos") / "photo.png"
    Image.fromarray(picture()[20:180, 10:210]).save(path)
    return path
