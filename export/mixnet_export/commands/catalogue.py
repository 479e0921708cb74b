"""Descriptions of the networks as rows: the list of all, and one block by block."""

from typing import Any

from mixnet_networks import Graph, Network, Node, load_network, network_names
from mixnet_networks.architecture import ACTIVATIONS
from mixnet_networks.architecture.aliases import timm_names
from mixnet_networks.building.build import block_of
from mixnet_networks.graph.operators import macs, parameter_count
from mixnet_networks.paper import load_table


def catalogue() -> list[dict[str, Any]]:
    """One entry a shipped network: its name, sizes and source, and its row in the paper."""
    return [_entry(load_network(name)) for name in network_names()]


def _entry(network: Network) -> dict[str, Any]:
    architecture = network.architecture
    return {
        "name": network.name,
        "title": architecture.title,
        "params": parameter_count(network.graph.nodes),
        "macs": network.size.macs,
        "resolution": network.resolution,
        "paper": _paper_row(network.name),
        "source": architecture.source,
        "timm": list(timm_names(network.name)),
    }


def _paper_row(name: str) -> dict[str, str] | None:
    """The paper's row about a network, in the printed digits; None if it has none."""
    table = load_table("table2")
    row = next((row for row in table.rows if row.network == name), None)
    if row is None:
        return None
    return {
        "table": table.table,
        "model": row.model,
        "params": row.params,
        "flops": row.flops,
        "top1": row.top1,
        "top5": row.top5,
    }


def block_rows(network: Network) -> list[dict[str, Any]]:
    """One entry a block, with the stem and the head, in the order of Figure 8.

    Each has its name, its depthwise kernels, the shapes that go in and out (height, width,
    channels), and its parameters and multiply-adds; where it has them, its expansion ratio, the
    squeeze-and-excite ratio (both to the channels that go in) and the activation, else null.
    """
    graph = network.graph
    blocks: dict[str, list[Node]] = {}
    for node in graph.nodes:
        blocks.setdefault(_part_of(node.name), []).append(node)
    return [_block_row(graph, name, nodes) for name, nodes in blocks.items()]


BLOCKS_DROP = ("activation", "stride", "input", "se", "expand", "operation")
"""Columns that a narrow terminal does without."""


def block_table(network: Network) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """``block_rows`` as the columns and the rows of a table for people."""
    rows = block_rows(network)
    return tuple(rows[0]), [tuple(_shown(key, row[key]) for key in row) for row in rows]


def _shown(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key == "macs":
        return f"{value / 1e6:,.2f}M"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if key in _RATIOS else value


_RATIOS = ("expand", "se")


def _part_of(name: str) -> str:
    """The block that a node belongs to; a detector's further maps and heads count one by one."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] in ("extra", "heads") else block_of(name)


def _block_row(graph: Graph, name: str, nodes: list[Node]) -> dict[str, Any]:
    return {
        "block": name,
        "operation": _operation(nodes),
        "kernels": _kernels(nodes),
        "stride": max(node.attributes.get("strides", (1, 1))[0] for node in nodes),
        "expand": _ratio(graph, nodes, f"{name}.expand") if _is_depthwise(nodes) else None,
        "se": _ratio(graph, nodes, f"{name}.se.reduce"),
        "activation": _activation(name, nodes),
        "input": _shape(graph, nodes[0].inputs[0]),
        "output": _shape(graph, nodes[-1].outputs[0]),
        "params": parameter_count(nodes),
        "macs": sum(macs(node, graph) for node in nodes),
    }


def _ratio(graph: Graph, nodes: list[Node], name: str) -> float | None:
    """Channels out of the named node over those that go into the block; None without it."""
    found = next((node for node in nodes if node.name == name), None)
    if found is None:
        return None
    return graph.shape(found.outputs[0])[3] / graph.shape(nodes[0].inputs[0])[3]


def _activation(name: str, nodes: list[Node]) -> str | None:
    """The activation after the block's convolutions; not the sigmoid of squeeze-and-excite."""
    kinds = [node.op for node in nodes if node.op in ACTIVATIONS and ".se." not in node.name]
    return kinds[0] if kinds else None


def _is_depthwise(nodes: list[Node]) -> bool:
    return any("depthwise" in node.op for node in nodes)


def _operation(nodes: list[Node]) -> str:
    """``MDConv`` with its number of groups where there is a mix, as the figure highlights it."""
    for node in nodes:
        if node.op == "mixed_depthwise_conv2d":
            return f"MDConv, {len(node.attributes['kernels'])} groups"
    ops = {node.op for node in nodes}
    for op, word in _OPERATIONS.items():
        if op in ops:
            return word
    return nodes[0].op


_OPERATIONS = {"depthwise_conv2d": "depthwise", "conv2d": "convolution", "dense": "dense"}


def _kernels(nodes: list[Node]) -> str:
    """``3x3, 5x5``: the kernels of the depthwise convolutions, or else of all others, by size."""
    for node in nodes:
        if node.op == "mixed_depthwise_conv2d":
            pairs = zip(node.attributes["kernels"], node.attributes["dilations"], strict=True)
            return ", ".join(_kernel(*pair) for pair in pairs)
    found = [node for node in nodes if node.op == "depthwise_conv2d"]
    found = found or [node for node in nodes if node.op == "conv2d"]
    kinds = {(node.attributes["kernel"], node.attributes["dilations"]) for node in found}
    return ", ".join(_kernel(*kind) for kind in sorted(kinds))


def _kernel(kernel: tuple[int, int], dilations: tuple[int, int]) -> str:
    plain = f"{kernel[0]}x{kernel[1]}"
    return plain if dilations == (1, 1) else f"{plain} dilated {dilations[0]}"


def _shape(graph: Graph, tensor: str) -> str:
    return "x".join(map(str, graph.shape(tensor)[1:]))
