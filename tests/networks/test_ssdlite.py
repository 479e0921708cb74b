"""The detectors of Table 1: their maps, their outputs, and the printed parameters and MACs."""

import pytest

from mixnet_networks import Graph, load_network
from mixnet_networks.graph.operators import macs, parameter_count

# Counted by a script of their own from the layers' sizes, at 320 pixels with 81 classes.
COUNTED = {
    "mobilenet-v1:ssdlite": (5_100_661, 1_309_162_944),
    "mobilenet-v2:ssdlite": (4_337_013, 788_830_144),
}
MAPS = [(20, 20), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]
ANCHORS = [3, 6, 6, 6, 6, 6]


def head_inputs(graph: Graph) -> list[tuple[int, ...]]:
    nodes = {node.name: node for node in graph.nodes}
    return [
        graph.shape(nodes[f"heads.{index}.boxes.depthwise"].inputs[0]) for index in range(len(MAPS))
    ]


@pytest.mark.parametrize("name", COUNTED)
def test_a_detector_has_the_parameters_and_macs_of_its_layers(name: str) -> None:
    graph = load_network(name).graph
    total = sum(macs(node, graph) for node in graph.nodes)

    assert (parameter_count(graph.nodes), total) == COUNTED[name]


@pytest.mark.parametrize(("name", "channels"), [("mobilenet-v1", 512), ("mobilenet-v2", 576)])
def test_the_first_map_has_stride_16_and_the_last_is_a_single_place(
    name: str, channels: int
) -> None:
    shapes = head_inputs(load_network(f"{name}:ssdlite").graph)

    assert [shape[1:3] for shape in shapes] == MAPS
    assert shapes[0][3] == channels
    assert [shape[3] for shape in shapes[2:]] == [512, 256, 256, 128]


@pytest.mark.parametrize("name", ["mobilenet-v2:ssdlite", "mobilenet-v1:mdconv357,ssdlite"])
def test_every_anchor_has_a_box_and_a_score_for_each_class(name: str) -> None:
    graph = load_network(name, batch=2, classes=21).graph
    anchors = sum(h * w * each for (h, w), each in zip(MAPS, ANCHORS, strict=True))

    assert graph.outputs == ("boxes", "scores")
    assert graph.shape("boxes") == (2, anchors, 4)
    assert graph.shape("scores") == (2, anchors, 21)


def test_a_detector_keeps_its_backbone_and_drops_the_classifier() -> None:
    plain = load_network("mobilenet-v2", resolution=320).graph
    names = [node.name for node in load_network("mobilenet-v2:ssdlite").graph.nodes]

    kept = [node.name for node in plain.nodes if node.name not in ("head.pool", "head.classifier")]
    assert names[: len(kept)] == kept
    assert not {"head.pool", "head.classifier"} & set(names)


def test_the_order_of_the_changes_does_not_matter() -> None:
    one = load_network("mobilenet-v2:ssdlite,dw5")
    other = load_network("mobilenet-v2:dw5,ssdlite")

    assert one.graph.nodes == other.graph.nodes
    assert (one.resolution, one.classes) == (320, 81)


def test_a_mixnet_can_be_a_backbone() -> None:
    shapes = head_inputs(load_network("mixnet-s:ssdlite").graph)

    assert shapes[0] == (1, 20, 20, 720)
    assert shapes[1] == (1, 10, 10, 1536)
