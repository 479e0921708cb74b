"""An ``.onnx`` file under construction, through onnx's helper.

Feature maps, NHWC in the graph, are NCHW here, as ONNX operators expect; tensors of other ranks do
not change. ``onnx_operators`` has the ONNX form of each of our operators.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixnet_export.lowering import Model
from mixnet_networks import Graph

OPSET = 17
"""The oldest requested opset; every onnxruntime since 1.12 supports it."""

IR_VERSION = 8
TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)
AXES = {0: 0, 1: 2, 2: 3, 3: 1}
"""Position of each NHWC axis of a feature map in NCHW."""


def nchw(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An NHWC shape in the layout of the file."""
    return tuple(shape[axis] for axis in TO_NCHW) if len(shape) == 4 else shape


class OnnxWriter:
    """A file under construction, filled by the emitters.

    Weights go straight into the message that is serialised: a large network's exist in few copies.
    """

    def __init__(self, model: Model) -> None:
        from onnx import helper

        self.model = model
        self.graph: Graph = model.graph
        inputs = [self._value(tensor.name) for tensor in self.graph.inputs]
        outputs = [self._value(name) for name in self.graph.outputs]
        self._file = helper.make_model(
            helper.make_graph([], self.graph.name, inputs, outputs),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mixnet-mobile",
        )
        self._constants: dict[tuple[bytes, tuple[int, ...]], str] = {}

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of one of the graph's tensors, NHWC."""
        return self.graph.shape(tensor)

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a float32 initializer, already in ONNX's layout; returns its name."""
        from onnx import numpy_helper

        array = np.ascontiguousarray(array, np.float32)
        self._file.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, name: str, values: Any) -> str:
        """The name of an int64 initializer; equal ones are stored once."""
        from onnx import numpy_helper

        array = np.ascontiguousarray(values, np.int64)
        key = (array.tobytes(), array.shape)
        if key not in self._constants:
            self._file.graph.initializer.append(numpy_helper.from_array(array, name))
            self._constants[key] = name
        return self._constants[key]

    def node(
        self, op_type: str, name: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        """Append a node."""
        from onnx import helper

        node = helper.make_node(op_type, inputs, outputs, name=name, **attributes)
        self._file.graph.node.append(node)

    def finish(self) -> bytes:
        """Check the file and serialise it."""
        import onnx

        skeleton = self._without_weights()
        content = bytes(self._file.SerializeToString())
        del self._file  # the check needs room of its own
        onnx.checker.check_model(content)
        onnx.shape_inference.infer_shapes(skeleton, check_type=True, strict_mode=True)
        return content

    def _without_weights(self) -> Any:
        """The same file with weights as inputs, for shapes to be inferred without their copies."""
        from onnx import TensorProto, helper

        graph = self._file.graph
        weights = [each for each in graph.initializer if each.data_type == TensorProto.FLOAT]
        others = [each for each in graph.initializer if each.data_type != TensorProto.FLOAT]
        inputs = [
            helper.make_tensor_value_info(each.name, TensorProto.FLOAT, each.dims)
            for each in weights
        ]
        return helper.make_model(
            helper.make_graph(
                graph.node, graph.name, [*graph.input, *inputs], graph.output, others
            ),
            opset_imports=self._file.opset_import,
            ir_version=IR_VERSION,
        )

    def _value(self, name: str) -> Any:
        from onnx import TensorProto, helper

        return helper.make_tensor_value_info(name, TensorProto.FLOAT, nchw(self.shape(name)))
