"""Builds a searched cell in a graph (Zoph et al. 2018, Section 3; Liu et al. 2019).

Every convolution of a cell is preceded by its activation; a tensor that several of them read is
activated once. The operations of a cell are data (``cells``).
"""

from mixnet_networks.architecture import Stage
from mixnet_networks.architecture.cells import DILATED, POOLS, SEPARABLE, Branch
from mixnet_networks.architecture.partition import equal_partition
from mixnet_networks.building.parts import Parts


def build_cell(parts: Parts, prefix: str, x: str, stage: Stage, stride: int) -> str:
    """A cell over the last block's output and that of the block before it."""
    return _CellBuilder(parts, prefix, stage, stride).build(x)


class _CellBuilder:
    def __init__(self, parts: Parts, prefix: str, stage: Stage, stride: int) -> None:
        self.parts = parts
        self.prefix = prefix
        self.activation = stage.activation
        self.stride = stride
        self.filters = parts.scale(stage.out)
        self.cell = parts.architecture.cell(stage.cell)
        self.pooled: dict[tuple[str, str], str] = {}

    def build(self, x: str) -> str:
        values = [self.fit_previous(x), self.squeeze("last", x)]
        for index, (first, second) in enumerate(self.cell.nodes, 2):
            name = f"{self.prefix}.node{index}"
            pair = (
                self.branch(f"{name}.a", values[first.source], first),
                self.branch(f"{name}.b", values[second.source], second),
            )
            values.append(self.parts.graph.add("add", name, pair))
        kept = tuple(values[source] for source in self.cell.concat)
        return self.parts.graph.add("concat", f"{self.prefix}.concat", kept)

    # Inputs

    def fit_previous(self, x: str) -> str:
        """The output of the block before, with this cell's channels and the size of ``x``.

        In front of the first block there is nothing; then it is ``x`` as it stands.
        """
        before, shape = self.parts.before, self.parts.graph.shape
        if before is None:
            return x
        if shape(before)[1:3] != shape(x)[1:3]:
            return self.halve(f"{self.prefix}.previous", before)
        return self.squeeze("previous", before)

    def squeeze(self, name: str, x: str) -> str:
        """Activation, 1x1 to the cell's channels, batch norm."""
        name = f"{self.prefix}.{name}"
        x = self.parts.conv(name, self.activate(x), self.filters)
        return self.parts.norm(name, x)

    def activate(self, x: str) -> str:
        return self.parts.activate(f"{x}.act", x, self.activation)

    # Operations

    def branch(self, name: str, x: str, branch: Branch) -> str:
        stride = self.stride if branch.source < 2 else 1
        operation = branch.operation
        if operation in SEPARABLE:
            x = self.separable(f"{name}.0", x, SEPARABLE[operation], stride)
            return self.separable(f"{name}.1", x, SEPARABLE[operation], 1)
        if operation in DILATED:
            return self.separable(name, x, DILATED[operation], stride, dilation=2)
        if operation in POOLS:
            return self.pool(name, x, POOLS[operation], stride)
        return x if stride == 1 else self.halve(name, x)

    def separable(self, name: str, x: str, kernel: int, stride: int, dilation: int = 1) -> str:
        """Activation, depthwise, 1x1, batch norm; nothing between the two convolutions."""
        x = self.activate(x)
        x = self.parts.plain_depthwise(f"{name}.depthwise", x, kernel, stride, dilation)
        x = self.parts.conv(f"{name}.pointwise", x, self.filters)
        return self.parts.norm(f"{name}.pointwise", x)

    def pool(self, name: str, x: str, op: str, stride: int) -> str:
        """A 3x3 pool; the same one of the same tensor is computed once."""
        if (op, x) not in self.pooled:
            self.pooled[op, x] = self.parts.pool(f"{name}.{op}", x, op, 3, stride)
        return self.pooled[op, x]

    def halve(self, name: str, x: str) -> str:
        """Half the size without losing a pixel: two 1x1 of stride 2, the second one pixel on.

        Each makes half of the channels and has its share of the one batch norm behind both.
        """
        x = self.activate(x)
        halves = []
        sources = (x, self.shifted(f"{name}.shifted", x))
        for index, filters in enumerate(reversed(equal_partition(self.filters, 2))):
            part = f"{name}.{index}"
            y = self.parts.conv(part, sources[index], filters, stride=2)
            halves.append(self.parts.norm(part, y))
        return self.parts.graph.add("concat", name, tuple(halves))

    def shifted(self, name: str, x: str) -> str:
        """A map without its first row and column; with zeros behind where its size is odd."""
        graph = self.parts.graph
        batch, height, width, channels = graph.shape(x)
        more = (height % 2, width % 2)
        if any(more):
            paddings = ((0, 0), (0, more[0]), (0, more[1]), (0, 0))
            x = graph.add("pad", f"{name}.pad", x, paddings=paddings)
        size = (batch, height - 1 + more[0], width - 1 + more[1], channels)
        return graph.add("slice", name, x, begin=(0, 1, 1, 0), size=size)
