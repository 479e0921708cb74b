"""What inspect shows of a file: its inputs and outputs, and where it comes from."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from little_classifier import LABELS, export_tiny
from onnx import helper

sys.path.append(str(Path(__file__).parents[1] / "runtimes"))
from tiny_models import TfliteBuilder, conv_onnx, numbers, split_tflite, write_onnx

from mixnet_bench.cli import main


def inspected(path: Path) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["inspect", str(path), "--json"])
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


def shown(path: Path) -> str:
    result = CliRunner().invoke(main, ["inspect", str(path)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_a_file_of_ours_shows_labels_preprocessing_and_what_it_was_made_from(
    tmp_path: Path, form: str
) -> None:
    path = export_tiny(tmp_path, form)
    target = inspected(path)
    assert (target["file_format"], target["size_bytes"]) == (form, path.stat().st_size)
    assert target["labels"] == list(LABELS)
    assert target["labels_from"] == path.name
    assert target["preprocessing"]["mean"] == [120.0, 110.0, 100.0]
    assert target["provenance"]["network"] == "little"
    assert target["provenance"]["sha256"] == target["sha256"]
    (usage,) = target["signatures"]
    (image,) = usage["inputs"]
    assert image["shape"] == ([1, 32, 32, 3] if form == "tflite" else [1, 3, 32, 32])
    assert (image["dtype"], image["scale"]) == ("float32", None)
    text = shown(path)
    assert "made from: network" in text
    assert "little" in text
    assert all(label in text for label in LABELS)
    assert target["sha256"] in text


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_quantized_inputs_and_outputs_show_their_scales(tmp_path: Path, form: str) -> None:
    target = inspected(export_tiny(tmp_path, form, "--precision", "int8", "--io", "int8"))
    (usage,) = target["signatures"]
    for port in (*usage["inputs"], *usage["outputs"]):
        assert port["dtype"] in ("int8", "uint8")
        assert port["scale"] > 0
        assert isinstance(port["zero_point"], int)


def test_another_file_s_provenance_is_not_shown(tmp_path: Path) -> None:
    path = export_tiny(tmp_path, "onnx")
    side = path.with_name(f"{path.name}.json")
    side.write_text(json.dumps({**json.loads(side.read_text()), "sha256": "0" * 64}))
    assert inspected(path)["provenance"] is None


def test_open_sizes_are_shown_by_the_file_s_names_for_them(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    path = write_onnx(
        tmp_path / "m.onnx", [node], {"x": ("batch", 3, -1, "width")}, {"y": ("batch", 3, -1, 9)}
    )
    (usage,) = inspected(path)["signatures"]
    assert usage["inputs"][0]["shape"] == ["batch", 3, None, "width"]
    assert usage["outputs"][0]["shape"] == ["batch", 3, None, 9]
    assert "batch×3×?×width float32" in shown(path)


def test_all_signatures_are_shown_the_default_one_first(tmp_path: Path) -> None:
    builder = TfliteBuilder()
    for index, (name, size) in enumerate((("small", 4), ("large", 9))):
        if index:
            builder.subgraph()
        x, y = (builder.tensor(each, (1, size)) for each in "xy")
        builder.operator("RELU", [x], [y])
        builder.graph.inputs, builder.graph.outputs = [x], [y]
        builder.signature({"in": x}, {"out": y}, name, index)
    path = builder.write(tmp_path / "m.tflite")
    target = inspected(path)
    assert target["signature"] == "small"
    assert [(each["name"], each["inputs"][0]["shape"]) for each in target["signatures"]] == [
        ("small", [1, 4]),
        ("large", [1, 9]),
    ]
    assert "small (the default; --signature selects another)" in shown(path)


def test_delegation_is_shown_with_its_reasons(tmp_path: Path) -> None:
    path = split_tflite(tmp_path / "m.tflite")
    target = inspected(path)
    assert target["operators"] == {"RELU": 3, "SPLIT_V": 1}
    assert target["delegation"]["outside_kinds"] == {"SPLIT_V": 1}
    assert "SPLIT_V" in target["delegation"]["outside_reasons"]
    assert target["partitions"] > 0
    assert "why SPLIT_V" in shown(path)


def external(path: Path) -> Path:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    write_onnx(path, [node], {"x": (1, 64)}, {"y": None}, {"w": numbers(64, 64)})
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path


def test_weights_beside_the_file_are_shown_and_a_missing_one_is_named(tmp_path: Path) -> None:
    path = external(tmp_path / "m.onnx")
    target = inspected(path)
    (data,) = target["data_files"]
    assert (data["name"], data["size_bytes"]) == ("weights.bin", 64 * 64 * 4)
    assert target["size_bytes"] == path.stat().st_size + 64 * 64 * 4
    (tmp_path / "weights.bin").unlink()
    target = inspected(path)
    assert target["data_files"] == [{"name": "weights.bin", "sha256": None, "size_bytes": None}]
    assert target["size_bytes"] == path.stat().st_size
    assert "weights.bin is missing beside it" in target["warnings"][0]
    assert "weights in weights.bin" in shown(path)


def test_producer_opset_and_metadata_are_shown(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.producer_name, model.producer_version = "pytorch", "2.3"
    helper.set_model_props(model, {"author": "nobody", "long": "word " * 100})
    onnx.save(model, path)
    target = inspected(path)
    assert target["origin"]["producer"] == "pytorch 2.3"
    assert target["origin"]["opset"] == "17"
    assert target["metadata"]["author"] == "nobody"
    assert "metadata author" in shown(path)
    assert "word " * 100 not in shown(path)


def test_texts_that_are_no_utf_8_are_shown_with_marks_for_what_is_not(tmp_path: Path) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.producer_name = model.doc_string = "na@@@ve"
    helper.set_model_props(model, {"mixnet.labels": "b@@@d", "k@@@y": "v@@@lue"})
    path.write_bytes(model.SerializeToString().replace(b"@@@", b"\xff" * 3))
    target, mark = inspected(path), "\ufffd" * 3
    assert target["origin"]["producer"] == f"na{mark}ve"
    assert target["labels"] == [f"b{mark}d"]
    assert target["metadata"][f"k{mark}y"] == f"v{mark}lue"
    assert f"k{mark}y" in shown(path)


def test_of_operators_those_in_branches_are_listed_too(tmp_path: Path) -> None:
    def branch(kind: str, output: str) -> Any:
        value = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(kind, ["x"], [output])], kind, [], [value])

    node = helper.make_node(
        "If", ["flag"], ["y"], then_branch=branch("Relu", "a"), else_branch=branch("Neg", "b")
    )
    constants = {"flag": np.array(True)}
    path = write_onnx(tmp_path / "m.onnx", [node], {"x": (1, 3)}, {"y": None}, constants)
    assert inspected(path)["operators"] == {"If": 1, "Relu": 1, "Neg": 1}


def test_a_missing_file_and_a_network_are_wrong_use(tmp_path: Path) -> None:
    for target in (str(tmp_path / "absent.onnx"), "mixnet-s"):
        assert CliRunner().invoke(main, ["inspect", target]).exit_code == 2
