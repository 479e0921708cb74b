"""What ``optimize`` does not understand stays as it is, or the file is refused."""

import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from depthwise_files import Case, content, model, save
from same_tables import differences, without_provenance

from mixnet_common import MixnetError
from mixnet_export.optimize.document import fresh_model, read_document, write_document
from mixnet_export.optimize.job import optimize
from mixnet_runtimes.tflite.pack import pack

sys.path.append(str(Path(__file__).parents[2] / "runtimes"))
from fuzzed_models import SOUND

INPUTS = Path(__file__).parents[2] / "fixtures" / "inputs"

CASE = Case(channels=32)


def decoded(data: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(data)


def foreign(folder: Path, cases: Path, written: Callable[[str, str], bytes]) -> Iterator[Path]:
    """Files of many writers: ours, the quantizer's, TensorFlow's older forms, odd ones."""
    yield from sorted(INPUTS.rglob("*.tflite"))
    yield from sorted(cases.glob("*.tflite"))
    for write in SOUND[".tflite"]:
        yield write(folder / f"{write.__name__}.tflite")
    for name in ("mixnet-s", "mobilenet-v2"):
        path = folder / f"{name}.tflite"
        path.write_bytes(written(name, "tflite"))
        yield path
    for form in ("float16", "int8-per-channel"):
        yield save(folder / f"{form}.tflite", Case(form=form, pads=((1, 2), (3, 4))))


def test_whatever_is_not_rewritten_is_equal_field_by_field(
    tmp_path: Path, cases: Path, written: Callable[[str, str], bytes]
) -> None:
    seen = 0
    for path in foreign(tmp_path, cases, written):
        document = read_document(path)
        data = write_document(document, fresh_model(document), {"target": "a test"})
        assert list(differences(document.model, without_provenance(decoded(data)))) == [], path
        seen += 1
    assert seen > 10


def test_only_the_operator_and_its_weights_change(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    before, after = decoded(path.read_bytes()), decoded(result.written.read_bytes())
    count = len(before.subgraphs[0].tensors)
    after.subgraphs[0].tensors = after.subgraphs[0].tensors[:count]
    assert list(differences(before.subgraphs[0].tensors, after.subgraphs[0].tensors)) == [
        "model[1].buffer: 1 and 0"  # the old weights
    ]
    assert before.description == after.description
    assert list(after.subgraphs[0].inputs) == list(before.subgraphs[0].inputs)
    assert list(after.subgraphs[0].outputs) == list(before.subgraphs[0].outputs)
    assert len(after.buffers[1].data) == 0 if after.buffers[1].data is not None else True


# Files of several parts


def twice(tmp_path: Path) -> Path:
    """Two subgraphs with a signature each, whose operators share their weights."""
    tables = model(CASE)
    other = model(CASE).subgraphs[0]
    other.name = "other"
    tables.subgraphs.append(other)
    tables.signatureDefs = []
    for number, graph in enumerate(tables.subgraphs):
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = f"s{number}", number
        signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
        signature.inputs[0].name, signature.inputs[0].tensorIndex = "in", graph.inputs[0]
        signature.outputs[0].name, signature.outputs[0].tensorIndex = "out", graph.outputs[0]
        tables.signatureDefs.append(signature)
    path = tmp_path / "twice.tflite"
    path.write_bytes(pack(schema, tables))
    return path


def test_weights_that_are_used_twice_are_tiled_once(tmp_path: Path) -> None:
    path = twice(tmp_path)
    result = optimize(path, tmp_path / "out")
    assert [each.subgraph for each in result.rewritten] == [0, 1]
    assert [each.signature for each in result.outputs] == ["s0", "s1"]
    assert result.written is not None
    after = decoded(result.written.read_bytes())
    assert list(differences(decoded(path.read_bytes()).signatureDefs, after.signatureDefs)) == []
    stored = [
        {int(t.buffer) for t in graph.tensors if b"/kernel" in t.name} for graph in after.subgraphs
    ]
    assert len(stored[0]) == 3
    assert stored[0] == stored[1]


def test_a_dequantized_input_is_shared(tmp_path: Path) -> None:
    tables = model(Case(channels=32, form="int8-per-channel"))
    graph = tables.subgraphs[0]
    second = model(Case(channels=32, form="int8-per-channel")).subgraphs[0].operators[0]
    output = schema.TensorT()
    output.name, output.shape, output.type = "y2", [1, 14, 14, 32], schema.TensorType.INT8
    output.quantization = graph.tensors[graph.outputs[0]].quantization
    graph.tensors.append(output)
    second.outputs = [len(graph.tensors) - 1]
    graph.operators.append(second)
    graph.outputs = [*graph.outputs, len(graph.tensors) - 1]
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, tables))
    result = optimize(path, tmp_path / "out")
    assert len(result.rewritten) == 2
    assert result.written is not None
    document = read_document(result.written)
    kinds = [document.kinds()[each.opcodeIndex] for each in document.model.subgraphs[0].operators]
    assert kinds.count("DEQUANTIZE") == 1
    assert kinds.count("QUANTIZE") == 2


