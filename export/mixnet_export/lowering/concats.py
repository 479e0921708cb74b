"""A concat of many tensors as nested concats of few, for delegates with a limit.

Exact: it only moves data.
"""

from collections.abc import Callable

from mixnet_export.lowering.model import Model, Rewriter, rewrite
from mixnet_networks import Node


def nest_concats(model: Model, chosen: Callable[[Node], bool]) -> Model:
    """Nest the chosen concats of channels, as ``Rewriter.concat`` does; others stay."""

    def rule(rewriter: Rewriter, node: Node) -> None:
        if node.op == "concat" and node.attributes["axis"] == 3 and chosen(node):
            parts = tuple(rewriter.now(tensor) for tensor in node.inputs)
            rewriter.replace(node.outputs, rewriter.concat(node.name, parts, node.outputs))
        else:
            rewriter.keep(node)

    return rewrite(model, rule)
