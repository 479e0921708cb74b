"""What is known of the bodies of If, Loop and Scan in an ``.onnx`` file: shapes, lone numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_models import numbers, write_onnx

from mixnet_common import UsageError
from mixnet_runtimes import Body, FileContents, Selection, open_session, read_file

FLOAT = TensorProto.FLOAT


def value(name: str, kind: int = FLOAT, shape: Sequence[int] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def body_of(contents: FileContents, role: str = "body", place: int = 0) -> Body:
    nodes = [each for each in contents.operators if each.bodies]
    return contents.bodies[nodes[place].bodies[role]]


def loop(path: Path, state: str, step: Sequence[Any], turns: str = "turns") -> Path:
    """Four turns of ``step``, from ``state`` to ``after``, with a result ``seen`` of each."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"]), *step],
        "body",
        [value("turn", TensorProto.INT64, []), value("on", TensorProto.BOOL, []), value("before")],
        [value("still_on", TensorProto.BOOL, []), value("after"), value("seen")],
    )
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "one"], ["turns"]),
        helper.make_node("Loop", [turns, "", state], ["last", "all"], body=body),
    ]
    constants = {"one": np.array(1), "w": numbers(3, 3, 3, 3)}
    return write_onnx(path, nodes, {"x": (1, 4, 8, 8), state: (1, 3, 8, 8)},
                      {"last": None, "all": None}, constants)  # fmt: skip


def test_a_loop_s_shapes_and_its_number_of_turns_follow_from_the_inputs_shapes(
    tmp_path: Path,
) -> None:
    step = [
        helper.make_node("Conv", ["before", "w"], ["after"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["after"], ["seen"], axes=[2, 3], keepdims=0),
    ]
    contents = read_file(loop(tmp_path / "m.onnx", "state", step))
    body = body_of(contents)
    assert contents.tensors["turns"].value == 4
    assert body.tensors["before"].shape == body.tensors["after"].shape == (1, 3, 8, 8)
    assert body.tensors["still_on"].value is True, "it never ends early"
    assert contents.outputs["last"].shape == (1, 3, 8, 8)
    assert contents.outputs["all"].shape == (4, 1, 3)


def test_what_grows_from_turn_to_turn_has_an_open_size(tmp_path: Path) -> None:
    step = [
        helper.make_node("Concat", ["before", "before"], ["wide"], axis=3),
        helper.make_node("Identity", ["wide"], ["after"]),
        helper.make_node("Conv", ["before", "w"], ["seen"], pads=[1, 1, 1, 1]),
    ]
    contents = read_file(loop(tmp_path / "m.onnx", "state", step))
    body = body_of(contents)
    assert body.tensors["before"].shape == (1, 3, 8, None)
    assert body.tensors["seen"].shape == (1, 3, 8, None)
    assert contents.outputs["last"].shape == (1, 3, 8, None)


def test_a_scan_hands_its_body_slices_and_stacks_what_it_gives(tmp_path: Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["slice", "w"], ["product"]),
            helper.make_node("Add", ["before", "product"], ["after"]),
            helper.make_node("Relu", ["after"], ["seen"]),
        ],
        "body",
        [value("before"), value("slice")],
        [value("after"), value("seen")],
    )
    node = helper.make_node(
        "Scan", ["state", "x"], ["last", "all"], body=body, num_scan_inputs=1, scan_input_axes=[1]
    )
    inputs = {"state": (2, 5), "x": (2, 7, 3)}
    constants = {"w": numbers(3, 5)}
    path = write_onnx(tmp_path / "m.onnx", [node], inputs, {"last": None, "all": None}, constants)
    contents = read_file(path)
    assert body_of(contents).tensors["slice"].shape == (2, 3)
    assert body_of(contents).tensors["product"].shape == (2, 5)
    assert contents.outputs["all"].shape == (7, 2, 5)


def test_the_branch_that_shapes_decide_on_gives_its_shape_to_the_output(tmp_path: Path) -> None:
    def branch(channels: int, name: str) -> Any:
        weights = numpy_helper.from_array(numbers(channels, 4, 3, 3), "own")
        conv = helper.make_node("Conv", ["x", "own"], [name])
        return helper.make_graph([conv], name, [], [value(name)], [weights])

    nodes = [
        helper.make_node("Size", ["x"], ["size"]),
        helper.make_node("Equal", ["size", "expected"], ["is_small"]),
        helper.make_node(
            "If", ["is_small"], ["y"], then_branch=branch(2, "a"), else_branch=branch(3, "b")
        ),
        helper.make_node("Relu", ["y"], ["z"]),
    ]
    constants = {"expected": np.array(4 * 6 * 6)}
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 4, 6, 6)}, {"z": None}, constants)
    contents = read_file(path)
    assert contents.outputs["z"].shape == (1, 2, 4, 4)
    then, other = (body_of(contents, f"{name}_branch") for name in ("then", "else"))
    assert then.tensors["own"].buffer != other.tensors["own"].buffer


def test_microsoft_s_operators_have_shapes_in_bodies_too(tmp_path: Path) -> None:
    then = helper.make_graph(
        [helper.make_node("Gelu", ["x"], ["a"], domain="com.microsoft")], "then", [], [value("a")]
    )
    other = helper.make_graph([helper.make_node("Relu", ["x"], ["b"])], "else", [], [value("b")])
    node = helper.make_node("If", ["on"], ["y"], then_branch=then, else_branch=other)
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 5), "on": ()}, {"y": None},
        domains=["com.microsoft"], dtypes={"on": TensorProto.BOOL},
    )  # fmt: skip
    contents = read_file(path)
    assert body_of(contents, "then_branch").tensors["a"].shape == (1, 5)
    assert body_of(contents, "then_branch").operators[0].kind == "Gelu"
    assert contents.outputs["y"].shape == (1, 5)


def for_two_lengths(path: Path, lengths: Sequence[int]) -> Path:
    """An If of two dense layers, each for inputs of a length of its own."""
    bodies = []
    for name, length in zip("ab", lengths, strict=True):
        weights = numpy_helper.from_array(numbers(length, 2), f"w{name}")
        node = helper.make_node("MatMul", ["x", f"w{name}"], [name])
        bodies.append(helper.make_graph([node], name, [], [value(name)], [weights]))
    node = helper.make_node("If", ["on"], ["y"], then_branch=bodies[0], else_branch=bodies[1])
    inputs: dict[str, Any] = {"x": (1, "length"), "on": ()}
    return write_onnx(path, [node], inputs, {"y": None}, dtypes={"on": TensorProto.BOOL})


def test_a_size_has_to_fit_one_branch_of_two(tmp_path: Path) -> None:
    path = for_two_lengths(tmp_path / "m.onnx", (5, 7))
    for length in (5, 7):
        contents = read_file(path, selection=Selection(shapes={"x": (1, length)}))
        assert contents.inputs["x"].shape == (1, length)
        session = open_session(path, selection=Selection(shapes={"x": (1, length)}))
        assert session.inputs[0].shape == (1, length)
        outputs = session.run([np.ones((1, length), np.float32), np.array(length == 5)])
        assert outputs["y"].shape == (1, 2)
    with pytest.raises(UsageError, match="cannot have the sizes x=1,6"):
        read_file(path, selection=Selection(shapes={"x": (1, 6)}))
