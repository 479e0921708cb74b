"""mixnet-bench parity: what it prints, how it exits, and what it makes of what files say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from little_classifier import LABELS, LITTLE, export_tiny
from PIL import Image
from test_json_docs import documented, key_paths, unknown

from mixnet_bench.accuracy.classify import Classifier
from mixnet_bench.accuracy.parity import parity, request
from mixnet_bench.cli import main
from mixnet_bench.commands import parity as parity_command
from mixnet_bench.testing import assert_parity
from mixnet_common import MixnetError, UsageError
from mixnet_export.cli import main as export
from mixnet_quantize.images import load_image
from mixnet_quantize.parity import Parity

COUNT = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of coloured noise; no network could tell what is in them."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for index in range(COUNT):
        place = folder / LABELS[index % 4]
        place.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((44, 40)).save(place / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A little float32 .tflite and .onnx of the same network."""
    folder = tmp_path_factory.mktemp("pair")
    return export_tiny(folder, "tflite"), export_tiny(folder, "onnx")


@pytest.fixture(scope="module")
def broken_pair(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[Path, Path], photos: Path
) -> tuple[Path, Path]:
    """A file whose last layer was balanced, so that it sees every class, and one as it was."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(pair[1])
    classifier = Classifier(pair[1])
    shown = [load_image(each, 32, classifier.known.preprocessing) for each in sorted_(photos)]
    mean = classifier.model.logits(np.stack(shown)).mean(axis=0).astype(np.float32)
    (bias,) = (each for each in model.graph.initializer if tuple(each.dims) == (4,))
    balanced = numpy_helper.from_array(numpy_helper.to_array(bias) - mean, bias.name)
    bias.CopyFrom(balanced)
    path = tmp_path_factory.mktemp("balanced") / "balanced.onnx"
    onnx.save(model, path)
    return path, pair[0]


def sorted_(photos: Path) -> list[Path]:
    return sorted(photos.rglob("*.png"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["parity", *map(str, arguments)])


def told(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["targets"]
    return dict(found)


def seen_by(path: Path, photos: Path) -> list[int]:
    """The class that a file sees in each photo, by ``classify``."""
    names = map(str, sorted_(photos))
    result = CliRunner().invoke(main, ["classify", str(path), *names, "--json", "--top", "1"])
    return [each["top"][0]["class"] for each in json.loads(result.stdout)["targets"]]


def test_the_figures_are_those_of_classify(broken_pair: Any, photos: Path) -> None:
    found = told(*broken_pair, "--data", photos)
    first, second = (seen_by(path, photos) for path in broken_pair)
    truth = [LABELS.index(path.parent.name) for path in sorted_(photos)]

    changed = sum(a != b for a, b in zip(first, second, strict=True))
    assert 0 < changed < COUNT
    assert len(set(first)) == 4
    assert found["disagreements"] == changed
    right = sum(a == b for a, b in zip(first, truth, strict=True))
    assert found["top1"]["first_percent"] == pytest.approx(100 * right / COUNT)
    assert found["truth_from"] == "labels"
    assert [each["preprocessing_from"] for each in found["files"]] == [
        path.name for path in broken_pair
    ]


def test_the_keys_printed_are_documented(
    pair: Any, broken_pair: Any, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    for name in LABELS:
        (folder / name).mkdir(parents=True)
        (folder / name / "broken.png").write_bytes(b"no image")
        for photo in (photos / name).iterdir():
            (folder / name / photo.name).write_bytes(photo.read_bytes())
    found = told(*broken_pair, "--data", folder, "--layers", "2", "--unlabelled")
    labelled = told(pair[0], pair[1], "--data", folder, "--budget", "20")

    keys = {path for each in (found, labelled) for path in key_paths(each)}
    assert {"top1.lost", "layers[].db", "verdict.budget_points"} < keys
    assert unknown(keys, documented("mixnet-bench parity")) == []


# Exit statuses


@pytest.mark.parametrize(
    ("budget", "status", "message"),
    [("20", 0, "within the budget of 20"), ("0.5", 3, "too few to decide about the budget")],
)
def test_the_gate_tells_by_its_exit_status(
    pair: Any, photos: Path, budget: str, status: int, message: str
) -> None:
    result = run(*pair, "--data", photos, "--budget", budget)

    assert result.exit_code == status
    assert message in result.stderr
    assert ("images are needed" in result.stderr) == (status == 3)
    assert "top-1" in result.stdout


def test_a_loss_beyond_the_budget_exits_with_1_after_all_is_shown(
    broken_pair: Any, photos: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "parity.json"
    options = ("--data", photos, "--unlabelled", "--budget", "0.1", "--json", "-o", saved)
    result = run(*broken_pair, *options)

    assert result.exit_code == 1
    assert "the loss of agreement is" in result.stderr
    assert "beyond the budget of 0.1" in result.stderr
    assert json.loads(result.stdout) == json.loads(saved.read_text())
    (found,) = json.loads(result.stdout)["targets"]
    assert found["verdict"]["verdict"] == "beyond"


def test_the_table_shows_images_and_layers(broken_pair: Any, photos: Path) -> None:
    result = run(*broken_pair, "--data", photos, "--layers", "1")

    assert result.exit_code == 0, result.output
    for part in (
        "top-1",
        "loss, points",
        "changed predictions",
        "largest logit errors",
        "head.conv",
    ):
        assert part in result.stdout
    assert "top-5" not in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", "-1"), "--budget -1: give a number between 0 and 100"),
        (("--budget", "nan"), "--budget nan: give a number between 0 and 100"),
        (("--jobs", "0"), "--jobs 0: give a whole number from 1 to 64"),
        (("--runtimes", "a,b,c"), "names 3"),
        (("--runtimes", "nothing"), "no runtime 'nothing'"),
        (("--preprocessing", "nobody"), "unknown preprocessing 'nobody'"),
        (("--labels", "nowhere.txt"), "nowhere.txt"),
        (("--truth", "nowhere.txt"), "cannot read nowhere.txt"),
        (("--unlabelled", "--labels", "imagenet"), "contradict"),
        (("--classes", "imagenet"), "1000 labels for 4 classes"),
    ],
)
def test_wrong_use_is_refused_before_the_work(
    pair: Any, photos: Path, options: Sequence[str], message: str
) -> None:
    result = run(*pair, "--data", photos, *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_that_is_a_compared_file_is_refused(pair: Any, photos: Path) -> None:
    before = pair[1].read_bytes()

    assert run(*pair, "--data", photos, "-o", pair[1]).exit_code == 2
    assert pair[1].read_bytes() == before


def test_a_network_s_name_is_answered_with_how_to_export_it(pair: Any, photos: Path) -> None:
    result = run("mixnet-s", pair[1], "--data", photos)

    assert result.exit_code == 2
    assert "mixnet-export tflite mixnet-s" in result.stderr


def test_a_file_that_is_no_classifier_is_told(tiny_onnx: Path, pair: Any, photos: Path) -> None:
    result = run(tiny_onnx, pair[1], "--data", photos)

    assert result.exit_code == 1
    assert "gives no row of logits" in result.stderr


def test_the_same_command_goes_on_from_a_state_file(
    pair: Any, photos: Path, tmp_path: Path
) -> None:
    options = (*pair, "--data", photos, "--state", tmp_path / "state.jsonl")
    first = told(*options)
    result = run(*options, "--json")

    assert json.loads(result.stdout)["targets"] == [first]
    assert f"{COUNT} of {COUNT} images are already in" in result.stderr


# What the files say of themselves


@pytest.fixture
def silent(pair: tuple[Path, Path], tmp_path: Path) -> Path:
    """The .onnx without metadata, alone in a folder."""
    import onnx

    model = onnx.load(pair[1])
    del model.metadata_props[:]
    path = tmp_path / "silent.onnx"
    onnx.save(model, path)
    return path


def test_a_silent_file_gets_images_as_the_other_and_it_is_said(
    pair: Any, silent: Path, photos: Path
) -> None:
    for files in ((pair[0], silent), (silent, pair[0])):
        result = run(*files, "--data", photos, "--json")
        (found,) = json.loads(result.stdout)["targets"]

        assert "that of the other file is used" in result.stderr
        assert found["disagreements_beyond_rounding"] == 0
        assert found["logit_error"]["db"] > 70


def test_two_silent_files_get_an_assumed_preparation(silent: Path, photos: Path) -> None:
    result = run(silent, silent, "--data", photos, "--json")

    (found,) = json.loads(result.stdout)["targets"]
    assert [each["preprocessing_from"] for each in found["files"]] == ["assumed"] * 2
    assert result.stderr.count("has no preprocessing metadata") == 2
    assert found["truth_from"] == "names"


@pytest.mark.parametrize("option", [False, True])
def test_a_file_that_takes_pixels_gets_pixels(
    pair: Any, photos: Path, tmp_path: Path, option: bool
) -> None:
    """By its card, and also if an option sets the preprocessing."""
    pixels = export_tiny(tmp_path, "tflite", "--input", "pixels")
    toml = tmp_path / "same.toml"
    toml.write_text(LITTLE.partition("[preprocessing]\n")[2])
    options = ("--preprocessing", toml) if option else ()
    result = run(pair[0], pixels, "--data", photos, "--json", *options)

    (found,) = json.loads(result.stdout)["targets"]
    assert found["logit_error"]["db"] > 70
    assert "different preprocessing" not in result.stderr
    assert found["files"][1]["preprocessing_from"] == (str(toml) if option else pixels.name)


def test_files_that_say_different_things_are_warned_of(
    pair: Any, photos: Path, tmp_path: Path
) -> None:
    toml = tmp_path / "other.toml"
    toml.write_text(LITTLE.replace("crop = 0.8", "crop = 0.6"))
    CliRunner().invoke(export, ["tflite", str(toml), "-o", str(tmp_path), "--no-verify"])
    result = run(pair[0], tmp_path / "other.tflite", "--data", photos, "--unlabelled")

    assert result.exit_code == 0, result.output
    assert "different preprocessing metadata (crop)" in result.stderr


# For programs and tests


def test_the_function_takes_paths_as_text(pair: Any, photos: Path) -> None:
    found = parity(*map(str, pair), str(photos), budget=20, jobs=1, worst=1)

    assert isinstance(found, Parity)
    assert found.verdict is not None
    assert found.verdict.kind == "within"
    assert len(found.outcome.worst_errors) == 1


def test_an_unknown_option_is_a_type_error(pair: Any) -> None:
    with pytest.raises(TypeError, match="bugdet"):
        request(*pair, "photos", bugdet=1)


def test_the_assertion_gives_the_comparison_where_it_holds(pair: Any, photos: Path) -> None:
    assert assert_parity(*pair, photos, budget=20).outcome.count == COUNT


@pytest.mark.parametrize(
    ("budget", "parts"),
    [(0.1, ("beyond the budget of 0.1",)), (60, ("too few", "images are needed"))],
)
def test_the_assertion_fails_with_the_table_in_its_message(
    broken_pair: Any, photos: Path, budget: float, parts: Sequence[str]
) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_parity(*broken_pair, photos, budget=budget, unlabelled=True)

    for part in ("same top-1", "logit error", *parts):
        assert part in str(caught.value)


def test_the_assertion_passes_errors_on(pair: Any) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        assert_parity(*pair, "nowhere", budget=1)


def test_a_full_disk_under_the_output_is_told(
    pair: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: str) -> None:
        raise MixnetError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(parity_command, "write_whole", full)
    result = run(*pair, "--data", photos, "-o", tmp_path / "out.json")

    assert result.exit_code == 1
    assert "No space left" in result.stderr
