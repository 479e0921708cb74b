from typing import Any

import numpy as np
import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_networks import load_network


@pytest.mark.parametrize(
    "option",
    [
        {"classes": 0},
        {"classes": -1},
        {"classes": 1_000_001},
        {"resolution": 0},
        {"resolution": -224},
        {"resolution": 8193},
        {"multiplier": 0},
        {"multiplier": -1},
        {"multiplier": 101},
        {"multiplier": float("nan")},
        {"multiplier": float("inf")},
        {"batch": 0},
        {"batch": 1025},
    ],
    ids=str,
)
def test_a_number_out_of_range_is_named(option: dict[str, Any]) -> None:
    (name,) = option

    with pytest.raises(UsageError, match=f"^{name} must lie between .* not ") as caught:
        load_network("mixnet-s", **option)

    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "option",
    [{"classes": "10"}, {"resolution": 224.5}, {"batch": None}, {"multiplier": "2"}],
    ids=str,
)
def test_what_is_no_number_is_named(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(UsageError, match=f"^{name} must be a .*number, not "):
        load_network("mixnet-s", **option)


def test_a_size_may_be_another_librarys_number() -> None:
    sizes: dict[str, Any] = {"classes": np.int64(10), "resolution": np.int32(32)}
    network = load_network("mixnet-s", **sizes, multiplier=np.float32(0.5))
    assert network == load_network("mixnet-s", classes=10, resolution=32, multiplier=0.5)
    assert {type(network.classes), type(network.resolution)} == {int}


@pytest.mark.parametrize("option", [{"classes": 1}, {"resolution": 1}, {"multiplier": 0.01}])
def test_the_smallest_values_still_give_a_graph(option: dict[str, Any]) -> None:
    try:
        graph = load_network("mixnet-s", **option).graph
    except MixnetError as error:
        pytest.fail(f"refused: {error}")

    assert graph.outputs == ("logits",)


def test_what_is_not_asked_for_is_the_architectures_own() -> None:
    network = load_network("mixnet-s")

    assert (network.classes, network.resolution, network.multiplier) == (1000, 224, 1)


def test_the_multiplier_is_told_in_the_name() -> None:
    assert load_network("mixnet-s").name == "mixnet-s"
    assert load_network("mixnet-s", multiplier=1.0).name == "mixnet-s"
    assert load_network("mixnet-s", multiplier=0.5).name == "mixnet-s-x0.5"
    assert load_network("mixnet-s", multiplier=0.5).graph.name == "mixnet-s-x0.5"


def test_a_network_at_another_size_has_the_same_weights_names() -> None:
    network = load_network("mixnet-s")
    other = network.at(resolution=64, batch=4)

    assert other.graph.shape("image") == (4, 64, 64, 3)
    assert {name: shape for name, _, _, shape in other.graph.parameters()} == {
        name: shape for name, _, _, shape in network.graph.parameters()
    }


def test_grey_images_have_one_channel_and_the_mean_of_the_three_means() -> None:
    network = load_network("mixnet-s", in_channels=1)

    assert network.graph.shape("image") == (1, 224, 224, 1)
    assert network.preprocessing.mean == (pytest.approx((123.675 + 116.28 + 103.53) / 3),)
    assert network.at(resolution=64).in_channels == 1


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_channels_are_refused(channels: int) -> None:
    with pytest.raises(UsageError, match="1 or 3 channels"):
        load_network("mixnet-s", in_channels=channels)


@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_symmetric_padding_changes_the_strided_layers_and_the_epsilon_alone(size: str) -> None:
    plain = load_network(f"mixnet-{size}").graph
    symmetric = load_network(f"mixnet-{size}-symmetric").graph
    changed = {
        key: {
            (a.attributes[key], b.attributes[key])
            for a, b in zip(plain.nodes, symmetric.nodes, strict=True)
            if a.attributes.get(key) != b.attributes.get(key)
        }
        for key in ("padding", "epsilon", "strides", "kernel", "kernels", "channels")
    }

    assert changed.pop("padding") == {("same", "symmetric")}
    assert changed.pop("epsilon") == {(1e-3, 1e-5)}
    assert not any(changed.values())
    strided = [node for node in symmetric.nodes if node.attributes.get("padding") == "symmetric"]
    assert len(strided) == 5
    assert all(node.attributes["strides"] == (2, 2) for node in strided)
    assert all(plain.shape(name) == symmetric.shape(name) for name in plain.tensors)
