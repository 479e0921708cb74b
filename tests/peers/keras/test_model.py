"""Networks as Keras models: the oracle's logits, trained by Keras, weights in and out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mixnet_common import MixnetError
from mixnet_networks import GraphBuilder, Network, load_network
from mixnet_networks.importing.keras_files import read_keras
from mixnet_networks.keras import build_keras_model, set_weights_from, weights_from
from mixnet_networks.keras.model import LAYERS
from mixnet_networks.weights import Weights, check_weights, seeded_weights, weights_hash

Perturb = Callable[[Weights], Weights]
Oracle = Callable[[Network, Weights], tuple[Any, Any]]

SHIPPED = ["mixnet-s", "mixnet-m", "mixnet-l", "mixnet-s-symmetric", "mobilenet-v2"]


def small(name: str = "mixnet-s", **options: Any) -> Network:
    return load_network(name, **{"multiplier": 0.25, "classes": 5, "resolution": 64, **options})


def check_logits(network: Network, weights: Weights, oracle: Oracle) -> None:
    image, expected = oracle(network, weights)

    logits = build_keras_model(network, weights).predict(image, verbose=0)

    assert logits.shape == expected.shape
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_gives_the_oracles_logits(name: str, perturbed: Perturb, oracle: Oracle) -> None:
    network = load_network(name)
    check_logits(network, perturbed(seeded_weights(network, 0)), oracle)


def test_every_choice_of_a_row_gives_the_oracles_logits(
    every_choice: Network, perturbed: Perturb, oracle: Oracle
) -> None:
    assert {node.op for node in every_choice.graph.nodes} == set(LAYERS), "or a layer is untested"
    check_logits(every_choice, perturbed(seeded_weights(every_choice, 0)), oracle)


def test_grey_images_and_odd_resolutions_give_the_oracles_logits(
    perturbed: Perturb, oracle: Oracle
) -> None:
    network = small(in_channels=1, resolution=75, batch=2)
    check_logits(network, perturbed(seeded_weights(network, 0)), oracle)


def test_a_model_takes_any_number_of_images() -> None:
    model = build_keras_model(small())

    assert model.input_shape == (None, 64, 64, 3)
    assert model.predict(np.zeros((3, 64, 64, 3), np.float32), verbose=0).shape == (3, 5)


def test_layers_and_weights_are_called_as_in_the_graph(every_choice: Network) -> None:
    model = build_keras_model(every_choice)
    names = {node.name for node in every_choice.graph.nodes}

    assert {layer.name for layer in model.layers} == names | {"image", "head.dropout"}
    check_weights(every_choice.graph, weights_from(model), "the model")


def test_what_is_trained_are_the_papers_parameters() -> None:
    model = build_keras_model(load_network("mixnet-s"))

    assert sum(np.prod(each.shape) for each in model.trainable_variables) == 4_134_606


def test_initial_kernels_have_the_authors_variance_and_obey_the_random_seed() -> None:
    keras.utils.set_random_seed(1)
    first = weights_from(build_keras_model(small()))
    keras.utils.set_random_seed(1)
    again = weights_from(build_keras_model(small()))
    other = weights_from(build_keras_model(small()))
    head = first["head.conv.kernel"]

    assert weights_hash(first) == weights_hash(again) != weights_hash(other)
    assert head.std() == pytest.approx(np.sqrt(2 / head.shape[3]), rel=0.05)
    assert np.abs(first["head.classifier.kernel"]).max() == pytest.approx(1 / np.sqrt(5), rel=0.05)


def test_weights_come_out_as_they_went_in(every_choice: Network, perturbed: Perturb) -> None:
    weights = perturbed(seeded_weights(every_choice, 0))
    model = build_keras_model(every_choice)
    set_weights_from(model, weights)

    assert weights_hash(weights_from(model)) == weights_hash(weights)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_what_keras_saves_is_read_back_bit_by_bit(
    suffix: str, every_choice: Network, perturbed: Perturb, tmp_path: Path
) -> None:
    weights = perturbed(seeded_weights(every_choice, 0))
    model = build_keras_model(every_choice, weights)
    path = tmp_path / f"model{suffix}"
    (model.save if suffix == ".keras" else model.save_weights)(path)

    assert weights_hash(read_keras(path)) == weights_hash(weights)
    other = build_keras_model(every_choice)
    if suffix == ".keras":
        other = keras.models.load_model(path)
    else:
        other.load_weights(path)
    assert weights_hash(weights_from(other)) == weights_hash(weights)


def test_a_model_within_another_is_read_too(tmp_path: Path) -> None:
    network = small()
    inner = build_keras_model(network)
    outer = keras.Sequential(
        [keras.Input((64, 64, 3)), keras.layers.RandomFlip("horizontal"), inner]
    )
    outer.save(tmp_path / "outer.keras")

    check_weights(network.graph, read_keras(tmp_path / "outer.keras"), "outer.keras")
    assert weights_hash(weights_from(outer)) == weights_hash(weights_from(inner))


def test_a_network_can_be_trained_and_exported_afterwards(
    every_choice: Network, oracle: Oracle, tmp_path: Path
) -> None:
    """With augmentation's seeds and the optimizer's state in the file, as training leaves it."""
    keras.utils.set_random_seed(3)
    model = build_keras_model(every_choice)
    before = weights_from(model)
    images, labels = examples(every_choice)
    model.compile(keras.optimizers.Adam(0.01), cross_entropy())
    losses = model.fit(images, labels, batch_size=16, epochs=12, verbose=0).history["loss"]
    after = weights_from(model)

    assert losses[-1] < 0.8 * losses[0]
    assert all(np.abs(after[name] - before[name]).max() > 0 for name in before), "all move"
    model.save(tmp_path / "trained.keras")
    arrays = read_keras(tmp_path / "trained.keras")
    assert weights_hash(arrays) == weights_hash(after)
    image, expected = oracle(every_choice, arrays)
    logits = model.predict(image, verbose=0)
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_one_step_lowers_the_loss_and_moves_statistics(every_choice: Network) -> None:
    model = build_keras_model(every_choice)
    images, labels = examples(every_choice)
    model.compile(keras.optimizers.SGD(1e-3), cross_entropy())
    model.get_layer("head.dropout").rate = 0.0  # or chance would decide
    before = weights_from(model)
    first = model.train_on_batch(images, labels)
    second = model.train_on_batch(images, labels)
    after = weights_from(model)

    assert second < first
    for role in ("mean", "variance"):
        name = f"stem.conv.norm.{role}"
        assert np.abs(after[name] - before[name]).max() > 1e-6


def test_dropout_acts_in_training_only(every_choice: Network) -> None:
    model = build_keras_model(every_choice, seeded_weights(every_choice, 0))
    dropout = model.get_layer("head.dropout")
    features = np.ones((1, 32), np.float32)

    assert dropout.rate == 0.3
    assert (np.asarray(dropout(features, training=True)) == 0).any()
    assert (np.asarray(dropout(features, training=False)) == 1).all()


def test_a_new_head_keeps_the_backbones_weights_and_trains_alone_where_that_is_frozen() -> None:
    pretrained = seeded_weights(small(classes=9), 0)
    network = small(classes=5)
    model = build_keras_model(network, pretrained, new_head=True, frozen_backbone=True)
    before = weights_from(model)
    images, labels = examples(network)
    model.compile(keras.optimizers.SGD(0.1), cross_entropy())
    model.fit(images, labels, verbose=0)
    after = weights_from(model)
    moved = {name for name in before if (after[name] != before[name]).any()}

    assert before["head.classifier.kernel"].shape[1] == 5
    assert all(
        (before[name] == pretrained[name]).all() for name in before if "classifier" not in name
    )
    assert moved == {"head.classifier.kernel", "head.classifier.bias"}
    for layer in model.layers:
        layer.trainable = True
    assert len(model.trainable_variables) == len(build_keras_model(network).trainable_variables)


def test_weights_that_do_not_fit_are_named_and_nothing_is_set() -> None:
    network = small()
    model = build_keras_model(network)
    before = weights_hash(weights_from(model))
    weights = seeded_weights(small(classes=9), 0)
    del weights["stem.conv.kernel"]
    weights["other"] = np.zeros(1, np.float32)

    with pytest.raises(MixnetError, match=r"1 missing \(stem\.conv\.kernel\); 1 surplus") as e:
        set_weights_from(model, weights)

    assert "head.classifier.bias (9,) for (5,)" in e.value.message
    assert "new_head" in e.value.hint
    assert weights_hash(weights_from(model)) == before


def test_an_operator_of_a_lowering_is_refused_by_name() -> None:
    builder = GraphBuilder("lowered")
    x = builder.input("image", (1, 4, 4, 2))
    builder.add("pad", "around", x, paddings=((0, 0), (1, 1), (1, 1), (0, 0)))
    network = small()
    network.__dict__["graph"] = builder.build("around")

    with pytest.raises(MixnetError, match="around: pad has no layer"):
        build_keras_model(network)


def examples(network: Network) -> tuple[Any, Any]:
    """Noise whose brightness tells its class, enough to be learnt in a few steps."""
    random = np.random.default_rng(0)
    labels = np.arange(16) % network.classes
    shape = (16, network.resolution, network.resolution, 3)
    shift = (labels / network.classes * 2 - 1)[:, None, None, None]
    return (random.normal(0, 0.5, shape) + shift).astype(np.float32), labels


def cross_entropy() -> Any:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
