import tempfile
from pathlib import Path
from typing import Any

import pytest
from tiny_models import conv_onnx

from mixnet_common import MixnetError
from mixnet_runtimes import FileContents, FileTensor, Operator, profile
from mixnet_runtimes.onnx.profile import profile_of_trace


def node(name: str, kind: str, micros: int) -> dict[str, Any]:
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "dur": micros,
        "args": {
            "op_name": kind,
            "input_type_shape": [{"float": [1, 8, 4, 4]}, {"float": [8, 1, 3, 3]}],
            "output_type_shape": [{"float": [1, 8, 4, 4]}],
        },
    }


def run(micros: int) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "dur": micros, "args": {}}


CONTENTS = FileContents(
    format="onnx",
    sha256="",
    size_bytes=0,
    inputs={},
    outputs={},
    operators=(
        Operator("a", "Conv", ("x", "", "w"), ("y",), domain="com.microsoft.nchwc"),
        Operator("b", "Relu", ("y",), ("z",)),
    ),
    tensors={
        "w": FileTensor("w", (8, 1, 3, 3), "float32", "constant"),
        "z": FileTensor("z", None, "float32", "output"),
    },
)
LOADING = {"cat": "Session", "name": "model_loading_uri", "dur": 9, "args": {}}


def test_only_the_last_rounds_count_and_the_first_are_warm_up() -> None:
    slow = [node("a", "Conv", 900), node("b", "Relu", 90), run(5000)]
    quick = [node("a", "Conv", 30), node("b", "Relu", 4), run(40)]
    found = profile_of_trace([LOADING, *slow, *quick, *quick], CONTENTS, "1.0", 1, 2)
    assert [(each.name, each.time_us) for each in found.operators] == [("a", 30), ("b", 4)]
    assert (found.unaccounted_us, found.inference_us, found.total_us) == (6, 40, 40)


def test_shapes_that_the_file_leaves_open_are_taken_from_the_trace() -> None:
    found = profile_of_trace([node("a", "Conv", 1), run(1)], CONTENTS, "1.0", 1, 1)
    shapes = {name: tensor.shape for name, tensor in found.contents.tensors.items()}
    assert shapes == {"x": (1, 8, 4, 4), "y": (1, 8, 4, 4), "w": (8, 1, 3, 3), "z": None}


def test_a_node_that_is_not_in_the_graph_keeps_the_runtimes_name() -> None:
    (found,) = profile_of_trace(
        [node("new", "Reorder", 1), run(1)], CONTENTS, "1.0", 1, 1
    ).operators
    assert (found.name, found.kind, found.operator) == ("new", "Reorder", None)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [run(5)],
        [node("a", "Conv", 1), run(1), node("b", "Relu", 1), run(1)],
        [node("a", "Conv", 1)],
    ],
)
def test_a_trace_that_makes_no_sense_is_an_error(records: list[dict[str, Any]]) -> None:
    with pytest.raises(MixnetError, match="profile that cannot be read"):
        profile_of_trace(records, CONTENTS, "1.0", 1, 2)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = conv_onnx(tmp_path / "m.onnx")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    profile(path, rounds=2)
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["m.onnx", "temporary"]


def test_a_fused_operator_keeps_the_name_of_the_first(tmp_path: Path) -> None:
    (found,) = profile(conv_onnx(tmp_path / "m.onnx"), rounds=2).operators
    assert (found.name, found.kind) == ("conv", "FusedConv")
    assert found.operator is not None
    assert found.operator.attributes["group"] == 2
