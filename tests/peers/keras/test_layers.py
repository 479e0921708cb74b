"""MDConv and the grouped convolution as layers of anyone's model, on the backend chosen."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mixnet_networks import GraphBuilder
from mixnet_networks.architecture.partition import PARTITIONS
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.keras import GroupedConv2D, MDConv

CHOICES: list[dict[str, Any]] = [
    {"kernel_sizes": [3, 5, 7]},
    {"kernel_sizes": [3, 5, 7], "strides": 2},
    {"kernel_sizes": [3, 5, 7, 9, 11], "partition": "exponential"},
    {"kernel_sizes": [3, 5], "partition": [7, 12]},
    {"kernel_sizes": [3, 5, 9], "dilated": True},
    {"kernel_sizes": [3, 5, 9], "dilated": True, "strides": 2},
    {"kernel_sizes": [3, 5, 3], "depth_multiplier": 2, "use_bias": True},
    {"kernel_sizes": [2, 4], "strides": (2, 2)},
    {"kernel_sizes": [3, 7], "strides": 2, "padding": "symmetric"},
    {"kernel_sizes": [3, 7], "dilated": True, "padding": "symmetric"},
    {"kernel_sizes": [5], "padding": "valid"},
    {"kernel_sizes": 5},
]
CHANNELS = 19


def image(height: int = 14, width: int = 11) -> Any:
    return np.random.default_rng(0).normal(size=(2, height, width, CHANNELS)).astype(np.float32)


def filled(layer: Any, x: Any) -> dict[str, Any]:
    """Builds a layer and gives each of its weights random values, biases too."""
    layer.build(x.shape)
    random = np.random.default_rng(1)
    for variable in layer.weights:
        variable.assign(random.normal(size=tuple(variable.shape)))
    return {name: np.asarray(each, np.float64) for name, each in layer.named_variables().items()}


def expected_mixed(choice: dict[str, Any], x: Any, weights: dict[str, Any]) -> Any:
    """What the oracle computes; the arguments are translated here by another hand."""
    sizes = np.atleast_1d(choice["kernel_sizes"]).tolist()
    stride = int(np.max(choice.get("strides", 1)))
    dilated = choice.get("dilated", False) and stride == 1
    partition = choice.get("partition", "equal")
    builder = GraphBuilder("one")
    builder.add(
        "mixed_depthwise_conv2d",
        "layer",
        builder.input("x", x.shape),
        channels=tuple(partition)
        if isinstance(partition, list)
        else PARTITIONS[partition](CHANNELS, len(sizes)),
        kernels=tuple((3, 3) if dilated else (size, size) for size in sizes),
        dilations=tuple(((size - 1) // 2 if dilated else 1,) * 2 for size in sizes),
        strides=(stride, stride),
        padding=choice.get("padding", "same"),
        multiplier=choice.get("depth_multiplier", 1),
        bias=choice.get("use_bias", False),
    )
    named = {f"layer.{role}": array for role, array in weights.items()}
    return evaluate(builder.build("layer"), named, {"x": x.astype(np.float64)})["layer"]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_mdconv_computes_what_the_oracle_does(choice: dict[str, Any]) -> None:
    x = image()
    layer = MDConv(**choice)
    expected = expected_mixed(choice, x, filled(layer, x))

    y = keras.ops.convert_to_numpy(layer(x))

    assert y.shape == expected.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_single_kernel_size_is_keras_own_depthwise_convolution(
    padding: str, strides: int
) -> None:
    x = image()
    layer = MDConv(5, strides, padding, depth_multiplier=3)
    kernel = filled(layer, x)["k5.kernel"]
    plain = keras.layers.DepthwiseConv2D(5, strides, padding, depth_multiplier=3, use_bias=False)
    plain.build(x.shape)
    plain.set_weights([kernel])

    expected = keras.ops.convert_to_numpy(plain(x))

    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("choice", "channels", "filters"),
    [
        ({"filters": 10, "groups": 3}, (7, 6, 6), (4, 3, 3)),
        ({"filters": 6, "groups": 2, "kernel_size": 3, "strides": 2}, (10, 9), (3, 3)),
        ({"filters": 4, "groups": 1, "use_bias": True}, (19,), (4,)),
        (
            {"filters": 4, "groups": 2, "kernel_size": 3, "strides": 2, "padding": "symmetric"},
            (10, 9),
            (2, 2),
        ),
    ],
    ids=str,
)
def test_the_grouped_convolution_computes_what_the_oracle_does(
    choice: dict[str, Any], channels: tuple[int, ...], filters: tuple[int, ...]
) -> None:
    x = image()
    layer = GroupedConv2D(**choice)
    weights = {f"layer.{role}": array for role, array in filled(layer, x).items()}
    builder = GraphBuilder("one")
    builder.add(
        "grouped_conv2d",
        "layer",
        builder.input("x", x.shape),
        channels=channels,
        filters=filters,
        kernel=(choice.get("kernel_size", 1),) * 2,
        strides=(choice.get("strides", 1),) * 2,
        padding=choice.get("padding", "same"),
        bias=choice.get("use_bias", False),
    )
    expected = evaluate(builder.build("layer"), weights, {"x": x.astype(np.float64)})["layer"]

    y = keras.ops.convert_to_numpy(layer(x))

    assert y.shape == expected.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "layer",
    [
        *(MDConv(**choice, name="mixed") for choice in CHOICES),
        MDConv(
            [3, 5],
            kernel_initializer="he_normal",
            kernel_regularizer=keras.regularizers.L2(1e-4),
            dtype="mixed_float16",
        ),
        GroupedConv2D(8, 2, 3, 2, use_bias=True, bias_initializer="ones", trainable=False),
    ],
    ids=lambda layer: f"{type(layer).__name__}-{getattr(layer, 'kernel_sizes', '')}",
)
def test_a_layer_is_made_again_from_its_configuration(layer: Any) -> None:
    import json

    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)

    assert again.get_config() == layer.get_config()
    assert again.compute_output_shape((None, 14, 11, CHANNELS)) == layer.compute_output_shape(
        (None, 14, 11, CHANNELS)
    )
    by_name = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(by_name) is type(layer)
    assert by_name.get_config() == layer.get_config()


def own_model() -> Any:
    inputs = keras.Input((None, None, 12))
    x = MDConv([3, 5, 7], strides=2, use_bias=True)(inputs)
    x = keras.layers.ReLU()(GroupedConv2D(10, 3)(x))
    x = MDConv([3, 5], dilated=True)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def test_a_model_of_ones_own_with_maps_of_any_size_is_saved_and_loaded(tmp_path: Path) -> None:
    model = own_model()
    assert model.layers[1].compute_output_shape((None, None, 9, 12)) == (None, None, 5, 12)
    x = np.random.default_rng(0).normal(size=(2, 9, 13, 12)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "own.keras")
    model.save_weights(tmp_path / "own.weights.h5")

    loaded = keras.models.load_model(tmp_path / "own.keras", safe_mode=True)
    other = own_model()
    other.load_weights(tmp_path / "own.weights.h5")

    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    np.testing.assert_array_equal(other.predict(x, verbose=0), expected)


def test_weights_of_a_layer_with_other_groups_are_refused(tmp_path: Path) -> None:
    def model(sizes: list[int]) -> Any:
        inputs = keras.Input((8, 8, 12))
        return keras.Model(inputs, MDConv(sizes)(inputs))

    model([3, 5]).save_weights(tmp_path / "a.weights.h5")

    with pytest.raises(ValueError, match=r"k5\.kernel"):
        model([3, 7]).load_weights(tmp_path / "a.weights.h5")


def test_layers_are_trained_and_regularized() -> None:
    inputs = keras.Input((8, 8, 12))
    x = MDConv([3, 5], dilated=True, kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
    x = GroupedConv2D(4, 2, use_bias=True)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(8, 8, 8, 12)), random.normal(size=(8, 4))
    before = model.get_weights()
    losses = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history["loss"]

    assert losses[2] < losses[1] < losses[0]
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert len(model.layers[1].losses) == 2


def test_half_precision_computes_in_half_and_keeps_float32_weights() -> None:
    layer = MDConv([3, 5], use_bias=True, dtype="mixed_bfloat16")
    y = layer(image())

    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(each.dtype) for each in layer.weights} == {"float32"}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: MDConv([]), "at least one kernel size"),
        (lambda: MDConv([3, 0]), "a kernel size must be a whole number from 1"),
        (lambda: MDConv([3, 2.5]), "a kernel size must be"),
        (lambda: MDConv([3, 5], strides=(1, 2)), "strides must be .* the same on both axes"),
        (lambda: MDConv([3, 5], padding="full"), "padding must be one of same, valid, symmetric"),
        (lambda: MDConv([3, 5], padding="valid"), "maps of different sizes"),
        (lambda: MDConv([2], padding="symmetric"), "needs odd sizes"),
        (lambda: MDConv([3, 4], dilated=True), "dilated needs odd sizes of at least 3"),
        (lambda: MDConv([3, 5], partition="exponent"), "did you mean exponential"),
        (lambda: MDConv([3, 5], depth_multiplier=0), "depth_multiplier must be"),
        (lambda: MDConv([3, 5], partition=[9, 9])(image()), "does not divide 19 channels into 2"),
        (lambda: MDConv([3] * 20)(image()), "19 channels are too few for 20 groups"),
        (lambda: MDConv([3, 5]).build((None, 8, 8, None)), "number of channels must be fixed"),
        (lambda: GroupedConv2D(3, 4)(image()), "too few for 4 groups"),
        (lambda: GroupedConv2D(4, 2)(np.zeros((2, 19), np.float32)), "ndim"),
    ],
)
def test_what_cannot_be_is_told_in_words(make: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()
