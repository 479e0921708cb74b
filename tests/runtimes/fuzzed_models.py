"""Model files that went wrong, from seeds: bytes that changed, and graphs that cannot be.

Every file follows from its seed alone. Damaged bytes are what disks and networks leave behind;
hostile graphs pack well and hold whatever somebody thought of.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from hostile_models import detection_without_options, huge_activation, split_into_none
from onnx import TensorProto, helper, numpy_helper
from tiny_models import (
    TfliteBuilder,
    conv_onnx,
    conv_options,
    conv_tflite,
    numbers,
    split_tflite,
    write_onnx,
)

Edit = Callable[[Any, random.Random], None]

SIZES = (0, 1, -1, -2, 2, 3, 7, 255, 2**16, 2**31 - 1, -(2**31), 2**20)
LONGS = (*SIZES, 2**31, 2**40, 2**62, -(2**62))
NAMES = ("", "x", "y", "ghost", "\x1b[31mred", "a\nb", "ä" * 200, "../../etc", "0")


# Sound files to begin with


def classifier_tflite(path: Path) -> Path:
    """8×8 pixels → convolution → mean → dense layer of 4 classes, with a signature."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 8, 8, 3))
    w = builder.tensor("w", (4, 3, 3, 3), numbers(4, 3, 3, 3))
    b = builder.tensor("b", (4,), numbers(4))
    y = builder.tensor("y", (1, 8, 8, 4))
    axes = builder.tensor("axes", (2,), np.array([1, 2], np.int32))
    mean = builder.tensor("mean", (1, 4))
    dense = builder.tensor("dense", (4, 4), numbers(4, 4))
    logits = builder.tensor("logits", (1, 4))
    builder.operator("CONV_2D", [x, w, b], [y], conv_options())
    builder.operator("MEAN", [y, axes], [mean], schema.ReducerOptionsT())
    builder.operator(
        "FULLY_CONNECTED", [mean, dense, -1], [logits], schema.FullyConnectedOptionsT()
    )
    builder.graph.inputs, builder.graph.outputs = [x], [logits]
    builder.signature({"image": x}, {"scores": logits})
    return builder.write(path)


def loop_tflite(path: Path) -> Path:
    """A WHILE with a condition and a body of its own."""
    builder = TfliteBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    builder.operator("WHILE", [x], [y], options)
    builder.graph.inputs, builder.graph.outputs = [x], [y]
    builder.subgraph()
    a, low = builder.tensor("a", (1, 4)), builder.tensor("low", (), np.array(7, np.float32))
    axes = builder.tensor("axes", (2,), np.array([0, 1], np.int32))
    total, less = builder.tensor("total", ()), builder.tensor("less", (), dtype="bool")
    builder.operator("SUM", [a, axes], [total], schema.ReducerOptionsT())
    builder.operator("LESS", [total, low], [less])
    builder.graph.inputs, builder.graph.outputs = [a], [less]
    builder.subgraph()
    c, d = builder.tensor("c", (1, 4)), builder.tensor("d", (1, 4))
    weights = builder.tensor("weights", (4, 4), numbers(4, 4))
    builder.operator("FULLY_CONNECTED", [c, weights, -1], [d], schema.FullyConnectedOptionsT())
    builder.graph.inputs, builder.graph.outputs = [c], [d]
    return builder.write(path)


