"""Counts a network from its graph, before any lowering. Needs no weights and runs nothing."""

import math

from mixnet_bench.counting.record import Count, Layer
from mixnet_networks import Graph, Node
from mixnet_networks.graph.operators import macs, parameter_count


def count_graph(graph: Graph) -> Count:
    """Count a graph for one image: trainable parameters, multiply-adds, activations.

    A batch norm is a separate layer: gamma and beta are parameters, mean and variance are not.
    """
    batch = graph.inputs[0].shape[0]
    layers = (_layer(graph, node, batch) for node in graph.nodes)
    return Count(graph.name, "graph", tuple(each for each in layers if each.macs or each.params))


def _layer(graph: Graph, node: Node, batch: int) -> Layer:
    shape = graph.shape(node.outputs[0])
    elements = math.prod(shape) // batch
    multiply_adds = macs(node, graph) // batch
    return Layer(
        name=node.name,
        op=node.op,
        macs=multiply_adds,
        params=parameter_count([node]),
        activations=elements if multiply_adds else 0,
        output_shape=shape,
        batch_norm_elements=elements if node.op == "batch_norm" else 0,
    )
