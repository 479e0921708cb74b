"""Arrays named as in timm's EfficientNets, by tables; for ``tf_`` and plain models.

Blocks are matched by their order, so a network needs the file's number of blocks, in any stages.
timm's kernels are (out, in, height, width), ours are (height, width, in, out).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_networks.architecture.aliases import Alias, aliases
from mixnet_networks.building.build import block_of
from mixnet_networks.graph import Graph, Node, Shape
from mixnet_networks.importing.record import Content, Naming, Shapes, Sizes

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
"""Layers of a block with an expansion, in timm an ``InvertedResidual``."""
NOT_EXPANDED = {
    "depthwise": "conv_dw",
    "depthwise.norm": "bn1",
    "se.reduce": "se.conv_reduce",
    "se.expand": "se.conv_expand",
    "project": "conv_pw",
    "project.norm": "bn2",
}
"""Layers of a block without, in timm a ``DepthwiseSeparableConv``."""
ROLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "state_dict.")
"""What wrappers put before every name: DataParallel, torch.compile, Lightning, averaged models."""

_BLOCK = re.compile(r"blocks\.(\d+)\.(\d+)\.")


def _clean(content: Content) -> Content:
    """The arrays without the wrappers' prefixes. Raises MixnetError if two then collide."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, array in content.arrays.items():
        bare = _bare(name)
        if bare in arrays:
            raise MixnetError(
                f"the file holds {bare} twice, once as {name}", "save the weights of only one model"
            )
        arrays[bare] = array
    return replace(content, arrays=arrays)


def _bare(name: str) -> str:
    while prefix := next((each for each in PREFIXES if name.startswith(each)), ""):
        name = name.removeprefix(prefix)
    return name


def _recognises(names: Collection[str]) -> bool:
    return any(_bare(name) == "conv_stem.weight" or _BLOCK.match(_bare(name)) for name in names)


def _sizes(shapes: Shapes) -> Sizes:
    classifier, stem = shapes.get("classifier.weight", ()), shapes.get("conv_stem.weight", ())
    return Sizes(
        classifier[0] if len(classifier) == 2 else None, stem[1] if len(stem) == 4 else None
    )


def _match(graph: Graph, shapes: Shapes) -> Mapping[str, str]:
    theirs = sorted(
        {tuple(map(int, found.groups())) for found in map(_BLOCK.match, shapes) if found}
    )
    blocks = dict.fromkeys(block_of(node.name) for node in graph.nodes)
    ours = [name for name in blocks if name.startswith("blocks.")]
    places = {
        name: f"blocks.{stage}.{index}" for name, (stage, index) in zip(ours, theirs, strict=False)
    }
    expanded = {name for name in ours if any(node.name == f"{name}.expand" for node in graph.nodes)}
    names = {}
    for node in graph.nodes:
        block = block_of(node.name)
        if block in blocks and block not in places and block in ours:
            continue
        layers = EXPANDED if block in expanded else NOT_EXPANDED
        names.update(_names_of(node, places.get(block), layers))
    return names


def _names_of(node: Node, place: str | None, layers: Mapping[str, str]) -> dict[str, str]:
    """The file's names of one node's arrays; the groups of a convolution are numbered there.

    None for a layer that no MixNet of timm's has, such as those of a ResNet.
    """
    layer = node.name.removeprefix(f"{block_of(node.name)}.")
    known = OUTSIDE.get(node.name) if place is None else layers.get(layer)
    if not node.parameters or known is None:
        return {}
    theirs = known if place is None else f"{place}.{known}"
    groups = [role for role in node.parameters if role.endswith(".kernel")]
    names = {}
    for role in node.parameters:
        group = f".{groups.index(role)}" if role in groups else ""
        names[node.parameter_name(role)] = f"{theirs}{group}.{ROLES[role.rpartition('.')[2]]}"
    return names


def _convert(array: NDArray[Any], shape: Shape, name: str) -> NDArray[Any]:
    """A PyTorch array in our layout; unchanged if it cannot have that shape."""
    if array.ndim != len(shape):
        return array
    if array.ndim == 2:
        return array.T
    if array.ndim != 4:
        return array
    if ".depthwise." not in name:
        return array.transpose(2, 3, 1, 0)
    window = array.transpose(2, 3, 0, 1)
    fits = window.shape[:2] == shape[:2] and window.size == np.prod(shape)
    return window.reshape(shape) if fits else window


def _networks() -> list[Alias]:
    """Those that timm has, at each of its widths; those for its published weights last."""
    names = sorted(aliases(), key=lambda name: "." in name)
    return list(dict.fromkeys(aliases()[name] for name in names))


NAMING = Naming(
    "timm",
    recognises=_recognises,
    sizes=_sizes,
    match=_match,
    convert=_convert,
    clean=_clean,
    networks=_networks,
)
