"""The oracle against TensorFlow's own operators: whoever reads the oracle reads TensorFlow."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mixnet_networks import GraphBuilder
from mixnet_networks.architecture.partition import equal_partition
from mixnet_networks.graph.reference import evaluate

CALM = settings(max_examples=60, deadline=None)
SIZES = st.integers(1, 17)
CHANNELS = st.integers(1, 5)
KERNELS = st.sampled_from([1, 2, 3, 4, 5, 7, 9, 11])
STRIDES = st.integers(1, 3)
PADDINGS = st.sampled_from(["same", "valid"])


def draw_arrays(*shapes: tuple[int, ...]) -> list[Any]:
    random = np.random.default_rng(sum(map(sum, shapes)))
    return [random.normal(size=shape) for shape in shapes]


def ours(op: str, x: Any, weights: dict[str, Any], **attributes: Any) -> Any:
    """One operator of the oracle."""
    builder = GraphBuilder("one")
    node = builder.add_node(op, "n", builder.input("x", x.shape), **attributes)
    arrays = {f"n.{role}": array for role, array in weights.items()}
    return evaluate(builder.build(*node.outputs), arrays, {"x": x})[node.outputs[0]]


def check(mine: Any, theirs: Any) -> None:
    assert mine.shape == tuple(theirs.shape)
    np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [6, 7, 8, 9, 223, 224])
@pytest.mark.parametrize("kernel", [3, 4, 5, 7, 11])
def test_same_padding_at_stride_two_is_tensorflows(size: int, kernel: int) -> None:
    x, weights = draw_arrays((1, size, size, 2), (kernel, kernel, 2, 3))

    mine = ours(
        "conv2d", x, {"kernel": weights}, filters=3, kernel=(kernel, kernel), strides=(2, 2)
    )

    check(mine, tf.nn.conv2d(x, weights, 2, "SAME"))


@given(
    height=SIZES, width=SIZES, channels=CHANNELS, filters=CHANNELS, groups=st.integers(1, 3),
    kernel=st.tuples(KERNELS, KERNELS), strides=st.tuples(STRIDES, STRIDES), padding=PADDINGS,
)  # fmt: skip
@CALM
def test_convolutions_are_tensorflows(
    height: int, width: int, channels: int, filters: int, groups: int,
    kernel: tuple[int, int], strides: tuple[int, int], padding: str,
) -> None:  # fmt: skip
    assume(padding == "same" or (height >= kernel[0] and width >= kernel[1]))
    x, weights = draw_arrays(
        (2, height, width, channels * groups), (*kernel, channels, filters * groups)
    )

    mine = ours(
        "conv2d",
        x,
        {"kernel": weights},
        filters=filters * groups,
        kernel=kernel,
        strides=strides,
        padding=padding,
        groups=groups,
    )

    # Group by group: TensorFlow's CPU kernels take no groups in float64.
    theirs = [
        tf.nn.conv2d(part, part_weights, [1, *strides, 1], padding.upper())
        for part, part_weights in zip(
            tf.split(x, groups, axis=3), tf.split(weights, groups, axis=3), strict=True
        )
    ]
    check(mine, tf.concat(theirs, axis=3))


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_grouped_convolutions_are_tensorflows_own(groups: int) -> None:
    """The same without splitting by hand; TensorFlow has these in float32 only."""
    x, weights = (
        array.astype(np.float32) for array in draw_arrays((1, 9, 8, 6), (3, 3, 6 // groups, 12))
    )

    mine = ours("conv2d", x, {"kernel": weights}, filters=12, kernel=(3, 3), groups=groups)

    @tf.function(jit_compile=True)
    def theirs() -> Any:
        return tf.nn.conv2d(x, weights, 1, "SAME")

    np.testing.assert_allclose(mine, theirs().numpy(), rtol=1e-4, atol=1e-4)


@given(
    height=SIZES, width=SIZES, channels=CHANNELS, filters=CHANNELS,
    kernel=KERNELS, dilation=st.integers(1, 4), padding=PADDINGS,
)  # fmt: skip
@CALM
def test_dilated_convolutions_are_tensorflows(
    height: int, width: int, channels: int, filters: int, kernel: int, dilation: int, padding: str
) -> None:
    assume(padding == "same" or min(height, width) > (kernel - 1) * dilation)
    x, weights = draw_arrays((1, height, width, channels), (kernel, kernel, channels, filters))

    mine = ours(
        "conv2d",
        x,
        {"kernel": weights},
        filters=filters,
        kernel=(kernel, kernel),
        dilations=(dilation, dilation),
        padding=padding,
    )

    check(mine, tf.nn.conv2d(x, weights, 1, padding.upper(), dilations=dilation))


@given(
    height=SIZES, width=SIZES, channels=CHANNELS, multiplier=st.integers(1, 3),
    kernel=KERNELS, stride=STRIDES, padding=PADDINGS,
)  # fmt: skip
@CALM
def test_depthwise_convolutions_are_tensorflows(
    height: int, width: int, channels: int, multiplier: int, kernel: int, stride: int, padding: str
) -> None:
    assume(padding == "same" or min(height, width) >= kernel)
    x, weights = draw_arrays((2, height, width, channels), (kernel, kernel, channels, multiplier))

    mine = ours(
        "depthwise_conv2d",
        x,
        {"kernel": weights},
        kernel=(kernel, kernel),
        multiplier=multiplier,
        strides=(stride, stride),
        padding=padding,
    )

    strides = [1, stride, stride, 1]
    check(mine, tf.nn.depthwise_conv2d(x, weights, strides, padding.upper()))


@given(size=st.integers(3, 17), channels=CHANNELS, dilation=st.integers(1, 5))
@CALM
def test_dilated_depthwise_convolutions_are_tensorflows(
    size: int, channels: int, dilation: int
) -> None:
    x, weights = draw_arrays((1, size, size, channels), (3, 3, channels, 1))

    mine = ours(
        "depthwise_conv2d", x, {"kernel": weights}, kernel=(3, 3), dilations=(dilation, dilation)
    )

    theirs = tf.nn.depthwise_conv2d(
        x, weights, [1, 1, 1, 1], "SAME", dilations=[dilation, dilation]
    )
    check(mine, theirs)


@given(
    channels=st.integers(5, 23), stride=st.integers(1, 2), size=SIZES,
    kernels=st.lists(st.sampled_from([3, 5, 7, 9, 11]), min_size=2, max_size=5),
)  # fmt: skip
@CALM
def test_mixed_depthwise_convolutions_are_the_authors_split_and_concat(
    channels: int, stride: int, size: int, kernels: list[int]
) -> None:
    """Partition remainders go to the first group, as the authors' code hands sizes to tf.split."""
    share = channels // len(kernels)
    sizes = [share] * len(kernels)
    sizes[0] += channels - sum(sizes)
    x, *weights = draw_arrays(
        (1, size, size, channels),
        *((kernel, kernel, part, 1) for kernel, part in zip(kernels, sizes, strict=True)),
    )
    attributes: dict[str, Any] = {
        "channels": equal_partition(channels, len(kernels)),
        "kernels": tuple((kernel, kernel) for kernel in kernels),
        "dilations": ((1, 1),) * len(kernels),
        "strides": (stride, stride),
    }
    builder = GraphBuilder("names")
    node = builder.add_node(
        "mixed_depthwise_conv2d", "n", builder.input("x", x.shape), **attributes
    )

    mine = ours(
        "mixed_depthwise_conv2d", x, dict(zip(node.parameters, weights, strict=True)), **attributes
    )

    theirs = [
        tf.nn.depthwise_conv2d(part, kernel, [1, stride, stride, 1], "SAME")
        for part, kernel in zip(tf.split(x, sizes, axis=3), weights, strict=True)
    ]
    check(mine, tf.concat(theirs, axis=3))


