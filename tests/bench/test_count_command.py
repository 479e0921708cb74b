"""What count makes of a count, on records made by hand."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.commands.count import layer_rows, table_row
from mixnet_bench.counting.describe import batch_norm_elements, describe_count, describe_delegation
from mixnet_bench.counting.record import BodyCount, Count, Layer
from mixnet_bench.results.count import TfliteCountResult
from mixnet_common.result import encode, values_of
from mixnet_export.cli import main as export_main
from mixnet_runtimes import Delegation

COUNT = Count(
    "net",
    "tflite",
    (
        Layer("conv", "CONV_2D", 1_000_000, 27, 400, (1, 10, 10, 4)),
        Layer("norm", "MUL", 0, 8, 0, (None, 10, 10, 4), batch_norm_elements=400),
    ),
    ("something is left out",),
)
CUT = Delegation(3, inside=10, outside=2, outside_kinds=Counter({"SPLIT_V": 2}))


def test_totals_and_layers_are_json() -> None:
    described = encode(describe_count(COUNT))
    assert (described["params"], described["macs"], described["activations"]) == (35, 10**6, 400)
    assert [layer["name"] for layer in described["layers"]] == ["conv", "norm"]
    assert described["warnings"] == ("something is left out",)


def test_each_convention_adds_its_operations_of_the_batch_norms() -> None:
    assert batch_norm_elements(COUNT) == 400
    assert list(describe_count(COUNT).macs_by_convention.values()) == [
        1_000_000,
        1_000_400,
        1_000_800,
    ]


def cut(delegation: Delegation) -> TfliteCountResult:
    return TfliteCountResult(
        **values_of(describe_count(COUNT)),
        partitions=delegation.partitions,
        delegation=describe_delegation(delegation),
    )


def test_what_is_outside_the_delegate_is_told_by_kind() -> None:
    described: dict[str, Any] = encode(cut(CUT))
    assert described["partitions"] == 3
    assert described["delegation"]["outside_kinds"] == {"SPLIT_V": 2}
    assert table_row(cut(CUT))[-2:] == ("3", "2 SPLIT_V")


def test_unknown_partitions_leave_the_cells_empty_and_keep_the_reason() -> None:
    described = cut(Delegation(None, reason="this runtime does not tell"))
    assert described.delegation.reason == "this runtime does not tell"
    assert table_row(described)[-2:] == ("", "")


def test_what_cannot_be_known_is_null_with_its_reason_and_a_dash_in_the_tables() -> None:
    unknown = Layer("loop", "Loop", None, 5, None, (1,), reason="its turns depend on its data")
    described = describe_count(Count("net", "onnx", (*COUNT.layers, unknown)))
    assert (described.params, described.macs, described.activations) == (40, None, None)
    assert set(described.macs_by_convention.values()) == {None}
    assert described.reason == "Loop 'loop': its turns depend on its data"
    assert table_row(described)[1:4] == ("40", "–", "–")
    assert layer_rows(described)[-1][3:] == ("5", "–", "–")


def test_what_a_layer_runs_stands_below_it() -> None:
    inner = Layer("conv", "Conv", 10, 3, 4, (1, 4))
    branches = (BodyCount("then_branch", (inner,)), BodyCount("else_branch", ()))
    outer = Layer("choice", "If", 10, 3, 4, (1, 4), bodies=branches)
    described = describe_count(Count("net", "onnx", (outer,)))
    assert described.macs == 10, "once, not for the body again"
    bodies = described.layers[0].bodies
    assert [(body.name, len(body.layers)) for body in bodies] == [
        ("then_branch", 1), ("else_branch", 0)
    ]  # fmt: skip
    assert [row[0] for row in layer_rows(described)] == ["choice", "  then_branch: conv"]


def test_an_open_size_is_printed_as_a_question_mark() -> None:
    assert [row[2] for row in layer_rows(describe_count(COUNT))] == ["1×10×10×4", "?×10×10×4"]


def test_a_network_is_counted_with_the_classes_of_the_file_beside_it(tmp_path: Path) -> None:
    export = ["tflite", "mixnet-s", "--classes", "7", "--resolution", "32", "--no-verify"]
    made = CliRunner().invoke(export_main, [*export, "-o", str(tmp_path)])
    assert made.exit_code == 0, made.output
    path = str(tmp_path / "mixnet-s.tflite")

    result = CliRunner().invoke(main, ["count", "mixnet-s", path, "--json"])
    alone = CliRunner().invoke(main, ["count", "mixnet-s", "--json"])
    beside, file = json.loads(result.stdout)["targets"]
    (own,) = json.loads(alone.stdout)["targets"]

    assert "counted with 7 classes" in result.stderr
    assert own["params"] - beside["params"] == (1000 - 7) * (1536 + 1)
    assert file["layers"][-1]["output_shape"][-1] == 7
