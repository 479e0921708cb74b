"""``optimize`` of ``.onnx`` files of rare forms: each computes the same afterwards, or is left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from graph_files import Net
from onnx import TensorProto, helper, numpy_helper, version_converter
from test_mixed_convolutions import block
from test_onnx_files import kinds, mixnet_block, rewritten, save

from mixnet_common import MixnetError
from mixnet_export.optimize.job import optimize

X = np.random.default_rng(1).standard_normal((1, 8, 16, 16)).astype(np.float32)


def run(path: Path, x: Any = X) -> list[Any]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {session.get_inputs()[0].name: x})
    return found


def hold_same(path: Path, made: Path, x: Any = X) -> None:
    """Assert that two files compute the same, and no constant."""
    for expected, got in zip(run(path, x), run(made, x), strict=True):
        assert expected.shape == got.shape
        if expected.size > 1:
            assert np.std(expected) > 1e-3 * abs(expected).max() > 0
        assert abs(expected - got).max() <= 1e-5 * max(1, abs(expected).max())


def convolutions(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def share_weights(model: Any) -> None:
    """Let equal shapes read one weight, some of them also read elsewhere."""
    shapes = {each.name: tuple(each.dims) for each in model.graph.initializer}
    first: dict[tuple[int, ...], str] = {}
    for node in convolutions(model):
        for place in range(1, len(node.input)):
            node.input[place] = first.setdefault(shapes[node.input[place]], node.input[place])
    used = {name for node in model.graph.node for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def weight_as_output(model: Any) -> None:
    name = convolutions(model)[1].input[1]
    (stored,) = (each for each in model.graph.initializer if each.name == name)
    model.graph.node.append(helper.make_node("Identity", [name], ["weight"]))
    value = helper.make_tensor_value_info("weight", TensorProto.FLOAT, stored.dims)
    model.graph.output.append(value)


def every_middle_is_an_output(model: Any) -> None:
    inferred = onnx.shape_inference.infer_shapes(model)
    given = {each.name for each in model.graph.output}
    for value in inferred.graph.value_info:
        if value.name not in given:
            model.graph.output.append(value)


def one_part_is_an_output(model: Any) -> None:
    inferred = onnx.shape_inference.infer_shapes(model)
    split = next(node for node in model.graph.node if node.op_type == "Split")
    model.graph.output.extend(v for v in inferred.graph.value_info if v.name == split.output[0])


def no_names(model: Any) -> None:
    for node in model.graph.node:
        node.name = ""


def weights_are_constant_nodes(model: Any) -> None:
    nodes = [
        helper.make_node("Constant", [], [each.name], value=each)
        for each in model.graph.initializer
    ]
    del model.graph.initializer[:]
    old = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *old])


def weights_are_inputs_too(model: Any) -> None:
    """As before IR 4: a caller may replace them."""
    for each in model.graph.initializer:
        value = helper.make_tensor_value_info(each.name, each.data_type, each.dims)
        model.graph.input.append(value)


def unsorted(model: Any) -> None:
    old = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(old))


def our_names_are_taken(model: Any) -> None:
    """Tensors are called what the new ones will be."""
    last = model.graph.output[0].name
    renamed = {
        node.output[0]: f"{last}/mixnet_optimize/{node.output[0]}" for node in model.graph.node[:-1]
    }
    renamed.pop(last, None)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]


def read_by_a_body(model: Any) -> None:
    """An If at the end, whose branches read a part and the result from outside."""
    last = model.graph.output[0].name
    split = next(node for node in model.graph.node if node.op_type == "Split")
    bodies = []
    for number, name in enumerate((last, split.output[0])):
        out = helper.make_tensor_value_info(f"sum{number}", TensorProto.FLOAT, None)
        nodes = [helper.make_node("ReduceMean", [name], [f"sum{number}"], axes=[1, 2, 3])]
        bodies.append(helper.make_graph(nodes, f"body{number}", [], [out]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(False), "no"))
    node = helper.make_node("If", ["no"], ["chosen"], then_branch=bodies[0], else_branch=bodies[1])
    model.graph.node.append(node)
    value = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [1, 1, 1, 1])
    model.graph.output.append(value)


RARE: dict[str, Callable[[Any], None]] = {
    each.__name__: each
    for each in (
        share_weights, weight_as_output, every_middle_is_an_output, one_part_is_an_output, no_names,
    weights_are_constant_nodes, weights_are_inputs_too, unsorted,
        our_names_are_taken, read_by_a_body,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", RARE)
def test_a_rare_form_computes_the_same(name: str, tmp_path: Path) -> None:
    path = save(mixnet_block(), tmp_path / "a.onnx")
    model = onnx.load(path)
    RARE[name](model)
    onnx.save(model, path)
    result = optimize(path, tmp_path / "out")
    assert not [each for each in result.left_alone if "not proven" in each.why]
    if result.written is None:
        assert name in ("weights_are_inputs_too", "every_middle_is_an_output")
        assert result.reason
        return
    if name != "unsorted":  # which onnxruntime runs, and onnx's checker does not take
        onnx.checker.check_model(str(path), full_check=True)
    onnx.checker.check_model(str(result.written), full_check=True)
    hold_same(path, result.written)


@pytest.mark.parametrize("opset", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21])
def test_every_opset_is_rewritten_or_left_with_a_word(opset: int, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    model = onnx.load(save(mixnet_block(), path))
    try:
        model = version_converter.convert_version(model, opset)
    except Exception:  # onnx has no way back for some operators, in as many kinds
        del model.opset_import[:]
        model.opset_import.append(helper.make_opsetid("", opset))
        splits = [node for node in model.graph.node if node.op_type == "Split"]
        for node in splits if opset < 13 else ():
            (stored,) = (e for e in model.graph.initializer if e.name == node.input[1])
            sizes = numpy_helper.to_array(stored).tolist()
            del node.input[1]
            node.attribute.append(helper.make_attribute("split", sizes))
    onnx.save(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    if opset < 13:
        result = optimize(path, tmp_path / "out")
        assert f"opset {opset}" in result.reason
        return
    made = rewritten(path)
    assert "BatchNormalization" not in kinds(made)
    hold_same(path, made)


@pytest.mark.parametrize("kind", ["If", "Loop"])
def test_a_network_inside_of_a_body_is_left_as_it_is(kind: str, tmp_path: Path) -> None:
    inner = onnx.load(save(mixnet_block(), tmp_path / "inner.onnx"))
    graph = inner.graph
    given = graph.input[0].name
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    body = helper.make_graph(
        list(graph.node), "body", [], list(graph.output), list(graph.initializer)
    )
    initial = [numpy_helper.from_array(np.array(True), "yes")]
    if kind == "If":
        nodes = [helper.make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body)]
    else:
        body.input.extend(
            [
                helper.make_tensor_value_info("turn", TensorProto.INT64, []),
                helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            ]
        )
        body.node.append(helper.make_node("Identity", ["go"], ["goes"]))
        first = helper.make_tensor_value_info("goes", TensorProto.BOOL, [])
        outputs = [first, *graph.output]
        del body.output[:]
        body.output.extend(outputs)
        initial.append(numpy_helper.from_array(np.array(2), "turns"))
        nodes = [helper.make_node("Loop", ["turns", "yes"], ["y"], body=body)]
    entry = helper.make_tensor_value_info(given, TensorProto.FLOAT, [1, 8, 16, 16])
    outer = helper.make_graph(nodes, "outer", [entry], [output], initial)
    model = helper.make_model(outer, opset_imports=inner.opset_import, ir_version=inner.ir_version)
    path = tmp_path / "a.onnx"
    onnx.save(model, path)
    assert len(run(path)[0]) >= 1
    result = optimize(path, tmp_path / "out")
    assert result.written is None
    assert result.reason


def test_a_batch_of_several_stays(tmp_path: Path) -> None:
    net = Net(3, 12, 12, 8)
    block(net, "split")
    path = save(net, tmp_path / "a.onnx")
    x = np.random.default_rng(2).standard_normal((3, 8, 12, 12)).astype(np.float32)
    hold_same(path, rewritten(path), x)


def test_weights_beside_that_are_gone_are_an_error_in_words(tmp_path: Path) -> None:
    path = save(mixnet_block(), tmp_path / "a.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="a.data",
              size_threshold=0)  # fmt: skip
    (tmp_path / "a.data").unlink()
    with pytest.raises(MixnetError, match=r"a\.data"):
        optimize(path, tmp_path / "out")
