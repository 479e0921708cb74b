"""Dense layers whose weights are computed, as in attention, become delegated matrix products."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mixnet_export.optimize.job import optimize
from mixnet_runtimes.registry import partitions
from mixnet_runtimes.tflite.pack import pack


def attention(path: Path, *, rank: int = 2, bias: bool = False, **options: Any) -> Path:
    """The last two inputs' product: (6, 8) by the transpose of (5, 8), behind a sigmoid each."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.operators, model.operatorCodes = [], [], []

    def tensor(name: str, shape: tuple[int, ...], data: Any = None) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), schema.TensorType.FLOAT32
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(data, np.float32).tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(name: str, inputs: list[int], output: int, made_options: Any = None) -> None:
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version, made.opcodeIndex = 1, len(model.operatorCodes)
        model.operatorCodes.append(code)
        made.inputs, made.outputs = inputs, [output]
        if made_options is not None:
            kind = type(made_options).__name__[:-1]
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = made_options
        graph.operators.append(made)

    shapes = ((6, 8) if rank == 2 else (2, 3, 8), (5, 8))
    given = [tensor(f"x{n}", shape) for n, shape in enumerate(shapes)]
    gates = [tensor(f"gate{n}", shape) for n, shape in enumerate(shapes)]
    for source, made in zip(given, gates, strict=True):
        operator("LOGISTIC", [source], made)
    dense = schema.FullyConnectedOptionsT()
    for key, value in options.items():
        setattr(dense, key, value)
    last = [tensor("bias", (5,), np.arange(5))] if bias else []
    output = tensor("product", (6, 5))
    operator("FULLY_CONNECTED", [*gates, *last], output, dense)
    graph.inputs, graph.outputs = given, [output]
    path.write_bytes(pack(schema, model))
    return path


def run(path: Path) -> Any:
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for each in interpreter.get_input_details():
        interpreter.set_tensor(each["index"], rng.standard_normal(each["shape"]).astype("float32"))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_computed_weights_become_a_delegated_product(tmp_path: Path) -> None:
    path = attention(tmp_path / "a.tflite")
    result = optimize(path, tmp_path / "out")

    assert result.written is not None
    assert [region.pattern for region in result.regions] == ["one partition"]
    assert partitions(path).outside_kinds == {"FULLY_CONNECTED": 1}
    assert not partitions(result.written).outside
    before, after = run(path), run(result.written)
    assert before.std() > 0.1
    assert abs(before - after).max() < 1e-6 * abs(before).max()


@pytest.mark.parametrize(
    "case",
    [{"bias": True}, {"rank": 3}, {"fusedActivationFunction": 1}],
    ids=["bias", "rank", "activation"],
)
def test_what_is_more_than_a_product_of_matrices_stays(case: Any, tmp_path: Path) -> None:
    result = optimize(attention(tmp_path / "a.tflite", **case), tmp_path / "out")
    assert result.written is None


@pytest.mark.parametrize("target", ["litert-1.0", "tflite-2.14"])
def test_it_stays_for_runtimes_that_do_not_delegate_products(target: str, tmp_path: Path) -> None:
    result = optimize(attention(tmp_path / "a.tflite"), tmp_path / "out", target=target)
    assert result.written is None
