"""The blocks of an ``.onnx`` file before and after rewriting, each as a separate file."""

from collections.abc import Iterator
from pathlib import Path

from mixnet_export.lowering import find_plan
from mixnet_export.optimize.onnx.blocks import PATTERN, find, splice
from mixnet_export.optimize.onnx.extracting import extract
from mixnet_export.optimize.onnx.graph import read_graph
from mixnet_export.optimize.onnx.loading import load
from mixnet_export.optimize.pairs import Pair
from mixnet_runtimes.targets import Target


def onnx_pairs(path: Path, target: Target) -> Iterator[Pair]:
    """All blocks that the target's plan makes otherwise."""
    original = load(path)
    graph = read_graph(original)
    blocks = find(graph, find_plan("default", "onnx", target=target))
    made = splice(original, blocks)
    for block in blocks:
        before, after = (
            bytes(extract(model, block, graph).SerializeToString()) for model in (original, made)
        )
        shapes = tuple(graph.shapes[name] for name in (*block.sources, *block.outputs))
        yield Pair(PATTERN, block.name, block.what, (block.what, shapes), before, after)
