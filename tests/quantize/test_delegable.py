"""int8 files stay in one partition of XNNPACK, though it lacks some operators in int8."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_export.lowering import Model
from mixnet_export.writers import FORMATS
from mixnet_networks import GraphBuilder
from mixnet_quantize.settings import Settings
from mixnet_quantize.tflite.delegable import requantize_relus
from mixnet_runtimes import open_session, partitions, read_file

Array = NDArray[np.float32]
Cell = Callable[..., tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def cell() -> Model:
    """What NASNet's cells are made of: a map with two uses, rectified for one; average pooling."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder("cell")
    stem = builder.add(
        "conv2d", "stem", builder.input("image", (1, 12, 12, 3)), filters=8, kernel=(3, 3)
    )
    rectified = builder.add("relu", "rectified", stem)
    left = builder.add("conv2d", "left", rectified, filters=8, kernel=(1, 1))
    right = builder.add("avg_pool", "right", stem, kernel=(3, 3), strides=(1, 1), padding="same")
    graph = builder.build(builder.add("add", "sum", (left, right)))
    weights = {
        name: rng.normal(scale=0.3, size=shape).astype(np.float32)
        for name, _, _, shape in graph.parameters()
    }
    return Model(graph, weights)


@pytest.fixture(scope="module")
def images() -> list[Array]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(1, 12, 12, 3)).astype(np.float32) for _ in range(6)]


@pytest.fixture
def int8(cell: Model, images: list[Array]) -> Callable[..., bytes]:
    form = FORMATS["tflite"]
    return lambda **settings: form.quantize(form.write(cell), "image", images, Settings(**settings))


def kinds(path: Path) -> list[str]:
    return [each.kind for each in read_file(path).operators]


def saved(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def test_a_cell_with_a_relu_and_a_pool_of_its_own_is_one_partition(
    int8: Callable[..., bytes], tmp_path: Path
) -> None:
    path = saved(int8(), tmp_path / "cell.tflite")
    assert "RELU" not in kinds(path)
    assert partitions(path).partitions == 1


def test_a_quantize_in_its_place_computes_what_the_relu_did(
    int8: Callable[..., bytes],
    images: list[Array],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = saved(int8(), tmp_path / "found.tflite")
    monkeypatch.setattr("mixnet_quantize.tflite.quantize.requantize_relus", lambda content: content)
    literal = saved(int8(), tmp_path / "literal.tflite")
    assert "RELU" in kinds(literal)
    for image in images:
        before, after = (
            next(iter(open_session(path).run({"image": image}).values()))
            for path in (literal, found)
        )
        np.testing.assert_allclose(after, before, atol=0.01 * np.abs(before).max())


def test_a_relu_in_float32_is_left_alone(int8: Callable[..., bytes], tmp_path: Path) -> None:
    path = saved(int8(float_layers=("rectified", "left")), tmp_path / "cell.tflite")
    assert kinds(path).count("RELU") == 1


def test_integers_throughout_have_no_pool_in_float32(
    int8: Callable[..., bytes], tmp_path: Path
) -> None:
    path = saved(int8(integer_io=True), tmp_path / "cell.tflite")
    assert "RELU" not in kinds(path)
    assert "AVERAGE_POOL_2D" in kinds(path)
    assert "DEQUANTIZE" not in kinds(path)


def test_a_float32_file_stays_as_it_is(cell: Model) -> None:
    content = FORMATS["tflite"].write(cell)
    assert requantize_relus(content) == content
