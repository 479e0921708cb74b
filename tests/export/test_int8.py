"""``--precision int8`` from the command line: both formats, what goes in and out, calibration."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mixnet_export.cli import main
from mixnet_export.job import exporting as job
from mixnet_export.job.verify import Verification, verify
from mixnet_runtimes import open_session

FORMATS = ["tflite", "onnx"]

LITTLE = """
title = "A little MixNet"
source = "a test"
resolution = 48
classes = 20
stem = { channels = 16 }
head = { channels = 256 }
preprocessing = { mean = [123.675, 116.28, 103.53], std = [58.395, 57.12, 57.375] }
stages = [
  { out = 24, kernels = [3], expand = 3, expand_groups = 2, project_groups = 2, stride = 2 },
  { out = 40, kernels = [3, 5, 7], expand = 6, stride = 2, se = 0.5, activation = "swish" },
  { out = 40, kernels = [3, 5], expand = 6, expand_groups = 2, se = 0.5, activation = "swish" },
]
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Exports a little network: format, options."""
    network = tmp_path / "little.toml"
    network.write_text(LITTLE)

    def invoke(form: str, *arguments: object, precision: str = "int8") -> Result:
        words = (form, network, "--precision", precision, *arguments)
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke


def exported(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


def failed(result: Result, status: int, *words: str) -> None:
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    for word in words:
        assert word in result.stderr
    assert result.stdout == ""


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """A folder of so many small pictures."""

    def make(count: int, size: tuple[int, int] = (80, 70)) -> Path:
        folder = tmp_path / "pictures"
        random = np.random.default_rng(0)
        for index in range(count):
            kind = folder / f"class{index % 2}"
            kind.mkdir(parents=True, exist_ok=True)
            coarse = random.integers(0, 256, (5, 5, 3), np.uint8)
            Image.fromarray(coarse).resize(size).save(kind / f"{index}.png")
        return folder

    return make


@pytest.mark.parametrize("form", FORMATS)
def test_an_int8_file_is_smaller_and_says_what_it_is(run: Run, form: str, tmp_path: Path) -> None:
    result = run(form, "-o", tmp_path, "--json")
    target = exported(result)
    floating = run(form, "-o", tmp_path, "--json", precision="float32")

    assert Path(target["path"]).name == f"little-int8.{form}"
    assert sorted(path.name for path in tmp_path.glob("*int8*")) == [
        f"little-int8.{form}",
        f"little-int8.{form}.json",
    ]
    assert "not a calibration" in result.stderr
    assert (target["precision"], target["io"], target["calibration_images"]) == (
        "int8",
        "float32",
        0,
    )
    # a larger network comes to 0.3; here, names and operators are a good part of the file
    assert target["size_bytes"] < 0.6 * exported(floating)["size_bytes"]
    assert target["verification"]["largest_difference"] < 0.5


@pytest.mark.parametrize(
    ("form", "io", "dtype"),
    [
        ("tflite", "float32", "float32"),
        ("tflite", "int8", "int8"),
        ("onnx", "float32", "float32"),
        ("onnx", "int8", "uint8"),
    ],
)
def test_what_goes_in_and_out_is_what_was_asked_for(
    run: Run, form: str, io: str, dtype: str, tmp_path: Path
) -> None:
    target = exported(run(form, "--io", io, "-o", tmp_path, "--json"))
    session = open_session(Path(target["path"]))

    assert target["io"] == io
    assert [info.name for info in (*session.inputs, *session.outputs)] == ["image", "logits"]
    assert {info.dtype for info in (*session.inputs, *session.outputs)} == {dtype}
    assert target["verification"]["largest_difference"] < 0.5


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_of_pictures_sets_the_ranges(
    run: Run, form: str, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    result = run(form, "--calibrate", pictures(3), "-o", tmp_path / "a", "--json")
    target = exported(result)
    alone = exported(run(form, "-o", tmp_path / "b", "--json"))

    assert target["calibration_images"] == 3
    assert "warning" not in result.stderr
    assert target["sha256"] != alone["sha256"]


@pytest.mark.parametrize("form", FORMATS)
def test_images_that_cannot_be_read_are_not_counted_as_calibration(
    run: Run, form: str, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    folder = pictures(2)
    (folder / "broken.png").write_text("no picture")
    result = run(form, "--calibrate", folder, "-o", tmp_path, "--json")

    assert "broken.png" in result.stderr
    assert exported(result)["calibration_images"] == 2


@pytest.mark.parametrize("form", FORMATS)
def test_batches_are_calibrated_too(
    run: Run, form: str, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    target = exported(run(form, "--calibrate", pictures(3), "--batch", 2, "-o", tmp_path, "--json"))

    assert target["output"]["shape"] == [2, 20]


@pytest.mark.parametrize("form", FORMATS)
def test_a_broken_picture_is_named_and_left_out(
    run: Run, form: str, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    folder = pictures(2)
    (folder / "class0" / "broken.jpg").write_bytes(b"no picture at all")
    result = run(form, "--calibrate", folder, "-o", tmp_path / "out", "--json")

    exported(result)
    assert "warning: cannot read the image" in result.stderr
    assert "broken.jpg" in result.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_pictures_that_are_all_broken_leave_nothing(run: Run, form: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.jpg", "b.png"):
        (folder / name).write_bytes(b"no picture at all")

    failed(run(form, "--calibrate", folder, "-o", tmp_path / "out"), 1, "a.jpg", "b.png", "none of")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_folder_is_refused(run: Run, form: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")

    failed(run(form, "--calibrate", tmp_path / "empty", "-o", tmp_path / "out"), 2, "no image in")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_missing_folder_is_refused(run: Run, form: str, tmp_path: Path) -> None:
    failed(run(form, "--calibrate", tmp_path / "no", "-o", tmp_path / "out"), 2, "there is no")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_quantization_gives_the_same_bytes_every_time(run: Run, form: str, tmp_path: Path) -> None:
    a, b = (exported(run(form, "-o", tmp_path / name, "--json"))["sha256"] for name in "ab")

    assert a == b


def test_a_file_is_verified_on_the_picture_and_a_paler_copy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing follows the last batch norm, as in DARTS, all logits vanish on the picture."""
    shown: list[Any] = []

    def spied(*arguments: Any, **options: Any) -> Verification:
        shown.extend(arguments[2])
        return verify(*arguments, **options)

    monkeypatch.setattr(job, "verify", spied)
    exported(run("tflite", "-o", tmp_path, "--json"))
    picture, paler = shown

    assert picture.std() > 0.1
    np.testing.assert_allclose(paler, picture / 2, rtol=1e-6)


@pytest.mark.slow
def test_kernels_larger_than_the_map_can_be_quantized(tmp_path: Path) -> None:
    """At 64 pixels the last maps are 2x2 under kernels of 9x9: XNNPACK once aborted on the file."""
    words = ("tflite", "mixnet-s", "-o", tmp_path, "--precision", "int8", "--resolution", 64)
    result = CliRunner().invoke(main, [str(word) for word in (*words, "--json")])
    assert exported(result)["verification"]["largest_difference"] < 0.5
