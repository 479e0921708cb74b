"""Depth multipliers above 1 in int8 files: integers and scales move with their channels."""

from pathlib import Path
from typing import Any

import pytest
from graph_files import Net, quantize, rewritten, run_int8
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_multipliers import AFTER, multipliers, project

from mixnet_export.optimize.job import optimize

SHAPE = (1, 12, 12, 8)


def hold(net: Net, shape: tuple[int, ...], folder: Path, *, per_tensor: bool) -> None:
    """Assert that the rewritten file computes the same integers, and that they are not constant."""
    path = quantize(net.save(folder / "a.tflite"), shape, per_tensor=per_tensor)
    made, stages = rewritten(path)
    assert "depth multiplier" in [region.pattern for region, _ in stages.numbered()]
    for one, other in zip(run_int8(path, shape), run_int8(made, shape), strict=True):
        assert one.std() > 0
        assert abs(one.astype(int) - other.astype(int)).max() <= 1
        assert (one != other).mean() < 0.01


@pytest.mark.parametrize("per_tensor", [False, True], ids=["per channel", "per tensor"])
@pytest.mark.parametrize("after", sorted(AFTER))
def test_one_convolution_a_multiple_in_int8(after: str, per_tensor: bool, tmp_path: Path) -> None:
    net = Net(*SHAPE)
    net.add("depthwise_conv2d", kernel=(3, 3), multiplier=2, bias=True)
    AFTER[after](net)
    project(net)
    hold(net, SHAPE, tmp_path, per_tensor=per_tensor)


def test_the_convolution_before_computes_channels_several_times_in_int8(tmp_path: Path) -> None:
    net = Net(*SHAPE)
    net.add("conv2d", filters=8, kernel=(1, 1), bias=True)
    net.add("depthwise_conv2d", kernel=(5, 5), multiplier=2, strides=(2, 2), bias=True)
    path = quantize(net.save(tmp_path / "a.tflite"), SHAPE)
    made, stages = rewritten(path)
    assert [region.pattern for region, _ in stages.numbered()] == ["depth multiplier"]
    assert multipliers(path) == {2}
    assert multipliers(made) == {1}
    (one,), (other,) = run_int8(path, SHAPE), run_int8(made, SHAPE)
    assert one.std() > 5
    assert (one == other).all()


def test_a_large_kernel_with_a_multiplier_is_cut_into_tiles_too(tmp_path: Path) -> None:
    net = Net(*SHAPE)
    net.add("conv2d", filters=8, kernel=(1, 1), bias=True)
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=2, strides=(2, 2), bias=True)
    project(net)
    path = quantize(net.save(tmp_path / "a.tflite"), SHAPE)
    result = optimize(path, tmp_path / "out")
    assert [each.steps for each in result.regions] == [0]
    assert {each.kernel for each in result.rewritten} == {(7, 7)}
    assert result.outputs[0].says_nothing == ""


def test_an_int8_output_keeps_its_order(tmp_path: Path) -> None:
    net = Net(*SHAPE)
    net.add("depthwise_conv2d", kernel=(7, 7), multiplier=2, bias=True)
    result = optimize(quantize(net.save(tmp_path / "a.tflite"), SHAPE), tmp_path / "out")
    assert result.written is None
    assert "no neighbouring convolution" in result.left_alone[0].why


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(
    kernel=st.integers(1, 6),
    multiplier=st.integers(2, 5),
    stride=st.integers(1, 2),
    after=st.lists(st.sampled_from(sorted(AFTER)), max_size=2),
    per_tensor=st.booleans(),
    seed=st.integers(0, 99),
)
def test_made_int8_networks_compute_the_same(
    kernel: int,
    multiplier: int,
    stride: int,
    after: list[str],
    per_tensor: bool,
    seed: int,
    tmp_path_factory: Any,
) -> None:
    net = Net(*SHAPE, seed=seed)
    net.add("depthwise_conv2d", kernel=(kernel, kernel), multiplier=multiplier, bias=True,
            strides=(stride, stride))  # fmt: skip
    for each in after:
        AFTER[each](net)
    project(net)
    hold(net, SHAPE, tmp_path_factory.mktemp("made"), per_tensor=per_tensor)
