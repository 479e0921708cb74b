"""What Keras saves, read without Keras: real files, and every way in which one may lie.

``tests/data/keras`` holds files that Keras itself wrote; ``tests/peers/keras`` writes new ones.
"""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from mixnet_common import MixnetError
from mixnet_export.cli import main
from mixnet_networks import load_network
from mixnet_networks.importing import import_weights
from mixnet_networks.importing.keras_files import INNER, read_keras
from mixnet_networks.weights import check_weights, weights_hash

DATA = Path(__file__).parents[1] / "data" / "keras"
TINY = str(DATA / "tiny.toml")
HASH = "b2429a0407d5effef5e4e05eb8bbd3cff102976d9c054dd338b2db77b5810905"
"""Of the model's weights when Keras saved it."""

STEM = "layers/conv2d/vars"


@pytest.fixture
def h5(tmp_path: Path) -> Path:
    """A copy of the real file, to be spoilt."""
    return Path(shutil.copy(DATA / "tiny.weights.h5", tmp_path / "model.weights.h5"))


@pytest.fixture
def spoilt(h5: Path) -> Callable[[Callable[[Any], None]], Path]:
    def spoil(how: Callable[[Any], None]) -> Path:
        with h5py.File(h5, "r+") as file:
            how(file)
        return h5

    return spoil


def replace(file: Any, name: str, array: Any, **options: Any) -> None:
    del file[name]
    file.create_dataset(name, data=array, **options)


@pytest.mark.parametrize("name", ["tiny.keras", "tiny.weights.h5"])
def test_a_file_that_keras_wrote_is_read_bit_by_bit(name: str) -> None:
    weights = read_keras(DATA / name)

    check_weights(load_network(TINY).graph, weights, name)
    assert all(array.dtype == np.float32 for array in weights.values())
    assert weights_hash(weights) == HASH


@pytest.mark.parametrize("name", ["tiny.keras", "tiny.weights.h5"])
def test_the_number_of_classes_is_read_from_the_file(name: str, tmp_path: Path) -> None:
    imported = import_weights(DATA / name, TINY)

    assert imported.classes == 3
    assert weights_hash(imported.weights) == HASH


def test_the_optimizers_and_the_random_generators_arrays_are_left_alone(h5: Path) -> None:
    with h5py.File(h5) as file:
        assert "optimizer" in file, "or this shows nothing"

    assert weights_hash(read_keras(h5)) == HASH


def test_a_model_within_a_model_is_read(h5: Path, tmp_path: Path) -> None:
    path = tmp_path / "outer.weights.h5"
    with h5py.File(path, "w") as outer, h5py.File(h5) as inner:
        inner.copy("layers", outer.create_group("layers/functional"))
        outer.create_group("layers/random_flip/vars").attrs["name"] = "random_flip"
        generator = outer.create_group("layers/random_flip/seed_generator/vars")
        generator.create_dataset("0", data=np.zeros(2, np.uint32))

    assert weights_hash(read_keras(path)) == HASH


def renumbered(path: Path, layers: dict[str, str]) -> Path:
    """The file with its layers' groups under other names, as another session numbers them."""
    with h5py.File(path, "r+") as file:
        for old in layers:
            file.move(f"layers/{old}", f"layers/moved-{old}")
        for old, new in layers.items():
            file.move(f"layers/moved-{old}", f"layers/{new}")
    return path


@pytest.mark.parametrize("seed", range(3))
def test_layers_are_found_by_their_names_however_their_groups_are_numbered(
    seed: int, h5: Path
) -> None:
    with h5py.File(h5) as file:
        groups = list(file["layers"])
    others = [f"layer_{index + 40}" for index in range(len(groups))]
    np.random.default_rng(seed).shuffle(others)

    assert weights_hash(read_keras(renumbered(h5, dict(zip(groups, others, strict=True))))) == HASH


def test_the_optimizer_of_a_model_within_a_model_is_left_alone(h5: Path, tmp_path: Path) -> None:
    path = tmp_path / "outer.weights.h5"
    with h5py.File(path, "w") as outer, h5py.File(h5) as inner:
        inner.copy("layers", outer.create_group("layers/functional"))
        inner.copy("optimizer", outer["layers/functional"])
        assert len(outer["layers/functional/optimizer/vars"]) > 0, "or this shows nothing"

    assert weights_hash(read_keras(path)) == HASH


