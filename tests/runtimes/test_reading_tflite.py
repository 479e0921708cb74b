import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_models import TfliteBuilder, conv_options, conv_tflite, numbers

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import open_session, read_file


def test_operators_and_tensors_are_read_in_order_with_their_attributes(tmp_path: Path) -> None:
    path = conv_tflite(tmp_path / "m.tflite")
    contents = read_file(path)
    assert contents.format == "tflite"
    assert contents.size_bytes == path.stat().st_size
    assert contents.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [operator.kind for operator in contents.operators] == ["CONV_2D", "RELU"]
    conv = contents.operators[0]
    assert conv.name == "conv"
    assert conv.inputs == ("x", "weights", "bias")
    assert conv.attributes["strideH"] == 2
    assert contents.tensors["weights"].shape == (6, 3, 3, 2)
    assert contents.tensors["weights"].stored == 6 * 3 * 3 * 2
    assert [tensor.role for tensor in contents.tensors.values()] == [
        "input", "constant", "constant", "activation", "output",
    ]  # fmt: skip


def test_inputs_and_outputs_go_by_the_signatures_names(tmp_path: Path) -> None:
    contents = read_file(conv_tflite(tmp_path / "m.tflite"))
    assert {name: tensor.name for name, tensor in contents.inputs.items()} == {"image": "x"}
    assert contents.outputs["scores"].shape == (1, 4, 4, 6)


