"""Mixed and grouped convolutions as other exporters write them: recognized, and equal then."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from graph_files import Net, hold, rewritten
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_export.lowering import PLANS
from mixnet_export.optimize.document import read_document
from mixnet_export.optimize.job import optimize
from mixnet_runtimes.tflite.pack import pack

NHWC_TO_NCHW, NCHW_TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def kinds(path: Path) -> Counter[str]:
    document = read_document(path)
    names = document.kinds()
    return Counter(names[each.opcodeIndex] for each in document.model.subgraphs[0].operators)


def parts_of(net: Net, sizes: Sequence[int], form: str) -> list[str]:
    """The channels of the last tensor in parts, by a split or by slices."""
    whole = net.last
    if form == "split":
        net.add("split", sizes=tuple(sizes))
        return [f"{net.last[:-2]}:{n}" for n in range(len(sizes))]
    found, start = [], 0
    batch, height, width, _ = net.builder.shape(whole)
    for size in sizes:
        cut = {"begin": (0, 0, 0, start), "size": (batch, height, width, size)}
        found.append(net.add("slice", source=whole, **cut))
        start += size
    return found


def mixed(net: Net, sizes: Sequence[int], kernels: Sequence[int], stride: int, form: str) -> None:
    """A mixed convolution as parts, depthwise convolutions and a concatenation.

    ``turned`` pads in the other layout, as litert-torch writes TensorFlow's padding.
    """
    outputs = []
    for part, kernel in zip(parts_of(net, sizes, form), kernels, strict=True):
        window = {"kernel": (kernel, kernel), "strides": (stride, stride), "bias": True}
        if form == "turned" and kernel > 3:
            _, height, width, _ = net.builder.shape(part)
            pads = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in (height, width)]
            amounts = [(p // 2, p - p // 2) for p in pads]
            net.add("transpose", source=part, permutation=NHWC_TO_NCHW)
            net.add("pad", paddings=((0, 0), (0, 0), *amounts))
            net.add("transpose", permutation=NCHW_TO_NHWC)
            outputs.append(net.add("depthwise_conv2d", padding="valid", **window))
        else:
            outputs.append(net.add("depthwise_conv2d", source=part, padding="same", **window))
    net.add("concat", *outputs[1:], source=outputs[0])


def grouped(net: Net, filters: int, groups: int, form: str) -> None:
    """A 1×1 convolution in groups: parts, convolutions and a concatenation."""
    channels = net.builder.shape(net.last)[3]
    if groups == 1 or channels % groups or filters % groups:
        net.add("conv2d", filters=filters, kernel=(1, 1), bias=True)
        return
    parts = parts_of(net, [channels // groups] * groups, form)
    outputs = [
        net.add("conv2d", source=part, filters=filters // groups, kernel=(1, 1), bias=True)
        for part in parts
    ]
    net.add("concat", *outputs[1:], source=outputs[0])


def squeeze(net: Net) -> None:
    wide = net.last
    net.add("global_mean", keepdims=True)
    net.add("conv2d", filters=3, kernel=(1, 1), bias=True)
    net.add("swish")
    net.add("conv2d", filters=net.builder.shape(wide)[3], kernel=(1, 1), bias=True)
    gate = net.add("sigmoid")
    net.add("mul", gate, source=wide)


def norm(net: Net) -> None:
    net.add("batch_norm", epsilon=1e-3)


def block(net: Net, form: str = "slices", stride: int = 1, groups: int = 2) -> None:
    """MixNet's block with three kernels, whose batch norms were not folded."""
    grouped(net, 24, groups, form)
    norm(net)
    net.add("swish")
    mixed(net, (8, 8, 8), (3, 5, 7), stride, form)
    norm(net)
    net.add("swish")
    squeeze(net)
    grouped(net, 10, groups, form)
    norm(net)


