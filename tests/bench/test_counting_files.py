import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

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
from mixnet_bench.counting.rules import TABLES
from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import FORMATS

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
    assert bool(count.warnings) == (batch > 1)


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


def test_products_of_two_activations_are_announced_and_not_counted(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "x"], ["y"])
    count = count_file(write_onnx(tmp_path / "m.onnx", [node], {"x": (3, 3)}, {"y": None}))
    assert count.macs == 0
    assert count.warnings[0] == "1 MatMul of two activations not counted in the MACs"


def test_weights_of_an_unknown_kind_are_announced(tmp_path: Path) -> None:
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="ij,jk->ik")
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (1, 3)}, {"y": None}, {"w": numbers(3, 4)})
    count = count_file(path)
    assert count.params == 12
    assert "1 Einsum with parameters, whose MACs are not counted" in count.warnings


def test_open_sizes_are_refused_with_a_way_out(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    inputs, constants = {"x": (1, 4, "height", "width")}, {"w": numbers(6, 4, 3, 3)}
    path = write_onnx(tmp_path / "m.onnx", [node], inputs, {"y": None}, constants)
    with pytest.raises(MixnetError, match=r"open sizes: height \(axis 2\), width") as error:
        count_file(path)
    assert error.value.hint == "give --shape x=1,4,224,224, or --dim height=… --dim width=…"


def test_a_file_that_onnxruntime_rearranged_is_refused(tmp_path: Path) -> None:
    domain = "com.microsoft.nchwc"
    node = helper.make_node("Conv", ["x", "w"], ["y"], domain=domain)
    constants = {"w": numbers(8, 4, 3, 3)}
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": (1, 4, 8, 8)}, {"y": None}, constants, domains=[domain]
    )
    with pytest.raises(MixnetError, match="rearranged by onnxruntime") as error:
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
