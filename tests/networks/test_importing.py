"""Weights of other programs: found by their names, or refused with all that does not fit."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign import (
    Arrays,
    Number,
    authors_arrays,
    in_each_scope,
    in_the_whole_network,
    timm_arrays,
)

from mixnet_common import MixnetError, UsageError
from mixnet_networks import Network, load_network
from mixnet_networks.importing import import_weights
from mixnet_networks.importing.authors import NAMING as AUTHORS
from mixnet_networks.importing.load import _fitted
from mixnet_networks.weights import weights_hash


def drawn(network: Network) -> Arrays:
    """Arrays of which no two are alike."""
    random = np.random.default_rng(0)
    return {
        name: random.uniform(0.5, 1.5, shape).astype(np.float32)
        for name, _, _, shape in network.graph.parameters()
    }


def saved(arrays: Arrays, path: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return path


@pytest.fixture(scope="module")
def small() -> Network:
    return load_network("mixnet-s", classes=7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tf_mixnet_s.safetensors"


NETWORKS = ["mixnet-s", "mixnet-m", "mixnet-l", "mixnet-s-symmetric", "mixnet-xl"]


@pytest.mark.parametrize("name", NETWORKS)
def test_timms_names_are_found(name: str, tmp_path: Path) -> None:
    network = load_network(name, classes=7)
    weights = drawn(network)
    imported = import_weights(
        saved(timm_arrays(network, weights), tmp_path / "m.safetensors"), name
    )

    assert (imported.classes, imported.source) == (7, "timm")
    assert weights_hash(imported.weights) == weights_hash(weights)


def test_our_own_names_are_found(small: Network, path: Path) -> None:
    weights = drawn(small)
    imported = import_weights(saved(weights, path), "mixnet-s")

    assert (imported.classes, imported.notes) == (7, ())
    assert weights_hash(imported.weights) == weights_hash(weights)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_taken_off(prefix: str, small: Network, path: Path) -> None:
    weights = drawn(small)
    arrays = {f"{prefix}{name}": array for name, array in timm_arrays(small, weights).items()}

    imported = import_weights(saved(arrays, path), "mixnet-s")
    assert weights_hash(imported.weights) == weights_hash(weights)


def test_a_model_that_is_there_twice_is_refused(small: Network, path: Path) -> None:
    arrays = timm_arrays(small, drawn(small))
    both = arrays | {f"module.{name}": array for name, array in arrays.items()}

    with pytest.raises(MixnetError, match="twice"):
        import_weights(saved(both, path), "mixnet-s")


def test_grey_images_are_seen_in_the_file(path: Path) -> None:
    network = load_network("mixnet-s", classes=2, in_channels=1)
    imported = import_weights(saved(timm_arrays(network, drawn(network)), path), "mixnet-s")

    assert imported.network.in_channels == 1
    assert imported.network.graph.shape("image") == (1, 224, 224, 1)
    assert len(imported.network.preprocessing.mean) == 1


def test_images_of_other_channels_are_refused(small: Network, path: Path) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["conv_stem.weight"] = np.zeros((16, 4, 3, 3), np.float32)

    with pytest.raises(MixnetError, match="images of 4 channels"):
        import_weights(saved(arrays, path), "mixnet-s")


def test_classes_that_contradict_the_file_are_wrong_use(small: Network, path: Path) -> None:
    saved(timm_arrays(small, drawn(small)), path)

    assert import_weights(path, "mixnet-s", classes=7).classes == 7
    with pytest.raises(UsageError, match="has 7 classes, not 10"):
        import_weights(path, "mixnet-s", classes=10)


# Files that do not fit


def refused(path: Path, name: str = "mixnet-s") -> MixnetError:
    with pytest.raises(MixnetError) as caught:
        import_weights(path, name)
    assert caught.value.exit_status == 1
    return caught.value


def test_another_networks_file_is_told_for_what_it_is(path: Path) -> None:
    network = load_network("mixnet-m", classes=7)
    error = refused(saved(timm_arrays(network, drawn(network)), path))

    assert "does not fit mixnet-s: " in error.message
    assert "conv_stem.weight (24, 3, 3, 3) for stem.conv.kernel (3, 3, 3, 16)" in error.message
    assert error.hint.startswith("its arrays are those of mixnet-m or mixnet-m-symmetric")


def test_a_file_that_is_nearly_another_networks_is_said_to_be_most_like_it(path: Path) -> None:
    network = load_network("mixnet-m", classes=7)
    arrays = timm_arrays(network, drawn(network))
    del arrays["bn2.weight"]

    assert refused(saved(arrays, path)).hint.startswith("it is most like mixnet-m or")


def test_a_file_like_nothing_known_is_said_to_be_so(path: Path) -> None:
    error = refused(saved({"conv_stem.weight": np.zeros((8, 3, 3, 3), np.float32)}, path))

    assert "does not match a known network" in error.hint


def test_names_of_no_kind_are_shown(path: Path) -> None:
    error = refused(saved({"layer1.0.conv1.weight": np.zeros(3, np.float32)}, path))

    assert "not of a known network; its arrays: layer1.0.conv1.weight" in error.message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named_as_in_the_file(
    value: float, small: Network, path: Path
) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["blocks.2.0.conv_dw.1.weight"][3, 0, 2, 2] = value
    error = refused(saved(arrays, path))

    assert "1 not finite (blocks.2.0.conv_dw.1.weight)" in error.message
    assert "earlier checkpoint" in error.hint


def test_values_too_large_for_float32_are_not_finite(small: Network, path: Path) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["bn2.bias"] = np.full(1536, 1e300)

    assert "not finite (bn2.bias)" in refused(saved(arrays, path)).message


def test_a_negative_variance_is_blamed_on_its_array_and_file(small: Network, path: Path) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["blocks.2.0.bn2.running_var"][5] = -0.25
    error = refused(saved(arrays, path))

    assert str(path) in error.message
    assert "1 with a negative variance (blocks.2.0.bn2.running_var)" in error.message
    assert "are unusable" in error.hint


def test_missing_and_surplus_arrays_are_named_as_in_the_file(small: Network, path: Path) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["aux.weight"] = arrays.pop("bn1.running_var")
    message = refused(saved(arrays, path)).message

    assert "1 missing (bn1.running_var); 1 surplus (aux.weight)" in message


def test_a_file_that_nearly_fits_is_not_said_to_be_another_networks(
    small: Network, path: Path
) -> None:
    arrays = timm_arrays(small, drawn(small))
    arrays["aux.weight"] = np.zeros(3, np.float32)

    assert "all the others fit mixnet-s" in refused(saved(arrays, path)).hint


def test_a_truncated_file_is_refused(small: Network, path: Path) -> None:
    saved(timm_arrays(small, drawn(small)), path)
    path.write_bytes(path.read_bytes()[:-5000])

    assert "is not a complete .safetensors file" in refused(path).message


@pytest.mark.parametrize("name", ["weights.h5", "weights", "weights.npz", "weights.onnx"])
def test_an_unknown_kind_of_file_is_wrong_use(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="cannot read weights from") as caught:
        import_weights(tmp_path / name, "mixnet-s")

    assert ".safetensors" in caught.value.hint


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".tar.gz", ".index", ".ckpt"])
def test_a_missing_file_is_wrong_use(ending: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        import_weights(tmp_path / f"nothing{ending}", "mixnet-s")


def test_an_unknown_network_is_told_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown network 'mixnet-x'"):
        import_weights(tmp_path / "nothing.safetensors", "mixnet-x")


@pytest.mark.parametrize(
    ("file", "module", "extra"),
    [("w.pth", "torch", "torch"), ("w.tar.gz", "tensorflow", "tensorflow")],
)
def test_a_missing_package_is_named_with_its_extra(
    file: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    (tmp_path / file).write_bytes(b"")
    error = refused(tmp_path / file)

    assert "is not installed" in error.message
    assert f"mixnet-mobile[{extra}]" in error.hint


def test_a_torch_that_can_be_made_to_execute_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    old = SimpleNamespace(__version__="2.5.1+cpu")
    monkeypatch.setitem(__import__("sys").modules, "torch", old)
    (tmp_path / "w.pth").write_bytes(b"")

    assert "cannot open" in refused(tmp_path / "w.pth").message


# The authors' names


@pytest.mark.parametrize(
    "number",
    [in_each_scope(), in_the_whole_network(), in_the_whole_network(start=40, step=3)],
    ids=["in each scope", "in the whole network", "with gaps"],
)
@pytest.mark.parametrize("norm", ["batch_normalization", "tpu_batch_normalization"])
def test_the_authors_layers_are_found_however_they_are_numbered(
    number: Number, norm: str, small: Network
) -> None:
    weights = drawn(small)
    arrays = authors_arrays(small, weights, number, norm=norm)
    found = _fitted(Path("checkpoint"), AUTHORS, arrays, small)

    assert weights_hash(found) == weights_hash(weights)


@pytest.mark.parametrize("name", ["mixnet-m", "mixnet-l"])
def test_larger_networks_of_the_authors_are_found(name: str) -> None:
    network = load_network(name)
    weights = drawn(network)
    arrays = authors_arrays(network, weights, in_the_whole_network(), model=name)
    shapes = {each: array.shape for each, array in arrays.items()}

    assert AUTHORS.sizes(shapes).classes == 1000
    found = _fitted(Path("checkpoint"), AUTHORS, arrays, network)
    assert weights_hash(found) == weights_hash(weights)


def test_a_projection_built_before_its_expansion_is_found_by_its_shape(small: Network) -> None:
    weights = drawn(small)
    arrays = authors_arrays(small, weights, in_each_scope())
    scope, swapped = "mixnet-s/blocks_3", {}
    for name, array in arrays.items():
        renamed = name
        if name.startswith(f"{scope}/conv2d"):
            renamed = name.replace("conv2d_1/", "A/").replace("conv2d/", "conv2d_1/")
            renamed = renamed.replace("A/", "conv2d/")
        swapped[renamed] = array

    assert swapped[f"{scope}/conv2d/kernel"].shape == (1, 1, 144, 40)
    found = _fitted(Path("checkpoint"), AUTHORS, swapped, small)
    assert weights_hash(found) == weights_hash(weights)


def test_layers_within_layers_are_numbered_in_each(small: Network) -> None:
    """As where a grouped convolution is a layer with one for each group in it."""
    weights = drawn(small)
    arrays = authors_arrays(small, weights, in_each_scope())
    renamed = {nested(name): array for name, array in arrays.items()}

    assert "mixnet-s/blocks_1/grouped_conv2d_1/conv2d_1/kernel" in renamed
    found = _fitted(Path("checkpoint"), AUTHORS, renamed, small)
    assert weights_hash(found) == weights_hash(weights)


def nested(name: str) -> str:
    """In the first block with groups: two of the expansion, then two of the projection."""
    found = re.fullmatch(r"(mixnet-s/blocks_1)/conv2d(?:_(\d))?/kernel", name)
    if found is None:
        return name
    layer, group = divmod(int(found[2] or 0), 2)
    return f"{found[1]}/grouped_conv2d{number(layer)}/conv2d{number(group)}/kernel"


def number(value: int) -> str:
    return f"_{value}" if value else ""


def test_mnasnets_scopes_are_found_and_tell_the_network() -> None:
    network = load_network("mnasnet-a1", classes=7)
    weights = drawn(network)
    arrays = authors_arrays(network, weights, in_the_whole_network(), model="mnasnet-a1")
    renamed = {
        re.sub(r"/(stem|head|blocks_\d+)/", r"/mnas_\1/", name): array
        for name, array in arrays.items()
    }

    assert any(name.startswith("mnasnet-a1/mnas_blocks_12/") for name in renamed)
    found = _fitted(Path("checkpoint"), AUTHORS, renamed, network)
    assert weights_hash(found) == weights_hash(weights)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_scopes_in_a_checkpoint_plays_no_part(seed: int, small: Network) -> None:
    """Numbers run through the network in any order of its scopes; only that within one is kept."""
    weights = drawn(small)
    arrays = authors_arrays(small, weights, in_each_scope())
    scopes = sorted({name.split("/")[1] for name in arrays})
    np.random.default_rng(seed).shuffle(scopes)
    starts = {scope: 100 * index for index, scope in enumerate(scopes)}
    renamed = {}
    for name, array in arrays.items():
        model, scope, *inner, layer, variable = name.split("/")
        found = re.fullmatch(r"([a-z0-9_]*?)(?:_(\d+))?", layer)
        assert found is not None
        moved = f"{found[1]}_{starts[scope] + int(found[2] or 0)}"
        renamed["/".join((model, scope, *inner, moved, variable))] = array
    fitted = _fitted(Path("checkpoint"), AUTHORS, renamed, small)

    assert weights_hash(fitted) == weights_hash(weights)


def test_a_partial_checkpoint_names_what_it_lacks(small: Network) -> None:
    arrays = authors_arrays(small, drawn(small), in_each_scope())
    for name in [each for each in arrays if "/head/" in each]:
        del arrays[name]

    with pytest.raises(MixnetError) as caught:
        _fitted(Path("checkpoint"), AUTHORS, arrays, small)
    assert "7 missing (head.conv.kernel, head.conv.norm.gamma" in caught.value.message
    assert "surplus" not in caught.value.message


def test_what_stays_unmatched_is_listed(small: Network) -> None:
    arrays: dict[str, Any] = authors_arrays(small, drawn(small), in_each_scope())
    arrays["mixnet-s/blocks_3/conv2d_7/kernel"] = arrays.pop("mixnet-s/blocks_3/conv2d/kernel").T

    with pytest.raises(MixnetError) as caught:
        _fitted(Path("checkpoint"), AUTHORS, arrays, small)
    assert "1 missing (blocks.3.0.expand.kernel)" in caught.value.message
    assert "1 surplus (mixnet-s/blocks_3/conv2d_7/kernel)" in caught.value.message
