"""A Keras model from a network, node by node.

Layers have the names of the graph's nodes, so weights have the same names. Nothing is lowered or
optimised: this is the network as its authors define it, for training. The outputs are logits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from mixnet_common import MixnetError
from mixnet_networks.graph import Node
from mixnet_networks.graph.padding import resolve_padding
from mixnet_networks.keras.initializer import FanOutNormal
from mixnet_networks.keras.layers import GroupedConv2D, MDConv
from mixnet_networks.keras.variables import set_weights_from, weights_from
from mixnet_networks.network import Network
from mixnet_networks.weights import Weights

CLASSIFIER = "head.classifier"
DROPOUT = "head.dropout"

BATCH_NORM_MOMENTUM = 0.99
"""The authors' own, for every MixNet."""

Layer = Callable[[Any], Any]


def build_keras_model(
    network: Network,
    weights: Weights | None = None,
    *,
    new_head: bool = False,
    frozen_backbone: bool = False,
) -> Any:
    """A functional ``keras.Model``: images (batch, height, width, channels) to logits.

    Any batch size will do; height, width and classes are the network's. Without ``weights`` they
    are random, as the authors initialise them. For transfer learning, ``new_head`` leaves the
    classifier at random, so that ``weights`` may have another number of classes, and
    ``frozen_backbone`` trains nothing but the classifier; batch norms then keep their statistics.

    Raises MixnetError if the weights do not fit.
    """
    model = _functional(network)
    if weights is not None:
        set_weights_from(model, _with_own_head(model, weights) if new_head else weights)
    if frozen_backbone:
        for layer in model.layers:
            layer.trainable = layer.name == CLASSIFIER
    return model


def _with_own_head(model: Any, weights: Weights) -> Weights:
    """The weights with the model's own classifier."""
    own = weights_from(model)
    return {
        name: own[name] if name in own and _is_head(name) else weights[name] for name in weights
    }


def _is_head(name: str) -> bool:
    return name.rpartition(".")[0] == CLASSIFIER


def _functional(network: Network) -> Any:
    graph = network.graph
    (image,) = graph.inputs
    values = {image.name: keras.Input(image.shape[1:], name=image.name)}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        if node.name == CLASSIFIER and network.architecture.head.dropout:
            dropout = keras.layers.Dropout(network.architecture.head.dropout, name=DROPOUT)
            inputs = [dropout(each) for each in inputs]
        (output,) = node.outputs
        values[output] = _applied(node, inputs)
    outputs = [values[name] for name in graph.outputs]
    return keras.Model(values[image.name], outputs[0], name=graph.name)


def _applied(node: Node, inputs: list[Any]) -> Any:
    """The layer or layers of one node, on its inputs."""
    if node.op not in LAYERS or node.attributes.get("activation"):
        raise MixnetError(
            f"{node.name}: {node.op} has no layer in Keras",
            "build from a network's own graph, before any lowering",
        )
    x = inputs[0] if len(inputs) == 1 else inputs
    return LAYERS[node.op](node)(_padded(node, x))


def _padded(node: Node, x: Any) -> Any:
    """Keras's own convolutions pad SAME or VALID; other paddings get a layer."""
    padding = node.attributes.get("padding", "same")
    if padding in ("same", "valid") or node.op in SPLIT:
        return x
    attributes = node.attributes
    dilations = attributes["dilations"]
    pads = resolve_padding(
        padding, x.shape[1:3], attributes["kernel"], attributes["strides"], dilations
    )
    return keras.layers.ZeroPadding2D(pads, "channels_last", name=f"{node.name}.pad")(x)


# One function for each operator, from a node to a layer


def _window(node: Node) -> dict[str, Any]:
    """The common arguments of Keras's own convolutions."""
    attributes = node.attributes
    return {
        "name": node.name,
        "kernel_size": attributes["kernel"],
        "strides": attributes["strides"],
        "padding": "same" if attributes["padding"] == "same" else "valid",
        "dilation_rate": attributes["dilations"],
        "data_format": "channels_last",
        "use_bias": attributes["bias"],
    }


def _conv2d(node: Node) -> Layer:
    return keras.layers.Conv2D(  # type: ignore[no-any-return]
        node.attributes["filters"],
        groups=node.attributes["groups"],
        kernel_initializer=FanOutNormal(),
        **_window(node),
    )


def _depthwise_conv2d(node: Node) -> Layer:
    return keras.layers.DepthwiseConv2D(  # type: ignore[no-any-return]
        depth_multiplier=node.attributes["multiplier"],
        depthwise_initializer=FanOutNormal(),
        **_window(node),
    )


def _mixed_depthwise_conv2d(node: Node) -> Layer:
    attributes = node.attributes
    reach = [
        (kernel[0] - 1) * dilations[0] + 1
        for kernel, dilations in zip(attributes["kernels"], attributes["dilations"], strict=True)
    ]
    return MDConv(
        reach,
        attributes["strides"],
        attributes["padding"],
        attributes["multiplier"],
        attributes["channels"],
        dilated=any(dilations != (1, 1) for dilations in attributes["dilations"]),
        use_bias=attributes["bias"],
        name=node.name,
    )


def _grouped_conv2d(node: Node) -> Layer:
    attributes = node.attributes
    return GroupedConv2D(
        sum(attributes["filters"]),
        len(attributes["filters"]),
        attributes["kernel"],
        attributes["strides"],
        attributes["padding"],
        use_bias=attributes["bias"],
        name=node.name,
    )


def _dense(node: Node) -> Layer:
    return keras.layers.Dense(  # type: ignore[no-any-return]
        node.attributes["units"],
        use_bias=node.attributes["bias"],
        kernel_initializer=keras.initializers.VarianceScaling(1 / 3, "fan_out", "uniform"),
        name=node.name,
    )


def _batch_norm(node: Node) -> Layer:
    return keras.layers.BatchNormalization(  # type: ignore[no-any-return]
        axis=-1,
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=node.attributes["epsilon"],
        name=node.name,
    )


def _activation(function: str) -> Callable[[Node], Layer]:
    return lambda node: keras.layers.Activation(function, name=node.name)


def _global_mean(node: Node) -> Layer:
    return keras.layers.GlobalAveragePooling2D(  # type: ignore[no-any-return]
        "channels_last", keepdims=node.attributes["keepdims"], name=node.name
    )


LAYERS: Mapping[str, Callable[[Node], Layer]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "grouped_conv2d": _grouped_conv2d,
    "mixed_depthwise_conv2d": _mixed_depthwise_conv2d,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "sigmoid": _activation("sigmoid"),
    "swish": _activation("silu"),
    "add": lambda node: keras.layers.Add(name=node.name),
    "mul": lambda node: keras.layers.Multiply(name=node.name),
    "global_mean": _global_mean,
}
"""Every operator that a network is described in; the others come from lowerings only."""

SPLIT = ("grouped_conv2d", "mixed_depthwise_conv2d")
"""These pad their groups themselves."""
