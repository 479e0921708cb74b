"""A mixed depthwise convolution without a split: each kernel's channels are a separate tensor.

The convolution before it (a block's expansion) is computed as one convolution per kernel group,
channelwise operators (activations, squeeze-and-excite's gate) are applied to each part, and the
convolution after it (the projection) is a sum of one per part, since it is linear. Exact up to
rounding. Slices and a concat are used where a neighbouring operator does not allow this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering.groups import dense_kernel
from mixnet_export.lowering.model import Model, Rewriter
from mixnet_export.lowering.tiling import add_up
from mixnet_networks import Graph, Node
from mixnet_networks.graph.parameters import group_names

ELEMENTWISE = ("relu", "relu6", "swish", "sigmoid")
CONVOLUTIONS = ("conv2d", "grouped_conv2d")

Chosen = Callable[[Node], bool]


@dataclass(frozen=True)
class Partition:
    """Consecutive runs of a tensor's channels, with a label for each."""

    labels: tuple[str, ...]
    sizes: tuple[int, ...]

    def spans(self) -> list[tuple[str, int, int]]:
        """Label, start and end of each run."""
        ends = np.cumsum(self.sizes)
        return [
            (label, int(end - size), int(end))
            for label, size, end in zip(self.labels, self.sizes, ends, strict=True)
        ]


def branch_mixed(
    model: Model, chosen: Chosen, sums: Chosen, dense: Chosen = lambda node: False
) -> Model:
    """Keep the groups of the chosen mixed depthwise convolutions in tensors of their own.

    ``sums`` says of a convolution that reads such parts whether it becomes a sum of convolutions,
    or reads their concatenation; ``dense`` of a grouped one whether its weights are filled up with
    zeros, or its groups computed one by one.
    """
    return _Brancher(model, chosen, sums, dense).run()


def channel_partitions(graph: Graph, chosen: Chosen) -> dict[str, Partition]:
    """The tensors that are to exist in parts."""
    found: dict[str, Partition] = {}
    for node in graph.nodes:
        if node.op == "mixed_depthwise_conv2d" and chosen(node):
            labels, multiplier = group_names(node.attributes), node.attributes["multiplier"]
            channels = node.attributes["channels"]
            _ask_producers(graph, node.inputs[0], Partition(labels, channels), found)
            sizes = tuple(size * multiplier for size in channels)
            found[node.outputs[0]] = Partition(labels, sizes)
        elif node.op in (*ELEMENTWISE, "mul") and node.inputs[0] in found:
            found[node.outputs[0]] = found[node.inputs[0]]
    return found


def _ask_producers(
    graph: Graph, tensor: str, partition: Partition, found: dict[str, Partition]
) -> None:
    """Mark a tensor, and those before it up to a convolution, if nothing else reads them."""
    chain = []
    while (node := graph.producer(tensor)) and len(graph.consumers(tensor)) == 1:
        chain.append(tensor)
        if node.op in CONVOLUTIONS:
            found.update(dict.fromkeys(chain, partition))
            return
        if node.op not in ELEMENTWISE:
            return
        tensor = node.inputs[0]


