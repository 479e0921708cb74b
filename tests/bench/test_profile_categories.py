"""What operators are for, told on small graphs in the words of both formats."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import pytest

from mixnet_bench.profiling.categories import (
    CATEGORIES,
    EVENTS,
    FAMILIES,
    FAMILY,
    Category,
    Facts,
    categorize,
    label_of,
)
from mixnet_runtimes import FileContents, FileTensor, Operator, OperatorTime, Profile

Shapes = Mapping[str, tuple[int, ...]]


def op(kind: str, inputs: str, output: str, name: str = "", **attributes: object) -> Operator:
    return Operator(name or output, kind, tuple(inputs.split()), (output,), attributes)


def labels(
    form: str, operators: Sequence[Operator], shapes: Shapes, constants: Shapes
) -> list[str]:
    tensors = {
        name: FileTensor(name, shape, "float32", "activation") for name, shape in shapes.items()
    }
    tensors |= {
        name: FileTensor(name, shape, "float32", "constant") for name, shape in constants.items()
    }
    contents = FileContents(form, "", 0, {}, {}, tuple(operators), tensors)
    times = tuple(OperatorTime(each.name, each.kind, each.kind, 1.0, each) for each in operators)
    profile = Profile("R", "1", 1, 1, times, 0.0, 1.0, contents)
    return [str(label) for label in categorize(profile)]


MAP, POINT, FEW = (1, 8, 8, 12), (1, 1, 1, 12), (1, 1, 1, 3)


def test_squeeze_and_excitation_runs_from_the_mean_to_the_product() -> None:
    operators = [
        op("CONV_2D", "x w", "map"),
        op("MEAN", "map axes", "mean"),
        op("CONV_2D", "mean w", "few"),
        op("LOGISTIC", "few", "few.sigmoid"),
        op("MUL", "few few.sigmoid", "few.swish"),
        op("CONV_2D", "few.swish w", "gate"),
        op("LOGISTIC", "gate", "gate.sigmoid"),
        op("MUL", "map gate.sigmoid", "scaled"),
        op("CONV_2D", "scaled w", "y"),
    ]
    points = dict.fromkeys(["mean", "gate", "gate.sigmoid"], POINT)
    shapes = dict.fromkeys(["x", "map", "scaled", "y"], MAP) | points
    shapes |= dict.fromkeys(["few", "few.sigmoid", "few.swish"], FEW)
    found = labels("tflite", operators, shapes, {"w": (12, 1, 1, 12), "axes": (2,)})
    assert found == ["convolution 1×1", *["SE"] * 7, "convolution 1×1"]


def test_the_head_after_the_last_mean_is_no_squeeze_and_excitation() -> None:
    operators = [op("MEAN", "x axes", "mean"), op("FULLY_CONNECTED", "mean w", "y")]
    shapes = {"x": MAP, "mean": (1, 12), "y": (1, 10)}
    assert labels("tflite", operators, shapes, {"w": (10, 12), "axes": (2,)}) == [
        "pooling",
        "dense",
    ]


def test_a_sigmoid_and_its_product_are_a_swish_and_a_lone_sigmoid_is_none() -> None:
    operators = [
        op("Sigmoid", "x", "s"), op("Mul", "s x", "y"), op("Sigmoid", "y", "t"),
        op("QuickGelu", "t", "u"),
    ]  # fmt: skip
    found = labels("onnx", operators, dict.fromkeys("xsytu", (1, 12, 8, 8)), {})
    assert found == ["swish", "swish", "other activations", "swish"]


def test_in_qlinear_operators_scales_are_no_tensors_that_are_computed() -> None:
    operators = [op("QLinearSigmoid", "x c c c c", "s"), op("QLinearMul", "x c c s c c c c", "y")]
    found = labels("onnx", operators, dict.fromkeys("xsy", (1, 12, 8, 8)), {"c": ()})
    assert found == ["swish", "swish"]


@pytest.mark.parametrize(
    ("form", "kind", "weights", "attributes", "label"),
    [
        ("tflite", "DEPTHWISE_CONV_2D", (1, 7, 7, 12), {}, "depthwise 7×7"),
        ("tflite", "DEPTHWISE_CONV_2D", (1, 1, 1, 12), {}, "scale and offset"),
        ("tflite", "CONV_2D", (12, 1, 1, 6), {}, "convolution 1×1"),
        ("tflite", "CONV_2D", (12, 3, 3, 12), {}, "other convolutions"),
        ("onnx", "Conv", (12, 1, 5, 5), {"group": 12}, "depthwise 5×5"),
        ("onnx", "Conv", (12, 1, 3, 5), {"group": 12, "kernel_shape": (3, 5)}, "depthwise 3×5"),
        ("onnx", "Conv", (12, 6, 1, 1), {"group": 2}, "convolution 1×1"),
        ("onnx", "Conv", (12, 1, 3, 3), {"group": 1}, "other convolutions"),
    ],
)
def test_convolutions_are_told_by_kernel_and_groups(
    form: str, kind: str, weights: tuple[int, ...], attributes: dict[str, object], label: str
) -> None:
    operator = op(kind, "x w", "y", **attributes)
    assert labels(form, [operator], dict.fromkeys("xy", MAP), {"w": weights}) == [label]


def test_weights_of_a_quantized_convolution_are_found() -> None:
    operator = op("QLinearConv", "x s z w s z s z b", "y", group=12)
    constants = {"w": (12, 1, 9, 9), "s": (), "z": (), "b": (12,)}
    assert labels("onnx", [operator], dict.fromkeys("xy", MAP), constants) == ["depthwise 9×9"]


def test_pieces_of_a_kernel_and_their_sums_are_told_by_our_names() -> None:
    operators = [
        op("DEPTHWISE_CONV_2D", "x w", "d.piece0"),
        op("DEPTHWISE_CONV_2D", "x w", "d.piece1"),
        op("ADD", "d.piece0 d.piece1", "d"),
        op("ADD", "d x", "skip"),
    ]
    shapes = dict.fromkeys(["x", "d.piece0", "d.piece1", "d", "skip"], MAP)
    found = labels("tflite", operators, shapes, {"w": (1, 4, 5, 12)})
    pieces = ["depthwise 4×5, pieces"] * 2
    assert found == [*pieces, "sums of parts", "residual and other sums"]


def test_sums_and_products_with_constants_are_scale_and_offset() -> None:
    operators = [op("MUL", "x c", "y"), op("ADD", "y c", "z"), op("ADD", "z x", "u")]
    found = labels("tflite", operators, dict.fromkeys("xyzu", MAP), {"c": (12,)})
    assert found == ["scale and offset", "scale and offset", "residual and other sums"]


def test_what_only_the_runtime_knows_is_told_by_its_event() -> None:
    events = ["Copy (NC, X32)", "Convert (NC)", "Something New"]
    times = tuple(OperatorTime(event, event, event, 1.0) for event in events)
    contents = FileContents("tflite", "", 0, {}, {}, (), {})
    found = categorize(Profile("R", "1", 1, 1, times, 0.0, 1.0, contents))
    assert [str(each) for each in found] == ["moving data", "changing types", "rest"]


def test_unknown_shapes_and_inputs_are_no_reason_to_fail() -> None:
    operators = [op("Conv", "x", "y"), op("Mul", "y nobody", "z"), op("Mul", "z z", "u")]
    assert labels("onnx", operators, {}, {})[0] == "other convolutions"


def test_labels_sort_as_the_table_does_and_kernels_by_their_taps() -> None:
    kernels = [(11, 11), (3, 3), (9, 9), (5, 5)]
    depthwise = [label_of(Facts("convolution", kernel, depthwise=True)) for kernel in kernels]
    found = sorted([label_of(Facts("")), *depthwise, label_of(Facts("swish", se=True))])
    shown = [str(each) for each in found]
    assert shown == ["SE", *(f"depthwise {n}×{n}" for n in (3, 5, 9, 11)), "rest"]


def test_rows_that_share_a_label_are_one_category() -> None:
    assert label_of(Facts("activation")) == label_of(Facts("sigmoid"))


def test_the_tables_speak_of_the_same_things() -> None:
    asked = {field.name for field in fields(Category)} - {"label"}
    assert asked == {field.name for field in fields(Facts)}
    assert {each.family for each in CATEGORIES} - {None} <= set(FAMILIES)
    assert set(EVENTS.values()) <= set(FAMILIES)
    assert len(FAMILY) == sum(len(kinds.split()) for kinds in FAMILIES.values())


def test_every_operator_has_a_category() -> None:
    assert {str(label_of(Facts(family))) for family in [*FAMILIES, ""]} >= {"dense", "rest"}
