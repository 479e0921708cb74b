"""Operators that XNNPACK does not take, in an equal form that it takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from graph_files import Net, hold, rewritten, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_export.lowering import PLANS
from mixnet_export.optimize.document import read_document
from mixnet_export.optimize.job import optimize
from mixnet_runtimes.registry import partitions
from mixnet_runtimes.tflite.pack import pack


def kinds(path: Path) -> list[str]:
    document = read_document(path)
    names = document.kinds()
    return [names[each.opcodeIndex] for each in document.model.subgraphs[0].operators]


def split_and_joined(sizes: Sequence[int], axis: int = 3) -> Net:
    """Channels in parts that each are worked on, and joined again in the other direction."""
    shape = [1, 5, 6, 7]
    shape[axis] = sum(sizes)
    net = Net(*shape)
    net.add("split", sizes=tuple(sizes), axis=axis)
    parts = [f"{net.last[:-2]}:{n}" for n in range(len(sizes))]
    made = [net.add("swish", source=part) for part in parts]
    made.reverse()
    net.add("concat", *made[1:], source=made[0], axis=axis)
    return net


@pytest.mark.parametrize("count", [2, 3, 5, 6, 9, 10, 26])
def test_splits_and_concatenations_are_delegated(count: int, tmp_path: Path) -> None:
    net = split_and_joined(range(1, count + 1))
    path = net.save(tmp_path / "a.tflite")
    made, stages = rewritten(path)
    assert {region.pattern for region, _ in stages.numbered()} == {"one partition"}
    hold(made, net.model())
    x = np.random.default_rng(0).standard_normal(net.builder.shape("x"))
    assert np.array_equal(run(path, x)[0], run(made, x)[0])
    assert partitions(path).outside
    assert not partitions(made).outside
    assert "SPLIT_V" not in kinds(made)


def test_parts_that_nobody_reads_are_not_cut_out(tmp_path: Path) -> None:
    net = Net(1, 5, 6, 9)
    net.add("split", sizes=(2, 3, 4))
    net.add("swish", source=f"{net.last[:-2]}:1")
    made, stages = rewritten(net.save(tmp_path / "a.tflite"))
    assert stages.stages
    assert kinds(made).count("SLICE") == 1
    hold(made, net.model())


def test_what_is_delegated_already_stays(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    net.add("mixed_depthwise_conv2d", channels=(2,) * 4, kernels=((1, 1),) * 4,
            dilations=((1, 1),) * 4)  # fmt: skip
    path = net.save(tmp_path / "a.tflite", plan=PLANS["xnnpack"])
    _, stages = rewritten(path)
    assert not stages.stages


def split_model(count: int, *, kind: str = "SPLIT", int8: bool = False, batch: int = 1) -> Any:
    """A file with one SPLIT of equal parts and an ADD_N, or an int8 split alone."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.operators, model.operatorCodes = [], [], []

    def tensor(name: str, shape: Sequence[int], data: Any = None) -> int:
        made = schema.TensorT()
        made.name, made.shape = name, list(shape)
        made.type = schema.TensorType.INT8 if int8 else schema.TensorType.FLOAT32
        if int8:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.array([0.1], np.float32)
            made.quantization.zeroPoint = np.array([3], np.int64)
        if data is not None:
            made.type, made.quantization = schema.TensorType.INT32, None
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(data, np.int32).tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(name: str, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> None:
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 2 if int8 else 1
        made.opcodeIndex = len(model.operatorCodes)
        model.operatorCodes.append(code)
        made.inputs, made.outputs = list(inputs), list(outputs)
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        made.builtinOptions = options
        graph.operators.append(made)

    x = tensor("x", (batch, 4, 4, 2 * count))
    parts = [tensor(f"part{n}", (batch, 4, 4, 2)) for n in range(count)]
    options = schema.SplitOptionsT()
    options.numSplits = count
    operator(kind, [tensor("axis", (), 3), x], parts, options)
    graph.inputs, graph.outputs = [x], parts
    if not int8:
        total = tensor("total", (batch, 4, 4, 2))
        operator("ADD_N", parts, [total], schema.AddNOptionsT())
        graph.outputs = [total]
    return model


def test_splits_into_many_and_sums_of_many_are_delegated(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, split_model(5)))
    made, _ = rewritten(path)
    assert kinds(made) == [*5 * ["SLICE"], *4 * ["ADD"]]
    assert not partitions(made).outside
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 10))
    (got,) = run(made, x)
    assert abs(got - sum(np.split(x, 5, 3))).max() < 1e-6


def test_integers_are_cut_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, split_model(6, int8=True)))
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    (region,) = result.regions
    assert (region.steps, region.share, region.error) == (0, 0.0, None)
    assert result.after is not None
    assert result.after.partitions == 1


def test_an_open_batch_stays_open(tmp_path: Path) -> None:
    model = split_model(5)
    for tensor in model.subgraphs[0].tensors:
        if len(tensor.shape) == 4:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, model))
    made, stages = rewritten(path)
    assert stages.stages
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(made))
    interpreter.resize_tensor_input(0, (3, 4, 4, 10))
    interpreter.allocate_tensors()
    x = np.random.default_rng(0).standard_normal((3, 4, 4, 10)).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert abs(got - sum(np.split(x, 5, 3))).max() < 1e-6


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(sizes=st.lists(st.integers(1, 9), min_size=2, max_size=17), axis=st.integers(1, 3))
def test_made_splits_move_the_same_data(sizes: list[int], axis: int, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("made")
    net = split_and_joined(sizes, axis)
    made, stages = rewritten(net.save(folder / "a.tflite"))
    assert stages.stages
    hold(made, net.model())
