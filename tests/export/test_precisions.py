"""Precisions and their options from the command line: names, records, refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mixnet_common import MixnetError
from mixnet_export.cli import main
from mixnet_export.job.exporting import Options, export
from mixnet_export.writers import FORMATS as FILE_FORMATS
from mixnet_networks import load_network
from mixnet_networks.weights import seeded_weights
from mixnet_runtimes import open_session, read_file

FORMATS = ["tflite", "onnx"]

LITTLE = """
title = "A little MixNet"
source = "a test"
resolution = 32
classes = 10
stem = { channels = 8 }
head = { channels = 64 }
stages = [
  { out = 8, kernels = [3, 9], expand = 3, stride = 2 },
  { out = 8, kernels = [3, 5], expand = 6, se = 0.5, activation = "swish" },
]
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Exports a little network: format, options."""
    network = tmp_path / "little.toml"
    network.write_text(LITTLE)

    def invoke(form: str, *arguments: object) -> Result:
        words = (form, network, "-o", tmp_path / "out", *arguments)
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke


def exported(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    for word in (*words, "hint: "):
        assert word in result.stderr


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("precision", ["float16", "int8-dynamic"])
def test_a_file_without_calibration_is_named_verified_and_takes_floats(
    run: Run, form: str, precision: str
) -> None:
    result = run(form, "--precision", precision, "--json")
    target = exported(result)
    path = Path(target["path"])
    session = open_session(path)

    assert path.name == f"little-{precision}.{form}"
    assert target["precision"] == precision
    assert (target["calibration_images"], target["quantization"]) == (0, None)
    assert target["verification"]["largest_difference"] < 0.2
    assert "calibration" not in result.stderr
    assert {info.dtype for info in (*session.inputs, *session.outputs)} == {"float32"}


def test_all_that_bears_on_quantization_is_recorded(run: Run) -> None:
    words = ("--ranges", "percentile", "--percentile", 99.9, "--pieces", "float32")
    target = exported(
        run("tflite", "--precision", "int8", *words, "--float-layer", "head.conv", "--json")
    )

    assert (
        target["quantization"].items()
        >= {
            "ranges": "percentile",
            "percentile": 99.9,
            "pieces": "float32",
            "float_layers": ["head.conv"],
            "float_nodes": 9,
            "activations": "signed",
            "weight_bits": 8,
        }.items()
    )
    assert read_file(Path(target["path"])).tensors["head.conv.kernel"].dtype == "float32"


def test_onnx_has_its_own_settings(run: Run) -> None:
    words = ("--ranges", "mse", "--activations", "signed", "--weight-bits", 8, "--io", "int8")
    target = exported(run("onnx", "--precision", "int8", *words, "--json"))

    assert target["quantization"]["activations"] == "signed"
    assert target["quantization"]["weight_bits"] == 8
    assert open_session(Path(target["path"])).inputs[0].dtype == "int8"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--precision float16 --io int8", "a float16 file cannot take int8 inputs"),
        ("--precision int8-dynamic --calibrate .", "an int8-dynamic file is not calibrated"),
        ("--ranges mse", "--ranges does not apply to a float32 file"),
        ("--precision float16 --pieces float32", "--pieces does not apply to a float16 file"),
        ("--precision float16 --float-layer stem", "--float-layer does not apply"),
        (
            "--precision int8 --ranges mse --percentile 99",
            "--percentile goes with --ranges percentile",
        ),
        ("--precision int8 --weight-bits 8", "--weight-bits is for .onnx files"),
        ("--precision int8 --activations signed", "--activations is for .onnx files"),
        ("--precision int8 --float-layer blocks.7", "no layer 'blocks.7'"),
    ],
)
def test_contradictions_are_refused(run: Run, words: str, said: str, tmp_path: Path) -> None:
    refused(run("tflite", *words.split()), said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_on_which_a_network_overflows_is_named(form: str, tmp_path: Path) -> None:
    """Black pixels are 0, white ones 255: times 3e37 that is more than float32 holds."""
    images = tmp_path / "images"
    images.mkdir()
    for name, colour in (("a.png", "black"), ("b.png", "white")):
        Image.new("RGB", (40, 40), colour).save(images / name)
    network_file = tmp_path / "plain.toml"
    preprocessing = "preprocessing = { mean = [0, 0, 0], std = [1, 1, 1] }\n"
    network_file.write_text(LITTLE.replace("stages", preprocessing + "stages"))
    network = load_network(str(network_file))
    weights = dict(seeded_weights(network))
    weights["stem.conv.kernel"] = weights["stem.conv.kernel"] * np.float32(3e37)
    options = Options(precision="int8", calibration=images)

    with pytest.raises(MixnetError, match=r"is not finite on .*b\.png$"):
        export(network, weights, FILE_FORMATS[form], tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ranges", ["percentile", "mse"])
def test_one_grey_image_is_enough_to_calibrate_on(
    run: Run, form: str, ranges: str, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40), np.uint8)
    Image.fromarray(pixels).save(images / "only.png")
    words = ("--precision", "int8", "--ranges", ranges, "--calibrate", images, "--batch", 2)
    target = exported(run(form, *words, "--json"))

    assert target["calibration_images"] == 1
    assert target["output"]["shape"] == [2, 10]


def test_a_percentile_out_of_range_is_refused_with_its_bounds(run: Run, tmp_path: Path) -> None:
    result = run("tflite", "--precision", "int8", "--percentile", "20", "-o", tmp_path)
    assert result.exit_code == 2, result.output
    assert "--percentile 20: give a number above 50, at most 100" in result.stderr