def test_a_partial_file_names_what_it_lacks(spoilt: Any) -> None:
    def drop(file: Any) -> None:
        del file["layers/dense"]

    with pytest.raises(MixnetError, match=r"2 missing \(head\.classifier\.kernel, head\.class"):
        import_weights(spoilt(drop), TINY)


def test_half_precision_is_read_as_float32(spoilt: Any) -> None:
    kernel = np.full((3, 3, 3, 4), 0.5, np.float16)
    path = spoilt(lambda file: replace(file, f"{STEM}/0", kernel))

    read = read_keras(path)["stem.conv.kernel"]

    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, kernel)


# Files that are damaged, lie, or are not such files


def link_out(file: Any) -> None:
    del file[f"{STEM}/0"]
    file[f"{STEM}/0"] = h5py.ExternalLink("/etc/secret.h5", "/0")


def link_within(file: Any) -> None:
    del file[f"{STEM}/0"]
    file[f"{STEM}/0"] = h5py.SoftLink("/layers/dense/vars/0")


def link_in_a_circle(file: Any) -> None:
    file["layers/loop"] = file["layers"]


def nest_deeply(file: Any) -> None:
    file.create_group("layers" + "/deeper" * 50)


def store_virtually(file: Any) -> None:
    del file[f"{STEM}/0"]
    layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/secret.h5", "0", (3, 3, 3, 4))
    file.create_virtual_dataset(f"{STEM}/0", layout)


def promise_a_terabyte(file: Any) -> None:
    del file[f"{STEM}/0"]
    file.create_dataset(f"{STEM}/0", (2**19, 2**19, 1, 1), "f4", chunks=(2**10, 2**10, 1, 1))


def compress(file: Any) -> None:
    replace(file, f"{STEM}/0", np.zeros((3, 3, 3, 4), "f4"), compression="gzip")


def forget_a_name(file: Any) -> None:
    del file[STEM].attrs["name"]


def give_a_name_twice(file: Any) -> None:
    file.copy("layers/conv2d", "layers/conv2d_99")


def add_a_strange_layer(file: Any) -> None:
    group = file.create_group("layers/normalization/vars")
    group.attrs["name"] = "normalization"
    group["0"] = np.zeros(3, "f4")


def store_whole_numbers(file: Any) -> None:
    replace(file, f"{STEM}/0", np.zeros((3, 3, 3, 4), "i4"))


def hold_nothing(file: Any) -> None:
    del file["layers"]


def hold_a_group_for_an_array(file: Any) -> None:
    del file[f"{STEM}/0"]
    file.create_group(f"{STEM}/0")


LIES: list[tuple[Callable[[Any], None], str]] = [
    (link_out, "links /layers/conv2d/vars/0 to another location"),
    (link_within, "links /layers/conv2d/vars/0 to another location"),
    (link_in_a_circle, "holds /layers(/loop)? in several places"),
    (nest_deeply, "nests its groups more than 32 levels deep"),
    (store_virtually, "in another file"),
    (promise_a_terabyte, "in 0 bytes, which are not its 274,877,906,944 values"),
    (compress, "which are not its 108 values"),
    (forget_a_name, "does not name its layer /layers/conv2d"),
    (give_a_name_twice, r"two arrays called stem\.conv"),
    (add_a_strange_layer, r"no known layer has the arrays of normalization: \(3,\)"),
    (store_whole_numbers, "which is not an array of floats"),
    (hold_nothing, "contains no layers with names and weights"),
    (hold_a_group_for_an_array, "which is not an array of floats"),
]