def int8_tflite(path: Path) -> Path:
    """A quantized depthwise convolution with a scale for each channel, and a reshape."""
    builder = TfliteBuilder()
    x = builder.tensor("x", (1, 6, 6, 4), dtype="int8", scale=[0.1])
    weights = numbers(1, 3, 3, 4, dtype="int8")
    w = builder.tensor("w", (1, 3, 3, 4), weights, scale=[0.1, 0.2, 0.3, 0.4], axis=3)
    b = builder.tensor("b", (4,), numbers(4, dtype="int32"), scale=[0.01] * 4)
    y = builder.tensor("y", (1, 6, 6, 4), dtype="int8", scale=[0.2])
    z = builder.tensor("z", (1, 144), dtype="int8", scale=[0.2])
    shape = builder.tensor("shape", (2,), np.array([1, 144], np.int32))
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.depthMultiplier = 1
    options.dilationHFactor = options.dilationWFactor = 1
    reshape = schema.ReshapeOptionsT()
    reshape.newShape = [1, 144]
    builder.operator("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    builder.operator("RESHAPE", [y, shape], [z], reshape)
    builder.graph.inputs, builder.graph.outputs = [x], [z]
    return builder.write(path)


def classifier_onnx(path: Path) -> Path:
    """8×8 pixels → convolution → batch norm → mean → dense layer of 4 classes."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "b", "b", "b", "v"], ["n"], "norm"),
        helper.make_node("GlobalAveragePool", ["n"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "dense", "b"], ["logits"], transB=1),
    ]
    constants = {
        "w": numbers(4, 3, 3, 3), "b": numbers(4), "v": np.ones(4, np.float32),
        "dense": numbers(4, 4),
    }  # fmt: skip
    return write_onnx(path, nodes, {"x": (1, 3, 8, 8)}, {"logits": (1, 4)}, constants)


def shapes_onnx(path: Path) -> Path:
    """Arithmetic on shapes, as exporters write it, around a product."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["width"]),
        helper.make_node("Div", ["width", "two"], ["half"]),
        helper.make_node("Concat", ["minus", "half", "half"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
        helper.make_node("LSTM", ["y", "W", "R"], ["", "h", ""], hidden_size=2),
    ]
    constants = {
        "one": np.array([1]), "two": np.array([2]), "minus": np.array([-1]),
        "w": numbers(3, 5), "W": numbers(1, 8, 5), "R": numbers(1, 8, 2),
    }  # fmt: skip
    return write_onnx(path, nodes, {"x": (6, 6)}, {"h": None}, constants)


def control_onnx(path: Path) -> Path:
    """An If, a Loop and a Scan with weights inside, and a local function."""
    value, kind = helper.make_tensor_value_info, TensorProto.FLOAT
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["t"])], "then", [], [value("t", kind, [1, 4])]
    )
    other = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["e"])], "else", [], [value("e", kind, [1, 4])]
    )
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["goes"]),
            helper.make_node("MatMul", ["state", "w"], ["next"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("go", TensorProto.BOOL, []),
            value("state", kind, [1, 4]),
        ],
        [value("goes", TensorProto.BOOL, []), value("next", kind, [1, 4])],
    )
    scan = helper.make_graph(
        [
            helper.make_node("Add", ["sum", "row"], ["new"]),
            helper.make_node("Relu", ["new"], ["out"]),
        ],
        "scan",
        [value("sum", kind, [4]), value("row", kind, [4])],
        [value("new", kind, [4]), value("out", kind, [4])],
    )
    nodes = [
        helper.make_node("If", ["c"], ["a"], then_branch=branch, else_branch=other),
        helper.make_node("Loop", ["n", "c", "a"], ["b"], body=body),
        helper.make_node("Scan", ["zero", "b"], ["last", "s"], body=scan, num_scan_inputs=1),
        helper.make_node("Twice", ["s"], ["y"], domain="own"),
    ]
    constants = {
        "c": np.array(True), "n": np.array(4), "w": numbers(4, 4), "zero": np.zeros(4, np.float32)
    }  # fmt: skip
    write_onnx(path, nodes, {"x": (1, 4)}, {"y": (1, 4)}, constants, domains=["own"])
    model = onnx.load(path)
    model.functions.append(
        helper.make_function(
            "own", "Twice", ["p"], ["q"], [helper.make_node("Add", ["p", "p"], ["q"])],
            [helper.make_opsetid("", 17)],
        )
    )  # fmt: skip
    path.write_bytes(model.SerializeToString())
    return path


