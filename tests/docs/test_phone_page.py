"""docs/from-checkpoint-to-phone.md: every command of the page, in order, in one directory.

Its Python needs PyTorch or MediaPipe and is run by their peers' tests.
"""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main as bench
from mixnet_export.cli import main as export
from mixnet_networks import load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import save_weights, seeded_weights

sys.path.append(str(Path(__file__).parents[1] / "networks"))
from foreign import timm_arrays

PAGE = Path(__file__).parents[2] / "docs" / "from-checkpoint-to-phone.md"
COMMANDS = {"mixnet-export": export, "mixnet-bench": bench}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the page starts from: a checkpoint, labels, a photo, more photos."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("page")
    network = load_network("mixnet-s", classes=37)
    weights = seeded_weights(network)
    save_weights(folder / "birds.safetensors", timm_arrays(network, weights))
    (folder / "birds.txt").write_text("\n".join(f"bird {index}" for index in range(37)))
    Image.fromarray(picture()[20:200]).save(folder / "photo.jpg", quality=95)
    (folder / "photos").mkdir()
    Image.fromarray(picture()[::-1]).save(folder / "photos" / "a.png")
    return folder


def typed() -> list[str]:
    """The commands but for those on checkpoints that say what they are for."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    lines = re.findall(r"^\$ (.*)$", "\n".join(blocks), re.M)
    return [line for line in lines if "mixnet_s.ft_in1k" not in line and "model_best" not in line]


def ran(line: str, *more: str) -> Any:
    program, *arguments = shlex.split(line)
    result = CliRunner().invoke(COMMANDS[program], [*arguments, *more])
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return result


def test_every_command_works_and_the_best_five_are_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    commands = typed()
    looks = [line for line in commands if line.startswith("mixnet-bench classify")]
    before = commands.index(looks[0])

    for line in commands[:before]:
        ran(line)
    tops = [json.loads(ran(line, "--json").stdout)["targets"][0]["top"] for line in looks]
    for line in commands[before + len(looks) :]:
        ran(line)

    assert len(looks) == 3
    scores = [guess["score"] for guess in tops[0]]
    assert min(np.divide(scores[:-1], scores[1:])) > 1.01, "a tie would prove nothing"
    labels = [[guess["label"] for guess in top] for top in tops]
    assert labels[0] == labels[1] == labels[2]
    assert all(label.startswith("bird ") for label in labels[0])
    assert (place / "mediapipe" / "mixnet-s-int8.tflite").is_file()


@pytest.mark.long
def test_int8_takes_the_photo_for_one_of_the_five_as_well(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    for line in typed()[:4]:
        ran(line)
    float32, int8 = (
        json.loads(ran(f"mixnet-bench classify {path} photo.jpg", "--json").stdout)["targets"][0]
        for path in ("mediapipe/mixnet-s.tflite", "mediapipe/mixnet-s-int8.tflite")
    )

    assert int8["top"][0]["class"] in {guess["class"] for guess in float32["top"]}


def test_the_page_has_no_python_that_no_peer_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    marks = ("save_file", "ImageClassifier", "read_metadata")

    assert len(blocks) == len(marks)
    assert all(mark in block for mark, block in zip(marks, blocks, strict=True))