@pytest.mark.parametrize(("how", "what"), LIES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_file_that_lies_is_refused_in_words(
    how: Callable[[Any], None], what: str, spoilt: Any
) -> None:
    path = spoilt(how)

    with pytest.raises(MixnetError, match=what) as caught:
        read_keras(path)

    assert caught.value.hint


def test_arrays_kept_in_other_files_are_never_read(spoilt: Any) -> None:
    def store_bias_elsewhere(file: Any) -> None:
        group = file["layers/dense/vars"]
        del group["1"]
        group.create_dataset("1", (3,), "f4", external=[("/etc/passwd", 0, 12)])

    with pytest.raises(MixnetError, match="in another file"):
        read_keras(spoilt(store_bias_elsewhere))


@pytest.mark.parametrize("kept", [0, 7, 100, 0.3, 0.999])
@pytest.mark.parametrize("name", ["tiny.keras", "tiny.weights.h5"])
def test_a_truncated_file_is_no_whole_file(name: str, kept: float, tmp_path: Path) -> None:
    data = (DATA / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    with pytest.raises(MixnetError, match="is not a complete Keras file") as caught:
        read_keras(path)

    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["foreign.keras", "foreign.weights.h5"])
def test_a_foreign_file_is_no_whole_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch executed'\ntR." * 99)

    with pytest.raises(MixnetError, match="is not a complete Keras file"):
        read_keras(tmp_path / name)


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\..\\x"])
def test_a_zip_whose_entries_lead_out_is_refused(name: str, tmp_path: Path) -> None:
    whole = (DATA / "tiny.weights.h5").read_bytes()
    path = zipped(tmp_path / "evil.keras", {INNER: whole, name: b"x"})

    with pytest.raises(MixnetError, match="leads outside"):
        read_keras(path)


def test_a_zip_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MixnetError, match=r"has no model\.weights\.h5"):
        read_keras(zipped(tmp_path / "empty.keras", {"config.json": b"{}"}))


def test_a_zip_that_promises_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.keras", {INNER: b"\0" * 100})
    size, lie = (100).to_bytes(4, "little"), (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size + size, size + lie))

    with pytest.raises(MixnetError, match="claims to contain 4,000,000,000 bytes"):
        read_keras(path)


def test_a_zip_that_unfolds_to_much_more_than_it_is_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(INNER, "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(MixnetError, match="packs 314,572,800 bytes of weights into"):
        read_keras(path)


def test_the_configuration_with_its_code_is_never_looked_at(tmp_path: Path) -> None:
    whole = (DATA / "tiny.weights.h5").read_bytes()
    code = b'{"class_name": "Lambda", "config": {"function": "not even json'
    path = zipped(tmp_path / "lambda.keras", {"config.json": code, INNER: whole})

    assert weights_hash(read_keras(path)) == HASH


def test_a_missing_h5py_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)

    with pytest.raises(MixnetError, match="needs h5py") as caught:
        read_keras(DATA / "tiny.keras")

    assert "mixnet-mobile[keras]" in caught.value.hint


# From the command line


def export(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, ["tflite", *map(str, arguments), "--no-verify"])


@pytest.mark.parametrize("name", ["tiny.keras", "tiny.weights.h5"])
def test_a_trained_model_is_exported_with_its_weights(name: str, tmp_path: Path) -> None:
    result = export(TINY, "--weights", DATA / name, "-o", tmp_path, "--json")

    assert result.exit_code == 0, result.output
    assert HASH in result.stdout


@pytest.mark.parametrize("spoil", ["truncated", "nan", "another network", "zip"])
def test_a_bad_file_leaves_one_clear_error_and_nothing_else(
    spoil: str, h5: Path, tmp_path: Path
) -> None:
    network = TINY
    if spoil == "truncated":
        h5.write_bytes(h5.read_bytes()[:-1000])
    if spoil == "nan":
        with h5py.File(h5, "r+") as file:
            replace(file, f"{STEM}/0", np.full((3, 3, 3, 4), np.nan, "f4"))
    if spoil == "another network":
        network = "mixnet-s"
    if spoil == "zip":
        h5 = zipped(tmp_path / "evil.keras", {INNER: h5.read_bytes(), "../x": b"x"})

    result = export(network, "--weights", h5, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {h5}")
    assert len(result.stderr.splitlines()) <= 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
    assert spoil != "nan" or "1 not finite (stem.conv.kernel)" in result.stderr


def test_damage_anywhere_in_a_file_ends_in_words_or_in_other_arrays(
    h5: Path, tmp_path: Path
) -> None:
    """Bytes flipped all over: HDF5 has no checksums here, so some damage cannot be seen."""
    whole = h5.read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.weights.h5"
    refused = 0
    for place in random.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_keras(path)
        except MixnetError:
            refused += 1

    assert refused > 0
