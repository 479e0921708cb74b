"""The oracle on examples small enough to be worked out by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_networks import GraphBuilder
from mixnet_networks.graph.padding import output_sizes, same_padding
from mixnet_networks.graph.reference import evaluate, sigmoid, swish


def run(op: str, x: Any, weights: dict[str, Any] | None = None, **attributes: Any) -> Any:
    """One operator on one array; weights by role."""
    x = np.asarray(x, np.float64)
    builder = GraphBuilder("one")
    node = builder.add_node(op, "n", builder.input("x", x.shape), **attributes)
    arrays = {f"n.{role}": np.asarray(array, float) for role, array in (weights or {}).items()}
    values = evaluate(builder.build(*node.outputs), arrays, {"x": x})
    return values[node.outputs[0]] if len(node.outputs) == 1 else list(values.values())


def row(*values: float) -> Any:
    """A map of height 1 and one channel."""
    return np.reshape(values, (1, 1, -1, 1))


def taps(*values: float) -> Any:
    """A kernel of height 1, one channel in and out."""
    return {"kernel": np.reshape(values, (1, -1, 1, 1))}


def test_a_convolution_is_a_cross_correlation() -> None:
    y = run("conv2d", row(1, 2, 3), taps(1, 10, 100), filters=1, kernel=(1, 3))

    # Not flipped: the first tap meets the element to the left.
    assert y.ravel().tolist() == [210, 321, 32]


def test_same_padding_at_stride_two_pads_an_even_map_after_its_end_only() -> None:
    y = run("conv2d", row(1, 2, 3, 4), taps(1, 10, 100), filters=1, kernel=(1, 3), strides=(1, 2))

    # Windows (1 2 3) and (3 4 0); symmetric frameworks see (0 1 2) and (2 3 4).
    assert y.ravel().tolist() == [321, 43]


def test_same_padding_at_stride_two_pads_an_odd_map_on_both_sides() -> None:
    y = run(
        "conv2d", row(1, 2, 3, 4, 5), taps(1, 10, 100), filters=1, kernel=(1, 3), strides=(1, 2)
    )

    assert y.ravel().tolist() == [210, 432, 54]


def test_an_even_kernel_pads_after() -> None:
    y = run("depthwise_conv2d", row(1, 2, 3), taps(1, 10), kernel=(1, 2))

    assert y.ravel().tolist() == [21, 32, 3]


def test_dilation_spreads_the_taps() -> None:
    y = run(
        "conv2d", row(1, 2, 3, 4, 5), taps(1, 10, 100), filters=1, kernel=(1, 3), dilations=(1, 2)
    )

    assert y.ravel().tolist() == [310, 420, 531, 42, 53]


def test_explicit_padding_is_taken_as_given() -> None:
    y = run(
        "conv2d", row(1, 2), taps(1, 10, 100), filters=1, kernel=(1, 3), padding=((0, 0), (2, 1))
    )

    assert y.ravel().tolist() == [100, 210, 21]


def test_height_and_width_are_not_confused() -> None:
    x = np.arange(1.0, 7).reshape(1, 2, 3, 1)
    y = run("conv2d", x, {"kernel": np.reshape([1, 10], (2, 1, 1, 1))}, filters=1, kernel=(2, 1))

    assert y[0, :, :, 0].tolist() == [[41, 52, 63], [4, 5, 6]]


def test_groups_see_their_own_channels_only() -> None:
    kernel = np.reshape([1, 2, 10, 20, 100, 200, 1000, 2000], (1, 1, 2, 4))
    y = run(
        "conv2d",
        np.reshape([1, 2, 3, 4], (1, 1, 1, 4)),
        {"kernel": kernel},
        filters=4,
        kernel=(1, 1),
        groups=2,
    )

    # Filters 0, 1 read channels (1, 2); filters 2, 3 read channels (3, 4).
    assert y.ravel().tolist() == [1 + 2 * 100, 2 + 2 * 200, 3 * 10 + 4 * 1000, 3 * 20 + 4 * 2000]


def test_unequal_groups_each_have_a_kernel() -> None:
    y = run(
        "grouped_conv2d",
        np.reshape([1, 2, 3], (1, 1, 1, 3)),
        {
            "g0.kernel": np.reshape([1, 10], (1, 1, 2, 1)),
            "g1.kernel": np.reshape([5, 7], (1, 1, 1, 2)),
        },
        channels=(2, 1),
        filters=(1, 2),
        kernel=(1, 1),
    )

    assert y.ravel().tolist() == [21, 15, 21]


def test_a_depthwise_multiplier_puts_a_channels_filters_side_by_side() -> None:
    """Output channel c * m + q is input channel c under its q-th filter."""
    kernel = np.reshape([1, 2, 3, 10, 20, 30], (1, 1, 2, 3))
    y = run(
        "depthwise_conv2d",
        np.reshape([5, 7], (1, 1, 1, 2)),
        {"kernel": kernel},
        kernel=(1, 1),
        multiplier=3,
    )

    assert y.ravel().tolist() == [5, 10, 15, 70, 140, 210]


def test_a_mixed_depthwise_convolution_concatenates_its_groups() -> None:
    y = run(
        "mixed_depthwise_conv2d",
        np.reshape([1, 1, 1, 2, 2, 2, 3, 3, 3], (1, 3, 1, 3)),
        {"k1.kernel": np.full((1, 1, 2, 1), 10.0), "k3.kernel": np.ones((3, 3, 1, 1))},
        channels=(2, 1),
        kernels=((1, 1), (3, 3)),
        dilations=((1, 1), (1, 1)),
    )

    assert y[0, :, 0].tolist() == [[10, 10, 3], [20, 20, 6], [30, 30, 5]]


def test_bias_comes_before_the_fused_activation() -> None:
    arrays = {"kernel": np.ones((1, 1, 1, 2)), "bias": np.array([-3.0, 5.0])}
    y = run("conv2d", row(1, 2, 4), arrays, filters=2, kernel=(1, 1), bias=True, activation="relu6")

    assert y[0, 0].tolist() == [[0, 6], [0, 6], [1, 6]]


def test_a_dense_layer_is_a_product_and_a_bias() -> None:
    y = run("dense", [[1, 2]], {"kernel": [[1, 2, 3], [10, 20, 30]], "bias": [0, 0, 1]}, units=3)

    assert y.tolist() == [[21, 42, 64]]


def test_batch_norm_uses_the_stored_statistics() -> None:
    arrays = {"gamma": [2], "beta": [1], "mean": [3], "variance": [3.75]}
    y = run("batch_norm", row(3, 5), arrays, epsilon=0.25)

    assert y.ravel().tolist() == [1, 3]  # the square root of 3.75 + 0.25 is 2


def test_the_average_leaves_padding_out_of_the_count() -> None:
    y = run("avg_pool", row(2, 4, 9), kernel=(1, 3), padding="same")

    assert y.ravel().tolist() == [3, 5, 6.5]


def test_padding_never_wins_a_maximum() -> None:
    y = run("max_pool", row(-2, -4, -9), kernel=(1, 3), padding="same")

    assert y.ravel().tolist() == [-2, -2, -4]


def test_pools_take_strides() -> None:
    assert run("max_pool", row(1, 5, 2, 3), kernel=(1, 2), strides=(1, 2)).ravel().tolist() == [
        5,
        3,
    ]
    assert run("avg_pool", row(1, 5, 2, 4), kernel=(1, 2), strides=(1, 2)).ravel().tolist() == [
        3,
        3,
    ]


def test_the_global_mean_is_over_height_and_width() -> None:
    x = np.array([[[[1, 10], [2, 20]], [[3, 30], [6, 60]]]])

    assert run("global_mean", x).tolist() == [[3, 30]]
    assert run("global_mean", x, keepdims=True).shape == (1, 1, 1, 2)


def test_a_split_follows_the_list_of_sizes() -> None:
    parts = run("split", np.reshape([1, 2, 3, 4, 5, 6], (1, 1, 1, 6)), sizes=(3, 1, 2))

    assert [part.ravel().tolist() for part in parts] == [[1, 2, 3], [4], [5, 6]]


def test_slice_pad_reshape_and_transpose_move_elements_only() -> None:
    x = np.arange(6).reshape(2, 3)

    assert run("slice", x, begin=(1, 0), size=(1, 2)).tolist() == [[3, 4]]
    assert run("pad", x, paddings=((1, 0), (0, 1))).tolist() == [
        [0, 0, 0, 0],
        [0, 1, 2, 0],
        [3, 4, 5, 0],
    ]
    assert run("reshape", x, shape=(3, 2)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert run("transpose", x, permutation=(1, 0)).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_activations_at_known_points() -> None:
    x = [-10, -1, 0, 1, 10]

    assert run("relu", x).tolist() == [0, 0, 0, 1, 10]
    assert run("relu6", x).tolist() == [0, 0, 0, 1, 6]
    assert run("sigmoid", [0]).tolist() == [0.5]
    np.testing.assert_allclose(run("swish", [-1, 1]), [-0.2689414213699951, 0.7310585786300049])


def test_adding_and_multiplying_broadcast() -> None:
    builder = GraphBuilder("two")
    a, b = builder.input("a", (1, 2, 1, 2)), builder.input("b", (1, 1, 1, 2))
    builder.add("add", "sum", (a, b), activation="relu")
    builder.add("mul", "product", (a, b))
    arrays = {"a": np.array([1.0, 2, 3, 4]).reshape(1, 2, 1, 2), "b": np.array([[[[-2.0, 10]]]])}

    values = evaluate(builder.build("sum", "product"), {}, arrays)

    assert values["sum"].ravel().tolist() == [0, 12, 1, 14]
    assert values["product"].ravel().tolist() == [-2, 20, -6, 40]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_sigmoid_overflows_at_neither_end(kind: type) -> None:
    x: Any = np.array([-1e4, -800, 800, 1e4], kind)

    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(x).tolist() == [0, 0, 1, 1]
        assert swish(x)[2:].tolist() == [800, 1e4]


@given(
    size=st.integers(1, 300),
    kernel=st.integers(1, 15),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 4),
)
def test_same_padding_gives_ceil_of_size_over_stride(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = same_padding(size, kernel, stride, dilation)
    window = ((size, size), (kernel, kernel), (stride, stride), (dilation, dilation))

    assert output_sizes("same", *window) == (-(-size // stride),) * 2
    assert after - before in (0, 1)


def test_evaluate_gives_the_outputs_and_what_is_kept_only() -> None:
    builder = GraphBuilder("chain")
    x = builder.input("x", (1,))
    a = builder.add("relu", "a", x)
    b = builder.add("relu6", "b", a)
    builder.add("sigmoid", "c", b)
    graph = builder.build("c")

    assert set(evaluate(graph, {}, {"x": np.ones(1)})) == {"c"}
    assert set(evaluate(graph, {}, {"x": np.ones(1)}, keep=["a", "x"])) == {"x", "a", "c"}
