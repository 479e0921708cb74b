"""What branches, loops and called graphs add up to."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from tiny_models import TfliteBuilder, conv_options, numbers, write_onnx

from mixnet_bench.cli import main
from mixnet_bench.counting.describe import describe_signature
from mixnet_bench.counting.file import count_file, count_signatures
from mixnet_bench.counting.operands import UnknownError
from mixnet_bench.counting.record import Count
from mixnet_bench.counting.turns import turns_until
from mixnet_common import MixnetError
from mixnet_runtimes import Selection

BOOL, INT64 = TensorProto.BOOL, TensorProto.INT64


def value(name: str, kind: int = TensorProto.FLOAT, shape: Sequence[int] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def branch(output: str, weights: str, own: Any = None) -> Any:
    """A convolution of x, with weights of the graph around it or of its own."""
    constants = [] if own is None else [numpy_helper.from_array(own, weights)]
    node = helper.make_node("Conv", ["x", weights], [output], pads=[1, 1, 1, 1])
    return helper.make_graph([node], output, [], [value(output)], constants)


def choice(path: Path, then: Any, other: Any, flag: bool | None = None) -> Path:
    node = helper.make_node("If", ["flag"], ["y"], "choice", then_branch=then, else_branch=other)
    constants: dict[str, Any] = {"w": numbers(8, 3, 3, 3)}
    inputs: dict[str, Any] = {"x": (1, 3, 16, 16)}
    if flag is None:
        inputs["flag"] = ()
    else:
        constants["flag"] = np.array(flag)
    return write_onnx(path, [node], inputs, {"y": None}, constants, dtypes={"flag": BOOL})


def test_weights_that_both_branches_see_count_once_and_one_branch_is_taken(tmp_path: Path) -> None:
    count = count_file(choice(tmp_path / "m.onnx", branch("a", "w"), branch("b", "w")))
    assert (count.params, count.macs) == (216, 55_296)
    assert count.activations == 8 * 16 * 16
    assert "of If 'choice' the larger branch is counted" in count.warnings[0]


def test_each_branch_s_own_weights_count_and_the_larger_branch_s_multiply_adds(
    tmp_path: Path,
) -> None:
    then, other = branch("a", "v", numbers(2, 3, 3, 3)), branch("b", "v", numbers(5, 3, 3, 3))
    count = count_file(choice(tmp_path / "m.onnx", then, other))
    assert count.params == 2 * 27 + 5 * 27
    assert count.macs == 16 * 16 * 5 * 27
    assert "the larger branch is counted, else_branch" in count.warnings[0]
    bodies = {body.name: [layer.macs for layer in body.layers] for body in count.layers[0].bodies}
    assert bodies == {"then_branch": [16 * 16 * 54], "else_branch": [16 * 16 * 135]}


@pytest.mark.parametrize("flag", [True, False])
def test_a_condition_that_the_file_knows_chooses_the_branch(tmp_path: Path, flag: bool) -> None:
    then, other = branch("a", "v", numbers(2, 3, 3, 3)), branch("b", "v", numbers(5, 3, 3, 3))
    count = count_file(choice(tmp_path / "m.onnx", then, other, flag))
    assert count.params == 2 * 27 + 5 * 27, "the file stores both"
    assert count.macs == 16 * 16 * (54 if flag else 135)
    assert count.warnings == ()


def test_a_branch_that_cannot_run_at_these_sizes_is_not_the_one_that_is_taken(
    tmp_path: Path,
) -> None:
    """As in networks for two sampling rates: what does not fit one fits the other."""
    then, other = branch("a", "w"), branch("b", "w")
    other.node.append(helper.make_node("MatMul", ["b", "v"], ["c"]))
    other.output[0].name = "c"
    other.initializer.append(numpy_helper.from_array(numbers(99, 5), "v"))
    count = count_file(choice(tmp_path / "m.onnx", then, other))
    assert (count.params, count.macs) == (216 + 99 * 5, 55_296)
    assert "of If 'choice' the branch that can run is counted, then_branch" in count.warnings


def loop(
    path: Path,
    turns: str = "turns",
    goes_on: str = "on",
    condition: str = "",
    nodes: Sequence[Any] = (),
) -> Path:
    """Turns of a 3×3 convolution of 3 channels on 16×16."""
    inner = [
        helper.make_node("Conv", ["before", "w"], ["after"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMax", ["after"], ["most"], keepdims=0),
        helper.make_node("Less", ["most", "limit"], ["is_small"]),
        helper.make_node("Identity", [goes_on], ["still"]),
    ]
    body = helper.make_graph(
        inner,
        "body",
        [value("turn", INT64, []), value("on", BOOL, []), value("before")],
        [value("still", BOOL, []), value("after")],
    )
    node = helper.make_node("Loop", [turns, condition, "x"], ["y"], "loop", body=body)
    constants = {
        "turns": np.array(4), "w": numbers(3, 3, 3, 3), "limit": np.array(9, np.float32),
        "no": np.array(False),
    }  # fmt: skip
    inputs: dict[str, Any] = {"x": (1, 3, 16, 16), "asked": ()}
    return write_onnx(path, [*nodes, node], inputs, {"y": None}, constants, dtypes={"asked": INT64})


def test_a_loop_s_body_counts_in_every_turn_and_its_weights_once(tmp_path: Path) -> None:
    count = count_file(loop(tmp_path / "m.onnx"))
    assert (count.params, count.macs) == (81, 4 * 20_736)
    assert [layer.macs for layer in count.layers[0].bodies[0].layers] == [20_736]


def test_a_loop_that_never_begins_takes_nothing(tmp_path: Path) -> None:
    assert count_file(loop(tmp_path / "m.onnx", condition="no")).macs == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"turns": "asked"}, "the number of times that it runs its body depends on its data"),
        ({"turns": ""}, "the number of times that it runs its body depends on its data"),
        ({"goes_on": "is_small"}, "its condition may end it before 4 turns"),
    ],
)
def test_turns_that_the_file_does_not_know_leave_the_sum_unknown(
    tmp_path: Path, arguments: dict[str, str], reason: str
) -> None:
    count = count_file(loop(tmp_path / "m.onnx", **arguments))
    assert (count.params, count.macs, count.activations) == (81, None, None)
    assert count.reason == f"Loop 'loop': {reason}"


def test_turns_that_follow_from_a_shape_are_known(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("ReduceMax", ["sizes"], ["widest"], keepdims=0),
    ]
    path = loop(tmp_path / "m.onnx", turns="widest", nodes=nodes)
    assert count_file(path).macs == 16 * 20_736


def test_a_scan_takes_as_many_turns_as_its_sequence_is_long(tmp_path: Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["slice", "w"], ["product"]),
            helper.make_node("Add", ["before", "product"], ["after"]),
            helper.make_node("Identity", ["after"], ["seen"]),
        ],
        "body",
        [value("before"), value("slice")],
        [value("after"), value("seen")],
    )
    node = helper.make_node("Scan", ["zeros", "x"], ["", "y"], body=body, num_scan_inputs=1)
    constants = {"w": numbers(3, 5), "zeros": np.zeros((2, 5), np.float32)}
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (7, 2, 3)}, {"y": None}, constants)
    count = count_file(path)
    assert count.macs == 7 * 2 * 3 * 5
    assert count.params == 15, "what a loop changes is a state and no parameter"


def test_weights_that_a_scan_runs_over_are_parameters(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("MatMul", ["before", "layer"], ["after"])],
        "body",
        [value("before"), value("layer")],
        [value("after")],
    )
    node = helper.make_node("Scan", ["x", "stack"], ["y"], body=body, num_scan_inputs=1)
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 5)}, {"y": None}, {"stack": numbers(6, 5, 5)}
    )
    count = count_file(path)
    assert (count.macs, count.params) == (6 * 25, 6 * 25)


def test_loops_within_loops_multiply(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [
            helper.make_node("MatMul", ["a", "w"], ["b"]),
            helper.make_node("Identity", ["on2"], ["still2"]),
        ],
        "inner",
        [value("turn2", INT64, []), value("on2", BOOL, []), value("a")],
        [value("still2", BOOL, []), value("b")],
    )
    outer = helper.make_graph(
        [
            helper.make_node("Loop", ["three", "", "c"], ["d"], body=inner),
            helper.make_node("Identity", ["on"], ["still"]),
        ],
        "outer",
        [value("turn", INT64, []), value("on", BOOL, []), value("c")],
        [value("still", BOOL, []), value("d")],
    )
    node = helper.make_node("Loop", ["two", "", "x"], ["y"], body=outer)
    constants = {"two": np.array(2), "three": np.array(3), "w": numbers(4, 4)}
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (1, 4)}, {"y": None}, constants)
    count = count_file(path)
    assert (count.macs, count.params) == (2 * 3 * 16, 16)


# TFLite


def keras_like(path: Path, change: Callable[[TfliteBuilder], object] = lambda _: None) -> Path:
    """A loop as TensorFlow's converter writes Keras's: two counters below 10, a state, weights.

    The state begins with a constant, one matrix of weights is handed over, one is the body's own.
    """
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 4))
    zero = builder.tensor("zero", (), np.array(0, np.int32))
    state = builder.tensor("state", (1, 4), np.zeros((1, 4), np.float32))
    weights = builder.tensor("weights", (4, 4), numbers(4, 4))
    outputs = [
        builder.tensor("i", (), dtype="int32"), builder.tensor("j", (), dtype="int32"),
        builder.tensor("last", (1, 4)), builder.tensor("same", (4, 4)), builder.tensor("z", (1, 4)),
    ]  # fmt: skip
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    builder.operator("WHILE", [zero, zero, state, weights, x], outputs, options)
    builder.graph.inputs, builder.graph.outputs = [x], [outputs[2]]

    def states() -> list[int]:
        return [
            builder.tensor("a", (), dtype="int32"), builder.tensor("b", (), dtype="int32"),
            builder.tensor("c", (1, 4)), builder.tensor("d", (4, 4)), builder.tensor("e", (1, 4)),
        ]  # fmt: skip

    builder.subgraph()
    builder.graph.inputs = states()
    ten = builder.tensor("ten", (), np.array(10, np.int32))
    less = [builder.tensor(f"less{n}", (), dtype="bool") for n in range(3)]
    builder.operator("LESS", [0, ten], [less[0]])
    builder.operator("LESS", [1, ten], [less[1]])
    builder.operator("LOGICAL_AND", less[:2], [less[2]])
    builder.graph.outputs = [less[2]]

    builder.subgraph()
    builder.graph.inputs = states()
    one = builder.tensor("one", (), np.array(1, np.int32))
    own = builder.tensor("own", (4, 4), numbers(4, 4))
    bias = builder.tensor("bias", (4,), numbers(4))
    after = [builder.tensor("i", (), dtype="int32"), builder.tensor("j", (), dtype="int32")]
    p, q, r, s = (builder.tensor(name, (1, 4)) for name in "pqrs")
    builder.operator("ADD", [0, one], [after[0]])
    builder.operator("ADD", [1, one], [after[1]])
    builder.operator("BATCH_MATMUL", [2, 3], [p])
    builder.operator("FULLY_CONNECTED", [4, own], [q])
    builder.operator("ADD", [p, q], [r])
    builder.operator("ADD", [r, bias], [s])
    builder.graph.outputs = [*after, s, 3, 4]
    change(builder)
    return builder.write(path)


def test_a_while_with_constant_counters_counts_in_every_turn(tmp_path: Path) -> None:
    count = count_file(keras_like(tmp_path / "m.tflite"))
    assert count.params == 16 + 16 + 4, "the state's first value is not a parameter"
    assert count.macs == 10 * (16 + 16)
    assert count.warnings == ()


def step_of_three(builder: TfliteBuilder) -> None:
    builder.model.buffers[builder.graph.tensors[5].buffer].data = np.frombuffer(
        np.array(3, np.int32).tobytes(), np.uint8
    )


def counter_by_data(builder: TfliteBuilder) -> None:
    builder.graph.operators[0].inputs = [0, 1]


def other_sizes(builder: TfliteBuilder) -> None:
    for place in (2, 4):
        builder.graph.tensors[place].shape = [2, 4]


def test_a_counter_s_own_step_divides_the_turns(tmp_path: Path) -> None:
    count = count_file(keras_like(tmp_path / "m.tflite", step_of_three))
    assert count.macs == 4 * (16 + 16), "0, 3, 6, 9"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (counter_by_data, "the number of times that it runs its body depends on its data"),
        (other_sizes, "its subgraphs are written for other sizes than their inputs have"),
    ],
)
def test_a_while_without_a_known_number_of_turns_is_unknown(
    tmp_path: Path, change: Callable[[TfliteBuilder], object], reason: str
) -> None:
    count = count_file(keras_like(tmp_path / "m.tflite", change))
    assert (count.params, count.macs) == (36, None)
    assert reason in count.reason


@pytest.mark.parametrize(
    ("start", "step", "sign", "limit", "turns"),
    [
        (0, 1, "<", 10, 10),
        (0, 1, "<=", 10, 11),
        (10, -1, ">", 0, 10),
        (10, -3, ">=", 1, 4),
        (0, 2, "!=", 10, 5),
        (10, 1, "<", 3, 0),
        (0, 0, "!=", 0, 0),
    ],
)
def test_a_counter_s_turns_are_those_of_a_loop_that_counts(
    start: int, step: int, sign: str, limit: int, turns: int
) -> None:
    holds = {
        "<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__, "!=": int.__ne__,
    }[sign]  # fmt: skip
    counter, counted = start, 0
    while holds(counter, limit):
        counter, counted = counter + step, counted + 1
    assert turns_until(start, step, sign, limit) == counted == turns


@pytest.mark.parametrize(
    ("start", "step", "sign", "limit"), [(0, 0, "<", 1), (0, -1, "<", 1), (0, 3, "!=", 10)]
)
def test_a_counter_that_never_ends_has_no_number_of_turns(
    start: int, step: int, sign: str, limit: int
) -> None:
    with pytest.raises(UnknownError):
        turns_until(start, step, sign, limit)


def tflite_conv(builder: TfliteBuilder, channels: int, weights: int | None = None) -> None:
    """A subgraph of one 3×3 convolution from 3 channels on 8×8."""
    x, y = builder.tensor("x", (1, 8, 8, 3)), builder.tensor("y", (1, 8, 8, channels))
    w = builder.tensor("w", (channels, 3, 3, 3), numbers(channels, 3, 3, 3))
    if weights is not None:
        builder.graph.tensors[w].buffer = weights
    builder.operator("CONV_2D", [x, w], [y], conv_options())
    builder.graph.inputs, builder.graph.outputs = [x], [y]


def test_tflite_s_if_takes_the_larger_branch_and_a_shared_buffer_is_stored_once(
    tmp_path: Path,
) -> None:
    builder = TfliteBuilder()
    flag, x = builder.tensor("flag", (1,), dtype="bool"), builder.tensor("x", (1, 8, 8, 3))
    y = builder.tensor("y", (1, 8, 8, 4))
    options = schema.IfOptionsT()
    options.thenSubgraphIndex, options.elseSubgraphIndex = 1, 2
    builder.operator("IF", [flag, x], [y], options)
    builder.graph.inputs, builder.graph.outputs = [flag, x], [y]
    builder.subgraph()
    tflite_conv(builder, 4)
    shared = builder.graph.tensors[-1].buffer
    builder.subgraph()
    tflite_conv(builder, 4, shared)
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.params, count.macs) == (108, 64 * 108)
    assert "larger branch" in count.warnings[0]


def test_a_composite_counts_as_its_decomposition_wherever_it_is_called(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y, z = builder.tensor("x", (1, 8, 8, 3)), *(builder.tensor(n, (1, 8, 8, 4)) for n in "yz")
    options = schema.StableHLOCompositeOptionsT()
    options.name, options.decompositionSubgraphIndex = "my.conv", 1
    builder.operator("STABLEHLO_COMPOSITE", [x], [y], options)
    builder.operator("STABLEHLO_COMPOSITE", [x], [z], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y, z]
    builder.subgraph()
    tflite_conv(builder, 4)
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.params, count.macs) == (108, 2 * 64 * 108)
    assert [layer.params for layer in count.layers] == [108, 0]


def test_what_runs_once_at_loading_has_parameters_and_takes_nothing_later(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    handle = builder.tensor("handle", ())
    read = builder.tensor("read", (4, 4))
    options = schema.CallOnceOptionsT()
    options.initSubgraphIndex = 1
    builder.operator("CALL_ONCE", [], [], options)
    builder.operator("VAR_HANDLE", [], [handle])
    builder.operator("READ_VARIABLE", [handle], [read])
    builder.operator("FULLY_CONNECTED", [x, read], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    builder.subgraph()
    inner, initial = builder.tensor("handle", ()), builder.tensor("init", (4, 4), numbers(4, 4))
    builder.operator("VAR_HANDLE", [], [inner])
    builder.operator("ASSIGN_VARIABLE", [inner, initial], [])
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.params, count.macs) == (16, 16)
    assert count.warnings == ()


def test_variables_without_values_are_named(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    handle, read = builder.tensor("handle", ()), builder.tensor("read", (4, 4))
    builder.operator("VAR_HANDLE", [], [handle])
    builder.operator("READ_VARIABLE", [handle], [read])
    builder.operator("FULLY_CONNECTED", [x, read], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.params, count.macs) == (0, 16)
    assert "1 variables, whose values are not in the file" in count.warnings[0]


def calls(builder: TfliteBuilder, target: int, times: int) -> None:
    """A subgraph that calls another a number of times."""
    x = builder.tensor("x", (1, 8, 8, 3))
    builder.graph.inputs = builder.graph.outputs = [x]
    options = schema.CallOptionsT()
    options.subgraph = target
    for place in range(times):
        builder.operator("CALL", [x], [builder.tensor(f"y{place}", (1, 8, 8, 3))], options)


def test_a_graph_that_is_reached_in_a_million_ways_is_looked_at_once(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    calls(builder, 1, 2)
    for target in range(2, 22):
        builder.subgraph()
        calls(builder, target, 2)
    builder.subgraph()
    tflite_conv(builder, 3)
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.params, count.macs) == (81, 2**21 * 64 * 81)


def test_a_graph_that_runs_itself_is_refused(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    calls(builder, 1, 1)
    builder.subgraph()
    calls(builder, 1, 1)
    with pytest.raises(MixnetError):
        count_file(builder.write(tmp_path / "m.tflite"))


def two_signatures(path: Path) -> Path:
    """One signature runs a convolution to 2 channels, the other one to 7."""
    builder = TfliteBuilder()
    for index, channels in enumerate((2, 7)):
        if index:
            builder.subgraph()
        tflite_conv(builder, channels)
        builder.signature({"x": 0}, {"y": 1}, f"of_{channels}", index)
    return builder.write(path)


def test_each_signature_counts_its_own_graph(tmp_path: Path) -> None:
    path = two_signatures(tmp_path / "m.tflite")
    counts = [count_file(path), count_file(path, Selection(signature="of_7"))]
    assert [count.signature for count in counts] == ["of_2", "of_7"]
    assert [count.macs for count in counts] == [64 * 54, 64 * 189]
    assert [count.params for count in counts] == [54, 189]


@pytest.mark.parametrize("asked", [(), ("--signature", "of_7")])
def test_the_command_lists_all_signatures_and_names_the_one_it_counts(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    path = two_signatures(tmp_path / "m.tflite")
    result = CliRunner().invoke(main, ["count", str(path), "--json", *asked])
    (target,) = json.loads(result.stdout)["targets"]
    assert target["signature"] == (asked[1] if asked else "of_2")
    assert [(each["name"], each["macs"], each["params"]) for each in target["signatures"]] == [
        ("of_2", 64 * 54, 54),
        ("of_7", 64 * 189, 189),
    ]
    shown = CliRunner().invoke(main, ["count", str(path), *asked]).stdout
    assert "signature of_2" in shown
    assert "signature of_7" in shown


def test_a_signature_with_open_sizes_is_unknown_and_the_others_are_counted(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    tflite_conv(builder, 2)
    builder.signature({"x": 0}, {"y": 1}, "fixed", 0)
    builder.subgraph()
    tflite_conv(builder, 7)
    builder.graph.tensors[0].shapeSignature = [1, -1, -1, 3]
    builder.signature({"x": 0}, {"y": 1}, "open", 1)
    path = builder.write(tmp_path / "m.tflite")
    counts = count_signatures(path, count_file(path))
    fixed, refused = counts["fixed"], counts["open"]
    assert isinstance(fixed, Count)
    assert fixed.macs == 64 * 54
    assert isinstance(refused, str)
    assert "open sizes" in refused
    described = describe_signature("open", refused)
    assert (described.params, described.macs, described.reason) == (None, None, refused)
