"""timm's MixNets with our weights: another hand's reading of the paper, the same logits.

Only names and layouts are translated here. If a row of ours had one kernel size, group or channel
more, strict loading would fail; if a name were swapped, the logits would differ.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timm_weights import timm

from mixnet_bench.counting.file import count_file
from mixnet_networks import Network, Node, load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import seeded_weights

PEERS = {"mixnet-s": "tf_mixnet_s", "mixnet-m": "tf_mixnet_m", "mixnet-l": "tf_mixnet_l"}

STAGES = ((0,), (1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
"""Our rows in each of timm's stages."""

OUTSIDE = {
    "stem.conv": "conv_stem",
    "stem.conv.norm": "bn1",
    "head.conv": "conv_head",
    "head.conv.norm": "bn2",
    "head.classifier": "classifier",
}
EXPANDED = {
    "expand": "conv_pw",
    "expand.norm": "bn1",
    "depthwise": "conv_dw",
    "depthwise.norm": "bn2",
    "se.reduce": "se.conv_reduce",
    "se.expand": "se.conv_expand",
    "project": "conv_pwl",
    "project.norm": "bn3",
}
"""Layers of a block, in timm an ``InvertedResidual``."""
NOT_EXPANDED = {
    "depthwise": "conv_dw",
    "depthwise.norm": "bn1",
    "project": "conv_pw",
    "project.norm": "bn2",
}
"""Layers of a block without expansion, in timm a ``DepthwiseSeparableConv``."""
ROLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


def layer_name(node: Node, network: Network) -> str:
    """timm's name of the layer that a node of ours is."""
    if node.name in OUTSIDE:
        return OUTSIDE[node.name]
    _, row, block, layer = node.name.split(".", 3)
    stages = network.architecture.stages
    stage = next(index for index, rows in enumerate(STAGES) if int(row) in rows)
    before = sum(stages[other].blocks for other in STAGES[stage] if other < int(row))
    names = NOT_EXPANDED if stages[int(row)].expand == 1 else EXPANDED
    return f"blocks.{stage}.{before + int(block)}.{names[layer]}"


def translated(node: Node, array: Any) -> Any:
    """A kernel of ours, (height, width, in, out), as PyTorch lays it out."""
    if array.ndim == 2:
        return array.T
    if "depthwise" in node.op:
        return array.transpose(2, 3, 0, 1).reshape(-1, 1, *array.shape[:2])
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def state(network: Network, weights: dict[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """All weights under timm's names; the groups of a convolution are numbered there."""
    for node in network.graph.nodes:
        kernels = [role for role in node.parameters if role.endswith(".kernel")]
        for role in node.parameters:
            group = f".{kernels.index(role)}" if role in kernels else ""
            name = f"{layer_name(node, network)}{group}.{ROLES[role.rpartition('.')[2]]}"
            array = translated(node, weights[node.parameter_name(role)])
            yield name, torch.from_numpy(np.ascontiguousarray(array, np.float32))


def timm_model(network: Network, weights: dict[str, Any]) -> Any:
    model = timm.create_model(PEERS[network.architecture.name]).eval()
    tensors = dict(state(network, weights))
    counters = {key: value for key, value in model.state_dict().items() if key.endswith("_tracked")}
    model.load_state_dict({**tensors, **counters}, strict=True)
    return model


def perturbed(weights: dict[str, Any]) -> dict[str, Any]:
    """Every scale, shift and bias drawn at random, so that none can stand in for another."""
    random = np.random.default_rng(1)
    draws = {
        "gamma": lambda shape: random.uniform(0.5, 1.5, shape),
        "beta": lambda shape: random.normal(0, 0.3, shape),
        "bias": lambda shape: random.normal(0, 0.3, shape),
    }
    return {
        name: draws[kind](array.shape).astype(np.float32) if kind in draws else array
        for name, array in weights.items()
        for kind in [name.rpartition(".")[2]]
    }


def check_same_logits(network: Network, weights: dict[str, Any]) -> None:
    image = picture_input(network.resolution, network.architecture.preprocessing)
    exact = {name: array.astype(np.float64) for name, array in weights.items()}
    expected = evaluate(network.graph, exact, {"image": image.astype(np.float64)})["logits"]
    largest = np.abs(expected).max()
    assert expected.std() > 0.1 * largest, "a constant would prove nothing"

    with torch.no_grad():
        logits = timm_model(network, weights)(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))

    assert np.abs(logits.numpy() - expected).max() < 1e-4 * largest


@pytest.mark.parametrize("name", PEERS)
def test_seeded_weights_give_the_same_logits_in_timm(name: str) -> None:
    network = load_network(name)
    check_same_logits(network, seeded_weights(network, 0))


@pytest.mark.parametrize("name", PEERS)
def test_perturbed_weights_give_the_same_logits_in_timm(name: str) -> None:
    network = load_network(name)
    check_same_logits(network, perturbed(seeded_weights(network, 0)))


@pytest.mark.parametrize("name", PEERS)
def test_timm_has_as_many_trainable_parameters(name: str) -> None:
    counts = {"mixnet-s": 4_134_606, "mixnet-m": 5_014_382, "mixnet-l": 7_329_252}
    model = timm.create_model(PEERS[name])

    assert sum(each.numel() for each in model.parameters() if each.requires_grad) == counts[name]


@pytest.mark.parametrize(
    ("name", "macs", "dynamo"),
    [
        ("mixnet-s", 239_173_360, False),
        ("mixnet-s", 239_173_360, True),
        ("mixnet-m", 339_172_672, False),
    ],
)
def test_timms_onnx_export_counts_as_many_macs_as_our_graph(
    name: str, macs: int, dynamo: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"{PEERS[name]}.onnx"
    model = timm.create_model(PEERS[name], exportable=True).eval()
    torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), str(path), dynamo=dynamo)

    assert count_file(path).macs == macs
