"""A little classifier in two formats, labelled photos, and processes that are ended."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1]))  # for the kit

from cluster_kit import Processes, processes
from little_classifier import LABELS, export_tiny

COUNT = 44
BROKEN = 7
"""The image that cannot be read."""


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of coloured noise; one image is damaged."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for index in range(COUNT):
        place = folder / LABELS[index % 4]
        place.mkdir(exist_ok=True)
        path = place / f"{index:02}.png"
        pixels = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((44, 40)).save(path)
        if index == BROKEN:
            path.write_bytes(path.read_bytes()[:60])
    return folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A float32 .tflite and .onnx of the same network."""
    folder = tmp_path_factory.mktemp("pair")
    return export_tiny(folder, "tflite"), export_tiny(folder, "onnx")


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Processes for a test; their locks are their own."""
    monkeypatch.setitem(os.environ, "MIXNET_HOME", str(tmp_path / "home"))
    with processes(tmp_path / "processes") as running:
        yield running
