"""Small .onnx files like those of public bug reports: odd, but all that a user may have.

``write(folder)`` writes them all. What is right for each stands in the tests that use it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as Type
from onnx import helper, numpy_helper

FLOAT = Type.FLOAT
Sizes = Sequence[int | str] | None
PADS = {"pads": [1, 1, 1, 1]}


def write(folder: Path) -> Path:
    """Write every file into a folder, which is returned."""
    for part in (_sizes, _inputs, _external, _counted, _control_flow):
        part(folder)
    return folder


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: dict[str, Sizes],
    outputs: dict[str, Sizes],
    weights: dict[str, Any] | None = None,
    *,
    types: dict[str, int] | None = None,
    opset: int = 17,
    ir: int = 9,
) -> None:
    """Write a graph; tensors that ``types`` does not name are float32."""

    def values(shapes: dict[str, Sizes]) -> list[Any]:
        return [
            helper.make_tensor_value_info(name, (types or {}).get(name, FLOAT), shape)
            for name, shape in shapes.items()
        ]

    constants = [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "g", values(inputs), values(outputs), constants)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    path.write_bytes(model.SerializeToString())


def kernel(*shape: int, dtype: str = "float32") -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def conv(data: str = "x", weights: str = "w", result: str = "y", **attributes: Any) -> Any:
    return helper.make_node("Conv", [data, weights], [result], **(PADS | attributes))


def _sizes(folder: Path) -> None:
    """A 3×3 convolution, 3 to 8 channels, whose input's sizes are stated in many ways."""
    w = {"w": kernel(8, 3, 3, 3)}
    for name, stated in {
        "minus_one": (-1, 3, 16, 16),  # Paddle2ONNX#928
        "minus_hw": (-1, 3, -1, -1),
        "zero_batch": (0, 3, 16, 16),
        "dynhw": ("N", 3, "H", "W"),
    }.items():
        output = (stated[0], 8, *stated[2:])
        save(folder / f"{name}.onnx", [conv()], {"x": stated}, {"y": output}, w)
    inputs, output = {"x": ("N", 3, 16, 16), "w": (8, 3, 3, 3)}, {"y": ("N", 8, 16, 16)}
    save(folder / "ir3.onnx", [conv()], inputs, output, w, opset=8, ir=3)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["t", "a"], ["u"]),
        conv("u", "w", "c"),
        helper.make_node("Squeeze", ["c", "a"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[1, 2, 0]),
    ]
    weights = {"w": kernel(1, 3, 3, 3), "a": np.array([0])}
    save(folder / "hwc.onnx", nodes, {"x": (64, 64, 3)}, {"y": (64, 64, 1)}, weights)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"], auto_pad="SAME_UPPER"),
        helper.make_node("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1]),
    ]
    inputs, output = {"x": ("unk__1", 16, 16, 3)}, {"y": ("unk__2", 16, 16, 8)}
    save(folder / "tf_nhwc.onnx", nodes, inputs, output, w)


def _inputs(folder: Path) -> None:
    """Inputs of which values cannot be made up, or not any."""
    gather = helper.make_node("Gather", ["e", "ids"], ["y"])
    types = {"ids": Type.INT64}
    save(
        folder / "ids.onnx", [gather], {"ids": (1, 6)}, {"y": (1, 6, 4)},
        {"e": kernel(1, 4)}, types=types,
    )  # fmt: skip
    for name, dtype, data in (("string", Type.STRING, "s"), ("bf16", Type.BFLOAT16, "x")):
        shape = (1,) if name == "string" else (1, 4)
        node = helper.make_node("Identity", [data], ["y"])
        types = {data: dtype, "y": dtype}
        save(folder / f"{name}.onnx", [node], {data: shape}, {"y": shape}, types=types)
    half = {"x": Type.FLOAT16, "y": Type.FLOAT16}
    save(
        folder / "fp16.onnx", [conv()], {"x": (1, 3, 16, 16)}, {"y": (1, 8, 16, 16)},
        {"w": kernel(8, 3, 3, 3, dtype="float16")}, types=half,
    )  # fmt: skip


def _external(folder: Path) -> None:
    """Weights beside the file, as torch writes them, and the same file moved without them."""
    place = folder / "ext.onnx"
    shapes = {"x": (1, 3, 16, 16)}, {"y": (1, 8, 16, 16)}
    save(place, [conv()], *shapes, {"w": kernel(8, 3, 3, 3)})
    onnx.save_model(
        onnx.load(place), place, save_as_external_data=True, all_tensors_to_one_file=True,
        location="ext.onnx.data", size_threshold=0,
    )  # fmt: skip
    (folder / "moved").mkdir(exist_ok=True)
    (folder / "moved" / "ext.onnx").write_bytes(place.read_bytes())


