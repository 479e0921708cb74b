import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from tiny_models import (
    TfliteBuilder,
    conv_onnx,
    conv_options,
    conv_tflite,
    numbers,
    split_tflite,
    write_onnx,
)

from mixnet_bench.counting.file import count_file
from mixnet_bench.counting.tables import TABLES
from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import FORMATS, Selection, read_file

MICROSOFT = "com.microsoft"


@pytest.mark.parametrize(("suffix", "write"), [(".tflite", conv_tflite), (".onnx", conv_onnx)])
def test_both_formats_count_a_grouped_convolution_alike(
    tmp_path: Path, suffix: str, write: Any
) -> None:
    count = count_file(write(tmp_path / f"m{suffix}"))
    assert count.source == suffix[1:]
    assert count.macs == 4 * 4 * 6 * (3 * 3 * 2)
    assert count.params == 6 * 3 * 3 * 2 + 6
    assert count.activations == 4 * 4 * 6
    assert [layer.name for layer in count.layers] == ["conv"]
    assert count.warnings == ()


def test_every_format_has_a_table_of_rules() -> None:
    assert set(TABLES) == {entry.name for entry in FORMATS.values()}


def test_split_sizes_and_axes_are_no_parameters(tmp_path: Path) -> None:
    count = count_file(split_tflite(tmp_path / "m.tflite"))
    assert (count.macs, count.params, count.layers) == (0, 0, ())


