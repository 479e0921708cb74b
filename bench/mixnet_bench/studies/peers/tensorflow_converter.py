"""Our networks through TensorFlow's converter, in the form that the authors define.

A mixed or grouped convolution is a split by sizes, convolutions and a concat, followed by batch
norm. The weights are ours, so that the file's outputs equal ours. None of our rewritings is used:
the converter itself must find what can be folded or fused.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mixnet_bench.studies.peers.registry import FileRequest
from mixnet_common import MixnetError
from mixnet_networks import Graph, Network, Node, load_network
from mixnet_networks.graph.padding import resolve_padding
from mixnet_networks.graph.parameters import group_names
from mixnet_networks.images.picture import picture_input
from mixnet_networks.weights import seeded_weights

Emit = Callable[[Any, Node, list[Any], Mapping[str, Any]], Any]
"""TensorFlow, a node, its inputs and its weights by role, to its output."""


def make(order: FileRequest) -> bytes:
    """A ``.tflite`` file of one of our networks with the weights of seed 0.

    ``int8`` is the converter's full-integer quantization with the sample image as its
    representative data; inputs and outputs stay float32, which is the converter's default.
    """
    import tensorflow as tf

    network = load_network(order.network)
    module = _module(tf, network)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.infer.get_concrete_function()], module
    )
    if order.precision == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _representative(network)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return bytes(converter.convert())


def _representative(network: Network) -> Iterator[list[Any]]:
    yield [picture_input(network.resolution, network.architecture.preprocessing)]


def _module(tf: Any, network: Network) -> Any:
    """A ``tf.Module`` whose ``infer`` is the network."""
    graph = network.graph
    weights = seeded_weights(network, 0)
    (image,) = graph.inputs
    signature = [tf.TensorSpec(image.shape, tf.float32, name=image.name)]
    module = tf.Module()
    module.infer = tf.function(lambda x: build(tf, graph, weights, x), input_signature=signature)
    return module


def build(tf: Any, graph: Graph, weights: Mapping[str, Any], image: Any) -> Any:
    """The graph's only output, as TensorFlow operations on ``image`` (batch, h, w, channels)."""
    values = {graph.inputs[0].name: image}
    for node in graph.nodes:
        if node.op not in EMITTERS:
            raise MixnetError(f"{node.name}: {node.op} is not translated to TensorFlow")
        own = {role: weights[node.parameter_name(role)] for role in node.parameters}
        inputs = [values[name] for name in node.inputs]
        with tf.name_scope(node.name.replace(":", "_")):
            values[node.outputs[0]] = EMITTERS[node.op](tf, node, inputs, own)
    (output,) = graph.outputs
    return values[output]


def _padding(node: Node, kernel: Any, dilations: Any) -> Any:
    """``SAME``, ``VALID`` or the explicit zeros around every axis."""
    padding = node.attributes["padding"]
    if padding in ("same", "valid"):
        return padding.upper()
    strides = node.attributes["strides"]
    pads = resolve_padding(padding, (0, 0), kernel.shape[:2], strides, dilations)
    return [[0, 0], *map(list, pads), [0, 0]]


def _convolve(tf: Any, node: Node, x: Any, kernel: Any, dilations: Any = (1, 1)) -> Any:
    strides = node.attributes["strides"]
    padding = _padding(node, kernel, dilations)
    return tf.nn.conv2d(x, kernel, list(strides), padding, dilations=list(dilations))


def _depthwise(tf: Any, node: Node, x: Any, kernel: Any, dilations: Any) -> Any:
    strides = [1, *node.attributes["strides"], 1]
    padding = _padding(node, kernel, dilations)
    return tf.nn.depthwise_conv2d(x, kernel, strides, padding, dilations=list(dilations))


def _finish(tf: Any, node: Node, y: Any, weights: Mapping[str, Any]) -> Any:
    """Bias, then the activation that a node may carry."""
    if "bias" in weights:
        y = tf.nn.bias_add(y, weights["bias"])
    activation = node.attributes["activation"]
    return getattr(tf.nn, activation)(y) if activation else y


def _conv2d(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    y = _convolve(tf, node, inputs[0], weights["kernel"], node.attributes["dilations"])
    return _finish(tf, node, y, weights)


def _depthwise_conv2d(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    y = _depthwise(tf, node, inputs[0], weights["kernel"], node.attributes["dilations"])
    return _finish(tf, node, y, weights)


def _kernels(node: Node, weights: Mapping[str, Any]) -> list[Any]:
    return [weights[f"{group}.kernel"] for group in group_names(node.attributes)]


def _grouped_conv2d(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    """The authors' GroupedConv2D: split by sizes, one convolution each, concat."""
    parts = tf.split(inputs[0], list(node.attributes["channels"]), axis=3)
    pairs = zip(parts, _kernels(node, weights), strict=True)
    outputs = [_convolve(tf, node, part, kernel) for part, kernel in pairs]
    return _finish(tf, node, tf.concat(outputs, axis=3), weights)


def _mixed_depthwise(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    """The authors' MDConv: split by sizes, one depthwise convolution each, concat."""
    parts = tf.split(inputs[0], list(node.attributes["channels"]), axis=3)
    rows = zip(parts, _kernels(node, weights), node.attributes["dilations"], strict=True)
    outputs = [_depthwise(tf, node, part, kernel, dilated) for part, kernel, dilated in rows]
    return _finish(tf, node, tf.concat(outputs, axis=3), weights)


def _dense(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    return _finish(tf, node, tf.matmul(inputs[0], weights["kernel"]), weights)


def _batch_norm(tf: Any, node: Node, inputs: list[Any], weights: Mapping[str, Any]) -> Any:
    return tf.nn.batch_normalization(
        inputs[0],
        weights["mean"],
        weights["variance"],
        weights["beta"],
        weights["gamma"],
        node.attributes["epsilon"],
    )


EMITTERS: Mapping[str, Emit] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "grouped_conv2d": _grouped_conv2d,
    "mixed_depthwise_conv2d": _mixed_depthwise,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "relu": lambda tf, node, inputs, weights: tf.nn.relu(inputs[0]),
    "relu6": lambda tf, node, inputs, weights: tf.nn.relu6(inputs[0]),
    "sigmoid": lambda tf, node, inputs, weights: tf.sigmoid(inputs[0]),
    "swish": lambda tf, node, inputs, weights: inputs[0] * tf.sigmoid(inputs[0]),
    "add": lambda tf, node, inputs, weights: _finish(tf, node, inputs[0] + inputs[1], weights),
    "mul": lambda tf, node, inputs, weights: inputs[0] * inputs[1],
    "global_mean": lambda tf, node, inputs, weights: tf.reduce_mean(
        inputs[0], axis=[1, 2], keepdims=node.attributes["keepdims"]
    ),
}
"""The operators that our networks are described in; lowered graphs never come here."""