def quantized_onnx(path: Path) -> Path:
    """onnxruntime's own operators on quantized tensors."""
    own = "com.microsoft"
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node(
            "QLinearConv", ["q", "s", "z", "w", "s", "zw", "s", "z", "b"], ["c"], pads=[1] * 4
        ),
        helper.make_node("QLinearAdd", ["c", "s", "z"] * 2 + ["s", "z"], ["a"], domain=own),
        helper.make_node(
            "QLinearConcat", ["s", "z", *["a", "s", "z"] * 2], ["k"], domain=own, axis=1
        ),
        helper.make_node("DequantizeLinear", ["k", "s", "z"], ["d"]),
        helper.make_node("FusedConv", ["d", "f"], ["y"], domain=own, activation="Relu"),
    ]
    constants = {
        "s": np.array(0.1, np.float32), "z": np.array(7, np.uint8), "zw": np.array(0, np.int8),
        "w": numbers(4, 3, 3, 3, dtype="int8"), "b": numbers(4, dtype="int32"),
        "f": numbers(2, 8, 1, 1),
    }  # fmt: skip
    return write_onnx(
        path, nodes, {"x": (1, 3, 8, 8)}, {"y": (1, 2, 8, 8)}, constants, domains=[own]
    )


SOUND: dict[str, tuple[Callable[[Path], Path], ...]] = {
    ".tflite": (classifier_tflite, conv_tflite, split_tflite, loop_tflite, int8_tflite),
    ".onnx": (classifier_onnx, conv_onnx, shapes_onnx, control_onnx, quantized_onnx),
}


# Bytes that changed


def mutated(suffix: str, seed: int, folder: Path) -> Path:
    """A sound file with a few of its bytes changed, cut, doubled or taken from another."""
    rng = random.Random(f"mutated {suffix} {seed}")
    path = folder / f"mutated-{seed}{suffix}"
    first, second = (rng.choice(SOUND[suffix])(path).read_bytes() for _ in range(2))
    data = bytearray(first)
    # Most of an .onnx file are lengths, of which none may change where the file is to parse.
    ways = rng.choice((IN_PLACE, IN_PLACE, WAYS)) if suffix == ".onnx" else WAYS
    for _ in range(rng.choice((1, 1, 2, 4, 8)) if ways is WAYS else rng.choice((1, 1, 2))):
        _damage(data, second, rng.choice(ways), rng)
    path.write_bytes(data)
    return path


IN_PLACE = ("flip", "byte")
WAYS = (*IN_PLACE, "flip", "word", "word", "cut", "splice", "double", "drop")


