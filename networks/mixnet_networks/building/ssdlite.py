"""SSDLite heads on any backbone of depthwise convolutions: the detectors of the paper's Table 1.

The outputs are raw boxes and scores; anchors, their decoding and non-maximum suppression are not
part of the graph, since on phones they run outside the accelerated part.

Sources: Sandler et al. 2018 (arXiv:1801.04381), Section 6.2: the first map is the expansion of the
block that leaves stride 16, the second the last layer; prediction layers are depthwise separable.
Sizes of the further maps and the anchors: TensorFlow's Object Detection API,
ssdlite_mobilenet_v2_coco.config and its feature extractors.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from mixnet_common import UsageError
from mixnet_networks.architecture import Architecture
from mixnet_networks.graph import Graph, Node
from mixnet_networks.graph.builder import GraphBuilder

BOXES, SCORES = "boxes", "scores"
"""Outputs: (batch, anchors, 4) and (batch, anchors, classes), both before any decoding."""

COORDINATES = 4
COCO_CLASSES = 81
"""COCO's 80 categories and the background; this number reproduces Table 1's figures."""

COCO_RESOLUTION = 320
ACTIVATION = "relu6"
MOST_CONCATENATED = 5
"""Most inputs of a CONCATENATION that XNNPACK's delegate supports."""


@dataclass(frozen=True)
class SsdLite:
    """The layers after the backbone: further maps, each half the size, and anchors on every map."""

    depths: tuple[int, ...] = (512, 256, 256, 128)
    """Channels of the further maps; a 1x1 convolution to half of them comes before each."""
    anchors: tuple[int, ...] = (3, 6, 6, 6, 6, 6)
    """Anchors at each place of each map, the two of the backbone included."""


@dataclass(frozen=True)
class Detector(Architecture):
    """An architecture whose classifier is replaced by detection heads."""

    ssdlite: SsdLite = dataclasses.field(default_factory=SsdLite)


def with_ssdlite(architecture: Architecture) -> Detector:
    """The architecture as a detector at the COCO setting: 320 pixels, 80 classes and background."""
    own = {
        field.name: getattr(architecture, field.name) for field in dataclasses.fields(Architecture)
    }
    return Detector(**{**own, "resolution": COCO_RESOLUTION, "classes": COCO_CLASSES})


def build_detector(backbone: Graph, detector: Detector, classes: int) -> Graph:
    """The detector's graph, from its backbone's, which ends in a classifier.

    ``classes`` counts the background. Raises UsageError if no depthwise convolution of the
    backbone has a stride.
    """
    return _Builder(backbone, detector).build(classes)


class _Builder:
    def __init__(self, backbone: Graph, detector: Detector) -> None:
        self.detector = detector
        self.backbone = backbone
        self.graph = GraphBuilder(backbone.name)

    def build(self, classes: int) -> Graph:
        maps = self._backbone_maps()
        for index, depth in enumerate(self.detector.ssdlite.depths):
            maps.append(self._further_map(f"extra.{index}", maps[-1], depth))
        for name, size in ((BOXES, COORDINATES), (SCORES, classes)):
            rows = [self._predict(f"heads.{i}.{name}", x, i, size) for i, x in enumerate(maps)]
            self._join(name, rows)
        return self.graph.build(BOXES, SCORES)

    def _backbone_maps(self) -> list[str]:
        """Replay the backbone up to its pooling; its last map of stride 16, and its last one."""
        for tensor in self.backbone.inputs:
            self.graph.input(tensor.name, tensor.shape)
        classifier = _classifier(self.backbone)
        nodes = [node for node in self.backbone.nodes if node.name not in classifier]
        for node in nodes:
            self.graph.add_node(
                node.op, node.name, node.inputs, outputs=node.outputs, **node.attributes
            )
        strided = [node for node in nodes if _is_strided_depthwise(node)]
        if not strided:
            raise UsageError(f"{self.backbone.name}: no depthwise convolution has a stride")
        return [strided[-1].inputs[0], nodes[-1].outputs[0]]

    def _further_map(self, name: str, x: str, depth: int) -> str:
        x = self._norm(f"{name}.conv", self._pointwise(f"{name}.conv", x, depth // 2))
        x = self._depthwise(f"{name}.depthwise", x, stride=2)
        return self._norm(f"{name}.project", self._pointwise(f"{name}.project", x, depth))

    def _predict(self, name: str, x: str, index: int, size: int) -> str:
        """(batch, places x anchors, size): one row an anchor, row by row of the map."""
        anchors = self.detector.ssdlite.anchors[index]
        x = self._depthwise(f"{name}.depthwise", x)
        x = self._pointwise(f"{name}.conv", x, anchors * size, bias=True)
        batch, height, width, _ = self.graph.shape(x)
        shape = (batch, height * width * anchors, size)
        return self.graph.add("reshape", f"{name}.rows", x, shape=shape)

    def _join(self, name: str, parts: list[str]) -> None:
        while len(parts) > MOST_CONCATENATED:
            last = tuple(parts[-MOST_CONCATENATED:])
            joined = self.graph.add("concat", f"heads.{name}.last", last, axis=1)
            parts = [*parts[:-MOST_CONCATENATED], joined]
        self.graph.add("concat", f"heads.{name}", tuple(parts), axis=1, outputs=(name,))

    def _pointwise(self, name: str, x: str, filters: int, **more: Any) -> str:
        return self.graph.add("conv2d", name, x, filters=filters, kernel=(1, 1), **more)

    def _depthwise(self, name: str, x: str, stride: int = 1) -> str:
        strides = (stride, stride)
        x = self.graph.add("depthwise_conv2d", name, x, kernel=(3, 3), strides=strides)
        return self._norm(name, x)

    def _norm(self, name: str, x: str) -> str:
        x = self.graph.add("batch_norm", f"{name}.norm", x, epsilon=self.detector.epsilon)
        return self.graph.add(ACTIVATION, f"{name}.act", x)


def _classifier(backbone: Graph) -> set[str]:
    """Names of the nodes from the pooling on."""
    names = [node.name for node in backbone.nodes]
    pooling = max(index for index, node in enumerate(backbone.nodes) if _pools_all(node))
    return set(names[pooling:])


def _pools_all(node: Node) -> bool:
    return node.op == "global_mean" and not node.attributes["keepdims"]


def _is_strided_depthwise(node: Node) -> bool:
    mixed = ("depthwise_conv2d", "mixed_depthwise_conv2d")
    return node.op in mixed and node.attributes["strides"] != (1, 1)
