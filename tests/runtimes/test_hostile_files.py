"""Files that parse and cannot be: each is refused with what is wrong, by counting and by opening.

The files are a kilobyte each; what they would unfold to is bounded before it is made.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper
from tiny_models import TfliteBuilder, conv_options, numbers, write_onnx

from mixnet_common import MixnetError
from mixnet_runtimes import open_session, read_file
from mixnet_runtimes.tflite import tables as tflite_tables

Write = Callable[[Path], Path]

WEIGHTS = numbers(4, 3, 3, 3)


def refused(path: Path, words: str) -> None:
    """Assert that reading and opening a file both end in these words."""
    for look in (read_file, open_session):
        with pytest.raises(MixnetError) as error:
            look(path)
        assert error.value.message == f"{path} is not a valid {path.suffix} file: {words}"
        assert error.value.exit_status == 1


def nodes_onnx(*nodes: Any, domains: Sequence[str] = (), shape: Sequence[int] = (1, 4)) -> Write:
    """From x to y, with a constant c that is a scalar."""
    return lambda path: write_onnx(
        path, nodes, {"x": shape}, {"y": shape}, {"c": np.array(3, np.float32)}, domains=domains
    )


RELU = helper.make_node("Relu", ["x"], ["y"])
OWN = "com.microsoft"

WITHOUT_OPERANDS = {
    "Conv has 1 of 2 inputs": nodes_onnx(helper.make_node("Conv", ["x"], ["y"])),
    "Conv 'c1' has 1 of 2 inputs": nodes_onnx(helper.make_node("Conv", ["", "x"], ["y"], "c1")),
    "Conv has 0 of 1 outputs": nodes_onnx(helper.make_node("Conv", ["x", "x"], []), RELU),
    "Constant has 0 of 1 outputs": nodes_onnx(helper.make_node("Constant", [], []), RELU),
    "Relu has 2 inputs and can have 1": nodes_onnx(helper.make_node("Relu", ["x", "c"], ["y"])),
    "QLinearAdd has 4 of 7 inputs": nodes_onnx(
        helper.make_node("QLinearAdd", ["x"] * 4, [], domain=OWN), RELU, domains=[OWN]
    ),
    "QLinearAdd has 0 of 1 outputs": nodes_onnx(
        helper.make_node("QLinearAdd", ["x"] * 8, [], domain=OWN), RELU, domains=[OWN]
    ),
    "FusedConv has 1 of 2 inputs": nodes_onnx(helper.make_node("FusedConv", ["x"], ["y"])),
    "Conv has its attribute 'group' of another type": nodes_onnx(
        helper.make_node("Conv", ["x", "x"], ["y"], group="two")
    ),
    "FusedConv has its attribute 'kernel_shape' of another type": nodes_onnx(
        helper.make_node("FusedConv", ["x", "x"], ["y"], domain=OWN, kernel_shape=3), domains=[OWN]
    ),
    "Concat lacks its attribute 'axis'": nodes_onnx(helper.make_node("Concat", ["x"], ["y"])),
}  # fmt: skip


@pytest.mark.parametrize("words", WITHOUT_OPERANDS)
def test_an_onnx_operator_without_its_operands_is_refused(tmp_path: Path, words: str) -> None:
    refused(WITHOUT_OPERANDS[words](tmp_path / "m.onnx"), words)


def test_operators_within_a_branch_are_looked_at_like_others(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4])
    branch = helper.make_graph([helper.make_node("Conv", ["x"], ["z"])], "branch", [], [value])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    refused(nodes_onnx(node)(tmp_path / "m.onnx"), "Conv has 1 of 2 inputs")


def test_an_operator_of_an_unknown_set_may_have_any_operands(tmp_path: Path) -> None:
    node = helper.make_node("Conv", [], ["y"], domain="q", group="two")
    assert (
        read_file(nodes_onnx(node, domains=["q"])(tmp_path / "m.onnx")).operators[0].kind == "Conv"
    )


def conv_onnx(path: Path, *tensors: Any, **shapes: Sequence[int]) -> Path:
    """A convolution of (1, 3, 8, 8) with these constants: weights, bias."""
    names = [tensor.name for tensor in tensors]
    node = helper.make_node("Conv", ["x", *names], ["y"])
    known = {"x": (1, 3, 8, 8), "y": (1, 4, 6, 6)} | shapes
    write_onnx(path, [node], {"x": known["x"]}, {"y": known["y"]})
    model = onnx.load(path)
    model.graph.initializer.extend(tensors)
    path.write_bytes(model.SerializeToString())
    return path


def weights_of(data_type: int, **fields: Any) -> Any:
    return TensorProto(name="w", dims=(4, 3, 3, 3), data_type=data_type, **fields)


W = numpy_helper.from_array(WEIGHTS, "w")


BAD_CONSTANTS = {
    "constant 'w' of shape [4, 3, 3, 3] has no data": weights_of(TensorProto.FLOAT),
    "constant 'w' of shape [4, 3, 3, 3] needs 108 elements, but 2 are stored": weights_of(
        TensorProto.FLOAT, float_data=[1, 2]
    ),
    "constant 'w' of shape [4, 3, 3, 3] needs 54 bytes, but 108 are stored": weights_of(
        TensorProto.FLOAT4E2M1, raw_data=bytes(108)
    ),
    "constant 'w' has no type": weights_of(0, raw_data=bytes(108)),
    "constant 'w' has no type ": weights_of(999, raw_data=bytes(108)),
    "constant 'w' has the shape [4, 3, -3]": TensorProto(
        name="w", dims=(4, 3, -3), data_type=1, raw_data=bytes(4)
    ),
    "constant 'w' has the shape [2147483648, 2147483648, 2147483648], more than fits into memory": (
        TensorProto(name="w", dims=(2**31,) * 3, data_type=1, raw_data=bytes(4))
    ),
    "constant 'w' has 65 axes": TensorProto(
        name="w", dims=(1,) * 65, data_type=1, raw_data=bytes(4)
    ),
}


@pytest.mark.parametrize("words", BAD_CONSTANTS)
def test_a_constant_without_its_elements_is_refused(tmp_path: Path, words: str) -> None:
    refused(conv_onnx(tmp_path / "m.onnx", BAD_CONSTANTS[words]), words.strip())


@pytest.mark.parametrize("name", ["FLOAT8E4M3FN", "FLOAT8E5M2", "INT8", "UINT8", "BOOL"])
@pytest.mark.parametrize("raw", [True, False])
def test_constants_of_rare_types_are_read(tmp_path: Path, name: str, raw: bool) -> None:
    fields = {"raw_data": bytes(108)} if raw else {"int32_data": [0] * 108}
    data_type = TensorProto.DataType.Value(name)
    contents = read_file(conv_onnx(tmp_path / "m.onnx", weights_of(data_type, **fields)))
    assert contents.tensors["w"].stored == 108
    assert contents.tensors["w"].dtype == name.lower()


SIZES = {
    "'x' has the shape [1, -3, 8, 8]": {"x": (1, -3, 8, 8), "y": (1, -4, 6, 6)},
    "'y' has the shape [1, 4, -7, 6]": {"y": (1, 4, -7, 6)},
    f"'x' has the shape [1, 3, {2**40}, 8], more than fits into memory": {"x": (1, 3, 2**40, 8)},
    "'y' has 100 axes": {"y": (1,) * 100},
}


@pytest.mark.parametrize("words", SIZES)
def test_a_stated_size_that_no_tensor_has_is_refused(tmp_path: Path, words: str) -> None:
    refused(conv_onnx(tmp_path / "m.onnx", W, **SIZES[words]), words)


def test_a_bias_of_another_length_than_the_channels_is_refused_in_both_formats(
    tmp_path: Path,
) -> None:
    bias = numpy_helper.from_array(numbers(7), "b")
    path = conv_onnx(tmp_path / "m.onnx", W, bias)
    with pytest.raises(MixnetError, match=r"m\.onnx .*: Conv 'y' has a bias of 7 for 4 channels"):
        read_file(path)
    with pytest.raises(MixnetError, match=r"m\.tflite .*: CONV_2D 'y' has a bias of 7 for 4"):
        read_file(conv_tflite(tmp_path / "m.tflite", bias=numbers(7)))


TWICE = {
    "'y' is written 2 times": [RELU, RELU],
    "'x' is written 2 times": [RELU, helper.make_node("Relu", ["y"], ["x"])],
    "'c' is written 2 times": [RELU, helper.make_node("Relu", ["x"], ["c"])],
}


@pytest.mark.parametrize("words", TWICE)
def test_a_name_that_is_written_twice_is_refused(tmp_path: Path, words: str) -> None:
    refused(nodes_onnx(*TWICE[words])(tmp_path / "m.onnx"), words)


def test_an_input_may_have_a_constant_as_its_default(tmp_path: Path) -> None:
    path = write_onnx(
        tmp_path / "m.onnx", [RELU], {"x": (1, 4)}, {"y": (1, 4)}, {"x": numbers(1, 4)}
    )
    assert read_file(path).operators[0].kind == "Relu"


# The order of nodes


def test_nodes_out_of_order_are_sorted_with_a_warning(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["b"], ["y"]),
        helper.make_node("Abs", ["a"], ["b"]),
        helper.make_node("Neg", ["x"], ["a"]),
    ]
    path = nodes_onnx(*nodes)(tmp_path / "m.onnx")
    contents = read_file(path)
    assert [each.kind for each in contents.operators] == ["Neg", "Abs", "Relu"]
    assert "not in order" in contents.warnings[0]
    assert contents.tensors["b"].shape == (1, 4)
    x = numbers(1, 4)
    assert np.array_equal(open_session(path).run([x])["y"], np.abs(x))


def test_a_branch_is_sorted_too_and_may_read_the_graph_around_it(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4])
    inner = [helper.make_node("Relu", ["a"], ["z"]), helper.make_node("Neg", ["outer"], ["a"])]
    branch = helper.make_graph(inner, "branch", [], [value])
    nodes = [
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
        helper.make_node("Abs", ["x"], ["outer"]),
    ]
    contents = read_file(nodes_onnx(*nodes)(tmp_path / "m.onnx"))
    assert [each.kind for each in contents.operators] == ["Abs", "If"]
    (body,) = {tuple(each.kind for each in body.operators) for body in contents.bodies.values()}
    assert body == ("Neg", "Relu")


def test_nodes_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "y"], ["b"]), helper.make_node("Relu", ["b"], ["y"])]
    refused(nodes_onnx(*nodes)(tmp_path / "m.onnx"), "Add reads 'y' before it is computed")


# Functions


def functions_onnx(path: Path, functions: Sequence[Any]) -> Path:
    """A call of the function F0, of the set f, among these."""
    write_onnx(
        path, [helper.make_node("F0", ["x"], ["y"], domain="f")], {"x": (1, 4)}, {"y": (1, 4)},
        domains=["f"],
    )  # fmt: skip
    model = onnx.load(path)
    model.functions.extend(functions)
    path.write_bytes(model.SerializeToString())
    return path


def function(name: str, *nodes: Any) -> Any:
    """From a to b."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["a"], ["b"], list(nodes), opsets)


