"""What stands in the files: names, signatures, versions, alignment, the same bytes each time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from both_formats import one_node, random_weights

from mixnet_common import MixnetError
from mixnet_export.lowering import Model, lower
from mixnet_export.writers import FORMATS
from mixnet_export.writers.onnx_graph import IR_VERSION, OPSET
from mixnet_export.writers.tflite_tables import SIGNATURE, TfliteWriter
from mixnet_networks import load_network
from mixnet_runtimes import FileContents, read_file
from mixnet_runtimes.tflite.pack import ALIGNMENT

Written = Callable[[str, str], bytes]


@pytest.fixture
def contents(tmp_path: Any) -> Callable[[bytes, str], FileContents]:
    def read(content: bytes, form: str) -> FileContents:
        path = tmp_path / f"model.{form}"
        path.write_bytes(content)
        return read_file(path)

    return read


def small(name: str = "mixnet-s", **size: int) -> Model:
    graph = load_network(name, **{"resolution": 32, "classes": 3, **size}).graph
    return lower(Model(graph, random_weights(graph)))


@pytest.mark.parametrize("form", FORMATS)
def test_every_tensor_of_the_graph_has_its_name_in_the_file(
    form: str, contents: Callable[[bytes, str], FileContents]
) -> None:
    model = small()
    named = contents(FORMATS[form].write(model), form).tensors

    assert set(model.graph.tensors) <= set(named)
    assert "blocks.4.1.depthwise.k5" in named
    for weight in model.weights:
        assert weight in named


@pytest.mark.parametrize(("form", "shape"), [("tflite", (1, 32, 32, 3)), ("onnx", (1, 3, 32, 32))])
def test_inputs_and_outputs_are_named_typed_and_shaped(
    form: str, shape: tuple[int, ...], contents: Callable[[bytes, str], FileContents]
) -> None:
    read = contents(FORMATS[form].write(small()), form)

    assert {name: tensor.shape for name, tensor in read.inputs.items()} == {"image": shape}
    assert {name: tensor.shape for name, tensor in read.outputs.items()} == {"logits": (1, 3)}
    assert {tensor.dtype for tensor in (*read.inputs.values(), *read.outputs.values())} == {
        "float32"
    }


def test_a_tflite_file_has_a_signature(written: Written) -> None:
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(
        model_content=written("mixnet-s", "tflite"), num_threads=1
    ).get_signature_list()

    assert signatures == {SIGNATURE: {"inputs": ["image"], "outputs": ["logits"]}}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["mixnet-s", "mobilenet-v2"])
def test_a_model_gives_the_same_bytes_every_time(name: str, form: str) -> None:
    """Whatever order the weights were made in."""
    first = small(name)
    second = Model(first.graph, dict(reversed(list(first.weights.items()))))

    assert FORMATS[form].write(first) == FORMATS[form].write(second)


def test_an_onnx_file_says_for_whom_it_is_and_passes_the_strict_check(written: Written) -> None:
    model = onnx.load_from_string(written("mixnet-s", "onnx"))

    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    assert OPSET >= 17
    assert model.ir_version == IR_VERSION
    assert model.graph.name == "mixnet-s"
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)


def test_onnx_padding_is_explicit(written: Written) -> None:
    model = onnx.load_from_string(written("mixnet-s", "onnx"))
    used = {each.name for node in model.graph.node for each in node.attribute}

    assert "pads" in used
    assert "auto_pad" not in used


def test_every_buffer_of_a_tflite_file_can_be_mapped_and_read_in_place(written: Written) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = written("mixnet-s", "tflite")
    assert content[4:8] == b"TFL3"
    model = schema.Model.GetRootAsModel(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    used = [buffer for buffer in buffers if buffer.DataLength()]

    assert len(used) > 100
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in used]
    assert {start % ALIGNMENT for start in starts} == {0}
    assert model.Buffers(0).DataLength() == 0  # what every tensor without a constant points to


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_hardly_larger_than_its_weights(form: str, written: Written) -> None:
    assert len(written("mixnet-s", form)) < 4_118_510 * 4 * 1.01


def test_a_constant_with_too_few_bytes_is_refused_with_its_name() -> None:
    writer = TfliteWriter(one_node("relu", (1, 4, 4, 3)))
    writer.weight("short", np.zeros(8))
    writer._tensors[-1].shape = [9]

    with pytest.raises(MixnetError, match=r"short: 32 bytes for the shape \[9\], not 36"):
        writer.finish()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("role", ["kernel", "bias"])
def test_weights_that_do_not_have_the_graphs_shape_are_refused(form: str, role: str) -> None:
    model = one_node("conv2d", (1, 4, 4, 3), filters=5, kernel=(3, 3), bias=True)
    wrong = model.weights[f"node.{role}"][..., :-1]

    with pytest.raises(MixnetError, match=f"node.{role}"):
        FORMATS[form].write(Model(model.graph, {**model.weights, f"node.{role}": wrong}))