def _damage(data: bytearray, other: bytes, way: str, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    length = rng.choice((1, 2, 4, 8, 16, 64))
    if way == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif way == "byte":
        data[at] = rng.randrange(256)
    elif way == "word":
        at -= at % 4
        data[at : at + 4] = (rng.choice(SIZES) & 0xFFFFFFFF).to_bytes(4, "little")
    elif way == "cut":
        del data[max(9, at) :]
    elif way == "splice":
        start = rng.randrange(len(other))
        data[at : at + length] = other[start : start + length]
    elif way == "double":
        data[at:at] = data[at : at + length]
    elif len(data) > length + 9:
        del data[at : at + length]


# Graphs that cannot be


def hostile(suffix: str, seed: int, folder: Path, *, classifier: bool = False) -> Path:
    """A sound file, perhaps a classifier, whose graph was edited by somebody who means it."""
    rng = random.Random(f"hostile {suffix} {seed}")
    path = folder / f"hostile-{seed}{suffix}"
    if suffix == ".tflite" and not rng.randrange(12):
        return rng.choice((split_into_none, detection_without_options, huge_activation))(path)
    (SOUND[suffix][0] if classifier else rng.choice(SOUND[suffix]))(path)
    change = _hostile_tflite if suffix == ".tflite" else _hostile_onnx
    path.write_bytes(change(path.read_bytes(), rng))
    return path


def _hostile_onnx(data: bytes, rng: random.Random) -> bytes:
    model = onnx.load_from_string(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        # What protobuf cannot hold is not a file.
        with suppress(TypeError, ValueError, IndexError, AttributeError):
            rng.choice(ONNX_EDITS)(model, rng)
    return bytes(model.SerializeToString())


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _node(model: Any, rng: random.Random) -> Any:
    return rng.choice([node for graph in _graphs(model.graph) for node in graph.node])


def _drop_operand(model: Any, rng: random.Random) -> None:
    operands = rng.choice((_node(model, rng).input, _node(model, rng).output))
    operands.pop(rng.randrange(len(operands)))


def _drop_operands(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    del rng.choice((node.input, node.output))[rng.randrange(2) :]


def _rename_operand(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    operands = rng.choice((node.input, node.output))
    others = [name for each in model.graph.node for name in (*each.input, *each.output)]
    operands[rng.randrange(len(operands))] = rng.choice([*NAMES, *others])


def _add_operands(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    rng.choice((node.input, node.output)).extend(
        rng.choice(NAMES) for _ in range(rng.randrange(1, 9))
    )


def _other_kind(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    kinds = sorted({each.name for each in onnx.defs.get_all_schemas()})
    own = ["FusedConv", "QLinearAdd", "QGemm", "Attention", "MultiHeadAttention", "MatMulNBits",
           "QAttention", "FusedGemm", "NhwcConv", "QLinearConcat", "", "\x1b[2J"]  # fmt: skip
    node.op_type = rng.choice(rng.choice((kinds, own)))
    node.domain = rng.choice(("", "", "ai.onnx", "com.microsoft", "ai.onnx.ml", "q", "own"))


def _other_attribute(model: Any, rng: random.Random) -> None:
    node = _node(model, rng)
    names = [each.name for each in node.attribute]
    names += ["group", "axis", "perm", "axes", "kernel_shape", "pads", "equation", "to", "body",
              "hidden_size", "num_scan_inputs", "value", "scan_input_axes", "transA", "num_heads",
              "q_num_heads", "layout", "direction", "K", "N", "bits", "block_size"]  # fmt: skip
    name = rng.choice(names)
    for place, each in enumerate(node.attribute):
        if each.name == name:
            del node.attribute[place]
            break
    value = rng.choice(
        (rng.choice(LONGS), [rng.choice(LONGS) for _ in range(rng.randrange(1, 9))], 1e30,
         float("nan"), "text", "bhid,bhjd->bhij", "..." * 50, "a" * 300 + "->",
         numpy_helper.from_array(numbers(3), "t"), [0.5, -1.0])
    )  # fmt: skip
    node.attribute.append(helper.make_attribute(name, value))


def _drop_attributes(model: Any, rng: random.Random) -> None:
    del _node(model, rng).attribute[:]


def _other_sizes(model: Any, rng: random.Random) -> None:
    graph = rng.choice(list(_graphs(model.graph)))
    value = rng.choice([*graph.input, *graph.output])
    dims = value.type.tensor_type.shape.dim
    way = rng.randrange(4)
    if way == 0:
        dims[rng.randrange(len(dims))].dim_value = rng.choice(LONGS)
    elif way == 1:
        dims[rng.randrange(len(dims))].dim_param = rng.choice(NAMES)
    elif way == 2:
        for _ in range(rng.choice((1, 5, 70, 3000))):
            dims.add().dim_value = rng.choice((0, 1, 2))
    else:
        value.type.Clear()


def _other_constant(model: Any, rng: random.Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    way = rng.randrange(7)
    if way == 0:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(LONGS)
    elif way == 1:
        tensor.data_type = rng.randrange(-1, 32)
    elif way == 2:
        tensor.ClearField("raw_data")
    elif way == 3:
        del tensor.dims[:]
    elif way == 4:
        tensor.name = rng.choice(NAMES)
    elif way == 5:
        tensor.data_location = TensorProto.EXTERNAL
        place = rng.choice(("weights", "/etc/passwd", "../../../etc/passwd", "", "/dev/zero", "."))
        tensor.external_data.add(key="location", value=place)
        tensor.external_data.add(key="offset", value=rng.choice(("0", "-1", "1e9", "x", "9" * 30)))
    else:
        kinds = [np.float32, np.int64, np.float64, np.bool_]
        new = numpy_helper.from_array(numbers(2, 3).astype(rng.choice(kinds)), tensor.name)
        tensor.CopyFrom(new)


def _shuffle(model: Any, rng: random.Random) -> None:
    nodes = model.graph.node
    order = rng.sample(range(len(nodes)), len(nodes))
    numbers_of = iter(order)
    nodes.sort(key=lambda _node: next(numbers_of))


def _repeat_nodes(model: Any, rng: random.Random) -> None:
    copy = type(model.graph.node[0])()
    copy.CopyFrom(_node(model, rng))
    model.graph.node.extend([copy] * rng.choice((1, 2, 50)))


def _chain(model: Any, rng: random.Random) -> None:
    """Each node doubles what the one before gives."""
    kind, count = rng.choice((("Concat", 30), ("Gather", 60), ("Unsqueeze", 300), ("Einsum", 3)))
    source = rng.choice([each.name for each in model.graph.initializer])
    for place in range(count):
        more = (
            {"axis": 0} if kind == "Concat" else {"equation": "a,b->ab"} if kind == "Einsum" else {}
        )
        node = helper.make_node(kind, [source, source], [f"chain{place}"], **more)
        model.graph.node.insert(place, node)
        source = f"chain{place}"


def _nest(model: Any, rng: random.Random) -> None:
    """Branches within branches within branches."""
    value = helper.make_tensor_value_info("deep", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["deep"])], "g", [], [value])
    for _ in range(rng.choice((2, 10, 30, 60))):
        node = helper.make_node("If", ["x"], ["deep"], then_branch=graph, else_branch=graph)
        if node.ByteSize() > 200_000:
            break
        graph = helper.make_graph([node], "g", [], [value])
    model.graph.node.append(
        helper.make_node("If", ["x"], ["d"], then_branch=graph, else_branch=graph)
    )


def _call_functions(model: Any, rng: random.Random) -> None:
    depth = rng.choice((3, 12, 40, 200))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for place in range(depth):
        target = f"F{(place + 1) % (depth + rng.randrange(2))}"
        nodes = [helper.make_node(target, [a], [b], domain="own") for a, b in ("pm", "mq")]
        model.functions.append(
            helper.make_function("own", f"F{place}", ["p"], ["q"], nodes, opsets)
        )
    model.graph.node.append(helper.make_node("F0", ["x"], ["f"], domain="own"))
    model.opset_import.append(helper.make_opsetid("own", 1))


def _other_opset(model: Any, rng: random.Random) -> None:
    opset = rng.choice(model.opset_import)
    opset.version = rng.choice((0, 1, 7, 8, 13, 25, 99, -1, 2**40))
    opset.domain = rng.choice((opset.domain, "ai.onnx", "q"))


def _drop_part(model: Any, rng: random.Random) -> None:
    graph = rng.choice(list(_graphs(model.graph)))
    part = rng.choice((graph.input, graph.output, graph.initializer, graph.node))
    del part[rng.randrange(len(part))]


def _metadata(model: Any, rng: random.Random) -> None:
    entry = model.metadata_props.add()
    entry.key = rng.choice(("mixnet.quantization", "mixnet.preprocessing", "mixnet.labels"))
    entry.value = rng.choice(
        ("{", "[]", "1e999", '{"x": 1}', '{"x": {"scale": 1e400}}', "[" * 5000)
    )


def _sparse(model: Any, rng: random.Random) -> None:
    tensor = model.graph.sparse_initializer.add()
    tensor.values.CopyFrom(numpy_helper.from_array(numbers(3), rng.choice((*NAMES, "w"))))
    tensor.indices.CopyFrom(numpy_helper.from_array(np.array([0, 1, rng.choice(LONGS)])))
    tensor.dims.extend(rng.choice(LONGS) for _ in range(rng.randrange(4)))


ONNX_EDITS: tuple[Edit, ...] = (
    _drop_operand, _drop_operands, _rename_operand, _add_operands, _other_kind, _other_kind,
    _other_attribute, _other_attribute, _drop_attributes, _other_sizes, _other_sizes,
    _other_constant, _other_constant, _shuffle, _repeat_nodes, _chain, _nest, _call_functions,
    _other_opset, _drop_part, _metadata, _sparse,
)  # fmt: skip


def _hostile_tflite(data: bytes, rng: random.Random) -> bytes:
    sound = data
    for _ in range(20):
        model = schema.ModelT.InitFromPackedBuf(sound)
        for _ in range(rng.choice((1, 1, 2, 3))):
            with suppress(TypeError, ValueError, IndexError, AttributeError):
                rng.choice(TFLITE_EDITS)(model, rng)
        builder = flatbuffers.Builder(1024)
        # What a FlatBuffer cannot hold is not a file: another edit then.
        with suppress(Exception):
            builder.Finish(model.Pack(builder), b"TFL3")
            return bytes(builder.Output())
    return sound


def _subgraph(model: Any, rng: random.Random) -> Any:
    return rng.choice(model.subgraphs)


def _operator(model: Any, rng: random.Random) -> Any:
    return rng.choice(_subgraph(model, rng).operators)


def _tensor(model: Any, rng: random.Random) -> Any:
    return rng.choice(_subgraph(model, rng).tensors)


def _indices(model: Any, rng: random.Random) -> None:
    owner, name = rng.choice(
        [(_operator(model, rng), "inputs"), (_operator(model, rng), "outputs"),
         (_subgraph(model, rng), "inputs"), (_subgraph(model, rng), "outputs")]
    )  # fmt: skip
    found = [int(each) for each in getattr(owner, name)]
    way = rng.randrange(5)
    if way == 0:
        found.pop(rng.randrange(len(found)))
    elif way == 1:
        found[rng.randrange(len(found))] = rng.choice((*SIZES, 4, 5, 6))
    elif way == 2:
        found += [rng.choice((0, 1, 2, 3, -1))] * rng.randrange(1, 40)
    elif way == 3:
        found = found[::-1]
    setattr(owner, name, None if way == 4 else np.array(found, np.int32))


def _kind(model: Any, rng: random.Random) -> None:
    code = rng.choice(model.operatorCodes)
    code.builtinCode = rng.choice((rng.randrange(210), 32, 10**6, -1))
    code.deprecatedBuiltinCode = min(max(code.builtinCode, -128), 127)
    code.version = rng.choice((1, 1, 2, 0, -1, 99))
    code.customCode = rng.choice((None, "", "TFLite_Detection_PostProcess", "FlexAdd", "a\x1b[2J"))


def _options(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    if not rng.randrange(3):
        operator.builtinOptions, operator.builtinOptionsType = None, 0
        return
    fields = vars(operator.builtinOptions)
    name = rng.choice(sorted(fields))
    if isinstance(fields[name], bool | int):
        setattr(operator.builtinOptions, name, rng.choice((0, 1, -1, 2, 3, 127)))
    else:
        setattr(operator.builtinOptions, name, rng.choice((None, np.array(SIZES, np.int32))))


def _other_options(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    names = [name for name in vars(schema.BuiltinOptions) if name.endswith("Options")]
    name = rng.choice(names)
    operator.builtinOptions = getattr(schema, f"{name}T")()
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)


def _shape(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    shape = [int(each) for each in tensor.shape]
    way = rng.randrange(5)
    if way == 0:
        shape[rng.randrange(len(shape))] = rng.choice(SIZES)
    elif way == 1:
        shape += [rng.choice((0, 1, 2))] * rng.choice((1, 4, 70))
    elif way == 2:
        shape = []
    elif way == 3:
        tensor.shapeSignature = np.array([rng.choice(SIZES) for _ in shape], np.int32)
    tensor.shape = None if way == 4 else np.array(shape, np.int32)


def _storage(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    way = rng.randrange(6)
    if way == 0:
        tensor.buffer = rng.choice((0, 1, 2, 99, 2**31))
    elif way == 1:
        tensor.type = rng.randrange(24)
    elif way == 2:
        tensor.isVariable = True
    elif way == 3:
        tensor.name = rng.choice(NAMES)
    elif way == 4:
        buffer = rng.choice(model.buffers)
        buffer.offset, buffer.size = rng.choice((2, 10**6, 2**62)), rng.choice((0, 4, 2**62))
    else:
        buffer = rng.choice(model.buffers)
        buffer.data = np.zeros(rng.choice((0, 1, 4, 4096)), np.uint8)


def _scales(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    found = schema.QuantizationParametersT()
    numbers_ = (0.0, 1.0, -1.0, float("nan"), float("inf"), 1e-45)
    found.scale = np.array([rng.choice(numbers_) for _ in range(rng.choice((1, 4, 7)))], np.float32)
    zeros = [rng.choice(LONGS) for _ in range(rng.choice((0, 1, 4)))]
    found.zeroPoint = np.clip(np.array(zeros, np.float64), -(2**62), 2**62).astype(np.int64)
    found.quantizedDimension = rng.choice((0, 1, 3, -1, 99))
    tensor.quantization = found


def _sparsity(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    found = schema.SparsityParametersT()
    found.traversalOrder = np.array([rng.choice(SIZES) for _ in range(4)], np.int32)
    found.dimMetadata = [schema.DimensionMetadataT() for _ in range(rng.randrange(4))]
    for each in found.dimMetadata:
        each.denseSize = rng.choice(SIZES)
    tensor.sparsity = found


def _signatures(model: Any, rng: random.Random) -> None:
    signature = schema.SignatureDefT()
    signature.signatureKey = rng.choice(NAMES)
    signature.subgraphIndex = rng.choice((0, 1, 2, 99))
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = rng.choice(NAMES), rng.choice((0, 1, 2, 99, 2**31))
    signature.inputs = [entry] * rng.randrange(3)
    signature.outputs = [entry] * rng.randrange(3)
    model.signatureDefs = [*(model.signatureDefs or []), signature]


def _tables(model: Any, rng: random.Random) -> None:
    graph = _subgraph(model, rng)
    way = rng.randrange(6)
    if way == 0:
        model.subgraphs += [graph] * rng.choice((1, 200))
    elif way == 1:
        graph.operators += [_operator(model, rng)] * rng.choice((1, 200))
    elif way == 2:
        graph.operators.reverse()
    elif way == 3:
        model.operatorCodes = rng.choice((None, [], model.operatorCodes[:1]))
    elif way == 4:
        model.buffers = rng.choice((None, [], model.buffers[:1]))
    else:
        graph.tensors = rng.choice((None, [], graph.tensors[:2]))


def _calls(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = rng.choice(
        (schema.BuiltinOperator.WHILE, schema.BuiltinOperator.IF)
    )
    code.version = 1
    model.operatorCodes.append(code)
    operator.opcodeIndex = rng.choice((len(model.operatorCodes) - 1, 99))
    options = rng.choice((schema.WhileOptionsT, schema.IfOptionsT))()
    for name in vars(options):
        setattr(options, name, rng.choice((0, 1, 2, 99, -1)))
    operator.builtinOptions = options
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])


def _described(model: Any, rng: random.Random) -> None:
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(rng.choice((b"", b"{}", bytes(64), b"\xff" * 40)), np.uint8)
    model.buffers.append(buffer)
    entry.name = rng.choice(("TFLITE_METADATA", "mixnet.preprocessing", "min_runtime_version"))
    entry.buffer = rng.choice((len(model.buffers) - 1, 99, 0))
    model.metadata = [entry]


TFLITE_EDITS: tuple[Edit, ...] = (
    _indices, _indices, _indices, _kind, _kind, _options, _other_options, _shape, _shape, _storage,
    _storage, _scales, _sparsity, _signatures, _tables, _calls, _described,
)  # fmt: skip
