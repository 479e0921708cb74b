"""Weights beside an .onnx file: part of what it is, never a way to other files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tiny_models import numbers

from mixnet_common import MixnetError
from mixnet_runtimes import open_session, prepare, read_file
from mixnet_runtimes.model_files import data_files, identity_of, with_companions


@pytest.fixture
def model(cases: Path, tmp_path: Path) -> Path:
    for name in ("ext.onnx", "ext.onnx.data"):
        shutil.copy(cases / name, tmp_path / name)
    return tmp_path / "ext.onnx"


def change(path: Path, edit: Callable[[Any], object]) -> None:
    """Change the entries of the model's only constant."""
    found = onnx.load(path, load_external_data=False)
    edit(found.graph.initializer[0])
    path.write_bytes(found.SerializeToString())


def put(key: str, value: str) -> Callable[[Any], None]:
    def edit(tensor: Any) -> None:
        kept = {each.key: each.value for each in tensor.external_data} | {key: value}
        del tensor.external_data[:]
        for name, text in kept.items():
            tensor.external_data.add(key=name, value=text)

    return edit


def test_the_files_beside_it_are_found_by_the_names_that_it_gives_them(model: Path) -> None:
    assert data_files(model) == {"ext.onnx.data": model.with_name("ext.onnx.data")}
    assert model.with_name("ext.onnx.data") in with_companions([model])
    assert read_file(model).warnings == ()
    prepared = prepare(model, model.parent / "f")
    assert prepared.data == data_files(model)


def test_hash_and_size_are_of_all_of_it(model: Path, cases: Path) -> None:
    before = identity_of(model)
    data = model.with_name("ext.onnx.data")
    assert before.size_bytes == model.stat().st_size + data.stat().st_size
    assert before.sha256 == identity_of(cases / "ext.onnx").sha256
    (listed,) = before.to_json()["data_files"]
    assert (listed["name"], listed["size_bytes"]) == ("ext.onnx.data", 864)
    content = bytearray(data.read_bytes())
    content[5] ^= 1
    data.write_bytes(content)
    assert identity_of(model).sha256 != before.sha256
    plain = identity_of(cases / "grouped.onnx")
    assert "data_files" not in plain.to_json()


def test_a_missing_one_is_named(cases: Path) -> None:
    path = cases / "moved" / "ext.onnx"
    for doing in (open_session, identity_of, data_files):
        with pytest.raises(MixnetError, match=r"ext\.onnx\.data is missing beside .*ext\.onnx"):
            doing(path)
    (warning,) = read_file(path).warnings
    assert warning.startswith("ext.onnx.data is missing beside it")


@pytest.mark.parametrize(
    "location",
    ["../ext.onnx.data", "/etc/passwd", "", "a/../../b", "C:\\x", "..\\x", "\\x", "a\0b"],
)
def test_a_path_that_leads_elsewhere_is_refused(model: Path, location: str) -> None:
    change(model, put("location", location))
    for doing in (data_files, open_session, read_file):
        with pytest.raises(MixnetError, match=r"outside the folder of the file"):
            doing(model)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_that_leads_elsewhere_is_refused(model: Path, tmp_path: Path) -> None:
    secret = tmp_path.parent / "secret"
    secret.write_bytes(bytes(864))
    data = model.with_name("ext.onnx.data")
    data.unlink()
    data.symlink_to(secret)
    with pytest.raises(MixnetError, match="is a link to outside the folder of the file"):
        data_files(model)
    secret.unlink()


def test_links_into_one_store_are_fine_as_hugging_faces_cache_has_them(
    model: Path, tmp_path: Path
) -> None:
    store, shown = tmp_path / "blobs", tmp_path / "snapshot"
    store.mkdir()
    shown.mkdir()
    for number, name in enumerate(("ext.onnx", "ext.onnx.data")):
        shutil.move(model.with_name(name), store / str(number))
        (shown / name).symlink_to(store / str(number))
    assert list(data_files(shown / "ext.onnx")) == ["ext.onnx.data"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("offset", "1", "ends at byte 865 of ext.onnx.data, which has 864"),
        ("offset", "-1", "has the offset '-1'"),
        ("offset", "9" * 400, "has the offset"),
        ("length", "863", "needs 864 bytes, but 863 lie beside"),
        ("length", "x", "has the length 'x'"),
    ],
)
def test_places_that_cannot_be_are_refused(model: Path, key: str, value: str, message: str) -> None:
    change(model, put(key, value))
    with pytest.raises(MixnetError, match=message):
        data_files(model)


def test_a_folder_beside_it_and_a_file_for_each_weight_are_found(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    weights = {"w": numbers(4, 3), "b": numbers(3)}
    path = tmp_path / "m.onnx"
    from cases import onnx_files

    onnx_files.save(path, [node], {"x": (1, 4)}, {"y": (1, 3)}, weights)
    model = onnx.load(path)
    (tmp_path / "weights").mkdir()
    for tensor in model.graph.initializer:
        (tmp_path / "weights" / tensor.name).write_bytes(tensor.raw_data)
        onnx.external_data_helper.set_external_data(tensor, f"weights/{tensor.name}")
        tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    assert list(data_files(path)) == ["weights/b", "weights/w"]
    x = numbers(1, 4)
    expected = x @ weights["w"] + weights["b"]
    np.testing.assert_allclose(open_session(path).run([x])["y"], expected, rtol=1e-5)


def test_shapes_that_lie_beside_the_file_are_known_to_its_reader(tmp_path: Path) -> None:
    """torch and onnx can put every constant there, also those that shapes hang on."""
    from cases import onnx_files

    path = tmp_path / "m.onnx"
    node = onnx.helper.make_node("Reshape", ["x", "s"], ["y"])
    onnx_files.save(path, [node], {"x": (1, 6)}, {"y": None}, {"s": np.array([2, 3])})
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save_model(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    assert read_file(path).outputs["y"].shape == (2, 3)
