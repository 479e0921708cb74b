"""What training programs wrap around a model's tensors; tests/peers has PyTorch itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixnet_common import MixnetError
from mixnet_networks.importing import import_weights
from mixnet_networks.importing.pytorch import unwrap

RIGHT = {"conv_stem.weight": np.ones(1)}
WRONG = {"conv_stem.weight": np.zeros(1)}

WRAPPINGS: dict[str, tuple[Any, str]] = {
    "bare": (RIGHT, ""),
    "with an epoch": ({"epoch": 3, "state_dict": RIGHT}, "taken from state_dict in the file"),
    "averages": (
        {"state_dict": WRONG, "state_dict_ema": RIGHT},
        "taken from state_dict_ema in the file, which are moving averages; not used: state_dict",
    ),
    "averages in a module": (
        {"ema": {"module": RIGHT, "decay": 0.99}, "state_dict": WRONG},
        "taken from ema.module in the file, which are moving averages; not used: state_dict",
    ),
    "averages without names": (
        {"ema": {"shadow_params": [np.ones(1)], "decay": 0.99}, "model": RIGHT},
        "taken from model in the file",
    ),
    "empty averages": ({"ema": {}, "state_dict": RIGHT}, "taken from state_dict in the file"),
    "no averages": ({"state_dict_ema": None, "net": RIGHT}, "taken from net in the file"),
    "deep": ({"model": {"state_dict": RIGHT}}, "taken from model.state_dict in the file"),
    "keys that are not texts": ({0: 1, "state_dict": RIGHT}, "taken from state_dict in the file"),
}


@pytest.mark.parametrize(("content", "note"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_the_tensors_of_a_wrapping_are_found_and_told(content: Any, note: str) -> None:
    state, notes = unwrap(content, lambda value: isinstance(value, np.ndarray))

    assert state is RIGHT
    assert notes == ((note,) if note else ())


@pytest.mark.parametrize(
    "content", [None, 3, [RIGHT], {}, {"elsewhere": RIGHT}, {"model": [RIGHT]}], ids=str
)
def test_what_holds_no_tensors_gives_none(content: Any) -> None:
    assert unwrap(content, lambda value: isinstance(value, np.ndarray)) == ({}, ())


def test_a_wrapping_within_itself_is_no_endless_walk() -> None:
    content: dict[str, Any] = {"model": None}
    content["model"] = content

    assert unwrap(content, lambda value: isinstance(value, np.ndarray)) == ({}, ())


@pytest.mark.parametrize("ending", [".ckpt", ".tar"])
@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\x80\x02", b"\x80\x04"])
def test_a_checkpoint_of_lightnings_is_told_from_tensorflows_by_its_first_bytes(
    begin: bytes, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    path = tmp_path / f"epoch=3{ending}"
    path.write_bytes(begin + bytes(100))

    with pytest.raises(MixnetError, match="needs PyTorch, which is not installed"):
        import_weights(path, "mixnet-s")


def test_what_begins_otherwise_is_tensorflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    path = tmp_path / "model.ckpt"
    path.write_bytes(bytes(100))

    with pytest.raises(MixnetError, match="needs TensorFlow"):
        import_weights(path, "mixnet-s")
