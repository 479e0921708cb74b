"""Recurrent layers, Einsum, products of activations and attention, each against a sum by hand."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from tiny_models import TfliteBuilder, numbers, write_onnx

from mixnet_bench.counting.einsum import contraction
from mixnet_bench.counting.file import count_file
from mixnet_bench.counting.operands import Operands, UnknownError
from mixnet_bench.counting.products import causal_convolution
from mixnet_runtimes import FileTensor

MICROSOFT = "com.microsoft"
Shape = tuple[int, ...]


def one_node(
    path: Path,
    kind: str,
    inputs: dict[str, Shape],
    constants: dict[str, Any],
    output: Shape | None = None,
    *,
    order: str = "",
    domain: str = "",
    opset: int = 17,
    **attributes: Any,
) -> Path:
    """A file of one operator; ``order`` names its inputs where some are left out, as "-"."""
    names = order.split() or [*inputs, *constants]
    node = helper.make_node(
        kind, ["" if name == "-" else name for name in names], ["y"], domain=domain, **attributes
    )
    values = {
        name: numbers(*value) if isinstance(value, tuple) else value
        for name, value in constants.items()
    }
    write_onnx(path, [node], inputs, {"y": output}, values, domains=[domain] if domain else [])
    model = onnx.load(path)
    model.opset_import[0].version = opset
    model.ir_version = 10
    onnx.save(model, path)
    return path


RECURRENT = [
    # kind, gates, directions
    ("LSTM", 4, 1),
    ("LSTM", 4, 2),
    ("GRU", 3, 1),
    ("GRU", 3, 2),
    ("RNN", 1, 1),
]


@pytest.mark.parametrize(("kind", "gates", "directions"), RECURRENT)
def test_recurrent_layers_multiply_input_and_state_at_every_step(
    tmp_path: Path, kind: str, gates: int, directions: int
) -> None:
    steps, batch, size, hidden = 100, 1, 8, 16
    weights = {
        "w": (directions, gates * hidden, size),
        "r": (directions, gates * hidden, hidden),
        "b": (directions, 2 * gates * hidden),
    }
    path = one_node(
        tmp_path / "m.onnx", kind, {"x": (steps, batch, size)}, weights,
        hidden_size=hidden, direction="bidirectional" if directions == 2 else "forward",
    )  # fmt: skip
    count = count_file(path)
    assert count.macs == steps * directions * batch * gates * hidden * (size + hidden)
    assert count.params == directions * gates * hidden * (size + hidden + 2)
    assert count.activations == steps * directions * batch * hidden
    assert count.batch is None, "its first axis is the sequence"


def test_an_lstm_of_the_cases_has_its_known_numbers(tmp_path: Path) -> None:
    weights = {"w": (1, 64, 8), "r": (1, 64, 16)}
    path = one_node(tmp_path / "m.onnx", "LSTM", {"x": (100, 1, 8)}, weights, hidden_size=16)
    count = count_file(path)
    assert (count.macs, count.params) == (153_600, 1_536)


def test_peepholes_are_parameters_and_first_states_are_not(tmp_path: Path) -> None:
    constants = {
        "w": (1, 8, 3), "r": (1, 8, 2), "b": (1, 16), "h": (1, 1, 2), "c": (1, 1, 2), "p": (1, 6),
    }  # fmt: skip
    path = one_node(
        tmp_path / "m.onnx", "LSTM", {"x": (5, 1, 3)}, constants, order="x w r b - h c p",
        hidden_size=2,
    )  # fmt: skip
    count = count_file(path)
    assert count.params == 24 + 16 + 16 + 6
    assert count.macs == 5 * (24 + 16)


EINSUMS = [
    # equation, shapes, multiply-adds by hand
    ("bhid,bhjd->bhij", [(1, 8, 64, 32), (1, 8, 64, 32)], 1_048_576),
    ("bi,io->bo", [(1, 64), (64, 32)], 2_048),
    ("...ij,...jk->...ik", [(2, 3, 4, 5), (3, 5, 6)], 2 * 3 * 4 * 5 * 6),
    ("ij,jk", [(2, 3), (3, 4)], 24),
    ("i,j->ij", [(7,), (5,)], 35),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], 2 * 3 * 4 + 2 * 4 * 5),
    ("ij->ji", [(2, 3)], 0),
    ("ii->i", [(3, 3)], 0),
    ("bi , io -> bo", [(4, 6), (6, 2)], 48),
    ("b...,b...->b", [(2, 3, 4), (2, 1, 4)], 24),
]


@pytest.mark.parametrize(("equation", "shapes", "macs"), EINSUMS)
def test_einsum_takes_the_product_of_its_indices_sizes(
    tmp_path: Path, equation: str, shapes: list[Shape], macs: int
) -> None:
    assert contraction(equation, shapes) == macs
    inputs = dict(zip("abc", shapes, strict=False))
    path = one_node(tmp_path / "m.onnx", "Einsum", inputs, {}, equation=equation)
    assert count_file(path).macs == macs


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ij", "i?j,jk->ik", "...i,ij->j", ""])
def test_an_equation_that_does_not_fit_its_inputs_is_named(equation: str) -> None:
    with pytest.raises(UnknownError):
        contraction(equation, [(2, 3), (4, 5)])


def test_an_einsum_with_weights_has_parameters(tmp_path: Path) -> None:
    path = one_node(
        tmp_path / "m.onnx", "Einsum", {"x": (1, 64)}, {"w": (64, 32)}, equation="bi,io->bo"
    )
    count = count_file(path)
    assert (count.macs, count.params) == (2_048, 2_048)


ATTENTION = [
    # kind, domain, inputs, constants, order, attributes, multiply-adds by hand
    ("Attention", "", dict.fromkeys("qkv", (1, 8, 64, 32)), {}, "", {}, 2_097_152),
    (
        "Attention", "",
        {"q": (1, 10, 24), "k": (1, 7, 12), "v": (1, 7, 18)}, {}, "",
        {"q_num_heads": 4, "kv_num_heads": 2}, 10 * 7 * (24 + 36),
    ),
    (
        "Attention", "",
        {"q": (1, 2, 5, 4), "k": (1, 2, 5, 4), "v": (1, 2, 5, 4), "pk": (1, 2, 3, 4),
         "pv": (1, 2, 3, 4)},
        {}, "q k v - pk pv", {}, 2 * 5 * 8 * (4 + 4),
    ),
    (
        "Attention", MICROSOFT, {"x": (1, 10, 16)}, {"w": (16, 48), "b": (48,)}, "",
        {"num_heads": 4}, 10 * 16 * 48 + 10 * 10 * (16 + 16),
    ),
    (
        "Attention", MICROSOFT, {"x": (1, 10, 16)}, {"w": (16, 40), "b": (40,)}, "",
        {"num_heads": 4, "qkv_hidden_sizes": [16, 16, 8]}, 10 * 16 * 40 + 10 * 10 * (16 + 8),
    ),
    (
        "MultiHeadAttention", MICROSOFT, {"q": (1, 10, 16), "k": (1, 7, 16), "v": (1, 7, 24)},
        {}, "", {"num_heads": 4}, 10 * 7 * (16 + 24),
    ),
    (
        "MultiHeadAttention", MICROSOFT, {"q": (1, 10, 4, 3, 8)}, {}, "", {"num_heads": 4},
        10 * 10 * (32 + 32),
    ),
    (
        "GroupQueryAttention", MICROSOFT,
        {"q": (1, 10, 32), "k": (1, 10, 16), "v": (1, 10, 16), "pk": (1, 2, 64, 8),
         "pv": (1, 2, 64, 8)},
        {"lengths": np.array([9], np.int32), "total": np.array(12, np.int32)},
        "q k v pk pv lengths total", {"num_heads": 4, "kv_num_heads": 2}, 10 * 12 * (32 + 32),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "domain", "inputs", "constants", "order", "attributes", "macs"), ATTENTION
)
def test_attention_multiplies_queries_keys_and_values(
    tmp_path: Path,
    kind: str,
    domain: str,
    inputs: dict[str, Shape],
    constants: dict[str, Any],
    order: str,
    attributes: dict[str, Any],
    macs: int,
) -> None:
    opset = 17 if domain else 23
    path = one_node(
        tmp_path / "m.onnx", kind, inputs, constants, order=order, domain=domain,
        opset=opset, **attributes,
    )  # fmt: skip
    count = count_file(path)
    assert count.macs == macs
    weights = [value for value in constants.values() if isinstance(value, tuple)]
    assert count.params == sum(int(np.prod(each)) for each in weights)


def test_keys_that_only_running_tells_leave_the_count_unknown(tmp_path: Path) -> None:
    inputs = {"q": (1, 1, 32), "k": (1, 1, 16), "v": (1, 1, 16), "pk": (1, 2, 64, 8)}
    path = one_node(
        tmp_path / "m.onnx", "GroupQueryAttention", inputs, {}, (1, 1, 32), domain=MICROSOFT,
        num_heads=4, kv_num_heads=2,
    )  # fmt: skip
    count = count_file(path)
    assert count.macs is None
    assert "its number of keys is known only when it runs" in count.reason


PRODUCTS = [
    # kind, inputs, constants, attributes, multiply-adds, parameters
    ("FusedMatMul", {"x": (2, 5, 7)}, {"w": (7, 3)}, {}, 2 * 105, 21),
    ("FusedMatMul", {"x": (7, 5)}, {"w": (3, 7)}, {"transA": 1, "transB": 1}, 105, 21),
    ("FusedMatMul", {"x": (5, 2, 7), "z": (2, 7, 3)}, {}, {"transBatchA": 1}, 2 * 105, 0),
    ("GemmFastGelu", {"x": (1, 5, 7)}, {"w": (7, 3), "b": (3,)}, {}, 105, 24),
    ("FusedGemm", {"x": (5, 7)}, {"w": (7, 3), "b": (3,)}, {"activation": "Relu"}, 105, 24),
    (
        "MatMulNBits", {"x": (1, 5, 64)},
        {"w": np.zeros((6, 2, 16), np.uint8), "s": (12,)},
        {"K": 64, "N": 6, "bits": 4, "block_size": 32}, 5 * 64 * 6, 64 * 6,
    ),
    (
        "MatMulIntegerToFloat", {},
        {"x": np.ones((5, 7), np.int8), "w": np.ones((7, 3), np.int8), "s": (1,), "t": (3,)},
        {}, 105, 0,
    ),
    (
        "DynamicQuantizeLSTM", {"x": (5, 1, 3)},
        {"w": np.ones((1, 3, 8), np.int8), "r": np.ones((1, 2, 8), np.int8), "b": (1, 16)},
        {"hidden_size": 2}, 5 * (24 + 16), 24 + 16 + 16,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "inputs", "constants", "attributes", "macs", "params"), PRODUCTS)
def test_products_of_onnxruntime_s_own_count_as_by_hand(
    tmp_path: Path, kind: str, inputs: Any, constants: Any, attributes: Any, macs: int, params: int
) -> None:
    if kind == "MatMulIntegerToFloat":
        inputs, constants = {"x": (5, 7)}, {key: constants[key] for key in "wst"}
        params = 21
    path = one_node(
        tmp_path / "m.onnx", kind, inputs, constants, (1, 5, 3), domain=MICROSOFT, **attributes
    )
    count = count_file(path)
    assert (count.macs, count.params) == (macs, params)
    assert count.warnings == () or count.batch is None


CONVOLUTIONS = [
    # kind, opset, inputs, constants, attributes, multiply-adds, parameters
    (
        "ConvInteger", 17, {},
        {"x": np.ones((1, 4, 8, 8), np.uint8), "w": np.ones((6, 4, 3, 3), np.uint8)}, {},
        36 * 6 * 36, 216,
    ),
    ("ConvTranspose", 17, {"x": (1, 4, 8, 8)}, {"w": (4, 6, 3, 3)}, {}, 64 * 4 * 54, 216),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "opset", "inputs", "constants", "attributes", "macs", "params"), CONVOLUTIONS
)
def test_further_convolutions_count_as_by_hand(
    tmp_path: Path,
    kind: str,
    opset: int,
    inputs: Any,
    constants: Any,
    attributes: Any,
    macs: int,
    params: int,
) -> None:
    path = one_node(tmp_path / "m.onnx", kind, inputs, constants, opset=opset, **attributes)
    if not inputs:  # an integer image
        model = onnx.load(path)
        model.graph.input.append(
            helper.make_tensor_value_info("x", TensorProto.UINT8, (1, 4, 8, 8))
        )
        del model.graph.initializer[0]
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
        onnx.save(model, path)
    count = count_file(path)
    assert (count.macs, count.params) == (macs, params)


def test_a_causal_convolution_multiplies_every_channel_by_its_kernel() -> None:
    shapes = [(2, 4, 10), (4, 1, 3)]
    tensors = [FileTensor("t", shape, "float32", "input") for shape in shapes]
    assert causal_convolution(Operands(tensors, [], {})) == 2 * 4 * 10 * 3


def test_an_operator_with_products_of_unknown_number_leaves_the_sum_unknown(
    tmp_path: Path,
) -> None:
    path = one_node(
        tmp_path / "m.onnx", "CDist", {"a": (1, 4), "b": (1, 4)}, {}, (1, 1), domain=MICROSOFT
    )
    count = count_file(path)
    assert count.macs is None
    assert "the number of multiply-adds of CDist is not known" in count.reason


def recurrent_tflite(path: Path, kind: str, shapes: dict[int, Shape], options: Any) -> Path:
    """One recurrent operator on 5 steps of 3 numbers; weights by their positions."""
    builder = TfliteBuilder()
    inputs = [builder.tensor("x", (1, 5, 3))]
    length = {"SVDF": 5, "RNN": 5, "UNIDIRECTIONAL_SEQUENCE_RNN": 5}.get(kind, 48)
    for position in range(1, length):
        shape = shapes.get(position)
        inputs.append(
            -1 if shape is None else builder.tensor(f"w{position}", shape, numbers(*shape))
        )
    y = builder.tensor("y", (1, 5, 2))
    builder.operator(kind, inputs, [y], options)
    builder.graph.inputs, builder.graph.outputs = [0], [y]
    return builder.write(path)


LSTM_WEIGHTS = {
    **dict.fromkeys(range(1, 5), (2, 3)),
    **dict.fromkeys(range(5, 9), (2, 2)),
    **dict.fromkeys(range(12, 16), (2,)),
}
FUSED = {position: shape for position, shape in LSTM_WEIGHTS.items() if position not in (1, 5)}


@pytest.mark.parametrize(
    ("kind", "shapes", "macs", "params"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", LSTM_WEIGHTS, 5 * 4 * (6 + 4), 4 * (6 + 4 + 2)),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", FUSED, 5 * 3 * (6 + 4), 3 * (6 + 4) + 4 * 2),
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM", {**LSTM_WEIGHTS, 16: (2, 2)},
            5 * (4 * (6 + 4) + 4), 4 * (6 + 4 + 2) + 4,
        ),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", {1: (2, 3), 2: (2, 2), 3: (2,)}, 5 * 10, 12),
        ("RNN", {1: (2, 3), 2: (2, 2), 3: (2,)}, 5 * 10, 12),
        (
            "BIDIRECTIONAL_SEQUENCE_RNN",
            {1: (2, 3), 2: (2, 2), 3: (2,), 5: (2, 3), 6: (2, 2), 7: (2,)}, 5 * 20, 24,
        ),
        (
            "BIDIRECTIONAL_SEQUENCE_LSTM",
            {
                **{place + shift: (2, 3) for place in range(1, 5) for shift in (0, 17)},
                **{place + shift: (2, 2) for place in range(5, 9) for shift in (0, 17)},
                **{place + shift: (2,) for place in range(12, 16) for shift in (0, 17)},
            },
            2 * 5 * 4 * (6 + 4), 2 * 4 * (6 + 4 + 2),
        ),
        ("SVDF", {1: (4, 3), 2: (4, 6), 3: (2,)}, 5 * (12 + 24), 12 + 24 + 2),
    ],
)  # fmt: skip
def test_tflite_s_recurrent_layers_count_as_by_hand(
    tmp_path: Path, kind: str, shapes: dict[int, Shape], macs: int, params: int
) -> None:
    count = count_file(recurrent_tflite(tmp_path / "m.tflite", kind, shapes, None))
    assert (count.macs, count.params) == (macs, params)


def test_a_basic_lstm_has_one_matrix_for_all_gates(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, state, cell = (
        builder.tensor("x", (1, 3)), builder.tensor("s", (1, 2)), builder.tensor("c", (1, 2))
    )  # fmt: skip
    w, b = builder.tensor("w", (8, 5), numbers(8, 5)), builder.tensor("b", (8,), numbers(8))
    outputs = [builder.tensor(f"y{n}", (1, 2)) for n in range(4)]
    options = schema.LSTMOptionsT()
    options.kernelType = schema.LSTMKernelType.BASIC
    builder.operator("LSTM", [x, state, w, b, cell], outputs, options)
    builder.graph.inputs, builder.graph.outputs = [x, state, cell], outputs
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.macs, count.params) == (40, 48)


def test_two_activations_multiplied_in_tflite_count(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 8, 64, 32)), builder.tensor("y", (1, 8, 64, 32))
    z = builder.tensor("z", (1, 8, 64, 64))
    options = schema.BatchMatMulOptionsT()
    options.adjY = True
    builder.operator("BATCH_MATMUL", [x, y], [z], options)
    builder.graph.inputs, builder.graph.outputs = [x, y], [z]
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert (count.macs, count.params) == (1_048_576, 0)


def test_a_stablehlo_convolution_and_product_count_by_their_dimension_numbers(
    tmp_path: Path,
) -> None:
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 8, 8, 3)), builder.tensor("y", (1, 6, 6, 5))
    w = builder.tensor("w", (3, 3, 3, 5), numbers(3, 3, 3, 5))
    options = schema.StablehloConvolutionOptionsT()
    options.kernelSpatialDimensions = [0, 1]
    options.kernelInputFeatureDimension, options.kernelOutputFeatureDimension = 2, 3
    builder.operator("STABLEHLO_CONVOLUTION", [x, w], [y], options)
    v, z = builder.tensor("v", (5, 4), numbers(5, 4)), builder.tensor("z", (1, 6, 6, 4))
    options = schema.StablehloDotGeneralOptionsT()
    options.lhsContractingDimensions, options.rhsContractingDimensions = [3], [0]
    builder.operator("STABLEHLO_DOT_GENERAL", [y, v], [z], options)
    builder.graph.inputs, builder.graph.outputs = [x], [z]
    count = count_file(builder.write(tmp_path / "m.tflite"))
    assert [layer.macs for layer in count.layers] == [36 * 5 * 27, 36 * 4 * 5]
    assert count.params == 135 + 20


def test_a_product_of_unknown_size_leaves_the_sum_unknown_with_its_reason(tmp_path: Path) -> None:
    """What NonZero finds is known only when it runs; no size given by a user would help."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["y"]),
    ]
    path = write_onnx(tmp_path / "m.onnx", nodes, {"x": (1, 4)}, {"y": None}, {"w": numbers(2, 3)})
    count = count_file(path)
    assert count.macs is None
    assert count.params == 6
    assert count.reason == "MatMul 'y': the size of tensor 'rows', ?×2 is not known"


@pytest.mark.parametrize("out", [(1, 6, 6, 6), None], ids=["stated", "inferred"])
def test_a_deformed_convolution_counts_as_one_of_its_output_size(
    tmp_path: Path, out: tuple[int, ...] | None
) -> None:
    """Its weights come before its offsets, which are computed."""
    path = one_node(
        tmp_path / "m.onnx",
        "DeformConv",
        {"x": (1, 4, 8, 8), "o": (1, 18, 6, 6)},
        {"w": (6, 4, 3, 3), "b": (6,)},
        out,
        order="x w o b",
        opset=19,
    )
    count = count_file(path)
    assert (count.macs, count.params) == (36 * 6 * 36, 216 + 6)
