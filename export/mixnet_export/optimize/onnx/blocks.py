"""The blocks of an ``.onnx`` graph, each replaced by its lowering from the target's plan."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.printable import printable
from mixnet_export.lowering import Model, Plan, lower
from mixnet_export.optimize.onnx.graph import OnnxGraph, ports_of
from mixnet_export.optimize.onnx.steps import onnx_steps
from mixnet_export.optimize.regions.blocks import Block, find_blocks
from mixnet_export.optimize.regions.mixed import model_of, words
from mixnet_export.optimize.regions.recognizing import recognize
from mixnet_export.writers.onnx import write_onnx

MARK = "mixnet_optimize"

PATTERN = "mixed convolution"


@dataclass(frozen=True)
class OnnxBlock:
    """A block before and after rewriting."""

    places: tuple[int, ...]
    sources: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    what: str
    model: Model
    """Its computation in the neutral graph."""
    made: Any
    """A ModelProto with its replacement."""


def find(graph: OnnxGraph, plan: Plan) -> list[OnnxBlock]:
    """The blocks of a graph that a plan makes otherwise."""
    steps = onnx_steps(graph)
    blocks = (
        _described(graph, block, model_of(block, steps)[0], plan)
        for block in find_blocks(steps, recognize(steps))
    )
    return [block for block in blocks if block is not None]


def _described(graph: OnnxGraph, block: Block, model: Model, plan: Plan) -> OnnxBlock | None:
    """A block with its replacement; None if both are equal."""
    import onnx

    try:
        lowered = lower(model, plan)
        made = onnx.load_model_from_string(write_onnx(lowered))
    except MixnetError:
        return None  # something that the neutral graph refuses
    if graph.has_open_batch:
        _open_slices(made)
    before = Counter(graph.nodes[place].op_type for place in block.places)
    after = Counter(node.op_type for node in made.graph.node)
    if before == after:
        return None
    outputs = tuple(str(each) for each in block.outputs)
    return OnnxBlock(
        block.places,
        tuple(str(each) for each in block.sources),
        outputs,
        printable(outputs[-1]),
        words(block, before.total(), after.total()),
        model,
        made,
    )


def _open_slices(made: Any) -> None:
    """Let slices take the whole batch, however many images it has."""
    from onnx import numpy_helper

    ends = {node.input[2] for node in made.graph.node if node.op_type == "Slice"}
    for each in made.graph.initializer:
        if each.name in ends:
            values = numpy_helper.to_array(each).copy()
            values[0] = np.iinfo(np.int64).max
            each.CopyFrom(numpy_helper.from_array(values, each.name))


def splice(model: Any, blocks: Sequence[OnnxBlock]) -> Any:
    """A copy of a ModelProto with the blocks replaced; what nothing reads any more is gone."""
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(model)
    replaced: dict[int, list[Any]] = {}
    for block in blocks:
        replaced.update((place, []) for place in block.places)
        replaced[block.places[-1]] = _renamed(made, block)
    nodes = [
        each for place, node in enumerate(model.graph.node) for each in replaced.get(place, [node])
    ]
    nodes = _alive(made, nodes, _idle_before(model))
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    _drop_unread(made)
    return made


def _renamed(model: Any, block: OnnxBlock) -> list[Any]:
    """A block's new nodes under names of their own; their weights are added to the model."""
    import onnx

    given = onnx.GraphProto()
    given.CopyFrom(block.made.graph)  # it may be needed again
    prefix = f"{block.outputs[-1]}/{MARK}/"
    names = dict(zip((each.name for each in given.input), block.sources, strict=True))
    names |= dict(zip((each.name for each in given.output), block.outputs, strict=True))
    for each in given.initializer:
        names[each.name] = prefix + each.name
        weight = model.graph.initializer.add()
        weight.CopyFrom(each)
        weight.name = names[each.name]
    nodes = []
    for node in given.node:
        node.name = prefix + node.name
        node.input[:] = [names.get(name, prefix + name) if name else "" for name in node.input]
        node.output[:] = [names.get(name, prefix + name) for name in node.output]
        nodes.append(node)
    return nodes


def _read(model: Any, nodes: Sequence[Any]) -> set[str]:
    return {name for node in nodes for name in node.input} | ports_of(model)


def _idle_before(model: Any) -> set[str]:
    """Tensors that nothing reads in the original stay."""
    read = _read(model, model.graph.node)
    return {name for node in model.graph.node for name in node.output} - read


def _alive(model: Any, nodes: list[Any], idle: set[str]) -> list[Any]:
    """The nodes without those whose outputs nothing reads any more."""
    while True:
        read = _read(model, nodes) | idle
        kept = [node for node in nodes if any(name in read for name in node.output)]
        if len(kept) == len(nodes):
            return nodes
        nodes = kept


def _drop_unread(model: Any) -> None:
    """Weights and stated shapes of what is gone."""
    graph = model.graph
    read = _read(model, graph.node)
    made = {name for node in graph.node for name in node.output}
    for field, wanted in ((graph.initializer, read), (graph.value_info, made | read)):
        kept = [each for each in field if each.name in wanted]
        del field[:]
        field.extend(kept)
