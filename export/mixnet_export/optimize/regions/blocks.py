"""Which recognized nodes are rewritten together.

A block is a mixed or grouped convolution with the operators before and after it, up to the next
convolutions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixnet_export.optimize.regions.recognizing import COMPOSITES, Made
from mixnet_export.optimize.regions.steps import Steps, Tensor

ELEMENTWISE = ("swish", "sigmoid", "relu", "relu6", "batch_norm", "mul")

CONVOLUTIONS = ("conv2d", "grouped_conv2d")


@dataclass(frozen=True)
class Block:
    """Nodes in order, and the tensors between them and the rest."""

    nodes: tuple[Made, ...]
    sources: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """All operators that it replaces."""
        return tuple(sorted({place for node in self.nodes for place in node.places}))


def find_blocks(steps: Steps, nodes: Sequence[Made]) -> list[Block]:
    """The blocks around all mixed and grouped convolutions; those that overlap are one."""
    growing = _Growing(steps, nodes)
    members: list[set[int]] = []
    for index, node in enumerate(nodes):
        if node.op not in COMPOSITES:
            continue
        found = growing.around(index)
        for other in [each for each in members if each & found]:
            members.remove(other)
            found |= other
        members.append(found)
    blocks = [_block(steps, [nodes[index] for index in sorted(each)]) for each in members]
    return [block for block in blocks if _is_sound(steps, block)]


class _Growing:
    def __init__(self, steps: Steps, nodes: Sequence[Made]) -> None:
        self._steps = steps
        self._nodes = nodes
        self._producers = {node.output: index for index, node in enumerate(nodes)}
        self._readers: dict[Tensor, list[int]] = {}
        for index, node in enumerate(nodes):
            for tensor in dict.fromkeys(node.inputs):
                self._readers.setdefault(tensor, []).append(index)
        self._all_readers = steps.readers()

    def around(self, seed: int) -> set[int]:
        """A composite convolution with all that belongs to it."""
        found = {seed}
        if self._nodes[seed].op == "mixed_depthwise_conv2d":
            self._back(self._nodes[seed].inputs[0], found)
        self._on(seed, found)
        return found

    def _back(self, tensor: Tensor, found: set[int]) -> None:
        """The nodes that compute a tensor only for these nodes, up to a convolution."""
        chain: set[int] = set()
        while (index := self._producers.get(tensor)) is not None:
            if not self._is_read_by(tensor, found | chain) or tensor in self._steps.ports:
                return
            node = self._nodes[index]
            chain.add(index)
            if node.op in CONVOLUTIONS:
                found |= chain
                return
            if node.op not in ELEMENTWISE or len(node.inputs) != 1:
                return
            tensor = node.inputs[0]

    def _is_read_by(self, tensor: Tensor, found: set[int]) -> bool:
        """Whether only these nodes read a tensor."""
        places = {place for index in found for place in self._nodes[index].places}
        return all(step.place in places for step in self._all_readers.get(tensor, ()))

    def _on(self, seed: int, found: set[int]) -> None:
        """The nodes that read a node's output, up to the next convolutions."""
        pending = [seed]
        while pending:
            index = pending.pop()
            for reader in self._readers.get(self._nodes[index].output, ()):
                if reader not in found and self._goes_on(index, reader, found):
                    found.add(reader)
                    pending.append(reader)

    def _goes_on(self, index: int, reader: int, found: set[int]) -> bool:
        """Whether a node that reads another belongs to the same block."""
        node, before = self._nodes[reader], self._nodes[index]
        if self._ends(before):
            return node.op == "batch_norm"
        if node.op == "mul":
            return all(self._is_inside(tensor, found) for tensor in node.inputs)
        return node.op in (*ELEMENTWISE, "global_mean", *CONVOLUTIONS)

    def _ends(self, node: Made) -> bool:
        """Whether a node is a convolution that ends a block, or a batch norm behind one."""
        if node.op == "batch_norm":
            index = self._producers.get(node.inputs[0])
            return index is not None and self._ends(self._nodes[index])
        return node.op in CONVOLUTIONS and not self._is_one_pixel(node.output)

    def _is_inside(self, tensor: Tensor, found: set[int]) -> bool:
        return self._producers.get(tensor) in found

    def _is_one_pixel(self, tensor: Tensor) -> bool:
        return self._steps.shapes[tensor][1:3] == (1, 1)


def _block(steps: Steps, nodes: Sequence[Made]) -> Block:
    nodes = _joined_norms(steps, nodes)
    made = {node.output for node in nodes}
    sources = dict.fromkeys(t for node in nodes for t in node.inputs if t not in made)
    places = {place for node in nodes for place in node.places}
    readers = steps.readers()
    outputs = [
        node.output
        for node in nodes
        if node.output in steps.ports
        or any(step.place not in places for step in readers.get(node.output, ()))
        or not readers.get(node.output)
    ]
    return Block(tuple(nodes), tuple(sources), tuple(outputs))


def _joined_norms(steps: Steps, nodes: Sequence[Made]) -> list[Made]:
    """Batch norms in a row as one, since one is all that is folded into a convolution."""
    readers, found = steps.readers(), list(nodes)
    for node in nodes:
        before = next((n for n in found if n.output == (node.inputs or (None,))[0]), None)
        if node.op != "batch_norm" or before is None or before.op != "batch_norm" or before.then:
            continue
        if len(readers.get(before.output, ())) != 1 or before.output in steps.ports:
            continue
        first, second = before.weights, node.weights
        scale = first["gamma"] * second["gamma"]
        shift = first["beta"] * second["gamma"] + second["beta"]
        weights = {
            "gamma": scale, "beta": shift, "mean": np.zeros_like(scale),
            "variance": np.ones_like(scale),
        }  # fmt: skip
        places = (*before.places, *node.places)
        joined = Made(
            "batch_norm", before.inputs, node.output, places, node.attributes, weights, node.then
        )
        found[found.index(node)] = joined
        found.remove(before)
    return found


def _is_sound(steps: Steps, block: Block) -> bool:
    """Whether operators beside a block may run before or after all of it."""
    places = set(block.places)
    last, outputs = max(places), set(block.outputs)
    for step in steps.steps:
        if step.place in places:
            continue
        if outputs & set(step.inputs) and step.place < last:
            return False
    first = set(block.sources)
    made_late = any(set(s.outputs) & first and s.place > last for s in steps.steps)
    return bool(block.outputs) and not made_late
