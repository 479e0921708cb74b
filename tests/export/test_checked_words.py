"""What an export says of a file that is not exact: how far it differs, and what usual is."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mixnet_export.cli import main
from mixnet_export.writers import FORMATS

GLYPHS = ("--weights", "mixnet-s-glyphs", "--resolution", "96")


def export(folder: Path, form: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, [form, "mixnet-s", "-o", str(folder), *arguments])
    assert result.exit_code == 0, result.output
    return result.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_a_trained_files_difference_stands_beside_what_is_usual(form: str, tmp_path: Path) -> None:
    said = export(tmp_path, form, *GLYPHS, "--precision", "float16")
    assert "checked on one picture: differs by 0.092 % of the largest logit" in said
    assert "(usual: under 1 %)" in said
    assert "mixnet-bench parity" in said
    assert "verified" not in said
    assert "warning" not in said


def test_random_weights_say_nothing_of_accuracy(tmp_path: Path) -> None:
    said = export(tmp_path, "tflite", "--resolution", "64", "--precision", "float16")
    assert "with random weights this says nothing of accuracy" in said
    assert "verified" not in said


def test_a_difference_that_is_unusual_is_a_warning_with_a_next_step(tmp_path: Path) -> None:
    grey = tmp_path / "photos"
    grey.mkdir()
    for index in range(5):
        pixels = np.full((96, 96, 3), 128 + index, np.uint8)
        Image.fromarray(pixels).save(grey / f"{index}.png")
    said = export(tmp_path, "tflite", *GLYPHS, "--precision", "int8", "--calibrate", str(grey))
    (warning,) = (line for line in said.splitlines() if "differs by" in line and "warning" in line)
    assert "(usual: under 10 %)" in warning
    assert "mixnet-bench parity" in warning
