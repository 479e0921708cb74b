"""docs/python.md: every line of its Python runs, in order, in one directory; README's too."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_table import write_table

import mixnet_mobile as mm
from mixnet_export.metadata import read_metadata
from mixnet_networks import load_network
from mixnet_networks.images.picture import picture
from mixnet_networks.weights import save_weights, seeded_weights

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the page starts from, after its Python has run there."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("page")
    network = load_network("mixnet-s", classes=4)
    save_weights(folder / "best.safetensors", seeded_weights(network))
    (folder / "names.txt").write_text("\n".join(f"name {index}" for index in range(4)))
    for index in range(4):
        (folder / "photos" / f"name {index}").mkdir(parents=True)
        cut = picture()[10 * index : 180 + 10 * index]
        Image.fromarray(cut).save(folder / "photos" / f"name {index}" / "a.png")
    write_table(folder)
    mm.export("mixnet-s", lowering="reference", output=folder).path.rename(folder / "anyone.tflite")
    code = "\n".join(blocks(PAGE))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def test_every_name_of_the_api_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in mm.__all__ if name not in text] == []


def test_the_page_writes_what_the_command_line_writes(place: Path) -> None:
    beside = json.loads((place / "out/mixnet-s-int8.tflite.json").read_text())
    card = read_metadata(place / "out/mixnet-s-int8.tflite")

    assert beside["precision"] == "int8"
    assert beside["verification"]
    assert card.labels == tuple(f"name {index}" for index in range(4))
    assert card.preprocessing is not None
    assert (place / "optimized/anyone.tflite").is_file()


def test_the_page_prints_what_it_is_about(place: Path) -> None:
    printed = (place / "printed.txt").read_text()

    assert "239173360" in printed
    assert "too-few-images" in printed
    assert len(re.findall(r"photos/name \d/a.png name \d 0\.\d+", printed)) == 4
    assert "mixnet-x" in printed.splitlines()[-1]


def test_an_option_that_there_is_not_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="resolution"):
        mm.export("mixnet-s", output=tmp_path, resolutoin=96)  # type: ignore[call-arg]
    with pytest.raises(mm.UsageError, match="tflyte"):
        mm.export("mixnet-s", format="tflyte", output=tmp_path)


def test_the_package_is_typed() -> None:
    assert (Path(mm.__file__).parent / "py.typed").is_file()


def test_a_genotype_needs_a_space_and_a_network_of_given_size_no_sizes(tmp_path: Path) -> None:
    space, table = write_table(tmp_path)
    with pytest.raises(mm.UsageError, match="none was given"):
        mm.LatencyPredictor(table).predict((0, 0))
    with pytest.raises(mm.UsageError, match="none was given"):
        mm.LatencyPredictor(table).ratio((0, 0))
    predictor = mm.LatencyPredictor(table, space)
    with pytest.raises(mm.UsageError, match="classes applies to a network's name"):
        predictor.predict(mm.load_network("mixnet-s"), classes=10)
    with pytest.raises(mm.UsageError, match=r"genotype|position"):
        predictor.predict((0, 99))