def call(name: str, source: str, target: str) -> Any:
    return helper.make_node(name, [source], [target], domain="f")


LAST = function("F20", helper.make_node("Relu", ["a"], ["b"]))


def test_functions_that_call_each_other_twice_are_counted_and_not_unfolded(tmp_path: Path) -> None:
    doubling = [
        function(f"F{i}", call(f"F{i + 1}", "a", "m"), call(f"F{i + 1}", "m", "b"))
        for i in range(20)
    ]
    path = functions_onnx(tmp_path / "m.onnx", [*doubling, LAST])
    assert path.stat().st_size < 2000
    with pytest.raises(MixnetError, match="its functions expand to 1,048,576 nodes"):
        read_file(path)


def test_a_function_with_large_constants_is_not_unfolded_either(tmp_path: Path) -> None:
    constant = numpy_helper.from_array(np.ones(1 << 18, np.float32))
    held = [helper.make_node("Constant", [], ["c"], value=constant), call("F20", "a", "b")]
    calls = [call("F1", "a", "m0"), *(call("F1", f"m{i}", f"m{i + 1}") for i in range(99))]
    first = function("F0", *calls, call("F1", "m99", "b"))
    path = functions_onnx(tmp_path / "m.onnx", [first, function("F1", *held), LAST])
    with pytest.raises(MixnetError, match="its functions expand to 202 nodes and 106 MB"):
        read_file(path)


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    circle = [function("F0", call("F1", "a", "b")), function("F1", call("F0", "a", "b"))]
    with pytest.raises(MixnetError, match=r"its function 'F[01]' calls itself"):
        read_file(functions_onnx(tmp_path / "m.onnx", circle))