def behind(data: bytes) -> bytes:
    """The same file with its buffers behind the FlatBuffer, by offset and size."""
    tables = decoded(data)
    contents = [b"" if b.data is None else bytes(bytearray(b.data)) for b in tables.buffers]

    def packed(start: int) -> bytes:
        import flatbuffers

        place = start
        for buffer, stored in zip(tables.buffers, contents, strict=True):
            if stored:
                buffer.data, buffer.offset, buffer.size = None, place, len(stored)
                place += -(-len(stored) // 16) * 16
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(tables.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    start = -(-len(packed(1 << 20)) // 16) * 16
    head = packed(start).ljust(start, b"\0")
    return head + b"".join(each.ljust(-(-len(each) // 16) * 16, b"\0") for each in contents)


def test_buffers_behind_the_model_are_taken_along(tmp_path: Path) -> None:
    plain, moved = save(tmp_path / "a.tflite", CASE), tmp_path / "b.tflite"
    moved.write_bytes(behind(plain.read_bytes()))
    assert decoded(moved.read_bytes()).buffers[1].offset > 1
    made = [optimize(path, tmp_path / "out").written for path in (plain, moved)]
    first, second = (decoded(each.read_bytes()) for each in made if each is not None)
    first, second = without_provenance(first), without_provenance(second)
    assert list(differences(first, second)) == []


# The archive


def with_archive(data: bytes, *, absolute: bool) -> bytes:
    """The file with an archive behind it, as TFLite's metadata writer adds it, or made alone."""
    stream = io.BytesIO(data if absolute else b"")
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
        archive.writestr("vocabulary.txt", "a" * 1000)
    return stream.getvalue() if absolute else data + stream.getvalue()


@pytest.mark.parametrize("absolute", [True, False], ids=["from the file", "from the archive"])
def test_files_behind_the_model_are_found_again(absolute: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(with_archive(content(CASE), absolute=absolute))
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    with zipfile.ZipFile(result.written) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt", "vocabulary.txt"]
        assert archive.read("labels.txt") == b"cat\ndog\n"
        starts = [each.header_offset for each in archive.infolist()]
    data = result.written.read_bytes()
    assert all(data[start : start + 4] == b"PK\3\4" for start in starts)
    end = data.rfind(b"PK\5\6")
    stored = int.from_bytes(data[end + 16 : end + 20], "little")
    assert (data[stored : stored + 4] == b"PK\1\2") == absolute


# Refused


def refused(path: Path, word: str) -> None:
    before = path.read_bytes()
    with pytest.raises(MixnetError, match=word):
        optimize(path, path.parent / "out")
    assert not (path.parent / "out").exists()
    assert path.read_bytes() == before


def test_fields_beyond_the_schema_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(builder: Any) -> int:
        builder.PrependInt32Slot(11, 7, 0)
        return int(builder.EndObject())

    path = tmp_path / "a.tflite"
    with monkeypatch.context() as patched:
        patched.setattr(schema, "TensorStart", lambda builder: builder.StartObject(12))
        patched.setattr(schema, "TensorEnd", end)
        path.write_bytes(content(CASE))
    refused(path, "field 11 of a Tensor table")


def test_options_beyond_the_schema_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(builder: Any) -> int:
        builder.PrependInt32Slot(7, 7, 0)
        return int(builder.EndObject())

    path = tmp_path / "a.tflite"
    with monkeypatch.context() as patched:
        patched.setattr(
            schema, "DepthwiseConv2DOptionsStart", lambda builder: builder.StartObject(8)
        )
        patched.setattr(schema, "DepthwiseConv2DOptionsEnd", end)
        path.write_bytes(content(CASE))
    refused(path, "field 7 of a DepthwiseConv2DOptions table")


def changed(path: Path, edit: Callable[[Any], object]) -> Path:
    tables = model(CASE)
    edit(tables)
    path.write_bytes(pack(schema, tables))
    return path


def entry(name: str) -> Callable[[Any], object]:
    def add(tables: Any) -> None:
        each = schema.MetadataT()
        each.name, each.buffer = name, len(tables.buffers)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(b"something", np.uint8)
        tables.buffers.append(buffer)
        tables.metadata = [each]

    return add


def test_another_version_of_the_schema_is_refused(tmp_path: Path) -> None:
    refused(changed(tmp_path / "a.tflite", lambda m: setattr(m, "version", 4)), "version 4")


def test_metadata_that_number_operators_are_refused(tmp_path: Path) -> None:
    refused(
        changed(tmp_path / "a.tflite", entry("model_control_dependencies")),
        "refers to operators by number",
    )


def test_bytes_that_belong_to_nothing_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    path.write_bytes(path.read_bytes() + b"a program")
    refused(path, "9 bytes behind the model")


def test_other_metadata_are_kept(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.tflite", entry("somebody's own"))
    result = optimize(path, tmp_path / "out")
    assert result.written is not None
    after = decoded(result.written.read_bytes())
    assert [each.name for each in after.metadata] == [b"somebody's own", b"mixnet_optimize"]
    assert bytes(bytearray(after.buffers[after.metadata[0].buffer].data)) == b"something"


def test_files_for_an_npu_are_left_alone(tmp_path: Path) -> None:
    def compile_it(tables: Any) -> None:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "DISPATCH_OP"
        tables.operatorCodes.append(code)
        graph = tables.subgraphs[0]
        operator.opcodeIndex = len(tables.operatorCodes) - 1
        operator.inputs, operator.outputs = list(graph.outputs), [len(graph.tensors)]
        output = schema.TensorT()
        output.name, output.shape = "z", [1, 14, 14, 32]
        graph.tensors.append(output)
        graph.operators.append(operator)

    result = optimize(changed(tmp_path / "a.tflite", compile_it), tmp_path / "out")
    assert result.written is None
    assert "NPU" in result.reason


def test_files_over_two_gigabytes_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    with path.open("wb") as file:
        file.truncate((1 << 31) + 1)  # which takes no room
    result = optimize(path, tmp_path / "out")
    assert result.written is None
    assert "2 GB" in result.reason
