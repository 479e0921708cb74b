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

SHAPES = ((6, 8), (5, 8), (6, 5))


def attention(
    path: Path,
    *,
    shapes: Any = SHAPES,
    bias: bool = False,
    packed: bool = False,
    is_read: bool = True,
    **options: Any,
) -> Path:
    """The first input by the transpose of the second, behind a sigmoid each.

    ``packed`` weights are a constant in float16; a product that is not read is no output.
    """
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.operators, model.operatorCodes = [], [], []

    def tensor(name: str, shape: tuple[int, ...], data: Any = None) -> int:
        made, is_half = schema.TensorT(), getattr(data, "dtype", None) == np.float16
        made.name, made.shape = name, list(shape)
        made.type = schema.TensorType.FLOAT16 if is_half else schema.TensorType.FLOAT32
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
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

    *sources, product = shapes
    given = [tensor(f"x{n}", shape) for n, shape in enumerate(sources)]
    gates = [tensor(f"gate{n}", shape) for n, shape in enumerate(sources)]
    if packed:
        del given[1]
        half = tensor("half", sources[1], np.ones(sources[1], np.float16))
        operator("DEQUANTIZE", [half], gates[1], schema.DequantizeOptionsT())
    for source, made in zip(given, gates, strict=False):
        operator("LOGISTIC", [source], made)
    dense = schema.FullyConnectedOptionsT()
    for key, value in options.items():
        setattr(dense, key, value)
    last = [tensor("bias", (5,), np.arange(5, dtype=np.float32))] if bias else []
    output = tensor("product", product)
    operator("FULLY_CONNECTED", [*gates, *last], output, dense)
    graph.inputs, graph.outputs = given, [output] if is_read else gates[:1]
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
    [
        {"bias": True},
        {"fusedActivationFunction": 1},
        {"shapes": ((2, 3, 8), (5, 8), (6, 5))},
        {"shapes": ((3, 16), (5, 8), (6, 5))},
        {"shapes": ((6, 8), (5, 8), (5, 6))},
        {"packed": True},
        {"is_read": False},
    ],
    ids=["bias", "activation", "rank", "folded rows", "another shape", "float16", "not read"],
)
def test_what_is_not_a_product_of_computed_matrices_stays(case: Any, tmp_path: Path) -> None:
    result = optimize(attention(tmp_path / "a.tflite", **case), tmp_path / "out")
    assert result.written is None
    assert not result.left_alone


def test_weights_in_float16_are_delegated_as_they_are(tmp_path: Path) -> None:
    path = attention(tmp_path / "a.tflite", packed=True)
    assert not partitions(path).outside
    assert run(path).std() > 0


@pytest.mark.parametrize("target", ["litert-1.0", "tflite-2.14"])
def test_it_stays_for_runtimes_that_do_not_delegate_products(target: str, tmp_path: Path) -> None:
    result = optimize(attention(tmp_path / "a.tflite"), tmp_path / "out", target=target)
    assert result.written is None