def test_functions_a_hundred_deep_are_refused_and_ten_deep_are_not(tmp_path: Path) -> None:
    def chain(length: int) -> list[Any]:
        relu = function(f"F{length}", helper.make_node("Relu", ["a"], ["b"]))
        return [*(function(f"F{i}", call(f"F{i + 1}", "a", "b")) for i in range(length)), relu]

    assert read_file(functions_onnx(tmp_path / "m.onnx", chain(10))).operators[0].kind == "Relu"
    with pytest.raises(MixnetError, match="its functions call each other more than 50 levels deep"):
        read_file(functions_onnx(tmp_path / "m.onnx", chain(100)))


# Values and shapes that unfold


def chain(kind: str, length: int, operands: str, **attributes: Any) -> list[Any]:
    """Nodes that each read what the one before gives, as their operands z say."""
    return [
        helper.make_node(
            kind, [f"z{i}" if each == "z" else each for each in operands], [f"z{i + 1}"],
            **attributes,
        )
        for i in range(length)
    ]  # fmt: skip


LONG = [2**20, 2**12]
UNFOLDING: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "16^9 values": (chain("Concat", 8, "z" * 16, axis=0), {"z0": np.ones(16, np.float32)}),
    "16^9 sizes": (chain("Concat", 8, "z" * 16, axis=0), {"z0": np.ones(16, np.int64)}),
    "2^40 axes": (chain("Gather", 40, "zz"), {"z0": np.zeros((1, 1), np.int64)}),
    "5 million axes": (
        chain("Unsqueeze", 5000, "za"), {"z0": np.ones(1, np.float32), "a": np.arange(1000)}
    ),
    "a billion columns": (
        [helper.make_node("OneHot", ["i", "d", "v"], ["o"])],
        {"i": np.zeros(256, np.int64), "d": np.array(10**9), "v": np.array([0, 1], np.float32)},
    ),
    "256^8 products": (
        [helper.make_node("Einsum", ["a"] * 8, ["o"], equation="a,b,c,d,e,f,g,h->")],
        {"a": np.ones(256, np.float32)},
    ),
    "256^8 copies of which none is left": (
        [helper.make_node("Tile", ["a", "s"], ["o"])],
        {"a": np.ones((1,) * 9, np.float32), "s": np.array([256] * 8 + [0])},
    ),
    "4 billion ones": ([helper.make_node("ConstantOfShape", ["s"], ["o"])], {"s": np.array(LONG)}),
    "4 billion copies": (
        [helper.make_node("Expand", ["a", "s"], ["o"])],
        {"a": np.ones(1, np.float32), "s": np.array(LONG)},
    ),
    "a million millions": (
        [helper.make_node("Range", ["a", "b", "c"], ["o"])],
        {"a": np.array(0), "b": np.array(10**12), "c": np.array(1)},
    ),
    "a wide border": (
        [helper.make_node("Conv", ["a", "a"], ["o"], pads=[2**20] * 4, strides=[2**20] * 2)],
        {"a": np.ones((1, 1, 1, 1), np.float32)},
    ),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_values_that_unfold_to_gigabytes_are_not_made(tmp_path: Path) -> None:
    paths = []
    for number, (nodes, constants) in enumerate(UNFOLDING.values()):
        path = tmp_path / f"{number}.onnx"
        write_onnx(path, [*nodes, RELU], {"x": (1, 4)}, {"y": (1, 4)}, constants)
        paths.append(path)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mixnet_runtimes import child, read_file\n"
        "child.limit_memory(1 << 30)\n"
        "for path in sys.argv[1:]:\n"
        "    start = time.process_time()\n"
        "    shape = read_file(Path(path)).outputs['y'].shape\n"
        "    print(Path(path).stem, shape, time.process_time() - start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert [text for text, _ in lines] == [f"{n} (1, 4)" for n in range(len(paths))]
    assert max(float(seconds) for _, seconds in lines) < 5


