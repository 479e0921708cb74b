"""The mixed depthwise convolution with every choice of Section 3.2, from a row to the numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_networks import Network, Node, load_network
from mixnet_networks.graph.reference import evaluate

WriteToml = Callable[..., str]

ONE_ROW = """
stem = {{ channels = {channels}, stride = 1 }}
source = "a test"
resolution = 12
classes = 2
[[stages]]
out = 8
{row}
"""


@pytest.fixture
def one_row(write_toml: WriteToml) -> Callable[..., Network]:
    """A network with a single row that says what the test is about."""

    def load(row: str, channels: int = 32, **options: Any) -> Network:
        return load_network(write_toml(ONE_ROW.format(row=row, channels=channels)), **options)

    return load


def depthwise(network: Network, block: int = 0) -> Node:
    name = f"blocks.0.{block}.depthwise"
    return next(node for node in network.graph.nodes if node.name == name)


def test_one_kernel_size_gives_a_plain_depthwise_convolution(
    one_row: Callable[..., Network],
) -> None:
    node = depthwise(one_row("kernels = [5]"))

    assert node.op == "depthwise_conv2d"
    assert dict(node.parameters) == {"kernel": (5, 5, 32, 1)}


def test_several_kernel_sizes_give_one_kernel_for_each_equal_group(
    one_row: Callable[..., Network],
) -> None:
    node = depthwise(one_row("kernels = [3, 5, 7, 9]"))

    assert node.op == "mixed_depthwise_conv2d"
    assert dict(node.parameters) == {
        "k3.kernel": (3, 3, 8, 1),
        "k5.kernel": (5, 5, 8, 1),
        "k7.kernel": (7, 7, 8, 1),
        "k9.kernel": (9, 9, 8, 1),
    }


def test_the_first_group_gets_the_channels_left_over(one_row: Callable[..., Network]) -> None:
    node = depthwise(one_row("kernels = [3, 5, 7]"))

    assert node.attributes["channels"] == (12, 10, 10)


def test_exponential_groups_halve(one_row: Callable[..., Network]) -> None:
    node = depthwise(one_row('kernels = [3, 5, 7, 9]\npartition = "exponential"'))

    assert [shape[2] for shape in node.parameters.values()] == [16, 8, 4, 4]


def test_kernel_sizes_may_be_even_repeated_and_in_any_order(
    one_row: Callable[..., Network],
) -> None:
    node = depthwise(one_row("kernels = [4, 3, 4]"))

    assert list(node.parameters) == ["k4.g0.kernel", "k3.g1.kernel", "k4.g2.kernel"]


def test_a_dilated_row_spreads_three_by_three_kernels_over_the_same_reach(
    one_row: Callable[..., Network],
) -> None:
    node = depthwise(one_row("kernels = [3, 5, 7, 9]\ndilated = true"))

    assert node.attributes["dilations"] == ((1, 1), (2, 2), (3, 3), (4, 4))
    assert list(node.parameters) == ["k3.kernel", "k5.kernel", "k7.kernel", "k9.kernel"]
    assert {shape[:2] for shape in node.parameters.values()} == {(3, 3)}


def test_a_dilated_row_of_one_kernel_is_a_dilated_depthwise_convolution(
    one_row: Callable[..., Network],
) -> None:
    node = depthwise(one_row("kernels = [9]\ndilated = true"))

    assert node.op == "depthwise_conv2d"
    assert node.attributes["dilations"] == (4, 4)


def test_only_blocks_of_stride_one_are_dilated(one_row: Callable[..., Network]) -> None:
    network = one_row("kernels = [3, 7]\ndilated = true\nstride = 2\nblocks = 2")
    first, second = depthwise(network, 0), depthwise(network, 1)

    assert first.attributes["dilations"] == ((1, 1), (1, 1))
    assert [shape[0] for shape in first.parameters.values()] == [3, 7]
    assert second.attributes["dilations"] == ((1, 1), (3, 3))
    assert [shape[0] for shape in second.parameters.values()] == [3, 3]


@pytest.mark.parametrize("kernels", ["[4]", "[1]", "[3, 6]"])
def test_dilation_needs_odd_kernels_of_at_least_three(
    one_row: Callable[..., Network], kernels: str
) -> None:
    with pytest.raises(UsageError, match="stage 0: 'dilated' needs odd kernels"):
        one_row(f"kernels = {kernels}\ndilated = true")


def test_the_channel_multiplier_gives_each_channel_so_many_filters(
    one_row: Callable[..., Network],
) -> None:
    network = one_row("kernels = [3, 5]\nmultiplier = 3")
    node = depthwise(network)

    assert network.graph.shape(node.outputs[0]) == (1, 12, 12, 96)
    assert [shape[2:] for shape in node.parameters.values()] == [(16, 3), (16, 3)]


@pytest.mark.parametrize(("stride", "size"), [(1, 12), (2, 6), (3, 4), (5, 3)])
def test_every_group_takes_the_stride(
    one_row: Callable[..., Network], stride: int, size: int
) -> None:
    network = one_row(f"kernels = [3, 5, 7, 9]\nstride = {stride}")

    assert network.graph.shape("blocks.0.0.depthwise") == (1, size, size, 32)


def test_more_groups_than_channels_is_refused_with_the_node_named(
    one_row: Callable[..., Network],
) -> None:
    with pytest.raises(MixnetError, match=r"blocks\.0\.0\.depthwise: 2 channels .* 3 groups"):
        _ = one_row("kernels = [3, 5, 7]", channels=2).graph


@pytest.mark.parametrize(("kernels", "fewest"), [([3, 5], 2), ([3, 5, 7], 4), ([3] * 6, 32)])
def test_an_exponential_partition_of_too_few_channels_says_how_many_it_needs(
    kernels: list[int], fewest: int, one_row: Callable[..., Network]
) -> None:
    row = f'kernels = {kernels}\npartition = "exponential"'
    assert one_row(row, channels=fewest).graph

    with pytest.raises(UsageError, match=f"exponentially: at least {fewest} are") as caught:
        _ = one_row(row, channels=fewest - 1).graph
    assert "+exp" in caught.value.hint


@pytest.mark.parametrize(
    "row",
    [
        "kernels = [3, 5, 7]",
        "kernels = [3, 5, 7]\nstride = 2",
        "kernels = [2, 3, 3]\nmultiplier = 2",
        'kernels = [3, 5, 7]\npartition = "exponential"\nstride = 2',
        "kernels = [3, 5, 7]\ndilated = true",
    ],
)
def test_a_mixed_convolution_equals_its_groups_apart(
    one_row: Callable[..., Network], random_weights: Callable[..., Any], row: str
) -> None:
    """Equations (2) and (3): the parts convolved on their own, then concatenated."""
    network = one_row(row, channels=10)
    graph, node, weights = network.graph, depthwise(network), random_weights(network.graph)
    image = np.random.default_rng(1).normal(size=(1, 12, 12, 3))
    (source,), (result,) = node.inputs, node.outputs
    values = evaluate(graph, weights, {"image": image}, keep=(source, result))

    kernels = [weights[node.parameter_name(role)] for role in node.parameters]
    parts = []
    start = 0
    for kernel, dilation in zip(kernels, node.attributes["dilations"], strict=True):
        channels = kernel.shape[2]
        part = values[source][..., start : start + channels]
        parts.append(naive_depthwise(part, kernel, node.attributes["strides"][0], dilation[0]))
        start += channels

    assert start == 10
    np.testing.assert_allclose(values[result], np.concatenate(parts, axis=3), atol=1e-12)


def naive_depthwise(x: Any, kernel: Any, stride: int, dilation: int) -> Any:
    """Equation (1) read aloud: loops over outputs and taps, reading zero outside the map."""
    _, height, width, channels = x.shape
    size, _, _, multiplier = kernel.shape
    rows, columns = -(-height // stride), -(-width // stride)
    y = np.zeros((1, rows, columns, channels * multiplier))
    reach = (size - 1) * dilation + 1
    top = max((rows - 1) * stride + reach - height, 0) // 2
    left = max((columns - 1) * stride + reach - width, 0) // 2
    for row, column, i, j in np.ndindex(rows, columns, size, size):
        at = row * stride + i * dilation - top, column * stride + j * dilation - left
        if 0 <= at[0] < height and 0 <= at[1] < width:
            y[0, row, column] += (x[0, at[0], at[1], :, None] * kernel[i, j]).reshape(-1)
    return y
