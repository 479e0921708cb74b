"""What a campaign comes to: its table and sentences, and a campaign from a checkpoint alone."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_up_results import latency

from mixnet_bench.campaign.answer import COLUMNS, Found, answer_of
from mixnet_bench.cli import main
from mixnet_bench.results.latency import LatencyResult, Origin
from mixnet_bench.results.parity import CampaignParityResult
from mixnet_common.result import decode
from mixnet_networks import load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import save_weights, seeded_weights


def timed(precision: str, median: float, **more: Any) -> LatencyResult:
    made = latency("net", "tflite", precision, "default", median, sha256=precision, **more)
    burst = {"lead_ms": 1.0, "count": 6, "round": 0, "turn": 0}
    launches = [{**launch, "bursts": [burst]} for launch in made["launches"]]
    name = "net.tflite" if precision == "float32" else f"net-{precision}.tflite"
    return decode(LatencyResult, {**made, "name": name, "launches": launches})


def compared(top1: dict[str, Any] | None = None) -> CampaignParityResult:
    document = {
        "name": "net-int8.tflite",
        "files": [{"sha256": "float32"}, {"sha256": "int8"}],
        "images": 1000,
        "agreement_percent": 98.25,
        "agreement_percent_interval": [97.0, 99.0],
        "disagreements": 17,
        "disagreements_beyond_rounding": 17,
        "ties": [0, 0],
        "logit_error": {"largest": 1.0, "rms": 0.1},
        "classes": 10,
        "resolution": 224,
        "confidence": 0.95,
        "top1": top1,
    }
    return decode(CampaignParityResult, document)


TOP1 = {
    "first_percent": 90.0,
    "second_percent": 89.9,
    "loss_points": 0.1,
    "loss_points_interval": [-0.1, 0.3],
    "lost": 3,
    "won": 2,
}
RUN = [timed("float32", 20.0), timed("int8", 12.0)]


def test_a_smaller_file_is_held_against_its_float32_file_in_a_sentence() -> None:
    answer = answer_of(Found([RUN], [compared(TOP1)]))

    assert answer.sentences == (
        "net-int8.tflite: 1.7× faster than net.tflite (ratio 0.60–0.60), 31% of its size,"
        " loss 0.1 points (−0.1 to 0.3) on 1000 images",
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in answer.rows]
    assert [row["file"] for row in rows] == ["net.tflite", "net-int8.tflite"]
    assert [row["accuracy"] for row in rows] == ["90.0 % top-1", "89.9 % top-1"]
    assert [row["loss, points"] for row in rows] == ["–", "0.1 (−0.1 to 0.3)"]
    assert [row["verdict"] for row in rows] == ["valid", "valid"]


def test_without_labels_agreement_stands_for_accuracy() -> None:
    answer = answer_of(Found([RUN], [compared()]))

    assert "agreement 98.2 % on 1000 images" in answer.sentences[0]
    assert answer.rows[1][COLUMNS.index("accuracy")] == "98.2 % agree"


def test_accuracy_of_random_weights_is_not_shown() -> None:
    origins = [each.origin for each in RUN if isinstance(each.origin, Origin)]
    answer = answer_of(Found([RUN], [compared(TOP1)], origins))

    assert [row[COLUMNS.index("accuracy")] for row in answer.rows] == ["random weights"] * 2
    assert answer.sentences[0].endswith("accuracy unknown (random weights)")


def test_a_file_without_a_float32_file_beside_it_has_a_row_and_no_sentence() -> None:
    answer = answer_of(Found([[timed("int8", 12.0)]]))

    assert len(answer.rows) == 1
    assert answer.sentences == ()


# From a checkpoint


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


@pytest.fixture
def checkpoint(tiny_network: Path, tmp_path: Path) -> list[object]:
    """Options that name weights of the little network, labels, and images by class."""
    from PIL import Image

    network = load_network(str(tiny_network), classes=3)
    weights = tmp_path / "best.safetensors"
    save_weights(weights, seeded_weights(network, 1))
    (tmp_path / "names.txt").write_text("ape\nbee\ncat\n")
    for index, name in enumerate(("ape", "bee", "cat")):
        (tmp_path / "val" / name).mkdir(parents=True)
        Image.fromarray(picture()[9 * index : 99 + 9 * index]).save(
            tmp_path / "val" / name / "1.png"
        )
    names = ("--network", tiny_network, "--labels", tmp_path / "names.txt")
    return ["--weights", weights, *names, "--data", tmp_path / "val"]


@pytest.mark.slow
def test_a_checkpoint_becomes_four_files_and_one_table(
    checkpoint: list[object], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    calibrated = [*checkpoint, "--calibrate", tmp_path / "val"]
    result = run(*calibrated, "-o", out)
    assert result.exit_code == 0, result.output
    assert len(list(out.glob("files/*/*.tflite"))) == len(list(out.glob("files/*/*.onnx"))) == 2
    for name in ("tiny.tflite", "tiny-int8.tflite", "tiny.onnx", "tiny-int8.onnx"):
        assert sum(line.strip().startswith(f"{name} ") for line in result.stdout.splitlines()) >= 1
    assert result.stdout.count("points (") == 2
    assert "on 3 images" in result.stdout
    assert re.search(r"tiny-int8\.onnx: .* than tiny\.onnx", result.stdout)
    assert (out / "report.html").is_file()


def test_a_campaign_and_a_checkpoint_exclude_each_other() -> None:
    both, neither = run("table2", "--weights", "best.safetensors"), run()

    assert both.exit_code == neither.exit_code == 2
    assert "--weights and a campaign exclude each other" in both.stderr
    assert "neither CAMPAIGN nor --weights" in neither.stderr


def test_labels_of_another_number_are_refused_before_the_work(
    checkpoint: list[object], tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("ape\nbee\n")
    result = run(*checkpoint, "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert "2 labels for 3 classes" in result.stderr
    assert not (tmp_path / "out").exists()
