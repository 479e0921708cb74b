"""Depth multipliers above 1: one convolution a multiple, equal by their definition."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graph_files import Net, hold, rewritten
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixnet_export.optimize.document import read_document
from mixnet_export.optimize.job import optimize


def kinds(path: Path) -> Counter[str]:
    document = read_document(path)
    names = document.kinds()
    return Counter(names[each.opcodeIndex] for each in document.model.subgraphs[0].operators)


def multipliers(path: Path) -> set[int]:
    document = read_document(path)
    names = document.kinds()
    return {
        each.builtinOptions.depthMultiplier
        for each in document.model.subgraphs[0].operators
        if names[each.opcodeIndex] == "DEPTHWISE_CONV_2D"
    }


def project(net: Net, filters: int = 5) -> None:
    net.add("conv2d", filters=filters, kernel=(1, 1), bias=True)


def squeeze(net: Net) -> None:
    """Squeeze-and-excite: the order has to pass through its gate."""
    wide = net.last
    net.add("global_mean", keepdims=True)
    net.add("conv2d", filters=3, kernel=(1, 1), bias=True)
    channels = net.builder.shape(wide)[3]
    net.add("conv2d", filters=channels, kernel=(1, 1), bias=True)
    gate = net.add("sigmoid")
    net.add("mul", gate, source=wide)


AFTER: dict[str, Any] = {
    "a projection": lambda net: None,
    "swish": lambda net: net.add("swish"),
    "relu": lambda net: net.add("relu"),
    "a batch norm": lambda net: net.add("batch_norm", epsilon=1e-3),
    "a depthwise convolution": lambda net: net.add("depthwise_conv2d", kernel=(3, 3), bias=True),
    "squeeze-and-excite": squeeze,
}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("kernel", [3, 7])
def test_one_convolution_a_multiple(after: str, kernel: int, tmp_path: Path) -> None:
    net = Net(1, 12, 12, 8)
    net.add("depthwise_conv2d", kernel=(kernel, kernel), multiplier=2, strides=(2, 2), bias=True,
            padding="symmetric")  # fmt: skip
    AFTER[after](net)
    project(net)
    path = net.save(tmp_path / "a.tflite")
    made, stages = rewritten(path)
    assert "depth multiplier" in [region.pattern for region, _ in stages.numbered()]
    hold(made, net.model())
    assert multipliers(path) >= {2}
    assert multipliers(made) == {1}


def test_dense_layers_take_the_order_too(tmp_path: Path) -> None:
    net = Net(1, 12, 12, 8)
    net.add("depthwise_conv2d", kernel=(3, 3), multiplier=3, bias=True)
    net.add("global_mean")
    net.add("dense", units=7)
    made, stages = rewritten(net.save(tmp_path / "a.tflite"))
    assert stages.stages
    hold(made, net.model())


def test_what_is_read_twice_is_not_computed_twice(tmp_path: Path) -> None:
    net = Net(1, 12, 12, 4)
    net.add("conv2d", filters=8, kernel=(1, 1), bias=True)
    net.add("swish")
    net.add("relu")
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=2, bias=True)
    path = net.save(tmp_path / "a.tflite")
    _, stages = rewritten(path)
    (left,) = [each.why for each in stages.left]
    assert "no neighbouring convolution" in left  # swish reads its input twice


def test_channels_are_repeated_through_what_reads_them_once(tmp_path: Path) -> None:
    net = Net(1, 12, 12, 4)
    net.add("conv2d", filters=8, kernel=(1, 1), bias=True)
    net.add("relu")
    net.add("batch_norm", epsilon=1e-3)
    net.add("relu6")
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=2, bias=True)
    path = net.save(tmp_path / "a.tflite")
    made, stages = rewritten(path)
    ((region, _),) = stages.numbered()
    assert "computed 2 times" in region.what
    hold(made, net.model())
    assert "CONCATENATION" not in kinds(made)


def test_an_output_keeps_its_order(tmp_path: Path) -> None:
    net = Net(1, 12, 12, 8)
    wide = net.add("depthwise_conv2d", kernel=(7, 7), multiplier=2, bias=True)
    project(net)
    path = net.save(tmp_path / "a.tflite", wide, net.last)
    result = optimize(path, tmp_path / "out")
    assert result.written is None
    assert "depth multiplier" in result.left_alone[0].why


def test_few_channels_are_left_alone(cases: Path, tmp_path: Path) -> None:
    net = Net(1, 12, 12, 1)
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=8, bias=True)
    project(net)
    _, stages = rewritten(net.save(tmp_path / "a.tflite"))
    assert not stages.stages
    assert "1 channel" in stages.left[0].why


@st.composite
def nets(draw: Any) -> Net:
    """A convolution with a multiplier, up to three operators, and a projection."""
    net = Net(
        1, draw(st.integers(3, 12)), draw(st.integers(3, 12)), draw(st.integers(4, 9)),
        seed=draw(st.integers(0, 99)),
    )  # fmt: skip
    size = draw(st.integers(1, 8))
    stride = draw(st.integers(1, 2))
    net.add(
        "depthwise_conv2d",
        kernel=(size, draw(st.integers(1, 8))),
        multiplier=draw(st.integers(2, 6)),
        strides=(stride, stride),
        padding=draw(st.sampled_from(["same", "symmetric"])) if size % 2 else "same",
        bias=draw(st.booleans()),
        activation=draw(st.sampled_from([None, "relu", "relu6"])),
    )
    for each in draw(st.lists(st.sampled_from(sorted(AFTER)), max_size=3)):
        AFTER[each](net)
    project(net)
    return net


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


def hold_net(net: Net, folder: Path) -> None:
    made, stages = rewritten(net.save(folder / "a.tflite"))
    assert stages.stages
    hold(made, net.model())


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_made_networks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold_net(net, tmp_path_factory.mktemp("made"))


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=QUIET)
@given(net=nets())
def test_500_made_networks_compute_the_same(net: Net, tmp_path_factory: Any) -> None:
    hold_net(net, tmp_path_factory.mktemp("made"))
