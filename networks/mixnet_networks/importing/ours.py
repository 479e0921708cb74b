"""Arrays named as in our own graphs, as ``save_weights`` writes them."""

from collections.abc import Mapping

from mixnet_networks.graph import Graph
from mixnet_networks.importing.record import Naming, Shapes, Sizes

CLASSIFIER = "head.classifier.kernel"
STEM = "stem.conv.kernel"


def _sizes(shapes: Shapes) -> Sizes:
    classifier, stem = shapes.get(CLASSIFIER, ()), shapes.get(STEM, ())
    return Sizes(
        classifier[1] if len(classifier) == 2 else None, stem[2] if len(stem) == 4 else None
    )


def _match(graph: Graph, shapes: Shapes) -> Mapping[str, str]:
    return {name: name for name, _, _, _ in graph.parameters()}


NAMING = Naming(
    "names of this project",
    recognises=lambda names: CLASSIFIER in names or STEM in names,
    sizes=_sizes,
    match=_match,
    convert=lambda array, shape, name: array,
)
