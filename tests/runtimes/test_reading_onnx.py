from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_models import conv_onnx, numbers, write_onnx

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import Selection, open_session, read_file
from mixnet_runtimes.contents import MAIN

MICROSOFT = "com.microsoft"


def test_operators_shapes_and_constants_are_read(tmp_path: Path) -> None:
    contents = read_file(conv_onnx(tmp_path / "m.onnx"))
    assert [operator.kind for operator in contents.operators] == ["Conv", "Relu"]
    assert contents.operators[0].name == "conv"
    assert contents.operators[0].attributes == {"group": 2, "pads": (1,) * 4, "strides": (2, 2)}
    assert contents.tensors["y"].shape == (1, 6, 4, 4)
    assert contents.tensors["weights"].stored == 6 * 2 * 9
    assert list(contents.inputs) == ["image"]
    assert list(contents.outputs) == ["scores"]
    assert contents.warnings == ()


def test_an_open_batch_counts_as_one(tmp_path: Path) -> None:
    contents = read_file(conv_onnx(tmp_path / "m.onnx", batch="N"))
    assert contents.inputs["image"].shape == (1, 4, 8, 8)
    assert contents.outputs["scores"].shape == (1, 6, 4, 4)


def test_open_sizes_keep_the_file_s_names_for_them(tmp_path: Path) -> None:
    shapes = {"x": ("batch", 3, -1, "width")}
    node = helper.make_node("Relu", ["x"], ["y"])
    contents = read_file(write_onnx(tmp_path / "m.onnx", [node], shapes, {"y": None}))
    assert contents.inputs["x"].stated == ("batch", 3, None, "width")
    assert contents.outputs["y"].stated is None


def branches(path: Path) -> Path:
    """An If of two convolutions: one with the file's own weights, one with weights of its own."""
    value = helper.make_tensor_value_info
    own = helper.make_graph(
        [helper.make_node("Conv", ["x", "v"], ["b"], pads=[1, 1, 1, 1])],
        "own",
        [],
        [value("b", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(numbers(5, 3, 3, 3), "v")],
    )
    shared = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["a"]),
        ],
        "shared",
        [],
        [value("a", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["flag"], ["y"], "if", then_branch=shared, else_branch=own)
    return write_onnx(
        path,
        [node],
        {"x": (1, 3, 8, 8), "flag": ()},
        {"y": None},
        {"w": numbers(4, 3, 3, 3)},
        dtypes={"flag": TensorProto.BOOL},
    )


def test_branches_are_read_with_their_shapes_and_see_the_graph_around_them(tmp_path: Path) -> None:
    contents = read_file(branches(tmp_path / "m.onnx"))
    (node,) = contents.operators
    assert sorted(node.bodies) == ["else_branch", "then_branch"]
    shared, own = (contents.bodies[node.bodies[f"{name}_branch"]] for name in ("then", "else"))
    assert [each.kind for each in shared.operators] == ["Conv", "Relu"]
    assert shared.outer == own.outer == MAIN
    assert shared.tensors["c"].shape == (1, 4, 8, 8)
    assert own.tensors["b"].shape == (1, 5, 8, 8)
    assert contents.outputs["y"].shape == (1, None, 8, 8), "the branches differ in their channels"
    assert "w" not in shared.tensors
    assert own.tensors["v"].stored == 5 * 27
    assert own.tensors["v"].buffer != "v", "another body may have a constant of that name"


def test_a_lone_number_is_read_with_its_value(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["a"]),
        helper.make_node("Pow", ["a", "n"], ["y"]),
    ]
    constants = {"two": np.array([2.5], np.float32), "n": np.array(3, np.int64)}
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (2, 3)}, {"y": None}, constants)
    tensors = read_file(path).tensors
    assert (tensors["two"].value, tensors["n"].value, tensors["x"].value) == (2.5, 3, None)


def test_an_onnx_file_has_no_signatures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no signature 'small'"):
        read_file(conv_onnx(tmp_path / "m.onnx"), "small")


def test_constants_that_are_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.graph.input.append(
        helper.make_tensor_value_info("weights", TensorProto.FLOAT, (6, 2, 3, 3))
    )
    onnx.save(model, path)
    assert list(read_file(path).inputs) == ["image"]


def test_constant_nodes_are_constants_and_no_operators(tmp_path: Path) -> None:
    values = {
        "value": numpy_helper.from_array(numbers(3)),
        "value_float": 2.5,
        "value_floats": [1.0, 2.0, 3.0],
    }
    nodes = [
        helper.make_node("Constant", [], [name], **{name: value}) for name, value in values.items()
    ]
    nodes += [
        helper.make_node("Mul", ["x", "value"], ["a"]),
        helper.make_node("Mul", ["a", "value_float"], ["b"]),
        helper.make_node("Mul", ["b", "value_floats"], ["y"]),
    ]
    contents = read_file(write_onnx(tmp_path / "m.onnx", nodes, {"x": (2, 3)}, {"y": None}))
    assert [operator.kind for operator in contents.operators] == ["Mul"] * 3
    stored = {name: contents.tensors[name].stored for name in values}
    assert stored == {"value": 3, "value_float": 1, "value_floats": 3}
    assert contents.outputs["y"].shape == (2, 3)


