"""Writes a model as ``.onnx``, directly through onnx's helper. Nothing is optimised here."""

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_export.writers.onnx_graph import OnnxWriter
from mixnet_export.writers.onnx_operators import EMITTERS
from mixnet_networks.weights import check_weights


def write_onnx(model: Model) -> bytes:
    """The model as the content of an ``.onnx`` file.

    Inputs and outputs are float32, feature maps NCHW, under the graph's names. The result has
    passed onnx's checker with strict shape inference. Raises MixnetError if an operator cannot
    be written, or where the weights are not those of the graph.
    """
    check_weights(model.graph, model.weights, "a model to be written")
    writer = OnnxWriter(model)
    for node in model.graph.nodes:
        if node.op not in EMITTERS:
            raise MixnetError(f"{node.name}: no ONNX form of {node.op}", "lower the model first")
        EMITTERS[node.op](writer, node)
    return writer.finish()
