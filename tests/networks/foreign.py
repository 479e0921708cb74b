"""Our weights under other programs' names, written down independently of the importer.

timm's layout follows its own stages, the authors' the order in which their code builds layers.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_networks import Network, Node
from mixnet_networks.building.build import block_of

Arrays = dict[str, NDArray[Any]]

STAGES = ((0,), (1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
"""Our rows in each of timm's stages."""

TIMM = {
    "stem.conv": "conv_stem",
    "stem.conv.norm": "bn1",
    "head.conv": "conv_head",
    "head.conv.norm": "bn2",
    "head.classifier": "classifier",
}
TIMM_BLOCK = {
    "expand": "conv_pw",
    "expand.norm": "bn1",
    "depthwise": "conv_dw",
    "depthwise.norm": "bn2",
    "se.reduce": "se.conv_reduce",
    "se.expand": "se.conv_expand",
    "project": "conv_pwl",
    "project.norm": "bn3",
}
TIMM_FIRST = {
    "depthwise": "conv_dw",
    "depthwise.norm": "bn1",
    "project": "conv_pw",
    "project.norm": "bn2",
}
TIMM_ROLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


def timm_arrays(network: Network, weights: Arrays) -> Arrays:
    """A state dict as timm's ``mixnet`` and ``tf_mixnet`` have it, counters and all."""
    found: Arrays = {}
    for node in network.graph.nodes:
        layer = _timm_layer(node, network) if node.parameters else ""
        groups = [role for role in node.parameters if role.endswith(".kernel")]
        for role in node.parameters:
            group = f".{groups.index(role)}" if role in groups else ""
            array = weights[node.parameter_name(role)]
            name = f"{layer}{group}.{TIMM_ROLES[role.rpartition('.')[2]]}"
            found[name] = np.ascontiguousarray(_to_pytorch(node, array))
        if node.op == "batch_norm":
            found[f"{layer}.num_batches_tracked"] = np.array(1000)
    return found


def _timm_layer(node: Node, network: Network) -> str:
    if node.name in TIMM:
        return TIMM[node.name]
    _, row, index, layer = node.name.split(".", 3)
    rows = network.architecture.stages
    stage = next(number for number, members in enumerate(STAGES) if int(row) in members)
    before = sum(rows[other].blocks for other in STAGES[stage] if other < int(row))
    names = TIMM_FIRST if rows[int(row)].expand == 1 else TIMM_BLOCK
    return f"blocks.{stage}.{before + int(index)}.{names[layer]}"


def _to_pytorch(node: Node, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 2:
        return array.T
    if "depthwise" in node.op:
        return array.transpose(2, 3, 0, 1).reshape(-1, 1, *array.shape[:2])
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


AUTHORS_KINDS = {
    "conv2d": "conv2d",
    "grouped_conv2d": "conv2d",
    "depthwise_conv2d": "depthwise_conv2d",
    "mixed_depthwise_conv2d": "depthwise_conv2d",
    "batch_norm": "batch_normalization",
    "dense": "dense",
}
AUTHORS_ROLES = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "mean": "moving_mean",
    "variance": "moving_variance",
}

Number = Callable[[str, str], int]
"""The number of the next layer of a kind in a scope."""


def in_each_scope() -> Number:
    """Numbers that begin anew in each scope, as ``tf.layers`` gives them."""
    counters: dict[tuple[str, str], Iterator[int]] = {}
    return lambda scope, kind: next(counters.setdefault((scope, kind), itertools.count()))


def in_the_whole_network(start: int = 0, step: int = 1) -> Number:
    """Numbers that run through the network, as Keras gives them."""
    counters: dict[str, Iterator[int]] = {}
    return lambda scope, kind: next(counters.setdefault(kind, itertools.count(start, step)))


def authors_arrays(
    network: Network,
    weights: Arrays,
    number: Number,
    model: str = "mixnet-s",
    norm: str = "batch_normalization",
) -> Arrays:
    """Variables as the authors' code names them, one convolution for each group."""
    found: Arrays = {}
    blocks = [*dict.fromkeys(block_of(node.name) for node in network.graph.nodes)]
    for node in network.graph.nodes:
        if not node.parameters:
            continue
        block = block_of(node.name)
        scope = block if block in ("stem", "head") else f"blocks_{blocks.index(block) - 1}"
        scope += "/se" if ".se." in node.name else ""
        kind = AUTHORS_KINDS[node.op]
        layers: dict[str, str] = {}
        for role in node.parameters:
            group, _, plain = role.rpartition(".")
            if group not in layers:
                count = number(scope, kind)
                shown = norm if kind == "batch_normalization" else kind
                layers[group] = f"{model}/{scope}/{shown}{f'_{count}' if count else ''}"
            variable = AUTHORS_ROLES[plain]
            if kind == "depthwise_conv2d":
                variable = f"depthwise_{variable}"
            found[f"{layers[group]}/{variable}"] = weights[node.parameter_name(role)]
    return found