def test_a_padding_that_the_graph_computes_is_deduced(tmp_path: Path) -> None:
    """As exporters write SAME: amounts from Shape by division, which onnx alone loses.

    Of the eight amounts only the last is not zero: ceil(7 / 2) = 4 columns after the image.
    """
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "rows"], ["height"]),
        helper.make_node("Cast", ["height"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "two"], ["half"]),
        helper.make_node("Ceil", ["half"], ["ceiling"]),
        helper.make_node("Cast", ["ceiling"], ["whole"], to=TensorProto.INT64),
        helper.make_node(
            "Concat", ["zeros", "zeros", "zeros", "zero", "whole"], ["amounts"], axis=0
        ),
        helper.make_node("Pad", ["x", "amounts"], ["padded"]),
        helper.make_node("Relu", ["padded"], ["y"]),
    ]
    constants = {
        "rows": np.array([2], np.int64),
        "two": np.array(2, np.float32),
        "zeros": np.zeros(2, np.int64),
        "zero": np.zeros(1, np.int64),
    }
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 3, 7, 7)}, {"y": None}, constants)
    expected = open_session(path).run([numbers(1, 3, 7, 7)])["y"].shape
    assert expected == (1, 3, 7, 11)
    assert read_file(path).outputs["y"].shape == expected


def quantized_graph() -> list[Any]:
    tail = ["s", "z"]
    return [
        helper.make_node("QuantizeLinear", ["x", *tail], ["q"]),
        helper.make_node("QLinearAdd", ["q", *tail, "q", *tail, *tail], ["a"], domain=MICROSOFT),
        helper.make_node("QLinearSigmoid", ["a", *tail, *tail], ["b"], domain=MICROSOFT),
        helper.make_node(
            "QLinearConcat", [*tail, "a", *tail, "b", *tail], ["c"], domain=MICROSOFT, axis=1
        ),
        helper.make_node(
            "QLinearGlobalAveragePool", ["c", *tail, *tail], ["p"], domain=MICROSOFT,
            channels_last=0,
        ),
        helper.make_node("DequantizeLinear", ["p", *tail], ["y"]),
    ]  # fmt: skip


def test_shapes_behind_onnxruntimes_own_operators_match_what_it_computes(tmp_path: Path) -> None:
    path = write_onnx(
        tmp_path / "m.onnx",
        quantized_graph(),
        {"x": (1, 4, 5, 6)},
        {"y": (1, 8, 1, 1), "c": (1, 8, 5, 6)},
        {"s": np.array(0.1, np.float32), "z": np.array(7, np.uint8)},
        domains=[MICROSOFT],
        dtypes={"c": TensorProto.UINT8},
    )
    outputs = open_session(path).run([numbers(1, 4, 5, 6)])
    contents = read_file(path)
    assert contents.warnings == ()
    assert contents.tensors["c"].shape == outputs["c"].shape
    assert contents.tensors["a"].shape == contents.tensors["b"].shape == (1, 4, 5, 6)
    assert contents.tensors["p"].shape == outputs["y"].shape
    assert contents.tensors["a"].dtype == "uint8"


def test_channels_last_operators_are_inferred_with_their_channels_last(tmp_path: Path) -> None:
    node = helper.make_node(
        "NhwcConv", ["x", "w"], ["h"], domain=MICROSOFT, strides=[2, 2], pads=[1, 1, 1, 1]
    )
    path = write_onnx(
        tmp_path / "m.onnx",
        [node, helper.make_node("Relu", ["h"], ["y"])],
        {"x": (1, 8, 10, 4)},
        {"y": None},
        {"w": numbers(6, 4, 3, 3)},
        domains=[MICROSOFT],
    )
    assert read_file(path).outputs["y"].shape == (1, 4, 5, 6)


def test_what_cannot_be_inferred_is_left_open(tmp_path: Path) -> None:
    node = helper.make_node("Mystery", ["x"], ["y"], domain="org.example")
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 3)}, {"y": None}, domains=["org.example"]
    )
    contents = read_file(path)
    assert contents.outputs["y"].shape is None


def test_a_constant_with_the_wrong_number_of_bytes_is_refused(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = bytes(12)
    path.write_bytes(model.SerializeToString())
    for look in (read_file, open_session):
        with pytest.raises(MixnetError, match=r"'weights' of shape .* needs 432 bytes, but 12"):
            look(path)


def test_a_node_that_reads_what_nothing_writes_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Add", ["x", "ghost"], ["y"])
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (1, 3)}, {"y": (1, 3)})
    with pytest.raises(MixnetError, match="Add reads 'ghost', which is never computed"):
        read_file(path)


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes().replace(b"scores", b"s\xff\xferes"))
    for look in (read_file, open_session):
        with pytest.raises(MixnetError, match="names are not text"):
            look(path)


def test_a_question_mark_is_no_name_and_two_of_them_need_not_be_equal(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": ("?", 3, "?", "?")}, {"y": None})
    assert read_file(path).inputs["x"].stated == (None, 3, None, None)
    fixed = read_file(path, selection=Selection(shapes={"x": (1, 3, 48, 192)}))
    assert fixed.outputs["y"].shape == (1, 3, 48, 192)


def test_an_open_size_that_is_stated_of_too_few_axes_claims_nothing(tmp_path: Path) -> None:
    """As published files have it, which onnxruntime runs."""
    node = helper.make_node("Unsqueeze", ["x", "first"], ["y"])
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (4, 5)}, {"y": (1, "length")}, {"first": np.array([0])}
    )
    assert read_file(path).outputs["y"].shape == (1, 4, 5)
