"""Every activation of a float32 file, image by image, on the runtime's fast kernels.

A delegate or an optimiser hides what lies between its operators, unless a file gives it out: so a
copy of the file, in memory, has every activation as an output. The file itself is left alone.
"""

from collections.abc import Callable, Iterator
from typing import Any

from numpy.typing import NDArray

from mixnet_common import MixnetError
from mixnet_runtimes.session import first_line

Named = Iterator[tuple[str, NDArray[Any]]]

Activations = Callable[[NDArray[Any]], Named]
"""From an input to every activation with its name, one by one: the input first."""

THREADS = 2


def tflite_activations(content: bytes, name: str, *, threads: int = THREADS) -> Activations:
    """The activations of a ``.tflite`` file whose input is called ``name``."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=_giving_all_tflite(content), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise MixnetError(f"LiteRT cannot run the file: {first_line(error)}") from error
    (entry,) = (each["index"] for each in interpreter.get_input_details() if each["name"] == name)
    outputs = {each["name"]: each["index"] for each in interpreter.get_output_details()}

    def run(sample: NDArray[Any]) -> Named:
        interpreter.set_tensor(entry, sample)
        interpreter.invoke()
        yield name, sample
        for each, index in outputs.items():
            yield each, interpreter.get_tensor(index)

    return run


def _giving_all_tflite(content: bytes) -> bytes:
    """The file with everything that an operator computes as an output."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    graph.outputs = [index for each in graph.operators for index in each.outputs]
    model.signatureDefs = []  # it would name the outputs of old
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def onnx_activations(content: bytes, name: str, *, threads: int = THREADS) -> Activations:
    """The activations of an ``.onnx`` file whose input is called ``name``.

    The graph is run as it is written: optimised, it takes longer to give everything out.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors reach the user as exceptions
    try:
        session = ort.InferenceSession(
            _giving_all_onnx(content), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no base class but this
        raise MixnetError(f"onnxruntime cannot run the file: {first_line(error)}") from error
    outputs = [each.name for each in session.get_outputs()]

    def run(sample: NDArray[Any]) -> Named:
        yield name, sample
        yield from zip(outputs, session.run(outputs, {name: sample}), strict=True)

    return run


def _giving_all_onnx(content: bytes) -> bytes:
    """The file with everything that a node computes as an output, its type left to be inferred."""
    import onnx

    model = onnx.load_from_string(content)
    known = {each.name: each for each in model.graph.output}
    computed = [name for node in model.graph.node for name in node.output]
    del model.graph.output[:]
    model.graph.output.extend(known.get(each, onnx.ValueInfoProto(name=each)) for each in computed)
    return bytes(model.SerializeToString())
