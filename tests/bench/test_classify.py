"""Images shown to files: whose preprocessing, whose labels, and what cannot be read."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from little_classifier import LABELS, LITTLE, export_tiny

from mixnet_bench.accuracy.classify import best, softmax
from mixnet_bench.cli import main
from mixnet_export.cli import main as export
from mixnet_networks import load_network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.weights import seeded_weights
from mixnet_quantize.images import load_image

FORMS = ["tflite", "onnx"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["classify", *map(str, arguments)])


def shown(*arguments: object) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["targets"])


def oracle(folder: Path, photo: Path, in_channels: int = 3) -> Any:
    """The softmax of our own evaluation, on the photo as the network wants it."""
    network = load_network(str(folder / "little.toml"), in_channels=in_channels)
    image = load_image(photo, network.resolution, network.preprocessing)[None]
    weights = {name: each.astype(np.float64) for name, each in seeded_weights(network).items()}
    logits = evaluate(network.graph, weights, {"image": image.astype(np.float64)})["logits"][0]
    assert np.diff(np.sort(logits)).min() > 0.01, "ties would prove nothing"
    return softmax(logits)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("values", ["normalised", "pixels"])
def test_the_classes_are_those_of_the_oracle_on_the_preprocessed_photo(
    form: str, values: str, tmp_path: Path, tiny_photo: Path
) -> None:
    path = export_tiny(tmp_path, form, "--input", values)
    (found,) = shown(path, tiny_photo)
    expected = oracle(tmp_path, tiny_photo)
    order = [int(index) for index in np.argsort(-expected)]

    assert [guess["class"] for guess in found["top"]] == order
    assert [guess["label"] for guess in found["top"]] == [LABELS[index] for index in order]
    scores = [guess["score"] for guess in found["top"]]
    np.testing.assert_allclose(scores, expected[order], rtol=1e-4)
    assert (found["preprocessing_from"], found["labels_from"]) == (path.name, path.name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("io", ["float32", "int8"])
def test_an_int8_file_is_fed_and_read_by_its_scales(
    form: str, io: str, tmp_path: Path, tiny_photo: Path
) -> None:
    path = export_tiny(tmp_path, form, "--precision", "int8", "--io", io)
    (found,) = shown(path, tiny_photo)
    expected = oracle(tmp_path, tiny_photo)

    scores = {guess["class"]: guess["score"] for guess in found["top"]}
    np.testing.assert_allclose([scores[index] for index in range(4)], expected, atol=0.05)
    assert found["top"][0]["class"] == int(expected.argmax())


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_is_filled_with_the_same_image(form: str, tmp_path: Path, tiny_photo: Path) -> None:
    single = shown(export_tiny(tmp_path, form), tiny_photo)[0]["top"]
    double = shown(export_tiny(tmp_path, form, "--batch", "2"), tiny_photo)[0]["top"]

    assert [guess["class"] for guess in double] == [guess["class"] for guess in single]


def test_the_number_of_classes_shown_can_be_chosen(tiny_classifier: Path, tiny_photo: Path) -> None:
    assert len(shown(tiny_classifier, tiny_photo, "--top", "2")[0]["top"]) == 2


def test_a_table_names_each_image_and_its_classes(tiny_classifier: Path, tiny_photo: Path) -> None:
    result = run(tiny_classifier, tiny_photo)

    assert result.exit_code == 0, result.output
    assert str(tiny_photo) in result.stdout
    assert all(label in result.stdout for label in LABELS)


# Whose preprocessing and labels


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """A file without any metadata, its provenance beside it."""
    path = export_tiny(tmp_path, "onnx")
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    return path


def restamp(path: Path) -> None:
    """Let the provenance be of the file as it is now."""
    from mixnet_common.hashing import sha256_of

    side = path.with_name(f"{path.name}.json")
    found = json.loads(side.read_text())
    side.write_text(json.dumps(found | {"sha256": sha256_of(path)}))


def test_a_file_that_says_nothing_is_known_by_the_file_beside_it(
    silent: Path, tiny_photo: Path
) -> None:
    restamp(silent)
    (found,) = shown(silent, tiny_photo)

    side = f"{silent.name}.json"
    assert (found["preprocessing_from"], found["labels_from"]) == (side, side)
    assert found["top"][0]["class"] == int(oracle(silent.parent, tiny_photo).argmax())


def test_a_provenance_of_another_file_is_left_out_and_said_so(
    silent: Path, tiny_photo: Path
) -> None:
    result = run(silent, tiny_photo, "--json")

    (found,) = json.loads(result.stdout)["targets"]
    assert (found["preprocessing_from"], found["labels_from"]) == ("assumed", None)
    assert found["top"][0]["label"] is None
    assert "belongs to another file" in result.stderr
    assert "has no preprocessing metadata" in result.stderr


@pytest.mark.parametrize("text", ["{", "[]", '{"sha256": 3}', "null", "\udcff"])
def test_a_file_beside_it_that_is_no_provenance_is_left_out(
    text: str, silent: Path, tiny_photo: Path
) -> None:
    silent.with_name(f"{silent.name}.json").write_bytes(text.encode(errors="surrogateescape"))
    result = run(silent, tiny_photo)

    assert result.exit_code == 0
    assert "it is not used" in result.stderr


def test_options_go_before_what_the_file_says(
    tiny_classifier: Path, tiny_photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_text("eel\nfox\ngnu\nhen\n")
    options = ("--labels", tmp_path / "other.txt", "--preprocessing", "authors")
    (found,) = shown(tiny_classifier, tiny_photo, *options)

    assert found["preprocessing_from"] == "authors"
    assert {guess["label"] for guess in found["top"]} == {"eel", "fox", "gnu", "hen"}
    own = shown(tiny_classifier, tiny_photo)[0]["top"]
    assert [each["score"] for each in found["top"]] != [each["score"] for each in own]


def test_labels_that_are_too_few_are_wrong_use(
    tiny_classifier: Path, tiny_photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "few.txt").write_text("eel\nfox\n")
    result = run(tiny_classifier, tiny_photo, "--labels", tmp_path / "few.txt")

    assert result.exit_code == 2
    assert "2 labels for 4 classes" in result.stderr


# What cannot be classified


def test_unreadable_images_are_named_after_all_others_are_shown(
    tiny_classifier: Path, tiny_photo: Path, tmp_path: Path
) -> None:
    broken, missing = tmp_path / "broken.jpg", tmp_path / "missing.png"
    broken.write_bytes(tiny_photo.read_bytes()[:200])
    result = run(tiny_classifier, broken, tiny_photo, missing, "--json")

    assert result.exit_code == 1
    assert [each["image"] for each in json.loads(result.stdout)["targets"]] == [str(tiny_photo)]
    assert f"2 of 3 images cannot be read: {broken}, {missing}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("fixture", ["tiny_onnx", "tiny_tflite"])
def test_a_file_that_is_no_classifier_is_told(
    fixture: str, tiny_photo: Path, request: pytest.FixtureRequest
) -> None:
    result = run(request.getfixturevalue(fixture), tiny_photo)

    assert result.exit_code == 1
    assert "gives no row of logits" in result.stderr


def test_a_network_s_name_is_answered_with_how_to_export_it(tiny_photo: Path) -> None:
    result = run("mixnet-s", tiny_photo)

    assert result.exit_code == 2
    assert "mixnet-export tflite mixnet-s" in result.stderr


def test_the_example_works(
    tmp_path: Path, tiny_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    with Image.open(tiny_photo) as image:
        image.save("photo.jpg")
    lines = re.findall(r"^  +(mixnet-\w+) (.*)$", run("--help").output, re.MULTILINE)

    assert [program for program, _ in lines] == ["mixnet-export", "mixnet-bench"]
    for program, arguments in lines:
        command = {"mixnet-export": export, "mixnet-bench": main}[program]
        assert CliRunner().invoke(command, shlex.split(arguments)).exit_code == 0


# Arithmetic


def test_the_softmax_of_large_logits_is_finite() -> None:
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0, 0.0])), [0.5, 0.5, 0])


def test_of_equal_scores_the_lower_class_comes_first() -> None:
    guesses = best(np.array([0.1, 0.4, 0.4, 0.1]), (), 3)

    assert [(guess.number, guess.label) for guess in guesses] == [(1, None), (2, None), (0, None)]


def test_an_output_and_its_probability_are_told_apart() -> None:
    (first, _) = best(np.array([0.0, 3.0]), (), 2)

    assert first.output == 3.0
    assert first.score == pytest.approx(0.9526, abs=1e-4)


def test_a_copied_file_needs_nothing_beside_it(
    tiny_classifier: Path, tiny_photo: Path, tmp_path: Path
) -> None:
    copy = shutil.copy(tiny_classifier, tmp_path / "alone.tflite")
    (found,) = shown(copy, tiny_photo)

    assert (found["preprocessing_from"], found["labels_from"]) == ("alone.tflite",) * 2


def test_a_grey_network_is_shown_grey_images(tmp_path: Path, tiny_photo: Path) -> None:
    from mixnet_export.job.exporting import Options
    from mixnet_export.job.exporting import export as write
    from mixnet_export.writers import FORMATS

    (tmp_path / "little.toml").write_text(LITTLE)
    network = load_network(str(tmp_path / "little.toml"), in_channels=1)
    for form in FORMS:
        options = Options(labels=LABELS, verify=False)
        path = write(network, seeded_weights(network), FORMATS[form], tmp_path, options).path
        expected = oracle(tmp_path, tiny_photo, in_channels=1)
        (found,) = shown(path, tiny_photo)

        assert [guess["class"] for guess in found["top"]] == list(np.argsort(-expected))
        assert found["preprocessing_from"] == path.name


def test_a_folder_stands_for_all_images_in_it(tmp_path: Path, tiny_photo: Path) -> None:
    path = export_tiny(tmp_path, "tflite")
    folder = tmp_path / "photos"
    for name in ("b", "a"):
        (folder / name).mkdir(parents=True)
        shutil.copy(tiny_photo, folder / name / tiny_photo.name)

    found = shown(path, tiny_photo, folder)
    images = [Path(each["image"]) for each in found]
    assert images == [tiny_photo, *(folder / name / tiny_photo.name for name in ("a", "b"))]
    assert len({tuple(guess["score"] for guess in each["top"]) for each in found}) == 1