def relu_model() -> TfliteBuilder:
    builder = TfliteBuilder()
    x, y = builder.tensor("same", (1, 4)), builder.tensor("same", (1, 4))
    builder.operator("RELU", [x], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder


def test_names_that_a_file_uses_twice_are_told_apart(tmp_path: Path) -> None:
    contents = read_file(relu_model().write(tmp_path / "m.tflite"))
    assert list(contents.tensors) == ["same#0", "same#1"]
    assert contents.operators[0].inputs == ("same#0",)


def test_an_open_batch_counts_as_one_and_other_open_sizes_are_unknown(tmp_path: Path) -> None:
    builder = relu_model()
    builder.graph.tensors[0].shapeSignature = [-1, -1]
    contents = read_file(builder.write(tmp_path / "m.tflite"))
    assert contents.inputs["same#0"].shape == (1, None)
    assert contents.inputs["same#0"].elements is None


def test_a_subgraph_that_nothing_runs_is_announced(tmp_path: Path) -> None:
    builder = relu_model()
    builder.model.subgraphs.append(relu_model().graph)
    contents = read_file(builder.write(tmp_path / "m.tflite"))
    assert "1 subgraphs are not used by any signature or operator" in contents.warnings[0]


def two_signatures(path: Path) -> Path:
    """The signature ``small`` runs a ReLU on 4 numbers, ``large`` on 9."""
    builder = TfliteBuilder()
    for index, (name, size) in enumerate((("small", 4), ("large", 9))):
        if index:
            builder.subgraph()
        x, y = (builder.tensor(each, (1, size)) for each in "xy")
        builder.operator("RELU", [x], [y])
        builder.graph.inputs, builder.graph.outputs = [x], [y]
        builder.signature({"in": x}, {"out": y}, name, index)
    return builder.write(path)


@pytest.mark.parametrize(("asked", "size"), [(None, 4), ("small", 4), ("large", 9)])
def test_a_file_is_read_as_one_of_its_signatures_sees_it(
    tmp_path: Path, asked: str | None, size: int
) -> None:
    contents = read_file(two_signatures(tmp_path / "m.tflite"), asked)
    assert contents.signature == (asked or "small")
    assert contents.inputs["in"].shape == contents.outputs["out"].shape == (1, size)
    assert [each.name for each in contents.signatures] == ["small", "large"]
    assert [each.inputs["in"].shape for each in contents.signatures] == [(1, 4), (1, 9)]
    assert contents.warnings == ()


def test_a_signature_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no signature 'larg'") as error:
        read_file(two_signatures(tmp_path / "m.tflite"), "larg")
    assert "large" in error.value.hint


def test_a_loop_names_its_condition_and_its_body(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = (builder.tensor(each, ()) for each in "xy")
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    builder.operator("WHILE", [x], [y], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    builder.subgraph()
    a, b = builder.tensor("a", ()), builder.tensor("b", (), dtype="bool")
    limit = builder.tensor("limit", (), np.array(7, np.float32))
    builder.operator("LESS", [a, limit], [b])
    builder.graph.inputs, builder.graph.outputs = [a], [b]
    builder.subgraph()
    c, d = builder.tensor("c", ()), builder.tensor("d", ())
    builder.operator("RELU", [c], [d])
    builder.graph.inputs, builder.graph.outputs = [c], [d]
    contents = read_file(builder.write(tmp_path / "m.tflite"))
    keys = contents.operators[0].bodies
    condition, body = (contents.bodies[keys[f"{name}SubgraphIndex"]] for name in ("cond", "body"))
    assert [each.kind for each in condition.operators] == ["LESS"]
    assert condition.tensors["limit"].value == 7
    assert (body.inputs, body.outputs) == (("c",), ("d",))
    assert contents.warnings == ()

    options.bodySubgraphIndex = 3
    with pytest.raises(MixnetError, match="WHILE calls subgraph 3 of 3"):
        read_file(builder.write(tmp_path / "m.tflite"))


def test_of_a_sparse_tensor_the_stored_elements_are_known(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, dense = builder.tensor("x", (4, 4)), builder.tensor("dense", (4, 4))
    weights = builder.tensor("weights", (4, 4), numbers(4, 4))
    builder.model.buffers[-1].data = np.frombuffer(numbers(5).tobytes(), np.uint8)
    builder.graph.tensors[weights].sparsity = schema.SparsityParametersT()
    builder.operator("DENSIFY", [weights], [dense])
    builder.graph.inputs, builder.graph.outputs = [x], [dense]
    tensor = read_file(builder.write(tmp_path / "m.tflite")).tensors["weights"]
    assert (tensor.stored, tensor.sparse, tensor.shape) == (5, True, (4, 4))


def a_wrong_size(builder: TfliteBuilder) -> None:
    builder.model.buffers[1].data = np.zeros(40, np.uint8)


def a_missing_buffer(builder: TfliteBuilder) -> None:
    builder.graph.tensors[1].buffer = 9


def a_missing_tensor(builder: TfliteBuilder) -> None:
    builder.graph.operators[0].inputs = [0, 1, 99]


def an_unknown_operator(builder: TfliteBuilder) -> None:
    builder.graph.operators[0].opcodeIndex = 3


def a_reader_before_its_writer(builder: TfliteBuilder) -> None:
    builder.graph.inputs = []


def an_output_that_nothing_writes(builder: TfliteBuilder) -> None:
    builder.graph.operators = []


def a_negative_size(builder: TfliteBuilder) -> None:
    builder.graph.tensors[0].shape = [1, -8, 8, 4]


def scales_for_another_axis(builder: TfliteBuilder) -> None:
    builder.tensor("more", (2, 3), numbers(2, 3, dtype="int8"), scale=(0.1, 0.2, 0.3), axis=0)


def no_subgraph(builder: TfliteBuilder) -> None:
    builder.model.subgraphs = []


FAULTS = {
    a_wrong_size: "needs 432 bytes, but 40 are stored",
    a_missing_buffer: "tensor 1 has buffer 9 of 3",
    a_missing_tensor: "operator 0 names tensor 99 of 4",
    an_unknown_operator: "operator 0 has no valid operator code",
    a_reader_before_its_writer: "reads tensor 0 before it is computed",
    an_output_that_nothing_writes: "output tensor 3 is never computed",
    a_negative_size: r"tensor 0 has the shape \[1, -8, 8, 4\]",
    scales_for_another_axis: "has 3 scales along axis 0",
    no_subgraph: "no subgraph",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_inside_is_named_before_an_interpreter_sees_it(tmp_path: Path, fault: Any) -> None:
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 8, 8, 4))
    weights = builder.tensor("weights", (6, 3, 3, 2), numbers(6, 3, 3, 2))
    bias = builder.tensor("bias", (6,), numbers(6))
    y = builder.tensor("y", (1, 8, 8, 6))
    builder.operator("CONV_2D", [x, weights, bias], [y], conv_options())
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    open_session(builder.write(tmp_path / "sound.tflite"))
    fault(builder)
    path = builder.write(tmp_path / "faulty.tflite")
    for look in (read_file, open_session):
        with pytest.raises(MixnetError, match=FAULTS[fault]) as error:
            look(path)
        assert "faulty.tflite" in error.value.message
        assert error.value.exit_status == 1