@given(inputs=st.integers(4, 15), outputs=st.integers(4, 15), groups=st.integers(2, 4))
@CALM
def test_unequal_groups_are_the_authors_split_and_concat(
    inputs: int, outputs: int, groups: int
) -> None:
    channels, filters = equal_partition(inputs, groups), equal_partition(outputs, groups)
    x, *weights = draw_arrays(
        (1, 4, 5, inputs), *((1, 1, *pair) for pair in zip(channels, filters, strict=True))
    )

    mine = ours(
        "grouped_conv2d",
        x,
        {f"g{index}.kernel": kernel for index, kernel in enumerate(weights)},
        channels=channels,
        filters=filters,
        kernel=(1, 1),
    )

    theirs = [
        tf.nn.conv2d(part, kernel, 1, "SAME")
        for part, kernel in zip(tf.split(x, channels, axis=3), weights, strict=True)
    ]
    check(mine, tf.concat(theirs, axis=3))


POOLS = {"avg_pool": tf.nn.avg_pool2d, "max_pool": tf.nn.max_pool2d}


@pytest.mark.parametrize("op", POOLS)
@given(
    height=SIZES, width=SIZES, kernel=st.integers(1, 4), stride=STRIDES, padding=PADDINGS
)  # fmt: skip
@CALM
def test_pools_are_tensorflows(
    op: str, height: int, width: int, kernel: int, stride: int, padding: str
) -> None:
    assume(padding == "same" or min(height, width) >= kernel)
    (x,) = draw_arrays((2, height, width, 3))

    mine = ours(op, x, {}, kernel=(kernel, kernel), strides=(stride, stride), padding=padding)

    check(mine, POOLS[op](tf.constant(x), kernel, stride, padding.upper()))