def test_loops_within_loops_are_not_read_again_and_again(tmp_path: Path) -> None:
    def loops(depth: int) -> list[Any]:
        if not depth:
            return [helper.make_node("Identity", ["x"], ["b0"])]
        value = helper.make_tensor_value_info
        inside = [helper.make_node("Identity", [f"c{depth}"], [f"g{depth}"]), *loops(depth - 1)]
        body = helper.make_graph(
            inside,
            "body",
            [
                value(f"i{depth}", TensorProto.INT64, []),
                value(f"c{depth}", TensorProto.BOOL, []),
                value(f"s{depth}", TensorProto.FLOAT, None),
            ],
            [
                value(f"g{depth}", TensorProto.BOOL, []),
                value(f"b{depth - 1}", TensorProto.FLOAT, None),
            ],
        )
        return [helper.make_node("Loop", ["n", "more", "x"], [f"b{depth}"], body=body)]

    constants = {"n": np.array(4), "more": np.array(True)}
    path = write_onnx(
        tmp_path / "m.onnx", [*loops(20), RELU], {"x": (1, 4)}, {"y": (1, 4)}, constants
    )
    start = time.process_time()
    assert len(read_file(path).bodies) == 20
    assert time.process_time() - start < 5


# Stated shapes


def test_a_stated_shape_that_contradicts_the_inferred_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MixnetError) as error:
        read_file(conv_onnx(tmp_path / "m.onnx", W, y=(1, 4, 1000, 1000)))
    assert error.value.message.endswith(
        "m.onnx is not a valid .onnx file: 'y' is declared as [1, 4, 1000, 1000], but Conv gives"
        " [1, 4, 6, 6]"
    )
    with pytest.raises(MixnetError, match=r"'y' is declared as .*, but Conv gives"):
        read_file(conv_onnx(tmp_path / "m.onnx", W, y=(1, 4, 6)))


