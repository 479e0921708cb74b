import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import TfliteBuilder, conv_options, conv_tflite, numbers

from mixnet_common import MixnetError
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


def test_further_subgraphs_are_announced(tmp_path: Path) -> None:
    builder = relu_model()
    builder.model.subgraphs.append(relu_model().graph)
    contents = read_file(builder.write(tmp_path / "m.tflite"))
    assert "1 further subgraphs" in contents.warnings[0]


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
    an_unknown_operator: "operator 0 is of no kind",
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
