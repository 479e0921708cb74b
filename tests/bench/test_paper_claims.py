"""Claims in words, on counts chosen by hand and on the networks themselves."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main
from mixnet_bench.paper.claims import compare_claims
from mixnet_bench.paper.measured import (
    Accuracies,
    MeasuredAccuracy,
    compare_accuracy,
    network_of,
    read_measured,
)
from mixnet_bench.paper.ours import QUANTITIES, Layer, Ours, count_ours
from mixnet_common import UsageError
from mixnet_common.result import encode
from mixnet_networks.paper import Claim, PaperTable, Subject, load_table, table_names

COUNTS = {
    "large": Ours(1200, 31_000, 0, layers=(Layer(1, 1, 81, 810),)),
    "small": Ours(100, 1000, 0, layers=(Layer(1, 1, 41, 410),)),
}
M, L = (Subject(table="table2", model=name) for name in ("MixNet-M", "MixNet-L"))


def judge(measured: Accuracies | None = None, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"claim": "it", "section": "1", "quantity": "params", "kind": "ratio"}
    values |= {"of": Subject("large"), "to": Subject("small")} | changes
    table = PaperTable("t", "t", "p", "Text", "1", claims=(Claim(**values),))
    (found,) = compare_claims(table, lambda subject: COUNTS.get(subject.network), measured or {})
    entry = encode(found)
    figure: dict[str, Any] = entry["claim"]
    assert entry["verdict"] == figure["verdict"]
    return figure


def test_a_ratio_is_of_the_first_to_the_second() -> None:
    assert judge(printed="12x")["ours"] == 12
    assert judge(printed="12x")["verdict"] == "reproduced"
    assert judge(printed="31x", quantity="macs")["ours"] == 31
    assert judge(printed="15x", reason="why") | {"ours": 0} == judge(
        printed="15x", reason="why"
    ) | {
        "ours": 0,
        "verdict": "differs",
        "reason": "why",
    }


def test_a_bound_is_kept_or_not_whatever_the_distance() -> None:
    small, large = Subject("small"), Subject("large")
    assert judge(printed="600", kind="below", of=small, to=Subject())["verdict"] == "reproduced"
    assert judge(printed="600", kind="below", of=large, to=Subject())["verdict"] == "differs"


def test_half_of_the_depthwise_work_is_told_from_the_layers_alone() -> None:
    figure = judge(
        printed="0.5x", quantity="depthwise_macs", of=Subject("small"), to=Subject("large")
    )
    assert (figure["ours"], figure["verdict"]) == (0.5062, "reproduced")


def test_a_claim_about_a_network_that_is_not_here_says_which() -> None:
    figure = judge(printed="3x", of=Subject("resnet-9000"))
    assert figure["verdict"] == "not comparable"
    assert "resnet-9000" in figure["reason"]


def test_a_difference_of_accuracies_is_checked_against_the_papers_own_table() -> None:
    agreeing = judge(printed="1.9%", quantity="top1", kind="difference", of=L, to=M)
    contrary = judge(
        printed="2.5%", quantity="top1", kind="difference", of=L, to=M, reason="a slip"
    )
    assert agreeing["verdict"] == contrary["verdict"] == "not comparable"
    assert agreeing["reason"].endswith("Table 2 of the paper agrees")
    assert contrary["reason"].endswith("its own Table 2 gives 1.9%: a slip")


def test_a_difference_of_accuracies_is_ours_once_both_were_measured() -> None:
    own = {
        ("mixnet-l", 1000): MeasuredAccuracy(79.0, None, 50_000, "l", 1000),
        ("mixnet-m", 1000): MeasuredAccuracy(77.1, 93, 50_000, "m", 1000),
    }
    figure = judge(own, printed="1.9%", quantity="top1", kind="difference", of=L, to=M)
    assert figure["ours"] == pytest.approx(1.9)
    assert figure["verdict"] == "reproduced"
    own["mixnet-m", 10] = MeasuredAccuracy(99.0, None, 10_000, "ten", 10)
    figure = judge(own, printed="1.9%", quantity="top1", kind="difference", of=L, to=M)
    assert figure["ours"] == pytest.approx(1.9)
    del own["mixnet-m", 1000]
    figure = judge(own, printed="1.9%", quantity="top1", kind="difference", of=L, to=M)
    assert figure["verdict"] == "not comparable"
    assert figure["reason"].startswith("the results are for 10 classes, the paper's for 1,")


@pytest.mark.parametrize("name", table_names())
def test_every_claim_names_rows_and_quantities_that_exist(name: str) -> None:
    for claim in load_table(name).claims:
        assert claim.kind in ("value", "ratio", "difference", "below", "known")
        known = {*QUANTITIES, "top1", "map", "candidates", "images"}
        assert claim.quantity in known
        assert (claim.kind == "known") == bool(claim.known and claim.source)
        for subject in (claim.of, claim.to):
            if subject.table:
                assert subject.model in [row.model for row in load_table(subject.table).rows]


def test_the_claims_that_can_be_counted_come_out_as_known() -> None:
    entries = compare_claims(load_table("text"), count_ours, {})
    verdicts = {entry.name: entry.verdict for entry in entries}
    assert verdicts["MixNet-L lies within typical mobile settings"] == "reproduced"
    assert verdicts["MDConv candidates of the search space"] == "reproduced"
    assert verdicts["ResNet-50 has so many times the FLOPS of MixNet-M on CIFAR-10"] == "reproduced"
    assert verdicts["layers of MobileNetV2 that are replaced one at a time"] == "differs"


def test_a_misprint_in_table_3_is_told() -> None:
    entries = compare_claims(load_table("table3"), count_ours, {})
    differing = [entry for entry in entries if entry.verdict == "differs"]
    assert [entry.name for entry in differing] == ["Oxford-IIIT Pets: test images"]
    assert differing[0].claim.ours == 3669


def test_the_command_prints_what_has_figures_by_default_and_the_rest_by_name() -> None:
    run = CliRunner().invoke(main, ["paper"])
    assert run.exit_code == 0, run.output
    assert "Table 1" in run.output
    assert "Claims in the text" in run.output
    assert "Figure 4" not in run.output
    drawn = CliRunner().invoke(main, ["paper", "figure4"])
    assert "mobilenet-v2:mdconv35791113" in drawn.output


def test_an_unknown_table_of_the_command_is_answered_with_the_nearest() -> None:
    run = CliRunner().invoke(main, ["paper", "figure44"])
    assert run.exit_code == 2
    assert "figure4" in run.output


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"targets": [1]}', '{"targets": []}'])
def test_a_file_that_holds_no_results_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    run = CliRunner().invoke(main, ["paper", "--results", str(path)])
    assert run.exit_code == 2
    assert run.output.startswith("error: ")
    assert json.dumps(str(path))[1:-1] in run.output


def document(top1: dict[str, float] | None, classes: int = 1000) -> str:
    files = [{"name": f"{name}.tflite", "path": f"out/{name}.tflite"} for name in ("mixnet-s", "b")]
    target = {"files": files, "images": 50_000, "classes": classes, "top1": top1, "top5": None}
    target["agreement_percent"] = 90.0
    return json.dumps({"format": 1, "targets": [target]})


def test_measured_accuracies_take_the_place_of_the_papers(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(document({"first_percent": 75.31, "second_percent": 60.0}))
    run = CliRunner().invoke(main, ["paper", "table2", "--results", str(path), "--json"])
    rows = {each["name"]: each["accuracy"] for each in json.loads(run.stdout)["targets"]}
    assert rows["mixnet-s"] == {
        "source": "results",
        "top1": "75.8",
        "top5": "92.8",
        "map": "-",
        "ours_top1": 75.31,
        "ours_top5": None,
        "images": 50_000,
        "verdict": "reproduced",
        "reason": "",
    }
    assert rows["mixnet-m"]["source"] == "paper"
    text = CliRunner().invoke(main, ["paper", "table2", "--results", str(path)]).stdout
    assert "MixNet-S: measured top-1 75.31 % on 50,000 images" in " ".join(text.split())


def test_an_accuracy_far_from_the_papers_differs_and_says_on_what(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(document({"first_percent": 40.0, "second_percent": 60.0}))
    row = next(each for each in load_table("table2").rows if each.network == "mixnet-s")
    figure = compare_accuracy(row, read_measured(path))
    assert figure.verdict == "differs"
    assert figure.reason == "measured on 50,000 images with mixnet-s.tflite"


def test_an_accuracy_on_other_classes_is_not_held_against_imagenets(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(document({"first_percent": 75.8, "second_percent": 60.0}, classes=64))
    run = CliRunner().invoke(main, ["paper", "table2", "--results", str(path), "--json"])
    rows = {each["name"]: each["accuracy"] for each in json.loads(run.stdout)["targets"]}
    accuracy, reason = rows["mixnet-s"], "the results are for 64 classes"
    assert (accuracy["source"], accuracy["verdict"]) == ("paper", "not comparable")
    assert accuracy["ours_top1"] is None
    assert accuracy["reason"] == f"{reason}, the paper's for 1,000"
    text = CliRunner().invoke(main, ["paper", "table2", "--results", str(path)]).stdout
    assert f"MixNet-S: {reason}" in " ".join(text.split())


def test_an_accuracy_on_the_classes_of_a_row_is_held_against_that_row(tmp_path: Path) -> None:
    path, row = tmp_path / "results.json", load_table("figure9").rows[1]
    path.write_text(
        document({"first_percent": 97.5, "second_percent": 60.0}, 10).replace(
            "mixnet-s", "mixnet-m"
        )
    )
    assert (row.network, row.classes, row.top1) == ("mixnet-m", 10, "97.92")
    assert compare_accuracy(row, read_measured(path)).verdict == "reproduced"


def test_results_without_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(document(None))
    with pytest.raises(UsageError, match="contains no accuracy"):
        read_measured(path)


def test_the_network_of_a_file_is_what_its_provenance_says(tmp_path: Path) -> None:
    path = tmp_path / "mine-int8.tflite"
    assert network_of(str(path), tmp_path) == "mine"
    path.with_name("mine-int8.tflite.json").write_text('{"network": "mixnet-m"}')
    assert network_of(str(path), tmp_path) == "mixnet-m"


def test_results_lead_to_no_file_outside_their_folder(tmp_path: Path) -> None:
    folder, path = tmp_path / "results", tmp_path / "mine.tflite"
    folder.mkdir()
    path.with_name("mine.tflite.json").write_text('{"network": "mixnet-m"}')
    (folder / "linked.tflite.json").symlink_to(tmp_path / "mine.tflite.json")
    assert network_of(str(path), folder) == "mine"
    assert network_of(f"{folder}/../mine.tflite", folder) == "mine"
    assert network_of(str(folder / "linked.tflite"), folder) == "linked"
    assert network_of("a\0b", folder) == "a\0b"
