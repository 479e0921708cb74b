"""Mixed and grouped convolutions in int8, as TensorFlow writes them: every integer stays."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_files import Net, quantize, rewritten, run_int8, split_in_int8
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_export.lowering import Choice, Plan
from mixnet_export.optimize.document import fresh_model, read_document
from mixnet_export.optimize.job import optimize
from mixnet_runtimes.tflite.pack import pack

SPLIT = Plan("as it is written", Choice())

BRANCHES, GROUPS = "a branch for each kernel", "groups in int8: one convolution"


def kinds(path: Path) -> Counter[str]:
    document = read_document(path)
    names = document.kinds()
    return Counter(names[each.opcodeIndex] for each in document.model.subgraphs[0].operators)


def mixed(net: Net, channels: tuple[int, ...] = (8, 8), act: str = "swish", **more: Any) -> None:
    """An expansion, its activation and a mixed convolution of 3×3, 5×5, 7×7 …"""
    net.add("conv2d", filters=sum(channels), kernel=(1, 1), bias=True)
    if act:
        net.add(act)
    kernels = tuple((3 + 2 * n, 3 + 2 * n) for n in range(len(channels)))
    more |= {"dilations": ((1, 1),) * len(channels)}
    net.add("mixed_depthwise_conv2d", channels=channels, kernels=kernels, bias=True, **more)


def grouped(net: Net, channels: tuple[int, ...], filters: tuple[int, ...]) -> None:
    net.add("conv2d", filters=sum(channels), kernel=(1, 1), bias=True)
    net.add("grouped_conv2d", channels=channels, filters=filters, kernel=(1, 1), bias=True)


def written(net: Net, shape: tuple[int, ...], folder: Path, *, per_tensor: bool = False) -> Path:
    path = quantize(net.save(folder / "a.tflite", plan=SPLIT), shape, per_tensor=per_tensor)
    return split_in_int8(path)


def hold(path: Path, shape: tuple[int, ...]) -> tuple[list[str], Path]:
    """Assert that the rewritten file computes the very same integers; what was rewritten."""
    made, stages = rewritten(path)
    for one, other in zip(run_int8(path, shape), run_int8(made, shape), strict=True):
        assert one.std() > 0.1
        assert np.array_equal(one, other)
    return [region.what for region, _ in stages.numbered()], made


@pytest.mark.parametrize("per_tensor", [False, True], ids=["per channel", "per tensor"])
@pytest.mark.parametrize("act", ["swish", "", "sigmoid"])
def test_a_split_becomes_branches(act: str, per_tensor: bool, tmp_path: Path) -> None:
    shape = (1, 12, 12, 6)
    net = Net(*shape)
    mixed(net, (8, 8, 8), act)
    net.add("conv2d", filters=5, kernel=(1, 1), bias=True)
    path = written(net, shape, tmp_path, per_tensor=per_tensor)
    what, made = hold(path, shape)
    assert what == [f"mixed 3×3+5×5+7×7 in int8: {BRANCHES}"]
    assert not {"SPLIT", "SPLIT_V", "SLICE"} & set(kinds(made))
    assert kinds(made)["CONV_2D"] == kinds(path)["CONV_2D"] + 2


@pytest.mark.parametrize("act", ["swish", ""])
def test_a_split_in_float32_between_conversions_becomes_branches_too(
    act: str, tmp_path: Path
) -> None:
    shape = (1, 12, 12, 6)
    net = Net(*shape)
    mixed(net, (8, 8, 8), act)
    path = quantize(net.save(tmp_path / "a.tflite", plan=SPLIT), shape)
    what, made = hold(path, shape)
    assert what == [f"mixed 3×3+5×5+7×7 in int8: {BRANCHES}"]
    assert (kinds(made)["SPLIT_V"], kinds(made)["QUANTIZE"]) == (0, 3)


def test_small_maps_keep_their_slices(tmp_path: Path) -> None:
    shape = (1, 7, 7, 6)
    net = Net(*shape)
    mixed(net)
    what, _ = hold(written(net, shape, tmp_path), shape)
    assert not any(BRANCHES in each for each in what)


@pytest.mark.parametrize("per_tensor", [False, True], ids=["per channel", "per tensor"])
@pytest.mark.parametrize(
    ("channels", "filters", "how"),
    [
        ((12, 12), (8, 8), "in groups"),
        ((8, 8, 8), (4, 4, 4), "zeros between groups"),
        ((12, 16), (8, 8), "zeros between groups"),
    ],
)
def test_groups_become_one_convolution(
    channels: Any, filters: Any, how: str, per_tensor: bool, tmp_path: Path
) -> None:
    shape = (1, 9, 9, 6)
    net = Net(*shape)
    grouped(net, channels, filters)
    path = written(net, shape, tmp_path, per_tensor=per_tensor)
    what, made = hold(path, shape)
    assert what[0].startswith(f"{len(channels)} {GROUPS}")
    assert what[0].endswith(how)
    assert kinds(made)["CONV_2D"] == 2
    assert kinds(made)["CONCATENATION"] == 0


def changed(path: Path, edit: Callable[[Any, Any], None]) -> Path:
    document = read_document(path)
    model = fresh_model(document)
    edit(model, document)
    made = path.with_name("changed.tflite")
    made.write_bytes(pack(document.schema, model))
    return made


def requantize(model: Any, document: Any) -> None:
    """Give the first part of the concatenation another scale, and a QUANTIZE behind it."""
    (graph,), schema, names = model.subgraphs, document.schema, document.kinds()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 2
    model.operatorCodes.append(code)
    (place,) = [
        n for n, each in enumerate(graph.operators) if names[each.opcodeIndex] == "CONCATENATION"
    ]
    part = int(graph.operators[place].inputs[0])
    own = schema.TensorT()
    own.__dict__.update(vars(graph.tensors[part]))
    own.quantization = schema.QuantizationParametersT()
    own.quantization.scale = np.asarray(graph.tensors[part].quantization.scale) * np.float32(0.7)
    own.quantization.zeroPoint = np.asarray([3], np.int64)
    own.name = "own"
    graph.tensors.append(own)
    for each in graph.operators:
        if part in list(each.outputs):
            each.outputs = [len(graph.tensors) - 1]
    again = schema.OperatorT()
    again.inputs, again.outputs = [len(graph.tensors) - 1], [part]
    again.opcodeIndex = len(model.operatorCodes) - 1
    again.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    again.builtinOptions = schema.QuantizeOptionsT()
    graph.operators.insert(place, again)


def test_a_requantization_before_the_concatenation_stays(tmp_path: Path) -> None:
    shape = (1, 12, 12, 6)
    net = Net(*shape)
    mixed(net)
    path = changed(written(net, shape, tmp_path), requantize)
    what, made = hold(path, shape)
    assert any(BRANCHES in each for each in what)
    assert kinds(made)["QUANTIZE"] == kinds(path)["QUANTIZE"] == 1


def test_groups_that_are_requantized_are_left_alone(tmp_path: Path) -> None:
    shape = (1, 9, 9, 6)
    net = Net(*shape)
    grouped(net, (12, 12), (8, 8))
    path = changed(written(net, shape, tmp_path), requantize)
    what, made = hold(path, shape)
    assert not any(GROUPS in each for each in what)
    assert kinds(made)["QUANTIZE"] == 1


def test_a_concatenation_of_unequal_scales_is_left_alone(tmp_path: Path) -> None:
    def unequal(model: Any, document: Any) -> None:
        (graph,), names = model.subgraphs, document.kinds()
        (operator,) = [
            each for each in graph.operators if names[each.opcodeIndex] == "CONCATENATION"
        ]
        given = graph.tensors[int(operator.inputs[0])].quantization
        given.scale = np.asarray(given.scale) * np.float32(1.3)

    shape = (1, 9, 9, 6)
    net = Net(*shape)
    grouped(net, (12, 12), (8, 8))
    _, stages = rewritten(changed(written(net, shape, tmp_path), unequal))
    assert not any(GROUPS in region.what for region, _ in stages.numbered())
    assert any("requantized where they are joined" in each.why for each in stages.left)


def test_what_others_read_of_an_expansion_keeps_it_whole(tmp_path: Path) -> None:
    shape = (1, 12, 12, 6)
    net = Net(*shape)
    net.add("conv2d", filters=16, kernel=(1, 1), bias=True)
    wide = net.add("swish")
    net.add(
        "mixed_depthwise_conv2d", channels=(8, 8), kernels=((3, 3), (5, 5)),
        dilations=((1, 1), (1, 1)), bias=True,
    )  # fmt: skip
    path = split_in_int8(
        quantize(net.save(tmp_path / "a.tflite", wide, net.last, plan=SPLIT), shape)
    )
    what, _ = hold(path, shape)
    assert not any(BRANCHES in each for each in what)


def test_large_kernels_are_cut_into_tiles_behind_the_branches(tmp_path: Path) -> None:
    shape = (1, 14, 14, 6)
    net = Net(*shape)
    mixed(net, (8, 8, 8))
    net.add("conv2d", filters=5, kernel=(1, 1), bias=True)
    result = optimize(written(net, shape, tmp_path), tmp_path / "out")
    assert [each.steps for each in result.regions] == [0]
    assert [each.kernel for each in result.rewritten] == [(7, 7)]
    assert result.outputs[0].says_nothing == ""


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(
    channels=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    act=st.sampled_from(["", "swish", "sigmoid"]),
    size=st.integers(5, 14),
    stride=st.integers(1, 2),
    joined=st.booleans(),
    per_tensor=st.booleans(),
    seed=st.integers(0, 99),
)
def test_made_int8_networks_compute_the_same_integers(
    channels: list[int],
    act: str,
    size: int,
    stride: int,
    joined: bool,
    per_tensor: bool,
    seed: int,
    tmp_path_factory: Any,
) -> None:
    shape = (1, size, size, 6)
    net = Net(*shape, seed=seed)
    if joined:
        grouped(net, tuple(channels), tuple(channels))
    mixed(net, tuple(channels), act, strides=(stride, stride))
    path = written(net, shape, tmp_path_factory.mktemp("made"), per_tensor=per_tensor)
    made, _ = rewritten(path)
    for one, other in zip(run_int8(path, shape), run_int8(made, shape), strict=True):
        assert np.array_equal(one, other)