def test_where_a_batch_is_open_the_inferred_shape_is_taken(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx", W, x=("N", 3, 8, 8), y=(5, 4, 6, 6))
    assert read_file(path).outputs["y"].shape == (1, 4, 6, 6)


def test_how_a_pool_rounds_is_left_to_the_file(tmp_path: Path) -> None:
    pool = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
    shapes = {"x": (1, 3, 7, 7)}
    path = write_onnx(tmp_path / "m.onnx", [pool], shapes, {"y": (1, 3, 4, 4)})
    assert read_file(path).outputs["y"].shape == (1, 3, 4, 4)
    write_onnx(path, [pool], shapes, {"y": (1, 3, 5, 5)})
    with pytest.raises(MixnetError, match=r"'y' is declared as .*, but MaxPool gives"):
        read_file(path)


# The same in TFLite


def conv_tflite(path: Path, **changes: Any) -> Path:
    """8×8×3 → 3×3 convolution to 4 channels → 8×8×4, with changes to what it reads and states."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 8, 8, 3))
    weights = changes.get("weights", numbers(4, 3, 3, 3))
    w = builder.tensor("w", weights.shape, weights)
    bias = changes.get("bias", numbers(4))
    b = builder.tensor("b", bias.shape, bias)
    y = builder.tensor("y", changes.get("output", (1, 8, 8, 4)))
    inputs = changes.get("inputs", [x, w, b])
    options = changes.get("options", conv_options())
    builder.operator(changes.get("kind", "CONV_2D"), inputs, changes.get("outputs", [y]), options)
    builder.operator("ABS", [x if "outputs" in changes else y], [builder.tensor("z", (1, 8, 8, 4))])
    builder.graph.inputs, builder.graph.outputs = [x], [4]
    return builder.write(path)


TFLITE = {
    "CONV_2D has 1 of 2 inputs": {"inputs": [0]},
    "CONV_2D has 1 of 2 inputs ": {"inputs": [0, -1, 2]},
    "CONV_2D has 0 of 1 outputs": {"outputs": []},
    "TRANSPOSE_CONV has 2 of 3 inputs": {
        "kind": "TRANSPOSE_CONV",
        "inputs": [0, 1],
        "options": None,
    },
    "CONV_2D has Pool2DOptions in place of Conv2DOptions": {"options": schema.Pool2DOptionsT()},
}


@pytest.mark.parametrize("words", TFLITE)
def test_a_tflite_operator_without_its_operands_is_refused(tmp_path: Path, words: str) -> None:
    refused(conv_tflite(tmp_path / "m.tflite", **TFLITE[words]), words.strip())


UNFIT = {
    "CONV_2D 'y' has weights of shape []; 4 axes are needed": {"weights": np.array(3, np.float32)},
    "CONV_2D 'y' gives 256 elements, but the shape [1, 8, 800, 4] is stated": {
        "output": (1, 8, 800, 4)
    },
    "FULLY_CONNECTED 'y' has weights of shape [4, 3, 3, 3]; 2 axes are needed": {
        "kind": "FULLY_CONNECTED", "options": schema.FullyConnectedOptionsT()
    },
}  # fmt: skip


@pytest.mark.parametrize("words", UNFIT)
def test_tensors_that_do_not_fit_their_operator_are_refused(tmp_path: Path, words: str) -> None:
    with pytest.raises(MixnetError) as error:
        read_file(conv_tflite(tmp_path / "m.tflite", **UNFIT[words]))
    assert error.value.message.endswith(f"is not a valid .tflite file: {words}")


def test_a_sound_convolution_is_refused_by_none_of_these(tmp_path: Path) -> None:
    assert read_file(conv_tflite(tmp_path / "m.tflite")).outputs["z"].shape == (1, 8, 8, 4)
    assert read_file(conv_onnx(tmp_path / "m.onnx", W)).outputs["y"].shape == (1, 4, 6, 6)


def test_a_product_of_scalars_is_refused(tmp_path: Path) -> None:
    path = nodes_onnx(helper.make_node("MatMul", ["x", "c"], ["y"]), shape=())(tmp_path / "m.onnx")
    with pytest.raises(MixnetError, match=r"MatMul 'y' has data of shape \[\]; 1 or more axes"):
        read_file(path)


def test_a_subgraph_that_runs_itself_is_refused(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    options = schema.WhileOptionsT()
    options.condSubgraphIndex = options.bodySubgraphIndex = 0
    builder.operator("WHILE", [x], [y], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    refused(builder.write(tmp_path / "m.tflite"), "subgraph 0 calls itself")


# Tables that repeat


def vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in offsets:
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def subgraphs_that_repeat(builder: Any) -> int:
    """100,000 references to one subgraph of 50 tensors."""
    graph = schema.SubGraphT()
    graph.tensors = [schema.TensorT() for _ in range(50)]
    return vector(builder, [graph.Pack(builder)] * 100_000)


def tensors_that_repeat(builder: Any) -> int:
    """1,000 subgraphs with 1,000 references each to one tensor."""
    tensors = vector(builder, [schema.TensorT().Pack(builder)] * 1000)
    graphs = []
    for _ in range(1000):
        schema.SubGraphStart(builder)
        schema.SubGraphAddTensors(builder, tensors)
        graphs.append(schema.SubGraphEnd(builder))
    return vector(builder, graphs)


def names_that_repeat(builder: Any) -> int:
    """10,000 tensors that share a name of 100,000 letters."""
    name = builder.CreateString("x" * 100_000)
    tensors = []
    for _ in range(10_000):
        schema.TensorStart(builder)
        schema.TensorAddName(builder, name)
        tensors.append(schema.TensorEnd(builder))
    graph = vector(builder, tensors)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, graph)
    return vector(builder, [schema.SubGraphEnd(builder)])


def options_that_repeat(builder: Any) -> int:
    """10,000 operators whose options are one new shape of 25,000 sizes."""
    options = schema.ReshapeOptionsT()
    options.newShape = np.ones(25_000, np.int32)
    shared, operators = options.Pack(builder), []
    for _ in range(10_000):
        schema.OperatorStart(builder)
        schema.OperatorAddBuiltinOptionsType(builder, schema.BuiltinOptions.ReshapeOptions)
        schema.OperatorAddBuiltinOptions(builder, shared)
        operators.append(schema.OperatorEnd(builder))
    graph = vector(builder, operators)
    schema.SubGraphStart(builder)
    schema.SubGraphAddOperators(builder, graph)
    return vector(builder, [schema.SubGraphEnd(builder)])


def tables_without_end(builder: Any) -> int:
    """2,000 tensors, none of them repeated."""
    graph = schema.SubGraphT()
    graph.tensors = [schema.TensorT()] * 2000
    return vector(builder, [graph.Pack(builder)])


REPEATED = {
    subgraphs_that_repeat: "expand to more",
    tensors_that_repeat: "expand to more",
    names_that_repeat: "expand to more",
    options_that_repeat: "expand to more",
    tables_without_end: "it has more than 1,000 tables",
}


@pytest.mark.parametrize("repeat", REPEATED, ids=lambda each: each.__name__)
def test_tables_that_repeat_are_not_unpacked(
    tmp_path: Path, repeat: Callable[[Any], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = flatbuffers.Builder(1024)
    graphs = repeat(builder)
    buffers = vector(builder, [schema.BufferT().Pack(builder)])
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(builder.Output()))
    if repeat is tables_without_end:
        monkeypatch.setattr(tflite_tables, "MOST_TABLES", 1000)
    start = time.process_time()
    for look in (read_file, open_session):
        with pytest.raises(MixnetError, match=rf"m\.tflite .*: .*{REPEATED[repeat]}"):
            look(path)
    assert time.process_time() - start < 5
    assert path.stat().st_size < 500_000


def test_a_file_whose_tensors_share_an_empty_buffer_and_a_shape_is_sound(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    names = [builder.tensor(f"t{index}", (1, 4)) for index in range(500)]
    for source, target in pairwise(names):
        builder.operator("RELU", [source], [target])
    builder.model.operatorCodes = builder.model.operatorCodes[:1]
    for operator in builder.graph.operators:
        operator.opcodeIndex = 0
    builder.model.buffers *= 500
    builder.graph.inputs, builder.graph.outputs = [names[0]], [names[-1]]
    assert len(read_file(builder.write(tmp_path / "m.tflite")).operators) == 499


def test_an_offset_beyond_the_end_is_refused(tmp_path: Path) -> None:
    path = conv_tflite(tmp_path / "m.tflite")
    data = bytearray(path.read_bytes())
    root = int.from_bytes(data[:4], "little")
    data[root : root + 4] = (-(10**9)).to_bytes(4, "little", signed=True)
    path.write_bytes(data)
    refused(path, "a table points beyond the file")
