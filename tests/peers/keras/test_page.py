"""docs/training.md, from the first line to the last: what it tells one to write and to type."""

import re
import shlex
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mixnet_export.cli import main
from mixnet_networks import Network, load_network
from mixnet_networks.images.picture import picture_input
from mixnet_networks.keras import weights_from
from mixnet_networks.weights import save_weights, seeded_weights, weights_hash
from mixnet_runtimes import open_session

PAGE = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```", PAGE, re.M | re.S)

COUNT = 8
"""Photographs: enough for a step, and no more to wait for than must be."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the page takes for granted: weights, and photographs."""
    folder = tmp_path_factory.mktemp("page")
    network = load_network("mixnet-s")
    save_weights(folder / "tf_mixnet_s.safetensors", seeded_weights(network, 0))
    (folder / "photos").mkdir()
    Image.fromarray(photographs()[0]).save(folder / "photos" / "a.png")
    return folder


def photographs() -> Any:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (COUNT, 14, 14, 3), np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


def run_commands(text: str) -> list[str]:
    """Runs our commands; the others set an environment up, which is this one."""
    ran = []
    for line in re.findall(r"^\$ (.*)$", text, re.M):
        program, *arguments = shlex.split(line)
        if program != "mixnet-export":
            assert program in {"pip", "export"}, line
            continue
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        ran.append(line)
    return ran


def test_everything_on_the_page_works_in_its_order(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    names: dict[str, Any] = {"pixels": photographs(), "labels": np.arange(COUNT) % 37}
    ran = []
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "training.md", "exec"), names)
        else:
            ran += run_commands(text)

    assert len(ran) >= 3
    check_files(names["model"], names["network"])
    for name, array in names["weights"].items():
        if name in names["pretrained"] and "classifier" not in name:
            assert (array != names["pretrained"][name]).any(), "the backbone is trained at last"
    assert weights_hash(names["weights"]) == weights_hash(weights_from(names["model"]))
    assert isinstance(names["mixed"], keras.Model)


def check_files(model: Any, network: Network) -> None:
    """The float32 files answer as the Keras model does, in 37 classes."""
    image = picture_input(network.resolution, network.preprocessing)
    expected = model.predict(image, verbose=0)
    assert expected.shape == (1, 37)
    assert expected.std() > 0.1 * np.abs(expected).max(), "a constant would prove nothing"

    (from_tflite,) = open_session(Path("out/mixnet-s.tflite")).run([image]).values()
    (from_onnx,) = (
        open_session(Path("out/mixnet-s.onnx")).run([image.transpose(0, 3, 1, 2).copy()]).values()
    )

    for logits in (from_tflite, from_onnx):
        assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()
    assert Path("out/mixnet-s-int8.tflite").is_file()