def test_batch_norm_is_tensorflows() -> None:
    x, gamma, beta, mean, spread = draw_arrays((2, 5, 4, 7), (7,), (7,), (7,), (7,))
    weights = {"gamma": gamma, "beta": beta, "mean": mean, "variance": spread**2}

    mine = ours("batch_norm", x, weights, epsilon=1e-3)

    check(mine, tf.nn.batch_normalization(x, mean, spread**2, beta, gamma, 1e-3))


ELEMENTWISE = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "sigmoid": tf.math.sigmoid,
    "swish": tf.nn.silu,
}


@pytest.mark.parametrize("op", ELEMENTWISE)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
@CALM
def test_activations_are_tensorflows(op: str, values: list[float]) -> None:
    x = np.array(values)

    check(ours(op, x, {}), ELEMENTWISE[op](tf.constant(x)))


def test_what_moves_elements_is_tensorflows() -> None:
    (x,) = draw_arrays((2, 5, 4, 6))

    check(ours("global_mean", x, {}), tf.reduce_mean(x, axis=[1, 2]))
    check(ours("global_mean", x, {}, keepdims=True), tf.reduce_mean(x, axis=[1, 2], keepdims=True))
    check(ours("transpose", x, {}, permutation=(0, 3, 1, 2)), tf.transpose(x, [0, 3, 1, 2]))
    check(ours("reshape", x, {}, shape=(2, 120)), tf.reshape(x, [2, 120]))
    paddings = ((0, 0), (1, 2), (3, 0), (0, 0))
    check(ours("pad", x, {}, paddings=paddings), tf.pad(x, paddings))
    begin, size = (0, 1, 2, 3), (2, 4, 1, 2)
    check(ours("slice", x, {}, begin=begin, size=size), tf.slice(x, begin, size))


def test_a_dense_layer_is_tensorflows_product() -> None:
    x, kernel, bias = draw_arrays((3, 7), (7, 5), (5,))

    mine = ours("dense", x, {"kernel": kernel, "bias": bias}, units=5)

    check(mine, tf.matmul(x, kernel) + bias)