@pytest.mark.parametrize("form", ["split", "slices", "turned"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_of_mixnet_is_recognized_whole(form: str, stride: int, tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net, form, stride)
    path = net.save(tmp_path / "a.tflite")
    made, stages = rewritten(path)
    ((region, operators),) = stages.numbered()
    assert region.pattern == "mixed convolution"
    assert "mixed 3×3+5×5+7×7" in region.what
    assert len(operators) == sum(kinds(path).values())
    hold(made, net.model())
    after = kinds(made)
    assert not {"SPLIT_V", "TRANSPOSE", "SUB"} & set(after)
    assert after["MUL"] == 3 + 3 + 1 + 3  # swish by parts, of the gate, the gate; no batch norm


def test_what_we_export_ourselves_stays_as_it_is(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    net.add("grouped_conv2d", channels=(4, 4), filters=(12, 12), kernel=(1, 1))
    net.add("swish")
    net.add("mixed_depthwise_conv2d", channels=(8, 8, 8), kernels=((3, 3), (5, 5), (7, 7)),
            dilations=((1, 1),) * 3)  # fmt: skip
    net.add("conv2d", filters=5, kernel=(1, 1))
    for name, is_changed in (("reference", True), ("xnnpack", False)):
        path = net.save(tmp_path / f"{name}.tflite", plan=PLANS[name])
        made, stages = rewritten(path)
        assert bool(stages.stages) is is_changed
        hold(made, net.model())


def test_an_open_batch_stays_open(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net)
    path = net.save(tmp_path / "a.tflite")
    model = read_document(path).model
    for tensor in model.subgraphs[0].tensors:
        if len(tensor.shape) == 4 and model.buffers[tensor.buffer].data is None:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
    for operator in model.subgraphs[0].operators:
        if type(operator.builtinOptions).__name__ == "SliceOptionsT":
            data = model.buffers[model.subgraphs[0].tensors[operator.inputs[2]].buffer]
            data.data = np.frombuffer(np.int32([-1]).tobytes() + bytes(data.data)[4:], np.uint8)
    path.write_bytes(pack(schema, model))
    made, stages = rewritten(path)
    assert stages.stages
    x = np.random.default_rng(1).standard_normal((3, 16, 16, 8)).astype(np.float32)
    results = []
    for each in (path, made):
        interpreter = Interpreter(model_path=str(each))
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], x.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    assert results[0].shape == (3, 16, 16, 10)
    assert abs(results[0] - results[1]).max() < 1e-5 * abs(results[0]).max()


def test_a_tensor_that_others_read_stays(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    net.add("conv2d", filters=24, kernel=(1, 1), bias=True)
    wide = net.add("swish")
    mixed(net, (8, 8, 8), (3, 5, 7), 1, "split")
    joined = net.last
    net.add("conv2d", filters=5, kernel=(1, 1), bias=True)
    path = net.save(tmp_path / "a.tflite", wide, joined, net.last)
    made, stages = rewritten(path)
    assert stages.stages
    hold(made, net.model(wide, joined, net.last))


def test_channels_in_another_order_are_no_mixed_convolution(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    first, second = parts_of(net, (4, 4), "slices")
    one = net.add("depthwise_conv2d", source=second, kernel=(3, 3), bias=True)
    other = net.add("depthwise_conv2d", source=first, kernel=(5, 5), bias=True)
    net.add("concat", other, source=one)
    made, stages = rewritten(net.save(tmp_path / "a.tflite"))
    assert not stages.stages
    hold(made, net.model())


def test_the_whole_file_is_proven_and_says_what_was_found(tmp_path: Path) -> None:
    net = Net(1, 16, 16, 8)
    block(net)
    result = optimize(net.save(tmp_path / "a.tflite"), tmp_path / "out")
    (region,) = result.regions
    assert region.error is not None
    assert region.own_error is not None
    assert 0 < region.error < 1e-5
    assert result.written is not None
    hold(result.written, net.model())


@st.composite
def nets(draw: Any) -> Net:
    """A block in any of the forms, with or without its parts."""
    net = Net(
        1, draw(st.integers(5, 17)), draw(st.integers(5, 17)), 8, seed=draw(st.integers(0, 99))
    )
    form = draw(st.sampled_from(["split", "slices", "turned"]))
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=4))
    kernels = draw(st.permutations([1, 3, 5, 7, 9]))[: len(sizes)]
    grouped(net, sum(sizes), draw(st.sampled_from([1, 2, 4])), form)
    for each in draw(st.permutations(["norm", "swish", "relu"]))[: draw(st.integers(0, 3))]:
        norm(net) if each == "norm" else net.add(each)
    mixed(net, sizes, kernels, draw(st.sampled_from([1, 2])), form)
    if draw(st.booleans()):
        norm(net)
    if draw(st.booleans()):
        net.add(draw(st.sampled_from(["swish", "relu6"])))
    if draw(st.booleans()):
        squeeze(net)
    grouped(net, 6, draw(st.sampled_from([1, 2, 3])), form)
    if draw(st.booleans()):
        norm(net)
    return net


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


def hold_net(net: Net, folder: Path) -> None:
    made, _ = rewritten(net.save(folder / "a.tflite"))
    hold(made, net.model())


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_made_blocks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold_net(net, tmp_path_factory.mktemp("made"))


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_500_made_blocks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold_net(net, tmp_path_factory.mktemp("made"))