def _counted(folder: Path) -> None:
    """Networks whose multiply-adds are easily counted wrongly."""
    image, result = {"x": (1, 3, 16, 16)}, {"y": (1, 8, 16, 16)}
    w = kernel(8, 3, 3, 3)
    nodes = [helper.make_node("Relu", ["c"], ["y"]), conv(result="c")]
    save(folder / "unsorted.onnx", nodes, image, result, {"w": w})
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **PADS)
    save(folder / "badbias.onnx", [node], image, result, {"w": w, "b": np.zeros(7, "f")})
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    shapes = {"x": (1, 3, 2, 2)}, {"y": (1, 1, 4, 4)}
    save(folder / "convt.onnx", [node], *shapes, {"w": kernel(3, 1, 2, 2)})
    shapes = {"x": (1, 16, 8, 8)}, {"y": (1, 32, 8, 8)}
    for name in ("grouped.onnx", "grüße 模型 #1 [a].onnx"):
        save(folder / name, [conv(group=4)], *shapes, {"w": kernel(32, 4, 3, 3)})
    nodes = [conv(), helper.make_node("SequenceConstruct", ["y"], ["s"])]
    save(folder / "seq.onnx", nodes, image, {}, {"w": w})
    model = onnx.load(folder / "seq.onnx")
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    (folder / "seq.onnx").write_bytes(model.SerializeToString())
    _bands(folder)
    _products(folder)
    _made_weights(folder, image, result, w)


def _bands(folder: Path) -> None:
    nodes = [
        conv("x", "w1", "a", group=16, pads=[0, 5, 0, 5]),
        conv("x", "w2", "b", group=16, pads=[5, 0, 5, 0]),
        conv("a", "w3", "c", group=16, pads=[10, 10, 10, 10]),
        conv("c", "w4", "d", group=16, dilations=[3, 3], pads=[3, 3, 3, 3]),
        helper.make_node("Add", ["d", "b"], ["y"]),
    ]
    kernels = ((1, 11), (11, 1), (21, 21), (3, 3))
    weights = {f"w{i}": kernel(16, 1, *sizes) for i, sizes in enumerate(kernels, 1)}
    save(folder / "bands.onnx", nodes, {"x": (1, 16, 28, 28)}, {"y": (1, 16, 28, 28)}, weights)


def _products(folder: Path) -> None:
    heads = (1, 8, 64, 32)
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"])
    qkv: dict[str, Sizes] = dict.fromkeys("qkv", heads)
    save(folder / "attention.onnx", [node], qkv, {"y": heads}, opset=23, ir=10)
    node = helper.make_node("Einsum", ["q", "k"], ["y"], equation="bhid,bhjd->bhij")
    shapes: Any = {"q": heads, "k": heads}, {"y": (1, 8, 64, 64)}
    save(folder / "einsum_act.onnx", [node], *shapes)
    node = helper.make_node("MatMul", ["q", "k"], ["y"])
    save(folder / "matmul_act.onnx", [node], {"q": heads, "k": (1, 8, 32, 64)}, shapes[1])
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="bi,io->bo")
    save(folder / "einsum.onnx", [node], {"x": (1, 64)}, {"y": (1, 32)}, {"w": kernel(64, 32)})
    node = helper.make_node("LSTM", ["x", "W", "R"], ["y", "", ""], hidden_size=16)
    weights = {"W": kernel(1, 64, 8), "R": kernel(1, 64, 16)}
    save(folder / "lstm.onnx", [node], {"x": (100, 1, 8)}, {"y": (100, 1, 1, 16)}, weights)


def _made_weights(folder: Path, image: Any, result: Any, w: Any) -> None:
    """Weights that operators make of others, or of the input."""
    nodes = [
        helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"], axis=0),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=0),
        conv("x", "d"),
    ]
    scales = {"w": w, "s": np.ones(8, "f"), "z": np.zeros(8, np.int8)}
    save(folder / "qat.onnx", nodes, image, result, scales)
    nodes = [helper.make_node("Cast", ["h"], ["w"], to=FLOAT), conv()]
    save(folder / "cast.onnx", nodes, image, result, {"h": kernel(8, 3, 3, 3, dtype="float16")})
    nodes = [helper.make_node("Reshape", ["k", "s"], ["w"]), conv()]
    inputs = {**image, "k": (1, 216)}
    save(folder / "dynconv.onnx", nodes, inputs, result, {"s": np.array([8, 3, 3, 3])})


def _control_flow(folder: Path) -> None:
    def value(name: str, shape: Sizes, dtype: int = FLOAT) -> Any:
        return helper.make_tensor_value_info(name, dtype, shape)

    size, small = (1, 8, 16, 16), (1, 3, 16, 16)
    branches = {
        f"{name}_branch": helper.make_graph([conv("x", "w", name)], name, [], [value(name, size)])
        for name in ("then", "else")
    }
    node = helper.make_node("If", ["cond"], ["y"], **branches)
    save(
        folder / "if.onnx", [node], {"x": small, "cond": ()}, {"y": size},
        {"w": kernel(8, 3, 3, 3)}, types={"cond": Type.BOOL},
    )  # fmt: skip
    body = helper.make_graph(
        [helper.make_node("Identity", ["cin"], ["cout"]), conv("xin", "w3", "xout")],
        "body",
        [value("i", (), Type.INT64), value("cin", (), Type.BOOL), value("xin", small)],
        [value("cout", (), Type.BOOL), value("xout", small)],
    )
    node = helper.make_node("Loop", ["n", "c", "x"], ["y"], body=body)
    weights = {"n": np.array(4), "c": np.array(True), "w3": kernel(3, 3, 3, 3)}
    save(folder / "loop.onnx", [node], {"x": small}, {"y": small}, weights)
