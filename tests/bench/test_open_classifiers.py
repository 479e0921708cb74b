"""``classify`` and ``parity`` on classifiers that leave the size of their images open."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result
from little_classifier import export_tiny
from PIL import Image

from mixnet_bench.cli import main
from mixnet_runtimes.tflite.pack import pack


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def targets(*arguments: object) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["targets"])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for index in range(12):
        pixels = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((44, 40)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("fixed")
    return {form: export_tiny(folder, form) for form in ("tflite", "onnx")}


@pytest.fixture(scope="module")
def opened(fixed: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same networks with open height and width, as converters write them."""
    folder = tmp_path_factory.mktemp("opened")
    model = onnx.load(fixed["onnx"])
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    for axis, name in ((0, "N"), (2, "H"), (3, "W")):
        dimensions[axis].dim_param = name
    onnx.save(model, folder / "open.onnx")
    content = fixed["tflite"].read_bytes()
    flat = schema.ModelT.InitFromPackedBuf(content)
    graph = flat.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, 1, 1, 3]
    graph.tensors[graph.inputs[0]].shapeSignature = [-1, -1, -1, 3]
    labels = content[content.rindex(b"PK\x03\x04") :]  # an archive behind the model
    (folder / "open.tflite").write_bytes(pack(schema, flat) + labels)
    return {form: folder / f"open.{form}" for form in ("tflite", "onnx")}


SHAPES = {"tflite": "1,32,32,3", "onnx": "1,3,32,32"}


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_images_are_shown_at_the_size_that_is_given(
    form: str, fixed: dict[str, Path], opened: dict[str, Path], photos: Path
) -> None:
    image = photos / "00.png"
    result = run("classify", opened[form], image)
    assert result.exit_code == 1
    assert "open sizes" in result.stderr
    (expected,) = targets("classify", fixed[form], image, "--preprocessing", "timm")
    given = ("--preprocessing", "timm", "--shape", SHAPES[form])
    (found,) = targets("classify", opened[form], image, *given)
    assert list(found["shapes"].values()) == [[int(n) for n in SHAPES[form].split(",")]]
    scores = [[each["score"] for each in one["top"]] for one in (expected, found)]
    assert np.ptp(scores[0]) > 1e-4
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)


def test_files_are_compared_at_the_sizes_given(
    fixed: dict[str, Path], opened: dict[str, Path], photos: Path, tmp_path: Path
) -> None:
    options = ("--data", photos, "--unlabelled", "--preprocessing", "timm", "--jobs", "1")
    names = [f"open.{form}:{_input(opened[form])}={shape}" for form, shape in SHAPES.items()]
    shapes = [word for name in names for word in ("--shape", name)]
    state = ("--state", tmp_path / "s")
    (found,) = targets(
        "parity", opened["tflite"], opened["onnx"], *options, *shapes, *state, "--layers", "2"
    )
    assert found["images"] == 12
    assert found["agreement_percent"] == 100
    assert [next(iter(each["shapes"].values())) for each in found["files"]] == [
        [1, 32, 32, 3],
        [1, 3, 32, 32],
    ]
    (found,) = targets("parity", fixed["onnx"], opened["onnx"], *options, "--shape", names[1])
    assert found["agreement_percent"] == 100
    result = run("parity", opened["onnx"], opened["onnx"], *options)
    assert result.exit_code == 1
    assert "open sizes" in result.stderr


def test_a_state_belongs_to_the_sizes_too(
    opened: dict[str, Path], photos: Path, tmp_path: Path
) -> None:
    options = ("--data", photos, "--unlabelled", "--preprocessing", "timm", "--jobs", "1")
    asked = ("parity", opened["onnx"], opened["onnx"], *options, "--state", tmp_path / "s")
    targets(*asked, "--shape", "1,3,32,32")
    result = run(*asked, "--shape", "1,3,40,40")
    assert result.exit_code == 2
    assert "12 of 12 images are already in" in run(*asked, "--shape", "1,3,32,32").stderr


def _input(path: Path) -> str:
    from mixnet_runtimes import stated_inputs

    return stated_inputs(path)[0].name
