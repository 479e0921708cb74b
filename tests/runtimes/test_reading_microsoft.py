"""Sizes behind onnxruntime's own operators, each as onnxruntime itself computes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from tiny_models import numbers, write_onnx

from mixnet_runtimes import read_file

MICROSOFT = "com.microsoft"

INTEGERS = np.random.default_rng(1).integers(0, 5, (2, 7)).astype(np.int32)

CASES: list[tuple[str, dict[str, Any], str, dict[str, Any], int]] = [
    # kind, inputs with their values, their order, attributes, number of outputs
    ("FusedMatMul", {"a": numbers(2, 5, 7), "b": numbers(7, 3)}, "", {}, 1),
    ("FusedMatMul", {"a": numbers(4, 7, 5), "b": numbers(4, 3, 7)}, "",
     {"transA": 1, "transB": 1}, 1),
    ("FusedMatMul", {"a": numbers(5, 4, 7), "b": numbers(4, 7, 3)}, "", {"transBatchA": 1}, 1),
    ("Attention", {"x": numbers(2, 10, 16), "w": numbers(16, 48), "b": numbers(48)}, "",
     {"num_heads": 4}, 1),
    ("Attention", {"x": numbers(2, 10, 16), "w": numbers(16, 40), "b": numbers(40)}, "",
     {"num_heads": 4, "qkv_hidden_sizes": [16, 16, 8]}, 1),
    ("MultiHeadAttention",
     {"q": numbers(2, 10, 16), "k": numbers(2, 7, 16), "v": numbers(2, 7, 24)}, "",
     {"num_heads": 4}, 1),
    ("MatMulNBits",
     {"a": numbers(2, 5, 64), "b": np.zeros((6, 2, 16), np.uint8), "s": numbers(12)}, "",
     {"K": 64, "N": 6, "bits": 4, "block_size": 32}, 1),
    ("DynamicQuantizeLSTM",
     {"x": numbers(5, 2, 3), "w": np.ones((2, 3, 16), np.int8), "r": np.ones((2, 4, 16), np.int8),
      "ws": numbers(2), "wz": np.zeros(2, np.int8), "rs": numbers(2), "rz": np.zeros(2, np.int8)},
     "x w r - - - - - ws wz rs rz", {"hidden_size": 4, "direction": "bidirectional"}, 3),
    ("SkipLayerNormalization",
     {"x": numbers(2, 7, 8), "s": numbers(2, 7, 8), "g": numbers(8)}, "", {}, 1),
    ("EmbedLayerNormalization",
     {"i": INTEGERS, "t": numbers(9, 8), "p": numbers(7, 8), "g": numbers(8), "h": numbers(8)},
     "i - t p - g h", {}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "inputs", "order", "attributes", "outputs"), CASES)
def test_sizes_are_those_that_onnxruntime_computes(
    tmp_path: Path,
    kind: str,
    inputs: dict[str, Any],
    order: str,
    attributes: dict[str, Any],
    outputs: int,
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    names: Sequence[str] = order.split() or list(inputs)
    results = [f"y{place}" for place in range(outputs)]
    node = helper.make_node(
        kind, ["" if each == "-" else each for each in names], results, domain=MICROSOFT,
        **attributes,
    )  # fmt: skip
    follow = [helper.make_node("Identity", [each], [f"{each}_out"]) for each in results]
    first, *rest = inputs
    path = write_onnx(
        tmp_path / "m.onnx",
        [node, *follow],
        {first: inputs[first].shape},
        {f"{each}_out": None for each in results},
        {name: inputs[name] for name in rest},
        domains=[MICROSOFT],
        dtypes={first: helper.np_dtype_to_tensor_dtype(inputs[first].dtype)}
        | ({"y1_out": onnx.TensorProto.INT32} if kind == "EmbedLayerNormalization" else {}),
    )
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = [each.shape for each in session.run(None, {first: inputs[first]})]
    contents = read_file(path)
    assert [each.shape for each in contents.outputs.values()] == expected