def layer_tflite(
    path: Path,
    kind: str,
    data: tuple[int, ...],
    weights: tuple[int, ...],
    output: tuple[int, ...],
    options: Any = None,
) -> Path:
    """One layer without bias; a transposed one takes its output's shape first."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", data), builder.tensor("y", output)
    w = builder.tensor("w", weights, numbers(*weights))
    inputs = [x, w]
    if "TRANSPOSE" in kind:
        inputs = [builder.tensor("shape", (4,), np.array(output, np.int32)), w, x]
    builder.operator(kind, inputs, [y], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


def adjoint() -> Any:
    options = schema.BatchMatMulOptionsT()
    options.adjX = True
    return options


TFLITE_LAYERS = [
    # kind, data, weights, output, MACs by hand
    ("CONV_2D", (1, 8, 8, 3), (5, 3, 3, 3), (1, 4, 4, 5), 4 * 4 * 5 * 27),
    ("DEPTHWISE_CONV_2D", (1, 8, 8, 4), (1, 7, 7, 4), (1, 8, 8, 4), 8 * 8 * 4 * 49),
    ("TRANSPOSE_CONV", (1, 4, 4, 3), (5, 3, 3, 3), (1, 8, 8, 5), 4 * 4 * 3 * 9 * 5),
    ("CONV_3D", (1, 4, 4, 4, 2), (3, 3, 3, 2, 5), (1, 4, 4, 4, 5), 64 * 5 * 27 * 2),
    ("FULLY_CONNECTED", (1, 12), (10, 12), (1, 10), 120),
    ("FULLY_CONNECTED", (1, 2, 2, 3), (10, 12), (1, 10), 120),
    ("BATCH_MATMUL", (1, 5, 7), (1, 7, 3), (1, 5, 3), 5 * 7 * 3),
    ("DEPTHWISE_CONV_2D", (1, 64, 64, 64), (1, 7, 7, 128), (1, 32, 32, 128), 6_422_528),
    ("CONV_2D", (1, 224, 224, 3), (8, 3, 3, 3), (1, 224, 224, 8), 10_838_016),
]


@pytest.mark.parametrize(("kind", "data", "weights", "output", "macs"), TFLITE_LAYERS)
def test_tflite_layers_count_as_by_hand(
    tmp_path: Path, kind: str, data: Any, weights: Any, output: Any, macs: int
) -> None:
    count = count_file(layer_tflite(tmp_path / "m.tflite", kind, data, weights, output))
    assert count.macs == macs
    assert count.params == np.prod(weights)
    assert count.layers[0].output_shape == output


def test_an_adjoint_product_sums_over_its_last_axis_but_one(tmp_path: Path) -> None:
    shapes = ((1, 7, 5), (1, 7, 3), (1, 5, 3))
    path = layer_tflite(tmp_path / "m.tflite", "BATCH_MATMUL", *shapes, adjoint())
    assert count_file(path).macs == 5 * 7 * 3


ONNX_LAYERS = [
    # kind, attributes, data, weights, MACs by hand
    ("Conv", {"group": 4}, (1, 4, 8, 8), (4, 1, 3, 3), 6 * 6 * 4 * 9),
    ("Conv", {}, (1, 4, 8), (6, 4, 3), 6 * 6 * 4 * 3),
    ("ConvTranspose", {"strides": [2, 2]}, (1, 3, 4, 4), (3, 5, 3, 3), 16 * 3 * 5 * 9),
    ("Gemm", {"transB": 1}, (1, 12), (10, 12), 120),
    ("Gemm", {"transA": 1}, (12, 2), (12, 10), 240),
    ("MatMul", {}, (1, 5, 7), (7, 3), 105),
    ("MatMul", {}, (7,), (7, 3), 21),
    ("Conv", {"group": 4, "pads": [1, 1, 1, 1]}, (1, 16, 8, 8), (32, 4, 3, 3), 73_728),
    ("ConvTranspose", {"strides": [2, 2]}, (1, 3, 2, 2), (3, 1, 2, 2), 48),
    ("Einsum", {"equation": "bi,io->bo"}, (1, 64), (64, 32), 2_048),
]


@pytest.mark.parametrize(("kind", "attributes", "data", "weights", "macs"), ONNX_LAYERS)
def test_onnx_layers_count_as_by_hand(
    tmp_path: Path, kind: str, attributes: Any, data: Any, weights: Any, macs: int
) -> None:
    node = helper.make_node(kind, ["x", "w"], ["y"], **attributes)
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": data}, {"y": None}, {"w": numbers(*weights)}
    )
    count = count_file(path)
    assert count.macs == macs
    assert count.params == np.prod(weights)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_counts_for_one_image(tmp_path: Path, batch: int) -> None:
    count = count_file(conv_onnx(tmp_path / "m.onnx", batch=batch))
    assert count.macs == 4 * 4 * 6 * 18
    assert count.activations == 4 * 4 * 6
    assert count.batch == batch
    assert bool(count.warnings) == (batch > 1)


def test_nothing_is_divided_where_no_convolution_says_which_axis_is_the_batch(
    tmp_path: Path,
) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (4, 5)}, {"y": None}, {"w": numbers(5, 6)})
    count = count_file(path)
    assert (count.macs, count.batch) == (4 * 5 * 6, None)
    assert count.warnings == ("counted for the sizes in the file, as its batch axis is not known",)


@pytest.mark.parametrize(
    ("axis", "macs", "batch"), [("batch", 30, 4), (-1, 30, 4), ("sequence", 120, None)]
)
def test_a_batch_that_the_file_leaves_open_divides_and_a_sequence_does_not(
    tmp_path: Path, axis: Any, macs: int, batch: int | None
) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (axis, 5)}, {"y": None}, {"w": numbers(5, 6)}
    )
    count = count_file(path, Selection(shapes={"x": (4, 5)}))
    assert (count.macs, count.batch) == (macs, batch)


def test_an_image_without_a_batch_is_not_divided_by_its_height(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["t", "first"], ["u"]),
        helper.make_node("Conv", ["u", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Squeeze", ["c", "first"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[1, 2, 0]),
    ]
    constants = {"w": numbers(1, 3, 3, 3), "first": np.array([0])}
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (64, 64, 3)}, {"y": None}, constants)
    count = count_file(path)
    assert (count.macs, count.batch) == (110_592, None)
    assert "for the sizes in the file" in count.warnings[0]


def test_a_batch_that_some_layer_does_not_have_divides_nothing(tmp_path: Path) -> None:
    """The weights are computed by a convolution of one image; a fourth of it is not a count."""
    nodes = [
        helper.make_node("Conv", ["kernel", "v"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    inputs = {"x": (4, 1, 5, 5), "kernel": (4, 1, 3, 3)}
    path = write_onnx(tmp_path / "m.onnx", nodes, inputs, {"y": None}, {"v": numbers(1, 1, 1, 1)})
    assert count_file(path).batch == 4

    inputs = {"x": (4, 1, 5, 5), "kernel": (1, 1, 3, 3)}
    path = write_onnx(tmp_path / "m.onnx", nodes, inputs, {"y": None}, {"v": numbers(1, 1, 1, 1)})
    count = count_file(path)
    assert (count.macs, count.batch) == (9 + 4 * 9 * 9, None)


def test_a_buffer_that_two_layers_share_is_stored_once(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y, z = (builder.tensor(name, (1, 8, 8, 4)) for name in "xyz")
    w = builder.tensor("w", (4, 3, 3, 4), numbers(4, 3, 3, 4))
    again = builder.tensor("again", (4, 3, 3, 4), numbers(4, 3, 3, 4))
    builder.graph.tensors[again].buffer = builder.graph.tensors[w].buffer
    builder.operator("CONV_2D", [x, w], [y], conv_options())
    builder.operator("CONV_2D", [y, again], [z], conv_options())
    builder.graph.inputs, builder.graph.outputs = [x], [z]
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert [layer.params for layer in count.layers] == [144, 0]
    assert count.macs == 2 * 64 * 4 * 36


def test_int8_tflite_weights_and_int32_biases_are_parameters_by_their_scales(
    tmp_path: Path,
) -> None:
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 8, 8, 4), dtype="int8", scale=(0.1,))
    y = builder.tensor("y", (1, 8, 8, 6), dtype="int8", scale=(0.1,))
    w = builder.tensor("w", (6, 3, 3, 4), numbers(6, 3, 3, 4, dtype="int8"), scale=[0.1] * 6)
    b = builder.tensor("b", (6,), numbers(6, dtype="int32"), scale=[0.01] * 6)
    shape = builder.tensor("shape", (2,), np.array([1, 384], np.int32))
    flat = builder.tensor("flat", (1, 384), dtype="int8", scale=(0.1,))
    builder.operator("CONV_2D", [x, w, b], [y], conv_options())
    builder.operator("RESHAPE", [y, shape], [flat])
    builder.graph.inputs, builder.graph.outputs = [x], [flat]
    assert count_file(builder.write(tmp_path / "m.tflite")).params == 6 * 36 + 6


def test_float16_weights_behind_dequantize_belong_to_their_layer(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 8, 8, 4)), builder.tensor("y", (1, 8, 8, 6))
    half = builder.tensor("half", (6, 3, 3, 4), numbers(6, 3, 3, 4).astype(np.float16))
    w = builder.tensor("w", (6, 3, 3, 4))
    builder.operator("DEQUANTIZE", [half], [w])
    builder.operator("CONV_2D", [x, w], [y], conv_options())
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert [(layer.op, layer.params) for layer in count.layers] == [("CONV_2D", 216)]


def test_lone_numbers_and_limits_are_settings_but_a_lone_bias_is_not(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "sixth"], ["a"]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("Mul", ["b", "gains"], ["c"]),
        helper.make_node("Gemm", ["c", "w", "bias"], ["y"], transB=1),
    ]
    constants = {
        "sixth": np.array(1 / 6, np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "gains": numbers(3),
        "w": numbers(1, 3),
        "bias": numbers(1),
    }
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 3)}, {"y": None}, constants)
    count = count_file(path)
    assert {layer.op: layer.params for layer in count.layers} == {"Mul": 3, "Gemm": 4}
    assert count.macs == 3


RARE = ["FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT4E2M1", "BFLOAT16", "FLOAT16", "DOUBLE", "COMPLEX64",
        "INT4", "UINT4", "INT2", "UINT2"]  # fmt: skip


@pytest.mark.parametrize("kind", RARE)
def test_weights_of_rare_types_are_parameters(tmp_path: Path, kind: str) -> None:
    number = getattr(TensorProto, kind)
    weights = helper.make_tensor("w", number, (4, 3, 3, 3), [1.0] * 108)
    nodes = [
        helper.make_node("Cast", ["w"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "real"], ["y"], pads=[1, 1, 1, 1]),
    ]
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 3, 8, 8)}, {"y": (1, 4, 8, 8)})
    model = onnx.load(path)
    model.graph.initializer.append(weights)
    onnx.save(model, path)
    count = count_file(path)
    assert (count.params, count.macs) == (108, 64 * 108)


def sparse_onnx(path: Path) -> Path:
    """A dense layer from 4 to 4, of whose 16 weights 5 are stored."""
    path = write_onnx(
        path, [helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (1, 4)}, {"y": (1, 4)}
    )
    model = onnx.load(path)
    places = np.array([0, 3, 7, 8, 15])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            numpy_helper.from_array(numbers(5), "w"), numpy_helper.from_array(places, "i"), [4, 4]
        )
    )
    onnx.save(model, path)
    return path


def sparse_tflite(path: Path) -> Path:
    """The same."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    w, dense = builder.tensor("w", (4, 4), numbers(4, 4)), builder.tensor("dense", (4, 4))
    builder.model.buffers[-1].data = np.frombuffer(numbers(5).tobytes(), np.uint8)
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    sparsity.dimMetadata = [dimension(dense=4), dimension([0, 2, 3, 4, 5], [0, 3, 3, 0, 3])]
    builder.graph.tensors[w].sparsity = sparsity
    builder.operator("DENSIFY", [w], [dense])
    builder.operator("FULLY_CONNECTED", [x, dense], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    return builder.write(path)


def dimension(segments: Any = None, indices: Any = None, dense: int = 0) -> Any:
    found = schema.DimensionMetadataT()
    found.format = schema.DimensionType.DENSE if dense else schema.DimensionType.SPARSE_CSR
    found.denseSize = dense
    if not dense:
        found.arraySegmentsType = schema.SparseIndexVector.Int32Vector
        found.arraySegments = schema.Int32VectorT()
        found.arraySegments.values = segments
        found.arrayIndicesType = schema.SparseIndexVector.Int32Vector
        found.arrayIndices = schema.Int32VectorT()
        found.arrayIndices.values = indices
    return found


@pytest.mark.parametrize(("suffix", "write"), [(".tflite", sparse_tflite), (".onnx", sparse_onnx)])
def test_of_sparse_weights_the_stored_values_are_parameters_in_both_formats(
    tmp_path: Path, suffix: str, write: Any
) -> None:
    count = count_file(write(tmp_path / f"m{suffix}"))
    assert (count.params, count.macs) == (5, 16)
    assert count.warnings == (
        "parameters include 5 stored values of sparse weights, whose 16 elements the"
        " multiply-adds are of",
    )


def test_batch_norm_statistics_are_stored_and_announced(tmp_path: Path) -> None:
    parameters = ["scale", "shift", "mean", "variance"]
    path = write_onnx(
        tmp_path / "m.onnx",
        [helper.make_node("BatchNormalization", ["x", *parameters], ["y"])],
        {"x": (1, 5, 4, 4)},
        {"y": None},
        {name: np.abs(numbers(5)) for name in parameters},
    )
    count = count_file(path)
    assert (count.macs, count.params, count.activations) == (0, 20, 0)
    assert count.warnings == ("parameters include 10 means and variances of batch norms",)


def test_products_of_two_activations_count(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "x"], ["y"])
    count = count_file(write_onnx(tmp_path / "m.onnx", [node], {"x": (3, 3)}, {"y": None}))
    assert (count.macs, count.params, count.activations) == (27, 0, 9)


