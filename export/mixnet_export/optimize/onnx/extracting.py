"""Extracts a block of an ``.onnx`` file as a separate file."""

from typing import Any

from mixnet_export.optimize.onnx.blocks import OnnxBlock
from mixnet_export.optimize.onnx.graph import OnnxGraph


def extract(model: Any, block: OnnxBlock, graph: OnnxGraph) -> Any:
    """The nodes that compute a block's outputs from its sources, as a separate model."""
    import onnx
    from onnx import TensorProto, helper

    producers = {name: node for node in model.graph.node for name in node.output}
    pending, members = list(block.outputs), set()
    while pending:
        name = pending.pop()
        node = producers.get(name)
        if name in block.sources or node is None or id(node) in members:
            continue
        members.add(id(node))
        pending += [each for each in node.input if each]
    nodes = [node for node in model.graph.node if id(node) in members]
    read = {name for node in nodes for name in node.input}
    part = onnx.ModelProto()
    part.ir_version = model.ir_version
    part.opset_import.extend(model.opset_import)
    part.graph.name = "part"
    part.graph.node.extend(nodes)
    part.graph.initializer.extend(e for e in model.graph.initializer if e.name in read)
    for field, names in ((part.graph.input, block.sources), (part.graph.output, block.outputs)):
        for name in names:
            field.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, graph.shapes[name]))
    return part
