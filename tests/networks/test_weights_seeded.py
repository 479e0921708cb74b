"""What a seed gives: the same weights everywhere, and statistics that mean something."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from quick import NETWORKS, quick_first

from mixnet_networks import Network, load_network, network_names
from mixnet_networks.graph.operators import is_trainable
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import Weights, check_weights, seeded_weights, weights_hash

# SHA-256 of the weights that seed 0 gives. A change here changes every published result.
HASHES = {
    "fbnet-c-timm": "e141194013089f2e68373a3ddd5279010c91cbdb420a1257ddd4cf74b0c374cc",
    "fbnet-c-timm-pretrained": "d24af6311c86b7c1ef58cd370f7fead00db53abbc3ab8ad05c29ab9982a20c0b",
    "mnasnet-a1-symmetric": "b22310b4133fccad12291d825df02753aadf59884ffe18ef6aca4829c65e0ecb",
    "mobilenet-v1-symmetric": "1ad65f7218f930021076d5afd7cde8691d9c88bfcc1c6f26d8a1251956840dff",
    "mobilenet-v2-1.4-symmetric": (
        "a41ec492af162180be5a7acb0c4b3caa31acf54f1f6b44a5b86bda8f40e7165a"
    ),
    "mobilenet-v2-symmetric": "2e71d0e1f7188a5a1f2e8c4d7b4c58bf1ecf5bbb487ac67896296c6dc751d5e4",
    "mixnet-l": "afe222f5530c236439ddda753b6962ccc41f47fa9b7130abe8e769463acb77bf",
    "mixnet-m": "ff9fb681dee7d69d69baf3570633587b8feffebff7fbff3caaedd51ef0875301",
    "mixnet-s": "121b4772061e8a0cd1e633fd0771172a2f1e4319f15324b25275b04eedf17244",
    "mixnet-s-symmetric": "b58a4994cea5de9bd44b835a17926c58c05905c8c553e8b42278d26d6bdc5efb",
    "mixnet-m-symmetric": "63b580db8d3f2e682b35096730c4b9f3871fc10d2c53175fbbbe2e8d97428648",
    "mixnet-l-symmetric": "b91c713d220ee3d5ed1894ebd852fa49ea7be897d05b7ab06a89438874cb71eb",
    "mixnet-xl": "e4d0fc97abd0df94356a0792d29b2586f31975a196503efe4415faabfd5ca6aa",
    "mobilenet-v1": "647cef750bc28c701efd35cfb87785c31dea3b29fb396b18e1c0a0553e400697",
    "mobilenet-v2": "f7c7581a8058379c85e8f21a7e642cf8410784db05d9d63866d8437c3fbf6d39",
    "mobilenet-v2-1.4": "8babee481721ec924e1c2b17ed8167de5e2e638b20f647fe30766450b381d3cd",
    "darts": "595f503565b64f232e0f1d2f7c4982d2ded9e7214269b4e0442d8a69e1e7dffa",
    "fbnet-a": "e2610f5d2f325869cbe77f3bdbf740511d33fb058ab5da24d83a817178384513",
    "fbnet-c": "fe1e77cb77d8b7c2bd77c4cf0f14167d7fda54890944fb35236dd462ab099589",
    "mnasnet-a1": "39141d98817899d0b21cbd13a0a17c8a48d056eaa381a0a641964e320feac9b7",
    "nasnet-a-mobile": "32a88f286584a4e6a2cd29c155417ce3a651e4acba6e6f3657e29a6c1462a727",
    "proxylessnas": "1a61100cd0ba6944ec47db3fb0c05d650319a22f205957872a5b85404e4ae927",
    "proxylessnas-1.4": "6e06a9d13c1af6529fb41b9e1a844a90b31edc6882df33064e859263d25c375b",
    "resnet-152-x0.25": "fd1004997671ed590a953fbac13c5177adcdccb25aa4685f6f8c8c19164294ba",
    "shufflenet-v2-1.5": "25bfbd5a41ff4b336a2f283d8674033ef08ad64393f3c8c2e1bdf3c4a1115c4e",
    "shufflenet-v2-2.0": "3a0ae645344faa9a9ebdc24d9c855d97d9afb2661963d42008940e9c99244f67",
}

NARROWER = {"resnet-152": 0.25}
"""Multipliers of networks that would take a minute; their layers are the same."""

PRINT_HASH = """
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights, weights_hash
print(weights_hash(seeded_weights(load_network("mixnet-s"), 0)))
"""


@pytest.fixture(scope="module")
def small() -> Weights:
    return seeded_weights(load_network("mixnet-s"), 0)


@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"OPENBLAS_CORETYPE": "Nehalem"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512_SKX X86_V4"},
    ],
    ids=str,
)
def test_another_way_of_summing_gives_the_same_weights(environment: dict[str, str]) -> None:
    """Other machines' matrix products differ in the last digits; the weights must not.

    The processors named are the oldest, whose instructions all others have.
    """
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRINT_HASH],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == HASHES["mixnet-s"]


def test_another_seed_gives_other_kernels_and_other_statistics(small: Weights) -> None:
    other = seeded_weights(load_network("mixnet-s"), 1)

    drawn = [name for name in small if name.endswith(("kernel", "mean", "variance"))]
    same = [name for name in drawn if np.array_equal(small[name], other[name])]
    assert drawn
    assert same == []


def test_the_resolution_and_the_batch_change_no_weight(small: Weights) -> None:
    network = load_network("mixnet-s", resolution=96, batch=2)

    assert weights_hash(seeded_weights(network, 0)) == weights_hash(small)


def test_no_two_kernels_of_one_shape_are_equal(small: Weights) -> None:
    kernels = [array.tobytes() for name, array in small.items() if name.endswith("kernel")]

    assert len(set(kernels)) == len(kernels)


def test_kernels_spread_as_the_authors_initialise_them(small: Weights) -> None:
    """Normal with variance 2 / fan_out, where fan_out is taps x the last axis."""
    for name in ("head.conv.kernel", "blocks.9.0.expand.kernel", "blocks.10.1.depthwise.k9.kernel"):
        height, width, _, filters = small[name].shape
        expected = (2 / (height * width * filters)) ** 0.5
        assert small[name].std() == pytest.approx(expected, rel=0.03), name
        assert abs(small[name].mean()) < 0.05 * expected, name


def test_the_classifier_is_uniform_within_the_authors_limit(small: Weights) -> None:
    kernel, limit = small["head.classifier.kernel"], 1000**-0.5

    assert np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.01)
    assert not small["head.classifier.bias"].any()


@dataclass(frozen=True)
class Seeded:
    """A shipped network with its seeded weights and what they make of two pictures."""

    network: Network
    weights: Weights
    values: dict[str, Any]


@pytest.fixture(scope="module", params=quick_first(network_names(), NETWORKS))
def seeded(request: pytest.FixtureRequest) -> Seeded:
    # At half the size for speed; the weights are those of the whole size.
    multiplier = NARROWER.get(request.param)
    network = load_network(request.param, batch=2, resolution=112, multiplier=multiplier)
    weights = seeded_weights(network, 0)
    images = picture_input(112, network.architecture.preprocessing, batch=2)
    images[1] = images[1, ::-1]
    norms = [node.outputs[0] for node in network.graph.nodes if node.op == "batch_norm"]
    values = evaluate(network.graph, dict(weights), {"image": images}, keep=norms)
    return Seeded(network, weights, values)


def test_a_seed_gives_the_weights_it_always_gave(seeded: Seeded) -> None:
    assert weights_hash(seeded.weights) == HASHES[seeded.network.name]


def test_seeded_weights_fit_their_network_and_no_statistic_is_trivial(seeded: Seeded) -> None:
    check_weights(seeded.network.graph, seeded.weights, "seeded")
    for name, array in seeded.weights.items():
        assert array.dtype == np.float32
        if name.endswith(".mean"):
            assert np.all(array != 0), name
        if name.endswith(".variance"):
            assert np.all(array > 1e-9), name
            assert np.mean(array == 1) < 0.1, name  # one of many may round to it
            assert array.std() > 0.01 * array.mean(), name


def test_activations_keep_a_sane_scale_through_the_whole_network(seeded: Seeded) -> None:
    spread = {name: float(v.std()) for name, v in seeded.values.items() if name != "logits"}

    assert len(spread) > 20
    assert min(spread.values()) > 0.2, min(spread, key=lambda name: spread[name])
    assert max(spread.values()) < 2, max(spread, key=lambda name: spread[name])


def test_logits_tell_one_picture_from_another(seeded: Seeded) -> None:
    """A reference output that is nearly constant would agree with anything."""
    first, second = seeded.values["logits"]

    largest = np.abs(first).max()
    assert largest > 0.1
    assert len(np.unique(first)) > 990
    assert first.std() > 0.1 * largest
    assert np.abs(first - second).max() > 0.05 * largest


def test_trainable_weights_of_a_batch_norm_start_as_one_and_zero(small: Weights) -> None:
    assert all(np.all(small[name] == 1) for name in small if name.endswith("gamma"))
    assert all(np.all(small[name] == 0) for name in small if name.endswith("beta"))
    assert sum(array.size for name, array in small.items() if is_trainable(name)) == 4_134_606


def test_the_hash_sees_names_shapes_and_values_and_no_order() -> None:
    array = np.arange(6, dtype=np.float32)
    plain = weights_hash({"a": array, "b": array})

    assert weights_hash({"b": array, "a": array}) == plain
    assert weights_hash({"a": array, "b": array.astype(np.float64)}) == plain
    assert weights_hash({"a": array, "c": array}) != plain
    assert weights_hash({"a": array.reshape(2, 3), "b": array}) != plain
    assert weights_hash({"a": array + 1, "b": array}) != plain
