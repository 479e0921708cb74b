"""``mixnet-export optimize`` from the command line: what is written, refused and said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from click.testing import CliRunner, Result
from depthwise_files import Case, content, model, reference, save

from mixnet_common.console import json_text
from mixnet_common.hashing import sha256
from mixnet_common.result import decode
from mixnet_export.cli import main
from mixnet_export.optimize import results, tflite_file
from mixnet_export.optimize.document import read_document
from mixnet_runtimes.tflite.half_precision import allows_fp16

CASE = Case(channels=32)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["optimize", *map(str, arguments)])


def answer(*arguments: object) -> dict[str, Any]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


def test_a_file_is_written_with_its_provenance_and_computes_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    result = call(path, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "wrote" in result.stdout
    assert "GPU and NPU" in result.stderr
    written = tmp_path / "out" / "a.tflite"
    interpreter = Interpreter(str(written))
    interpreter.allocate_tensors()
    x = np.random.default_rng(3).standard_normal((1, 14, 14, 32)).astype("f")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert abs(got - reference(CASE, x)).max() < 1e-5 * abs(got).max()
    provenance = json.loads((tmp_path / "out" / "a.tflite.json").read_text())
    assert provenance["optimized_from"] == {"name": "a.tflite", "sha256": sha256(content(CASE))}
    assert provenance["sha256"] == sha256(written.read_bytes())
    kept = read_document(written).provenance()
    assert kept is not None
    assert kept["original_sha256"] == sha256(content(CASE))
    assert kept["target"] == "litert-2.3"


def test_the_same_file_comes_out_twice_and_is_left_alone_then(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    first = answer(path, "-o", tmp_path / "one")
    answer(path, "-o", tmp_path / "two")
    one, two = (tmp_path / name / "a.tflite" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    again = answer(one, "-o", tmp_path / "three")
    assert first["written"] == str(one)
    assert again["written"] is None
    assert "already optimized" in again["reason"]
    assert not (tmp_path / "three").exists()


def test_an_input_is_never_replaced(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    result = call(path, "-o", tmp_path)
    assert result.exit_code == 2
    assert "would replace" in result.stderr
    assert path.read_bytes() == content(CASE)


def test_nothing_to_do_is_no_error(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", Case(kernel=(5, 5)))
    found = answer(path, "-o", tmp_path / "out")
    assert found["written"] is None
    assert found["rewritten"] == found["left_alone"] == []
    assert "no depthwise convolution" in found["reason"]
    assert not (tmp_path / "out").exists()
    assert "nothing to rewrite" in call(path, "-o", tmp_path / "out").stdout


def test_a_dry_run_writes_nothing_and_says_all(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    found = answer(path, "-o", tmp_path / "out", "--dry-run")
    assert found["written"] is None
    assert len(found["rewritten"]) == 1
    assert found["after"]["partitions"] == 1
    assert not (tmp_path / "out").exists()


def test_multipass_runtimes_get_float32_whole(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    found = answer(path, "-o", tmp_path / "out", "--for", "litert-1.1")
    assert found["written"] is None
    assert "LiteRT 1.1" in found["left_alone"][0]["why"]
    int8 = save(tmp_path / "b.tflite", Case(channels=32, form="int8-per-channel"))
    found = answer(int8, "-o", tmp_path / "out", "--for", "tflite-2.17")
    assert found["rewritten"][0]["tiles"] == [[7, 7]]
    assert found["before"]["partitions"] is None
    assert "TensorFlow Lite 2.17 is not installed" in found["before"]["partitions_reason"]


def test_outputs_that_do_not_react_are_named(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    from mixnet_runtimes.tflite.pack import pack

    tables = model(CASE)
    tables.buffers[1].data = np.zeros_like(tables.buffers[1].data)
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, tables))
    result = call(path, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "cannot be used as proof" in result.stderr


def test_outputs_that_the_operators_hardly_change_are_named(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    from mixnet_runtimes.tflite.pack import pack

    tables = model(CASE)
    graph = tables.subgraphs[0]
    scale = schema.BufferT()
    scale.data = np.frombuffer(np.float32([1e-9]).tobytes(), np.uint8)
    tables.buffers.append(scale)
    for name, shape in (("scale", [1]), ("scaled", [1, 14, 14, 32]), ("sum", [1, 14, 14, 32])):
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name, shape
        graph.tensors.append(tensor)
    (x,), (y,), first = graph.inputs, graph.outputs, len(graph.tensors) - 3
    graph.tensors[first].buffer = len(tables.buffers) - 1
    for kind, inputs, output in (
        ("MUL", [y, first], first + 1),
        ("ADD", [first + 1, x], first + 2),
    ):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = 1
        options = getattr(schema, f"{kind.title()}OptionsT")()
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind.title()}Options")
        operator.builtinOptions, operator.opcodeIndex = options, len(tables.operatorCodes)
        operator.inputs, operator.outputs = inputs, [output]
        tables.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.outputs = [first + 2]
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(schema, tables))
    result = call(path, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "does not depend on the rewritten operators" in result.stderr
    assert "each verified as equal; the outputs cannot be used as proof" in result.stdout


def test_nothing_is_written_where_the_proof_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tflite_file.rewrite

    def wrong(made: Any, schema: Any, chosen: Any) -> Any:
        result = right(made, schema, chosen)
        weights = max(made.buffers, key=lambda each: 0 if each.data is None else len(each.data))
        weights.data = np.roll(weights.data, 4)
        return result

    monkeypatch.setattr(tflite_file, "rewrite", wrong)
    result = call(save(tmp_path / "a.tflite", CASE), "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "differs from a float64 reference" in result.stderr
    assert "nothing of what could be rewritten is proven equal" in result.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pb", b"", "takes .tflite and .onnx files"),
        ("a.onnx", b"", "is empty"),
        ("a.tflite", b"", "is empty"),
        ("a.tflite", b"\0" * 100, "TFL3"),
        ("a.tflite", content(CASE)[:-100], "is not a valid .tflite file"),
    ],
)
def test_what_is_no_sound_file_is_refused(
    name: str, data: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    result = call(tmp_path / name, "-o", tmp_path / "out")
    assert result.exit_code in (1, 2)
    assert words in result.stderr


def test_documents_are_the_record_that_is_documented(tmp_path: Path, cases: Path) -> None:
    int8 = Case(channels=32, padding="VALID", form="int8-per-channel", size=(8, 8))
    for path in (
        save(tmp_path / "a.tflite", CASE),
        save(tmp_path / "b.tflite", int8),
        cases / "dwmult2.tflite",
    ):
        printed = answer(path, "-o", tmp_path / "out")
        (found,) = json.loads(json_text([decode(results.OptimizeResult, printed)]))["targets"]
        assert found == printed


def test_a_float32_file_may_be_allowed_float16_even_where_nothing_is_rewritten(
    tmp_path: Path,
) -> None:
    path = save(tmp_path / "a.tflite", CASE)
    small = save(tmp_path / "b.tflite", Case(kernel=(3, 3), channels=32))
    for file, count in ((path, 1), (small, 0)):
        assert answer(file, "-o", tmp_path / "plain")["fp16_allowed"] is False
        found = answer(file, "-o", tmp_path / "out", "--allow-fp16")
        assert (found["fp16_allowed"], len(found["rewritten"])) == (True, count)
        assert allows_fp16(tmp_path / "out" / file.name)
        assert found["provenance"]["fp16_allowed"] is True
    assert not allows_fp16(tmp_path / "plain" / "a.tflite")
    assert not (tmp_path / "plain" / "b.tflite").exists()
    again = call(tmp_path / "out" / "a.tflite", "-o", tmp_path / "again", "--allow-fp16")
    assert "already optimized" in again.stdout
    assert "float16 allowed" in call(path, "-o", tmp_path / "words", "--allow-fp16").stdout


def test_float16_is_not_allowed_to_int8_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tflite", Case(form="int8-per-channel", channels=32))
    refused = call(path, "-o", tmp_path / "out", "--allow-fp16")
    assert refused.exit_code == 2
    assert "--allow-fp16 is for float32 files" in refused.stderr
