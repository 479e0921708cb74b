"""Writes a model as ``.tflite``, directly through the schema. Nothing is optimised here."""

from mixnet_common import MixnetError
from mixnet_export.lowering import Model
from mixnet_export.writers.tflite_operators import EMITTERS
from mixnet_export.writers.tflite_tables import TfliteWriter
from mixnet_networks.weights import check_weights


def write_tflite(model: Model) -> bytes:
    """The model as the content of a ``.tflite`` file.

    Tensors are NHWC float32 under the graph's names; the signature ``serving_default`` names
    inputs and outputs. Raises MixnetError if an operator cannot be written, where the weights
    are not those of the graph, or where a constant has not exactly the bytes of its shape and type.
    """
    check_weights(model.graph, model.weights, "a model to be written")
    writer = TfliteWriter(model)
    for node in model.graph.nodes:
        if node.op not in EMITTERS:
            raise MixnetError(f"{node.name}: no TFLite form of {node.op}", "lower the model first")
        EMITTERS[node.op](writer, node)
    return writer.finish()
