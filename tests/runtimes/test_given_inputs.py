"""Inputs from options: files of arrays, which are read and checked, and ranges."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixnet_common import MixnetError, UsageError
from mixnet_runtimes import TensorInfo
from mixnet_runtimes.given_inputs import GivenInputs, parse_inputs, values_for

IDS = TensorInfo("ids", (1, 6), "int64")
IMAGE = TensorInfo("x", (1, 2, 2, 3), "float32")


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def read(path: Path, info: TensorInfo = IDS) -> Any:
    return values_for("m.onnx", [info], GivenInputs({info.name: path}), rng())[info.name]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_options_name_an_input_or_mean_the_only_one() -> None:
    assert parse_inputs(["a=x=y.npy"], ["c:0=-1,5"]) == GivenInputs(
        {"a": Path("x=y.npy")}, {"c:0": (-1, 5)}
    )
    assert parse_inputs(["b.npy"], []) == GivenInputs({"": Path("b.npy")})
    assert parse_inputs([], ["2,3"]) == GivenInputs({}, {"": (2, 3)})


@pytest.mark.parametrize("text", ["", "=a.npy", "a="])
def test_what_names_no_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--input .* not valid"):
        parse_inputs([text], [])


@pytest.mark.parametrize(
    "text", ["", "a", "a=1", "a=1,2,3", "a=0,1.5", "a=nan,1", "a=0,inf", f"a=0,{'9' * 400}", "a=,"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--input-range .* not valid"):
        parse_inputs([], [text])


def test_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="5 is more than 2"):
        parse_inputs([], ["a=5,2"])
    with pytest.raises(UsageError, match="twice for a"):
        parse_inputs(["a=1.npy", "a=2.npy"], [])
    with pytest.raises(UsageError, match="both given for a"):
        parse_inputs(["a=1.npy"], ["a=0,1"])
    both = GivenInputs({"": Path("a.npy")}, {"ids": (0, 1)})
    with pytest.raises(UsageError):
        values_for("m.onnx", [IDS], both, rng())


def test_an_array_is_read_as_it_was_saved(tmp_path: Path) -> None:
    ids = np.arange(6).reshape(1, 6)
    assert np.array_equal(read(saved(tmp_path / "a.npy", ids)), ids)
    image = np.asfortranarray(np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(">f4"))
    found = read(saved(tmp_path / "b.npy", image), IMAGE)
    assert np.array_equal(found, image)
    assert found.dtype == np.dtype("float32")
    assert found.flags.c_contiguous


def test_text_and_bits_of_rare_types_are_taken(tmp_path: Path) -> None:
    words = read(saved(tmp_path / "s.npy", np.array(["grüße"])), TensorInfo("s", (1,), "string"))
    assert words.tolist() == ["grüße"]
    bits = np.array([[1, 16256]], np.uint16)
    found = read(saved(tmp_path / "b.npy", bits), TensorInfo("x", (1, 2), "bfloat16"))
    assert np.array_equal(found, bits)


def test_an_archive_gives_the_array_of_the_inputs_name_or_its_only_one(tmp_path: Path) -> None:
    ids = np.arange(6).reshape(1, 6)
    np.savez(tmp_path / "two.npz", ids=ids, other=ids + 1)
    np.savez_compressed(tmp_path / "one.npz", whatever=ids)
    assert np.array_equal(read(tmp_path / "two.npz"), ids)
    assert np.array_equal(read(tmp_path / "one.npz"), ids)
    np.savez(tmp_path / "none.npz", a=ids, b=ids)
    with pytest.raises(UsageError, match="has no array ids") as error:
        read(tmp_path / "none.npz")
    assert error.value.hint == "it has a, b"


def test_another_shape_or_type_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"float64 \[1, 6\] where input ids takes int64 \[1, 6\]"):
        read(saved(tmp_path / "a.npy", np.zeros((1, 6))))
    with pytest.raises(UsageError, match=r"int64 \[6\] where input ids takes int64 \[1, 6\]"):
        read(saved(tmp_path / "b.npy", np.zeros(6, np.int64)))
    with pytest.raises(UsageError, match="takes bfloat16, as uint16 of the same bits"):
        read(saved(tmp_path / "c.npy", np.zeros((1, 2), "f")), TensorInfo("x", (1, 2), "bfloat16"))
    with pytest.raises(UsageError, match=r"takes text \(dtype <U\)"):
        read(saved(tmp_path / "d.npy", np.zeros(1)), TensorInfo("s", (1,), "string"))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(MixnetError, match="Python objects"):
        read(tmp_path / "o.npy", TensorInfo("s", (1,), "string"))


def header(shape: str, dtype: str = "'<i8'") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", b""),
        ("a.npy", b"no array"),
        ("a.npy", b"\x93NUMPY\x09\x00" + bytes(100)),
        ("a.npy", header("(1, 6)")),
        ("a.npy", header("(1, 6)") + bytes(47)),
        ("a.npy", header("(1, 6)", "'<U1000000000'")),
        ("a.npy", header("(-1, 6)")),
        ("a.npy", header("(1, 6)", "__import__('os')")),
        ("a.npy", header("(" * 400)),
        ("a.npz", b"no archive"),
        ("a.npz", zipped("ids.npy", b"no array")),
        ("a.npz", zipped("ids.npy", header("(1, 6)"))[:-9]),
        ("a.npz", zipped("ids.npy", header("(1000000, 1000000)") + bytes(10_000_000))),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MixnetError, match=rf"{name}.*(not a valid|truncated|where input)"):
        read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_special_files_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(UsageError, match="not a regular file"):
        read(tmp_path / "a.npy")
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path / "absent.npy")


def test_a_range_holds_both_its_ends(tmp_path: Path) -> None:
    info = TensorInfo("ids", (1000,), "int32")
    found = values_for("m", [info], GivenInputs(ranges={"": (-2, 3)}), rng())["ids"]
    assert set(found.tolist()) == {-2, -1, 0, 1, 2, 3}
    assert found.dtype == np.dtype("int32")


def test_a_range_is_for_whole_numbers_that_the_type_holds() -> None:
    with pytest.raises(UsageError, match="x is float32, which is not an integer type"):
        values_for("m", [IMAGE], GivenInputs(ranges={"x": (0, 1)}), rng())
    rare = TensorInfo("x", (1,), "bfloat16")
    with pytest.raises(UsageError, match="x is bfloat16"):
        values_for("m", [rare], GivenInputs(ranges={"x": (0, 1)}), rng())
    small = TensorInfo("x", (1,), "int8")
    with pytest.raises(UsageError, match="is beyond int8") as error:
        values_for("m", [small], GivenInputs(ranges={"x": (0, 128)}), rng())
    assert error.value.hint == "it holds -128 to 127"


def test_a_name_that_the_file_lacks_is_refused() -> None:
    given = GivenInputs(ranges={"idx": (0, 1)})
    with pytest.raises(UsageError, match=r"m\.onnx has no input idx") as error:
        values_for("m.onnx", [IDS], given, rng())
    assert error.value.hint == "did you mean ids?"
    with pytest.raises(UsageError, match="does not name an input, and m has 2: ids, x"):
        values_for("m", [IDS, IMAGE], GivenInputs(ranges={"": (0, 1)}), rng())
