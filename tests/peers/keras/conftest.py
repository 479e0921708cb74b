"""What these tests share: networks, and the oracle's answer on the picture."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mixnet_networks import Network, load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import Weights

EVERY_CHOICE = """
source = "a test: every choice of Section 3.2, every activation, groups that do not divide"
resolution = 48
classes = 5
stem = { channels = 10, activation = "relu6" }
head = { channels = 32, activation = "swish", dropout = 0.3 }

[[stages]]
out = 16
kernels = [3, 5, 7]
stride = 2
expand = 4
expand_groups = 2
project_groups = 3
multiplier = 2
se = 0.5
activation = "swish"

[[stages]]
out = 16
kernels = [3, 5, 7, 9]
expand = 2.5
expand_groups = 3
partition = "exponential"
dilated = true
blocks = 2
activation = "relu6"

[[stages]]
out = 24
kernels = [5]
dilated = true
block = "separable"
project_groups = 2

[[stages]]
out = 24
kernels = [2, 5, 5]
stride = 2
skip = false
"""


def pytest_report_header() -> str:
    return f"Keras {keras.__version__} on {keras.backend.backend()}"


@pytest.fixture(scope="session", autouse=True)
def _the_backend_asked_for() -> None:
    assert keras.backend.backend() == os.environ.get("KERAS_BACKEND", "tensorflow")


@pytest.fixture
def every_choice(tmp_path: Path) -> Network:
    """A small network of one's own with every choice that a row has."""
    path = tmp_path / "mine.toml"
    path.write_text(EVERY_CHOICE)
    return load_network(str(path))


@pytest.fixture(scope="session")
def perturbed() -> Callable[[Weights], Weights]:
    """Every scale, shift and bias drawn at random, so that none can stand in for another.

    A little only: statistics are not measured anew, and larger draws let MixNet-L's activations
    grow a thousandfold, with float32's errors.
    """

    def draw(weights: Weights) -> Weights:
        random = np.random.default_rng(1)
        draws = {"gamma": (1.0, 0.1), "beta": (0.0, 0.1), "bias": (0.0, 0.1)}
        return {
            name: random.normal(*draws[kind], array.shape).astype(np.float32)
            if kind in draws
            else array
            for name, array in weights.items()
            for kind in [name.rpartition(".")[2]]
        }

    return draw


@pytest.fixture(scope="session")
def oracle() -> Callable[[Network, Weights], tuple[Any, Any]]:
    """The picture as a network's input, and its logits in float64."""

    def answer(network: Network, weights: Weights) -> tuple[Any, Any]:
        image = picture_input(network.resolution, network.preprocessing, network.batch)
        exact: dict[str, Any] = {key: array.astype(np.float64) for key, array in weights.items()}
        logits = evaluate(network.graph, exact, {"image": image.astype(np.float64)})["logits"]
        assert logits.std() > 0.1 * np.abs(logits).max(), "a constant would prove nothing"
        return image, logits

    return answer
