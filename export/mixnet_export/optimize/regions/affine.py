"""Scales and offsets per channel, which exporters leave of a batch norm, folded into weights.

They are folded into the convolution before them, if nothing else reads its output; or into those
after them, if these have no padding, since padding adds zeros before the offset. Otherwise a long
chain of them becomes one multiplication and one addition.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_common.printable import printable
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.regions.steps import Step, Steps, Tensor
from mixnet_export.optimize.regions.tflite_steps import tflite_steps
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import decoded_text, integers

Array = NDArray[Any]

MARK = "mixnet_optimize"

PATTERN = "scale and offset"

CONVOLUTIONS = ("conv", "depthwise")

ACTIVATIONS = {None: 0, "relu": 1, "relu6": 3}
"""Their numbers in the schema."""

LONG = 3
"""Operators from which on two in their place are fewer."""


@dataclass(frozen=True)
class _Row:
    """Scales and offsets one after another, and what all of them are."""

    steps: tuple[Step, ...]
    scale: Array
    shift: Array

    @property
    def source(self) -> Any:
        """Its input tensor."""
        return self.steps[0].inputs[0]

    @property
    def output(self) -> Any:
        """Its output tensor."""
        return self.steps[-1].outputs[0]

    @property
    def activation(self) -> str | None:
        """Behind the last one."""
        found: str | None = self.steps[-1].values["activation"]
        return found


def find(document: Document, target: Target) -> list[Site | Stay]:
    """The rows of scales and offsets that can be folded, or made shorter."""
    found: list[Site | Stay] = []
    for number in range(len(document.model.subgraphs)):
        graph = Graph(document, number)
        finder, taken = _Finder(graph, tflite_steps(graph)), set[int]()
        for row in finder.rows():
            site = finder.site(row)
            if site is not None and not taken & set(site.region.operators):
                taken |= set(site.region.operators)
                found.append(site)
    return found


class _Finder:
    def __init__(self, graph: Graph, steps: Steps) -> None:
        self._graph = graph
        self._steps = steps
        self._readers = steps.readers()
        self._producers = {t: step for step in steps.steps for t in step.outputs}

    def rows(self) -> list[_Row]:
        """All maximal rows."""
        found: list[_Row] = []
        seen: set[int] = set()
        for step in self._steps.steps:
            if step.kind != "affine" or step.place in seen or not self._is_map(step):
                continue
            members = [step]
            while (following := self._next(members[-1])) is not None:
                members.append(following)
            seen |= {each.place for each in members}
            scale, shift = np.float64(1), np.float64(0)
            for each in members:
                scale = scale * each.values["scale"]
                shift = shift * each.values["scale"] + each.values["shift"]
            found.append(_Row(tuple(members), np.asarray(scale), np.asarray(shift)))
        return found

    def site(self, row: _Row) -> Site | None:
        """The rewriting of a row."""
        before = self._producers.get(row.source)
        if before is not None and self._takes_behind(before, row):
            return self._behind(row, before)
        readers = self._readers.get(row.output, [])
        if readers and self._take_before(row, readers):
            return self._before(row, readers)
        return self._shorter(row) if len(row.steps) >= LONG else None

    def _is_map(self, step: Step) -> bool:
        return all(tensor in self._steps.shapes for tensor in (*step.inputs, *step.outputs))

    def _is_private(self, tensor: Tensor) -> bool:
        return len(self._readers.get(tensor, ())) == 1 and tensor not in self._steps.ports

    def _next(self, step: Step) -> Step | None:
        (output,) = step.outputs
        if step.values["activation"] is not None or not self._is_private(output):
            return None
        (reader,) = self._readers[output]
        return reader if reader.kind == "affine" and self._is_map(reader) else None

    # Into the convolution before

    def _takes_behind(self, before: Step, row: _Row) -> bool:
        is_plain = before.kind in CONVOLUTIONS and before.values["activation"] is None
        return is_plain and self._is_private(row.source) and self._is_map(before)

    def _behind(self, row: _Row, before: Step) -> Site:
        """Filter by filter, whatever the padding."""
        kernel, filters = before.values["kernel"].astype(np.float64), len(row.scale)
        bias = before.values["bias"]
        shape = kernel.shape[2:] if before.kind == "depthwise" else (filters,)
        scaled = kernel * row.scale.reshape(shape)
        shifted = (0 if bias is None else bias.astype(np.float64)) * row.scale + row.shift

        def build(editor: GraphEditor) -> None:
            operator = _convolve(editor, before, scaled, shifted, row.output)
            operator.builtinOptions.fusedActivationFunction = ACTIVATIONS[row.activation]

        what = f"{len(row.steps)} folded into the convolution before"
        places = (before.place, *(step.place for step in row.steps))
        return Site(self._region(row, places, before.inputs, [row.output], what), build)

    # Into the convolutions behind

    def _take_before(self, row: _Row, readers: Sequence[Step]) -> bool:
        if row.activation is not None or row.output in self._steps.ports:
            return False
        channels = len(row.scale)
        return all(
            each.kind == "conv"
            and each.inputs == (row.output,)
            and not np.any(each.values["pads"])
            and each.values["kernel"].shape[2] == channels
            and self._is_map(each)
            for each in readers
        )

    def _before(self, row: _Row, readers: Sequence[Step]) -> Site:
        """Channel by channel, the offsets summed up into biases."""

        def build(editor: GraphEditor) -> None:
            for each in readers:
                kernel = each.values["kernel"].astype(np.float64)
                bias = each.values["bias"]
                shift = np.einsum("hwio,i->o", kernel, row.shift)
                shifted = shift + (0 if bias is None else bias.astype(np.float64))
                scaled = kernel * row.scale[:, np.newaxis]
                _convolve(editor, each, scaled, shifted, each.outputs[0], row.source)

        what = f"{len(row.steps)} folded into the convolution behind"
        places = (*(step.place for step in row.steps), *(each.place for each in readers))
        outputs = [each.outputs[0] for each in readers]
        return Site(self._region(row, places, [row.source], outputs, what), build)

    # By themselves

    def _shorter(self, row: _Row) -> Site:
        """One multiplication and one addition."""
        last = row.steps[-1].place

        def build(editor: GraphEditor) -> None:
            name = f"{name_of(editor.graph, row.output)}/{MARK}"
            shape = integers(editor.graph.tensors[row.output].shape)
            scaled = editor.activation(f"{name}/scaled", shape, row.output)
            scale, shift = (
                editor.constant(f"{name}/{key}", values.astype(np.float32))
                for key, values in (("scale", row.scale), ("shift", row.shift))
            )
            editor.operator(last, "MUL", [row.source, scale], [scaled], "MulOptions")
            editor.operator(
                last,
                "ADD",
                [scaled, shift],
                [row.output],
                "AddOptions",
                fusedActivationFunction=ACTIVATIONS[row.activation],
            )

        places = tuple(step.place for step in row.steps)
        what = f"{len(row.steps)} made two"
        return Site(self._region(row, places, [row.source], [row.output], what), build)

    def _region(
        self,
        row: _Row,
        places: Sequence[int],
        sources: Sequence[Any],
        outputs: Sequence[Any],
        what: str,
    ) -> Region:
        name = printable(decoded_text(self._graph.tensor(row.output).name))
        return Region(
            PATTERN,
            self._graph.number,
            tuple(sorted(places)),
            tuple(sources),
            tuple(outputs),
            name or f"operator {places[-1]}",
            what,
        )


def _convolve(
    editor: GraphEditor,
    step: Step,
    kernel: Array,
    bias: Array,
    output: Any,
    source: Any = None,
) -> Any:
    """The convolution of a step with other weights, from and to other tensors."""
    name = f"{name_of(editor.graph, output)}/{MARK}"
    if step.kind == "depthwise":
        stored = kernel.reshape(1, *kernel.shape[:2], -1)
    else:
        stored = kernel.transpose(3, 0, 1, 2)
    constants = [
        editor.constant(f"{name}/kernel", np.ascontiguousarray(stored, np.float32)),
        editor.constant(f"{name}/bias", bias.astype(np.float32)),
    ]
    read = step.inputs[0] if source is None else source
    operator = editor.clone(step.place, [int(str(read)), *constants], [int(str(output))])
    operator.builtinOptions = copy.copy(operator.builtinOptions)
    return operator