class _Brancher:
    def __init__(self, model: Model, chosen: Chosen, sums: Chosen, dense: Chosen) -> None:
        self.rewriter = Rewriter(model)
        self.model = model
        self.sums = sums
        self.dense = dense
        self.partitions = channel_partitions(model.graph, chosen)
        self.parts: dict[str, list[str]] = {}
        self.slices: set[str] = set()

    def run(self) -> Model:
        for node in self.model.graph.nodes:
            self.rewrite(node)
        for tensor in self.model.graph.outputs:
            self.make_whole(tensor)
        return self.rewriter.finish()

    def rewrite(self, node: Node) -> None:
        partition = self.partitions.get(node.outputs[0])
        reads_parts = node.inputs[0] in self.parts
        if node.op == "mixed_depthwise_conv2d" and partition:
            self.mixed(node, partition)
        elif node.op in CONVOLUTIONS and partition:
            self.produce(node, partition)
        elif node.op in CONVOLUTIONS and reads_parts and self.sums(node):
            self.consume(node)
        elif node.op in ELEMENTWISE and reads_parts:
            self.each(node)
        elif node.op == "mul" and reads_parts:
            self.gate(node)
        elif node.op == "global_mean" and reads_parts and node.attributes["keepdims"]:
            self.mean(node)
        else:
            for tensor in node.inputs:
                self.make_whole(tensor)
            self.rewriter.keep(node)

    # Parts and wholes

    def make_whole(self, tensor: str) -> None:
        """Concatenate a tensor's parts, once, if an operator needs the whole tensor."""
        if tensor in self.parts:
            parts = tuple(self.parts[tensor])
            whole = self.rewriter.concat(f"{tensor}.concat", parts, (tensor,))
            self.rewriter.replace((tensor,), whole)
            del self.parts[tensor]

    def parts_of(self, tensor: str, partition: Partition, name: str) -> list[str]:
        """A tensor's parts; slices of it where it exists as a whole, or in other parts.

        A single channel, which a product spreads over all others, is the same for every part.
        """
        if tensor in self.parts and self.partitions[tensor].sizes == partition.sizes:
            return self.parts[tensor]
        self.make_whole(tensor)
        whole = self.rewriter.now(tensor)
        if self.rewriter.shape(whole)[3] == 1:
            return [whole] * len(partition.sizes)
        return [
            self.rewriter.slice_channels(f"{name}.{label}.slice", whole, start, end - start)
            for label, start, end in partition.spans()
        ]

    # Nodes

    def each(self, node: Node) -> None:
        """An elementwise operator, part by part."""
        labels = self.partitions[node.inputs[0]].labels
        self.parts[node.outputs[0]] = [
            self.rewriter.add(node.op, f"{node.name}.{label}", part, **node.attributes)[0]
            for label, part in zip(labels, self.parts[node.inputs[0]], strict=True)
        ]

    def gate(self, node: Node) -> None:
        """A product of parts with a whole of as many channels, such as an SE gate."""
        partition = self.partitions[node.inputs[0]]
        gates = self.parts_of(node.inputs[1], partition, node.name)
        self.parts[node.outputs[0]] = [
            self.rewriter.add("mul", f"{node.name}.{label}", pair)[0]
            for label, pair in zip(
                partition.labels, zip(self.parts[node.inputs[0]], gates, strict=True), strict=True
            )
        ]

    def mean(self, node: Node) -> None:
        """A mean over height and width, part by part; what is left is small, so joined at once."""
        labels = self.partitions[node.inputs[0]].labels
        means = tuple(
            self.rewriter.add("global_mean", f"{node.name}.{label}", part, keepdims=True)[0]
            for label, part in zip(labels, self.parts[node.inputs[0]], strict=True)
        )
        outputs = self.rewriter.concat(node.name, means, node.outputs)
        self.rewriter.replace(node.outputs, outputs)

    def mixed(self, node: Node, partition: Partition) -> None:
        """One depthwise convolution a part."""
        arrays = self.model.arrays(node)
        channels = Partition(partition.labels, node.attributes["channels"])
        sources = self.parts_of(node.inputs[0], channels, node.name)
        outputs: list[str] = []
        for index, (label, start, end) in enumerate(partition.spans()):
            weights = {"kernel": arrays[f"{label}.kernel"]}
            if "bias" in arrays:
                weights["bias"] = arrays["bias"][start:end]
            outputs += self.rewriter.add(
                "depthwise_conv2d",
                f"{node.name}.{label}",
                sources[index],
                weights,
                kernel=node.attributes["kernels"][index],
                dilations=node.attributes["dilations"][index],
                multiplier=node.attributes["multiplier"],
                bias="bias" in weights,
                **_common(node),
            )
        self.parts[node.outputs[0]] = outputs

    def produce(self, node: Node, partition: Partition) -> None:
        """One convolution a part; of a grouped one, on no more input channels than it needs."""
        self.make_whole(node.inputs[0])
        arrays = self.model.arrays(node)
        kernel, bias = dense_kernel(_group_kernels(node, arrays)), arrays.get("bias")
        outputs = []
        for label, start, end in partition.spans():
            x, own = self._needed(node, kernel[..., start:end])
            share = None if bias is None else bias[start:end]
            activation = node.attributes["activation"]
            outputs.append(self._convolve(node, f"{node.name}.{label}", x, own, share, activation))
        self.parts[node.outputs[0]] = outputs

    def _needed(self, node: Node, kernel: NDArray[Any]) -> tuple[str, NDArray[Any]]:
        """The input channels for which a kernel is not all zero, and the kernel on those alone."""
        source = self.rewriter.now(node.inputs[0])
        used = np.flatnonzero(kernel.any(axis=(0, 1, 3)))
        first, last = (int(used[0]), int(used[-1]) + 1) if used.size else (0, kernel.shape[2])
        if self.dense(node) or last - first == kernel.shape[2]:
            return source, kernel
        return self._slice_once(source, first, last), kernel[:, :, first:last]

    def _slice_once(self, tensor: str, first: int, last: int) -> str:
        """A slice of a whole tensor's channels, shared by all who ask for the same."""
        name = f"{tensor}.from{first}to{last}"
        if name not in self.slices:
            self.slices.add(name)
            self.rewriter.slice_channels(name, tensor, first, last - first)
        return name

    def consume(self, node: Node) -> None:
        """The sum of one convolution a part; group by group, where the convolution has groups.

        A part that lies in two groups is read by both, with zeros for the other's channels.
        """
        arrays = self.model.arrays(node)
        kernels = _group_kernels(node, arrays)
        if self.dense(node):
            kernels = [dense_kernel(kernels)]
        sums, row, column = [], 0, 0
        for index, kernel in enumerate(kernels):
            _, _, inputs, filters = kernel.shape
            bias = arrays["bias"][column : column + filters] if "bias" in arrays else None
            single = len(kernels) == 1
            sums.append(
                self._sum(
                    node,
                    node.name if single else f"{node.name}.g{index}",
                    node.outputs if single else (),
                    self._covered(node, kernel, (row, row + inputs)),
                    bias,
                )
            )
            row, column = row + inputs, column + filters
        if len(sums) > 1:
            sums = list(self.rewriter.concat(node.name, tuple(sums), node.outputs))
        self.rewriter.replace(node.outputs, (sums[0],))

    def _covered(
        self, node: Node, kernel: NDArray[Any], channels: tuple[int, int]
    ) -> list[tuple[str, str, NDArray[Any]]]:
        """Label, tensor and kernel of each part that holds some of the channels of a group."""
        first, last = channels
        found = []
        spans = self.partitions[node.inputs[0]].spans()
        for (label, start, end), x in zip(spans, self.parts[node.inputs[0]], strict=True):
            low, high = max(start, first), min(end, last)
            if low < high:
                margins = (low - start, end - high)
                own = kernel[:, :, low - first : high - first]
                found.append((label, x, np.pad(own, [(0, 0), (0, 0), margins, (0, 0)])))
        return found

    def _sum(
        self,
        node: Node,
        name: str,
        outputs: tuple[str, ...],
        terms: list[tuple[str, str, NDArray[Any]]],
        bias: NDArray[Any] | None,
    ) -> str:
        """The sum of convolutions of several parts; the first has the bias."""
        activation = node.attributes["activation"]
        if len(terms) == 1:
            ((_, x, kernel),) = terms
            return self._convolve(node, name, x, kernel, bias, activation, outputs)
        partial = []
        for label, x, kernel in terms:
            partial.append(self._convolve(node, f"{name}.{label}", x, kernel, bias, None))
            bias = None
        return add_up(self.rewriter, name, partial, outputs, activation)

    def _convolve(
        self,
        node: Node,
        name: str,
        x: str,
        kernel: NDArray[Any],
        bias: NDArray[Any] | None,
        activation: str | None,
        outputs: tuple[str, ...] = (),
    ) -> str:
        """One of the convolutions that a node becomes."""
        weights = {"kernel": kernel} | ({} if bias is None else {"bias": bias})
        (output,) = self.rewriter.add(
            "conv2d",
            name,
            x,
            weights,
            outputs=outputs,
            filters=kernel.shape[3],
            kernel=kernel.shape[:2],
            dilations=node.attributes.get("dilations", (1, 1)),
            bias=bias is not None,
            **_common(node) | {"activation": activation},
        )
        return output


def _common(node: Node) -> dict[str, Any]:
    return {key: node.attributes[key] for key in ("strides", "padding", "activation")}


def _group_kernels(node: Node, arrays: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The kernels (h, w, in, out) of a convolution's groups, in order."""
    if node.op == "grouped_conv2d":
        return [arrays[f"{name}.kernel"] for name in group_names(node.attributes)]
    return list(np.split(arrays["kernel"], node.attributes["groups"], axis=3))