def test_of_an_unknown_kind_with_weights_no_partial_sum_is_given(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Blend", ["a", "v"], ["y"], domain="my.own"),
    ]
    constants = {"w": numbers(3, 4), "v": numbers(4, 5)}
    path = write_onnx(
        tmp_path / "m.onnx", nodes, {"x": (1, 3)}, {"y": (1, 5)}, constants, domains=["my.own"]
    )
    count = count_file(path)
    assert count.params == 12 + 20
    assert count.macs is None
    assert count.activations is None
    assert count.reason == "Blend 'y': the computation of Blend with its parameters is not known"
    assert [layer.macs for layer in count.layers] == [12, None]


def test_an_unknown_kind_without_weights_is_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Blend", ["x"], ["a"], domain="my.own"),
        helper.make_node("Blend", ["a"], ["y"], domain="my.own"),
    ]
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 3)}, {"y": (1, 3)}, domains=["my.own"])
    count = count_file(path)
    assert count.macs == 0
    assert "2 my.own.Blend: not counted: its computation is not known" in count.warnings
    assert count.not_counted == {"my.own.Blend": 2}


def test_arithmetic_that_is_not_counted_is_named_and_movement_is_not(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["a"]),
        helper.make_node("Mul", ["a", "x"], ["b"]),
        helper.make_node("Transpose", ["b"], ["y"]),
    ]
    count = count_file(write_onnx(tmp_path / "m.onnx", nodes, {"x": (2, 3)}, {"y": None}))
    assert count.not_counted == {"Sigmoid": 1, "Mul": 1}


