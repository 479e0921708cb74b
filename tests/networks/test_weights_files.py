"""Weights on disk: saved and loaded whole, and every way in which a file may not fit named."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mixnet_common import MixnetError, UsageError
from mixnet_networks import Graph, load_network
from mixnet_networks.weights import (
    Weights,
    load_weights,
    save_weights,
    seeded_weights,
    weights_hash,
)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return load_network("mixnet-s", multiplier=0.25, classes=3).graph


@pytest.fixture
def weights(graph: Graph) -> Weights:
    random = np.random.default_rng(0)
    return {
        name: random.uniform(0.5, 1.5, shape).astype(np.float32)
        for name, _, _, shape in graph.parameters()
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


def test_what_is_saved_is_loaded(graph: Graph, weights: Weights, path: Path) -> None:
    save_weights(path, weights)
    loaded = load_weights(path, graph)

    assert loaded.keys() == weights.keys()
    assert weights_hash(loaded) == weights_hash(weights)
    assert all(array.dtype == np.float32 for array in loaded.values())


def test_saving_twice_gives_the_same_bytes_in_any_order(weights: Weights, path: Path) -> None:
    save_weights(path, weights)
    first = path.read_bytes()
    save_weights(path, dict(reversed(weights.items())))

    assert path.read_bytes() == first


def test_views_are_saved_with_their_own_values(graph: Graph, weights: Weights, path: Path) -> None:
    name = "head.classifier.kernel"
    weights[name] = np.asfortranarray(weights[name])
    save_weights(path, weights)

    np.testing.assert_array_equal(load_weights(path, graph)[name], weights[name])


def test_seeded_weights_survive_the_disk(path: Path) -> None:
    network = load_network("mixnet-s", multiplier=0.25)
    seeded = seeded_weights(network, 3)
    save_weights(path, seeded)

    assert weights_hash(load_weights(path, network.graph)) == weights_hash(seeded)


def test_bfloat16_is_read_exactly(graph: Graph, weights: Weights, path: Path) -> None:
    """Its numbers are float32 ones without the last 16 bits."""
    short = {name: array.view(np.uint32) & 0xFFFF0000 for name, array in weights.items()}
    save_bfloat16(path, {name: bits >> 16 for name, bits in short.items()})
    loaded = load_weights(path, graph)

    assert loaded.keys() == weights.keys()
    for name, bits in short.items():
        np.testing.assert_array_equal(loaded[name].view(np.uint32), bits)


def save_bfloat16(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """A file as PyTorch writes it; numpy has no such type."""
    header, start, data = {}, 0, b""
    for name, bits in arrays.items():
        end = start + 2 * bits.size
        offsets = [start, end]
        header[name] = {"dtype": "BF16", "shape": list(bits.shape), "data_offsets": offsets}
        start = end
        data += bits.astype("<u2").tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_a_negative_variance_is_blamed_on_its_array(
    graph: Graph, weights: Weights, path: Path
) -> None:
    weights["stem.conv.norm.variance"][3] = -1e-6
    save_weights(path, weights)

    with pytest.raises(MixnetError) as caught:
        load_weights(path, graph)
    assert "1 with a negative variance (stem.conv.norm.variance)" in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_float_types_are_read_as_float32(
    graph: Graph, weights: Weights, path: Path, kind: type
) -> None:
    from safetensors.numpy import save_file

    save_file({name: array.astype(kind) for name, array in weights.items()}, path)
    loaded = load_weights(path, graph)

    for name, array in weights.items():
        assert loaded[name].dtype == np.float32
        np.testing.assert_array_equal(loaded[name], array.astype(kind).astype(np.float32))


def replaced(weights: Weights, name: str, array: NDArray[np.float32]) -> Weights:
    return {**weights, name: array}


def test_missing_arrays_are_named(graph: Graph, weights: Weights, path: Path) -> None:
    del weights["stem.conv.kernel"]
    save_weights(path, weights)

    with pytest.raises(MixnetError, match=r"1 missing \(stem\.conv\.kernel\)"):
        load_weights(path, graph)


def test_surplus_arrays_are_named(graph: Graph, weights: Weights, path: Path) -> None:
    save_weights(path, replaced(weights, "extra", np.zeros(3, np.float32)))

    with pytest.raises(MixnetError, match=r"1 surplus \(extra\)"):
        load_weights(path, graph)


def test_misshaped_arrays_are_named_with_both_shapes(
    graph: Graph, weights: Weights, path: Path
) -> None:
    save_weights(path, replaced(weights, "head.classifier.bias", np.zeros(4, np.float32)))

    with pytest.raises(
        MixnetError, match=r"misshaped \(head\.classifier\.bias \(4,\) for \(3,\)\)"
    ):
        load_weights(path, graph)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_arrays_that_are_not_finite_are_named(
    graph: Graph, weights: Weights, path: Path, value: float
) -> None:
    weights["stem.conv.norm.mean"][1] = value
    save_weights(path, weights)

    with pytest.raises(MixnetError, match=r"1 not finite \(stem\.conv\.norm\.mean\)"):
        load_weights(path, graph)


def test_everything_wrong_is_told_at_once_and_long_lists_are_cut(
    graph: Graph, weights: Weights, path: Path
) -> None:
    save_weights(path, {f"other.{index}": np.zeros(1, np.float32) for index in range(9)})

    with pytest.raises(MixnetError) as caught:
        load_weights(path, graph)

    assert f"{len(weights)} missing (" in caught.value.message
    assert "9 surplus (other.0, other.1, other.2, other.3, …)" in caught.value.message
    assert caught.value.message.startswith(f"{path} does not fit mixnet-s-x0.25: ")
    assert "--classes" in caught.value.hint


def test_weights_of_another_network_are_refused(graph: Graph, path: Path) -> None:
    save_weights(path, seeded_weights(load_network("mixnet-m", multiplier=0.25)))

    with pytest.raises(MixnetError, match=r"does not fit mixnet-s-x0\.25"):
        load_weights(path, graph)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 0.5, 0.999])
def test_a_truncated_file_is_no_whole_file(
    graph: Graph, weights: Weights, path: Path, kept: float
) -> None:
    save_weights(path, weights)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    with pytest.raises(MixnetError, match=r"is not a complete \.safetensors file"):
        load_weights(path, graph)


@pytest.mark.parametrize(
    "content",
    [
        b"not weights at all",
        b"\xff" * 64,
        b"\x02" + bytes(7) + b"{}" + bytes(50),
        b"\x3f"
        + bytes(7)
        + b'{"a":{"dtype":"NONSENSE","shape":[1],"data_offsets":[0,1]}}    '
        + b"0",
    ],
)
def test_a_foreign_file_is_no_whole_file(graph: Graph, path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(MixnetError, match=r"is not a complete \.safetensors file"):
        load_weights(path, graph)


@pytest.mark.parametrize("kind", ["F8_E4M3", "C64", "I64", "BOOL", "U8"])
def test_arrays_that_are_no_floats_of_numpy_are_refused(
    graph: Graph, path: Path, kind: str
) -> None:
    size = {"C64": 8, "I64": 8}.get(kind, 1)
    header = f'{{"a":{{"dtype":"{kind}","shape":[1],"data_offsets":[0,{size}]}}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))

    with pytest.raises(MixnetError, match=f"stores a as {kind}") as caught:
        load_weights(path, graph)

    assert caught.value.hint == "save it as F32, F16, BF16, F64"


def test_other_file_types_are_refused_before_they_are_opened(graph: Graph, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"never read")

    with pytest.raises(UsageError, match="cannot read weights from") as caught:
        load_weights(path, graph)

    assert caught.value.hint == "give a .safetensors file"


def test_a_file_that_is_not_there_says_so(graph: Graph, path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        load_weights(path, graph)


def test_a_directory_is_no_file(graph: Graph, path: Path) -> None:
    path.mkdir()

    with pytest.raises(UsageError, match="is not a file"):
        load_weights(path, graph)


def test_saving_where_nothing_can_be_saved_says_so(weights: Weights, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(MixnetError, match="cannot write"):
        save_weights(blocked / "weights.safetensors", weights)
