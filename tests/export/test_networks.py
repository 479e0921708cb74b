"""Whole networks as files, run by both runtimes, against each other and the oracle."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from both_formats import Array, load_narrow, oracle, run_file
from quick import NETWORKS, quick_first

from mixnet_export.lowering import DEFAULT, Model, find_plan, lower
from mixnet_export.writers import FORMATS
from mixnet_networks import Network, load_network, network_names
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import seeded_weights

TOLERANCE = 1e-4
"""Relative to the largest logit."""


def picture_of(network: Network) -> dict[str, Array]:
    preprocessing = network.architecture.preprocessing
    return {"image": picture_input(network.resolution, preprocessing, network.batch)}


def assert_close(found: Array, expected: Array, what: str) -> None:
    assert found.shape == expected.shape
    largest = np.abs(expected).max()
    difference = np.abs(found - expected).max() / largest
    assert difference < TOLERANCE, (what, difference)


def assert_files_equal_the_oracle(network: Network, lowering: str = "reference") -> Array:
    """Both formats against the oracle and each other, on logits that say something."""
    model = Model(network.graph, seeded_weights(network))
    image = picture_of(network)
    expected = oracle(model, image)["logits"]
    assert expected.std(axis=-1).min() > 0.1 * np.abs(expected).max(), "degenerate"

    found = {
        form.name: run_file(form.write(lower(model, find_plan(lowering, form.name))), form, image)[
            "logits"
        ]
        for form in FORMATS.values()
    }
    for name, logits in found.items():
        assert_close(logits, expected, name)
    assert_close(found["tflite"], found["onnx"], "tflite against onnx")
    return expected


MIXNETS = ("mixnet-s", "mixnet-m", "mixnet-l")
MOBILENETS = ("mobilenet-v1", "mobilenet-v2", "mobilenet-v2-1.4")
LITERAL = (*MIXNETS, *MOBILENETS)


@pytest.mark.parametrize("name", MIXNETS)
def test_both_files_of_a_mixnet_equal_the_oracle_on_the_picture(
    name: str, written: Callable[[str, str], bytes]
) -> None:
    network = load_network(name)
    image = picture_of(network)
    expected = oracle(Model(network.graph, seeded_weights(network)), image)["logits"]
    assert expected.std() > 0.1 * np.abs(expected).max()

    found = {
        form.name: run_file(written(name, form.name), form, image)["logits"]
        for form in FORMATS.values()
    }
    for form, logits in found.items():
        assert_close(logits, expected, form)
    assert_close(found["tflite"], found["onnx"], "tflite against onnx")


@pytest.mark.parametrize("name", MOBILENETS)
def test_both_files_of_a_mobilenet_equal_the_oracle(name: str) -> None:
    assert_files_equal_the_oracle(load_network(name, resolution=96))


@pytest.mark.parametrize("name", quick_first(sorted(set(network_names()) - set(LITERAL)), NETWORKS))
def test_both_default_files_of_any_other_network_equal_the_oracle(name: str) -> None:
    assert_files_equal_the_oracle(load_narrow(name, resolution=96), DEFAULT)


def test_both_files_take_other_sizes() -> None:
    logits = assert_files_equal_the_oracle(load_network("mixnet-s", resolution=160, classes=10))

    assert logits.shape == (1, 10)


def test_both_files_take_batches_and_tell_their_images_apart() -> None:
    network = load_network("mixnet-s", resolution=96, batch=2)
    logits = assert_files_equal_the_oracle(network)

    assert logits.shape == (2, 1000)
    assert np.abs(logits[0] - logits[1]).max() > 0.01 * np.abs(logits).max()


def test_both_files_take_a_multiplier() -> None:
    assert_files_equal_the_oracle(load_network("mixnet-m", resolution=64, multiplier=0.5))


@pytest.mark.parametrize(
    "weight",
    [
        "stem.conv.kernel",
        "blocks.1.0.expand.g1.kernel",
        "blocks.3.0.depthwise.k7.kernel",
        "blocks.5.0.se.reduce.kernel",
        "blocks.9.0.depthwise.k11.kernel",
        "blocks.10.1.project.g0.kernel",
    ],
)
def test_one_kernel_upside_down_is_far_beyond_the_tolerance(weight: str) -> None:
    """Or these comparisons would prove nothing about the layers before the classifier."""
    network = load_network("mixnet-s", resolution=64)
    weights = seeded_weights(network)
    right = oracle(Model(network.graph, weights), picture_of(network))["logits"]
    turned = weights | {
        weight: np.ascontiguousarray(weights[weight].T.reshape(-1)[::-1]).reshape(
            weights[weight].shape
        )
    }
    wrong = oracle(Model(network.graph, turned), picture_of(network))["logits"]

    assert np.abs(wrong - right).max() > 50 * TOLERANCE * np.abs(right).max()


EVERY_CHOICE = """
title = "Every choice of Section 3.2"
source = "a test"
resolution = 47
classes = 12
stem = { channels = 10, kernel = 3, stride = 2, activation = "swish" }
head = { channels = 40, activation = "relu6" }

[[stages]] # exponential groups: 5, 2, 3 of 10 channels
kernels = [3, 5, 7]
partition = "exponential"
out = 14

[[stages]] # uneven groups and the first one larger, with a stride; grouped 1x1 of uneven groups
kernels = [5, 3, 4]
expand = 2.5
expand_groups = 3
project_groups = 2
stride = 2
out = 15
se = 0.25
activation = "swish"

[[stages]] # dilated, and a skip
kernels = [3, 5, 7, 9]
dilated = true
expand = 2
out = 15
blocks = 2
activation = "relu6"

[[stages]] # two filters a channel, with a mix
kernels = [3, 7]
multiplier = 2
stride = 2
out = 16

[[stages]] # two filters a channel, with one kernel
kernels = [5]
multiplier = 2
out = 16
skip = false

[[stages]]
block = "separable"
kernels = [11, 3]
partition = "exponential"
stride = 3
out = 24
"""


def test_a_network_of_ones_own_may_use_every_choice_of_the_paper(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(EVERY_CHOICE)
    network = load_network(str(path))

    assert network.graph.shape("blocks.5.0.project") == (1, 2, 2, 24)
    assert_files_equal_the_oracle(network)