def test_open_sizes_are_refused_with_a_way_out(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    inputs, constants = {"x": (1, 4, "height", "width")}, {"w": numbers(6, 4, 3, 3)}
    path = write_onnx(tmp_path / "m.onnx", [node], inputs, {"y": None}, constants)
    with pytest.raises(MixnetError, match=r"open sizes: height \(axis 2\), width") as error:
        count_file(path)
    assert error.value.hint == "give --shape x=1,4,224,224, or --dim height=… --dim width=…"


def test_inner_sizes_that_depend_on_values_are_those_of_a_run(tmp_path: Path) -> None:
    """A reshape to sizes that the graph computes; the file leaves what follows open."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 12))
    part = builder.tensor("part", (2,), np.array([1, 2], np.int32))
    rest = builder.tensor("rest", (2,), np.array([2, 2], np.int32))
    sizes = builder.tensor("sizes", (2,), dtype="int32")
    rows, y = builder.tensor("rows", (1, 1)), builder.tensor("y", (1, 5))
    w = builder.tensor("w", (5, 4), numbers(5, 4))
    builder.graph.tensors[rows].shapeSignature = [-1, -1]
    builder.graph.tensors[y].shapeSignature = [-1, 5]
    builder.operator("ADD", [part, rest], [sizes])
    builder.operator("RESHAPE", [x, sizes], [rows])
    builder.operator("FULLY_CONNECTED", [rows, w], [y])
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    path = builder.write(tmp_path / "m.tflite")
    assert read_file(path).tensors["rows"].shape == (1, None)
    count = count_file(path)
    assert (count.params, count.macs) == (20, 3 * 20)
    assert (
        "sizes of 2 tensors depend on values; the sizes of a run on zeros are used"
        in (count.warnings[0])
    )


def test_a_file_that_onnxruntime_rearranged_is_refused(tmp_path: Path) -> None:
    domain = "com.microsoft.nchwc"
    node = helper.make_node("Conv", ["x", "w"], ["y"], domain=domain)
    constants = {"w": numbers(8, 4, 3, 3)}
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 4, 8, 8)}, {"y": None}, constants, domains=[domain]
    )
    with pytest.raises(MixnetError, match="optimized by onnxruntime") as error:
        count_file(path)
    assert "made from" in error.value.hint


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        count_file(tmp_path / "absent.onnx")


def small_network(path: Path) -> Path:
    """Convolution, ReLU, global average, dense: enough for onnxruntime's quantization."""
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"], "pool"),
        helper.make_node("Flatten", ["g"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["y"], "dense", transB=1),
    ]
    constants = {"w1": numbers(8, 3, 3, 3), "b1": numbers(8), "w2": numbers(5, 8), "b2": numbers(5)}
    return write_onnx(path, nodes, {"x": (1, 3, 8, 8)}, {"y": (1, 5)}, constants)


SMALL_MACS = 8 * 8 * 8 * 27 + 40
SMALL_PARAMS = 8 * 27 + 8 + 40 + 5


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("style", ["QDQ", "QOperator", "dynamic"])
def test_quantizing_with_onnxruntime_changes_neither_macs_nor_parameters(
    tmp_path: Path, style: str, per_channel: bool
) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")
    source, target = small_network(tmp_path / "float.onnx"), tmp_path / "int8.onnx"
    assert (count_file(source).macs, count_file(source).params) == (SMALL_MACS, SMALL_PARAMS)
    if style == "dynamic":
        quantization.quantize_dynamic(source, target, per_channel=per_channel)
    else:

        class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
            feeds = iter([{"x": numbers(1, 3, 8, 8)}])

            def get_next(self) -> Any:
                return next(self.feeds, None)

        quantization.quantize_static(
            source, target, Reader(),
            quant_format=quantization.QuantFormat[style], per_channel=per_channel,
        )  # fmt: skip
    assert {each.data_type for each in onnx.load(target).graph.initializer} & {
        TensorProto.INT8,
        TensorProto.UINT8,
    }, "nothing was quantized"
    count = count_file(target)
    assert (count.macs, count.params) == (SMALL_MACS, SMALL_PARAMS)
    assert count.activations == 8 * 8 * 8 + 5


def test_a_file_that_onnxruntime_optimized_counts_like_the_one_it_came_from(
    tmp_path: Path,
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    runtime.InferenceSession(
        str(small_network(tmp_path / "m.onnx")), options, providers=["CPUExecutionProvider"]
    )
    count = count_file(tmp_path / "fused.onnx")
    assert "FusedConv" in {layer.op for layer in count.layers}
    assert (count.macs, count.params) == (SMALL_MACS, SMALL_PARAMS)
