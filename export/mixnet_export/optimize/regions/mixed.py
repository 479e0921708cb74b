"""Mixed and grouped convolutions of other exporters, replaced by the target's own lowering."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from mixnet_common import MixnetError
from mixnet_common.printable import printable
from mixnet_export.lowering import Model, Plan, find_plan, lower
from mixnet_export.optimize.document import Document
from mixnet_export.optimize.editing import GraphEditor, name_of
from mixnet_export.optimize.graph import Graph
from mixnet_export.optimize.regions.blocks import Block, find_blocks
from mixnet_export.optimize.regions.recognizing import recognize
from mixnet_export.optimize.regions.region import Region, Site, Stay
from mixnet_export.optimize.regions.steps import Steps, Tensor
from mixnet_export.optimize.regions.tflite_steps import tflite_steps
from mixnet_export.writers.tflite import write_tflite
from mixnet_networks import GraphBuilder
from mixnet_runtimes.targets import Target
from mixnet_runtimes.tflite.words import decoded_text, integers, kind_of, names_of

MARK = "mixnet_optimize"

PATTERN = "mixed convolution"


def find(document: Document, target: Target) -> list[Site | Stay]:
    """The blocks with mixed or grouped convolutions that the target's plan makes otherwise."""
    plan = find_plan("default", "tflite", target=target)
    whole = replace(plan, general=replace(plan.general, tiling="direct"))  # tiles come later
    found: list[Site | Stay] = []
    for number in range(len(document.model.subgraphs)):
        graph = Graph(document, number)
        steps = tflite_steps(graph)
        for block in find_blocks(steps, recognize(steps)):
            site = _site(graph, block, steps, whole)
            if site is not None:
                found.append(site)
    return found


def model_of(block: Block, steps: Steps) -> tuple[Model, dict[Tensor, str]]:
    """A block as a model of the neutral graph, and its tensors' names there."""
    builder = GraphBuilder("block")
    names: dict[Tensor, str] = {}
    weights: dict[str, Any] = {}
    for number, tensor in enumerate(block.sources):
        names[tensor] = builder.input(f"in{number}", steps.shapes[tensor])
    for number, made in enumerate(block.nodes):
        node = builder.add_node(
            made.op, f"n{number}", tuple(names[each] for each in made.inputs), **made.attributes
        )
        if made.then is not None:
            node = builder.add_node(made.then, f"n{number}.{made.then}", node.outputs)
        names[made.output] = node.outputs[0]
        for role, array in made.weights.items():
            weights[f"n{number}.{role}"] = np.asarray(array)
        if builder.shape(node.outputs[0]) != steps.shapes[made.output]:
            raise MixnetError(f"n{number} has another shape than the file says")
    graph = builder.build(*(names[each] for each in block.outputs))
    return Model(graph, weights), names


def _site(graph: Graph, block: Block, steps: Steps, plan: Plan) -> Site | None:
    """A block with what the plan makes of it; None if that is what is there."""
    try:
        model, _ = model_of(block, steps)
        lowered = lower(model, plan)
        made = graph.schema.ModelT.InitFromPackedBuf(write_tflite(lowered))
    except MixnetError:
        return None  # something that the neutral graph refuses
    tensors = [each for each in (*block.sources, *block.outputs) if isinstance(each, int)]
    if graph.has_open_batch(*tensors):
        _open_slices(made, graph.schema)
    before = Counter(graph.kind(graph.operators[place]) for place in block.places)
    after = _kinds(made, graph.schema)
    if before == after:
        return None
    outputs = [each for each in block.outputs if isinstance(each, int)]
    sources = [each for each in block.sources if isinstance(each, int)]
    name = printable(decoded_text(graph.tensor(outputs[-1]).name)) or f"operator {block.places[-1]}"
    region = Region(
        PATTERN,
        graph.number,
        block.places,
        tuple(sources),
        tuple(outputs),
        name,
        words(block, before.total(), after.total()),
    )

    def build(editor: GraphEditor) -> None:
        _splice(editor, made, region)

    return Site(region, build)


def _open_slices(made: Any, schema: Any) -> None:
    """Let slices take the whole batch, however many images it has."""
    (graph,) = made.subgraphs
    kinds = {number: code.builtinCode for number, code in enumerate(made.operatorCodes)}
    for operator in graph.operators:
        if kinds[operator.opcodeIndex] == schema.BuiltinOperator.SLICE:
            buffer = made.buffers[graph.tensors[integers(operator.inputs)[2]].buffer]
            sizes = np.frombuffer(np.asarray(buffer.data, np.uint8).tobytes(), "<i4").copy()
            sizes[0] = -1
            buffer.data = np.frombuffer(sizes.tobytes(), np.uint8)


def _kinds(model: Any, schema: Any) -> Counter[str]:
    names = names_of(schema.BuiltinOperator)
    kinds = [kind_of(code, names) for code in model.operatorCodes]
    return Counter(kinds[each.opcodeIndex] for each in model.subgraphs[0].operators)


def words(block: Block, before: int, after: int) -> str:
    """The content of a block, and its number of operators before and after."""
    parts = []
    for node in block.nodes:
        if node.op == "mixed_depthwise_conv2d":
            kernels = "+".join(f"{h}×{w}" for h, w in node.attributes["kernels"])
            parts.append(f"mixed {kernels}")
        elif node.op == "grouped_conv2d":
            parts.append(f"{len(node.attributes['channels'])} groups")
    return f"{', '.join(parts)}: {before} operators → {after}"


def _splice(editor: GraphEditor, made: Any, region: Region) -> None:
    """Put the operators of a file into the place of a region's last one."""
    place, (given,) = region.operators[-1], made.subgraphs
    prefix = f"{name_of(editor.graph, region.outputs[-1])}/{MARK}"
    now = dict(zip(integers(given.inputs), region.sources, strict=True))
    now |= dict(zip(integers(given.outputs), region.outputs, strict=True))
    like = region.outputs[-1]
    names = names_of(editor.editor.schema.BuiltinOperator)
    for operator in given.operators:
        code = made.operatorCodes[operator.opcodeIndex]
        for tensor in (*integers(operator.inputs), *integers(operator.outputs)):
            if tensor not in now:
                now[tensor] = _brought(editor, made, given.tensors[tensor], prefix, like)
        added = editor.operator(
            place,
            kind_of(code, names),
            [now[each] for each in integers(operator.inputs)],
            [now[each] for each in integers(operator.outputs)],
            version=code.version,
        )
        added.builtinOptionsType = operator.builtinOptionsType
        added.builtinOptions = operator.builtinOptions


def _brought(editor: GraphEditor, made: Any, tensor: Any, prefix: str, like: int) -> int:
    """A tensor of the other file as one of this."""
    name = f"{prefix}/{decoded_text(tensor.name)}"
    data, shape = made.buffers[tensor.buffer].data, integers(tensor.shape)
    if data is None or not len(data):
        return editor.activation(name, shape, like)
    dtype = np.float32 if tensor.type == editor.editor.schema.TensorType.FLOAT32 else np.int32
    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype).reshape(shape)
    return editor.constant(name, values)
