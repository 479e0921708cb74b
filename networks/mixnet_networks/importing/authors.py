"""Arrays named as the authors' TensorFlow code names its variables.

Layers are numbered in the order of their construction, which differs between versions of that code:
conv2d_41 in one is conv2d_3 in another. A layer is therefore found by its scope, its kind, the
order of the numbers there, and its shape; never by a number itself. Layouts are the same as ours.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mixnet_networks.architecture import architecture_names, load_architecture
from mixnet_networks.architecture.aliases import Alias
from mixnet_networks.building.build import block_of
from mixnet_networks.graph import Graph, Node, Shape
from mixnet_networks.importing.description import Description, Stated
from mixnet_networks.importing.record import Naming, Shapes, Sizes

KINDS = {
    "conv2d": "conv",
    "depthwise_conv2d": "depthwise",
    "batch_normalization": "norm",
    "tpu_batch_normalization": "norm",
    "sync_batch_normalization": "norm",
    "dense": "dense",
}
"""Layers by TensorFlow's names."""
OPERATORS = {
    "conv2d": "conv",
    "grouped_conv2d": "conv",
    "depthwise_conv2d": "depthwise",
    "mixed_depthwise_conv2d": "depthwise",
    "batch_norm": "norm",
    "dense": "dense",
}
ROLES = {
    "kernel": "kernel",
    "depthwise_kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "mean",
    "moving_variance": "variance",
}

_SCOPE = re.compile(r"(?:mnas_)?(stem|head|blocks_\d+)")
"""MnasNet's scopes have its name in front."""
_LAYER = re.compile(r"([a-z0-9_]*?)(?:_(\d+))?")

Place = tuple[str, str]
"""Scope and kind: ``("blocks_3/se", "conv")``."""

Order = tuple[int, ...]
"""The numbers of a layer and of its enclosing layers: their order of construction."""


@dataclass
class _Layer:
    """The arrays of one layer by role, with their shapes."""

    names: dict[str, str]
    shapes: dict[str, Shape]


def _recognises(names: Collection[str]) -> bool:
    return any(_parse(name) for name in names)


def _parse(name: str) -> tuple[Place, Order, str] | None:
    """Place, order and role of a variable; None if it does not belong to a network.

    >>> _parse("mixnet-s/blocks_3/se/conv2d_7/bias")
    (('blocks_3/se', 'conv'), (7,), 'bias')
    """
    *scopes, layer, variable = ["", "", *name.split("/")]
    places = [(_SCOPE.fullmatch(part), depth) for depth, part in enumerate(scopes, start=1)]
    match, depth = next((each for each in places if each[0]), (None, 0))
    found = _LAYER.fullmatch(layer)
    if match is None or found is None or found.group(1) not in KINDS or variable not in ROLES:
        return None
    scope = match.group(1)
    inner = [part for part in scopes[depth:] if part != "se"]
    place = f"{scope}/se" if "se" in scopes else scope
    return (place, KINDS[found.group(1)]), _order([*inner, layer]), ROLES[variable]


def _order(parts: Iterable[str]) -> Order:
    """The numbers behind the names of layers; a name without one is the first of its kind."""
    found = [_LAYER.fullmatch(part) for part in parts]
    return tuple(int((match and match.group(2)) or 0) for match in found)


def _their_layers(shapes: Shapes) -> dict[Place, list[_Layer]]:
    """The file's layers at each place, in the order of their numbers."""
    numbered: dict[Place, dict[Order, _Layer]] = defaultdict(dict)
    for name, shape in shapes.items():
        if parsed := _parse(name):
            place, order, role = parsed
            layer = numbered[place].setdefault(order, _Layer({}, {}))
            layer.names[role], layer.shapes[role] = name, shape
    return {
        place: [layer for _, layer in sorted(layers.items())] for place, layers in numbered.items()
    }


def _our_layers(graph: Graph) -> Iterator[tuple[Place, _Layer]]:
    """The layers of a graph as the authors have them: one for each group of a convolution."""
    blocks = list(dict.fromkeys(block_of(node.name) for node in graph.nodes))
    order = [block for block in blocks if block.startswith("blocks.")]
    for node in graph.nodes:
        if not node.parameters:
            continue
        block = block_of(node.name)
        scope = f"blocks_{order.index(block)}" if block in order else block
        scope += "/se" if ".se." in node.name else ""
        for layer in _split(node):
            yield (scope, OPERATORS[node.op]), layer


def _split(node: Node) -> list[_Layer]:
    groups: dict[str, _Layer] = {}
    for role, shape in node.parameters.items():
        group, _, kind = role.rpartition(".")
        layer = groups.setdefault(group, _Layer({}, {}))
        layer.names[kind], layer.shapes[kind] = node.parameter_name(role), shape
    return list(groups.values())


def _match(graph: Graph, shapes: Shapes) -> Mapping[str, str]:
    left = _their_layers(shapes)
    names = {}
    for place, ours in _our_layers(graph):
        candidates = left.get(place, [])
        theirs = next((each for each in candidates if each.shapes == ours.shapes), None)
        if theirs:
            candidates.remove(theirs)
            names.update({ours.names[role]: theirs.names[role] for role in ours.names})
    return names


def _sizes(shapes: Shapes) -> Sizes:
    layers = _their_layers(shapes)
    return Sizes(
        _axis(layers.get(("head", "dense")), 1, 2), _axis(layers.get(("stem", "conv")), 2, 4)
    )


def _axis(layers: list[_Layer] | None, axis: int, rank: int) -> int | None:
    """One size of the first layer's kernel."""
    shape = layers[0].shapes.get("kernel", ()) if layers else ()
    return shape[axis] if len(shape) == rank else None


TITLE = "the authors' TensorFlow code"

NAMING = Naming(
    TITLE,
    recognises=_recognises,
    sizes=_sizes,
    match=_match,
    convert=lambda array, shape, name: array,
    networks=lambda: [
        Alias(name) for name in architecture_names() if load_architecture(name).padding == "same"
    ],
    conventions=Description(padding=Stated("same", TITLE), epsilon=Stated(1e-3, TITLE)),
)
