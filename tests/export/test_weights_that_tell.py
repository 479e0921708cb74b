"""Exports whose network, preprocessing and labels follow from the weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mixnet_export.cli import main
from mixnet_networks import load_network
from mixnet_networks.weights import save_weights, seeded_weights

LABELS = ["ape", "bee", "cat"]
CONFIG = {
    "architecture": "mobilenetv2_035",
    "num_classes": 3,
    "label_names": LABELS,
    "pretrained_cfg": {
        "input_size": [3, 64, 64],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bilinear",
        "crop_pct": 0.9,
    },
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as from the hub; the arrays have our names, which tell no network."""
    folder = tmp_path_factory.mktemp("hub")
    network = load_network("mobilenetv2_035", classes=3)
    save_weights(folder / "model.safetensors", seeded_weights(network))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def export(*arguments: object) -> Result:
    options = [str(each) for each in arguments]
    return CliRunner().invoke(main, ["tflite", *options, "--no-verify"])


def provenance(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["targets"][0]


def test_a_folder_from_the_hub_tells_everything(hub: Path, tmp_path: Path) -> None:
    result = export("--weights", hub, "-o", tmp_path, "--json")
    made = provenance(result)

    assert (tmp_path / "mobilenet-v2-symmetric-x0.35.tflite").is_file()
    assert (made["network"], made["classes"]) == ("mobilenet-v2-symmetric-x0.35", 3)
    assert (made["resolution"], made["labels"]) == (64, LABELS)
    assert made["preprocessing"]["mean"] == [127.5] * 3
    assert (made["preprocessing"]["crop"], made["preprocessing"]["interpolation"]) == (
        0.9,
        "bilinear",
    )
    assert "warning" not in result.stderr


def test_options_go_before_what_is_told_and_are_warned_of(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ape\nbee\ndog\n")
    options = ("--resolution", 96, "--preprocessing", "timm", "--labels", tmp_path / "names.txt")
    result = export("--weights", hub, "-o", tmp_path, "--json", *options)
    made = provenance(result)

    assert (made["resolution"], made["labels"]) == (96, ["ape", "bee", "dog"])
    assert made["preprocessing"]["crop"] == 0.875
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 3
    assert f"warning: {hub.name}: config.json says 64 pixels, and the file takes 96" in warnings[0]
    assert "--preprocessing (mean, std, crop, interpolation): its logits are wrong" in warnings[1]
    assert "names 1 of the 3 classes otherwise than --labels" in warnings[2]


def test_another_network_holds_and_is_warned_of_with_the_cost(hub: Path, tmp_path: Path) -> None:
    options = ("mobilenet-v2", "--multiplier", 0.35)
    result = export(*options, "--weights", hub, "-o", tmp_path, "--json")

    assert provenance(result)["network"] == "mobilenet-v2-x0.35"
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert "config.json (mobilenetv2_035) says symmetric padding" in warning
    assert "% of the largest logit on the sample image" in warning
    assert warning.endswith("export mobilenet-v2-symmetric instead")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "neither NETWORK nor --weights is given"),
        (("--seed", "1"), 2, "neither NETWORK nor --weights is given"),
        (("--weights", "hub", "--seed", "1"), 2, "--weights and --seed exclude each other"),
        (("--weights", "hub", "--resolution", "9999"), 2, "resolution must lie between"),
        (("--weights", "hub", "--classes", "4"), 2, "has 3 classes, not 4"),
        (("--weights", "empty"), 2, "there are no weights in"),
    ],
    ids=str,
)
def test_wrong_use_is_said_and_leaves_nothing(
    arguments: tuple[str, ...], status: int, words: str, hub: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"hub": str(hub), "empty": str(tmp_path / "empty")}
    named = [places.get(each, each) for each in arguments]
    result = export(*named, "-o", tmp_path / "out")

    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_weights_are_never_replaced(hub: Path) -> None:
    """Nor what lies beside them."""
    (hub / "mobilenet-v2-symmetric-x0.35.tflite.json").symlink_to(hub / "config.json")
    try:
        result = export("--weights", hub, "-o", hub)
    finally:
        (hub / "mobilenet-v2-symmetric-x0.35.tflite.json").unlink()

    assert result.exit_code in (1, 2), result.output
    assert json.loads((hub / "config.json").read_text()) == CONFIG
