"""timm's models, saved as timm's users save them, imported: the same logits as timm's own.

Every model has random weights, and norms like trained ones, so that nothing can stand in for
anything else.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm_weights import image_of, largest_difference, logits_of, timm, trained

from mixnet_common import MixnetError
from mixnet_networks import Network
from mixnet_networks.graph.reference import evaluate
from mixnet_networks.importing import Imported, import_weights

# Name, resolution, and what timm is asked for besides.
MODELS: list[tuple[str, int, dict[str, Any]]] = [
    ("tf_mixnet_s", 224, {}),
    ("tf_mixnet_m", 224, {}),
    ("tf_mixnet_l", 224, {}),
    ("mixnet_s", 224, {}),
    ("mixnet_m", 224, {}),
    ("mixnet_l", 224, {}),
    ("mixnet_xl", 160, {}),
    ("tf_mixnet_s", 160, {"num_classes": 37}),
    ("mixnet_s", 160, {"num_classes": 37}),
    ("tf_mixnet_m", 299, {"num_classes": 2}),
    ("mixnet_m", 299, {"num_classes": 2}),
    ("tf_mixnet_l", 160, {"num_classes": 5}),
    ("mixnet_l", 299, {"num_classes": 5}),
    ("tf_mixnet_s", 299, {"in_chans": 1}),
    ("mixnet_s", 224, {"in_chans": 1, "num_classes": 10}),
    ("mobilenetv1_100", 224, {}),
    ("mobilenetv1_125", 160, {"num_classes": 5}),
    ("mobilenetv2_035", 224, {"num_classes": 5}),
    ("mobilenetv2_050", 160, {}),
    ("mobilenetv2_075", 160, {"num_classes": 5}),
    ("mobilenetv2_100", 224, {}),
    ("mobilenetv2_100", 299, {"in_chans": 1, "num_classes": 10}),
    ("mobilenetv2_140", 224, {}),
    ("semnasnet_050", 160, {"num_classes": 5}),
    ("semnasnet_075", 160, {"num_classes": 5}),
    ("semnasnet_100", 224, {}),
    ("semnasnet_140", 160, {"num_classes": 5}),
    ("fbnetc_100", 224, {}),
    ("fbnetc_100", 160, {"num_classes": 5, "bn_eps": 1e-3}),
]


def saved(model: Any, path: Path) -> Path:
    save_file(model.state_dict(), path)
    return path


def oracles(imported: Imported, network: Network, image: Any) -> Any:
    exact: dict[str, Any] = {k: v.astype(np.float64) for k, v in imported.weights.items()}
    return evaluate(network.graph, exact, {"image": image.astype(np.float64)})["logits"]


def assert_same(found: Any, expected: Any) -> None:
    assert largest_difference(found, expected) < 1e-4


@pytest.mark.parametrize(("name", "resolution", "options"), MODELS, ids=str)
def test_an_imported_model_has_timms_logits(
    name: str, resolution: int, options: dict[str, Any], tmp_path: Path
) -> None:
    model = trained(name, **options)
    tag = ".rmsp_in1k" if "bn_eps" in options else ""  # as timm builds it for those weights
    imported = import_weights(saved(model, tmp_path / f"{name}{tag}.safetensors"), name + tag)
    network = imported.network.at(resolution=resolution)
    image = image_of(network)

    assert imported.classes == options.get("num_classes", 1000)
    assert image.shape == (1, resolution, resolution, options.get("in_chans", 3))
    assert imported.notes == ()
    assert_same(oracles(imported, network, image), logits_of(model, image))


@pytest.mark.parametrize("resolution", [160, 224])
def test_the_other_padding_is_another_network(resolution: int, tmp_path: Path) -> None:
    """Or the test before would prove nothing about padding."""
    model = trained("mixnet_s")
    imported = import_weights(saved(model, tmp_path / "mixnet_s.safetensors"), "mixnet-s")
    network = imported.network.at(resolution=resolution)
    image = image_of(network)
    expected = logits_of(model, image)
    difference = np.abs(oracles(imported, network, image) - expected).max()

    assert difference > 0.01 * np.abs(expected).max()
    (warning,) = imported.warnings
    assert warning.startswith("the file's name (mixnet_s) says symmetric padding")
    assert "% of the largest logit on the sample image" in warning


WRAPPINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"epoch": 7, "state_dict": state, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state, "best": 0.5},
    "parallel": lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}},
    "compiled": lambda state: {f"_orig_mod.module.{k}": v for k, v in state.items()},
    "averages": lambda state: {
        "state_dict": {k: torch.zeros_like(v) for k, v in state.items()},
        "state_dict_ema": {f"module.{k}": v for k, v in state.items()},
    },
    "model_ema": lambda state: {
        "model": {k: torch.zeros_like(v) for k, v in state.items()},
        "model_ema": {"state_dict": state},
    },
    "averaged model": lambda state: {
        "n_averaged": torch.tensor(3),
        **{f"module.{k}": v for k, v in state.items()},
    },
}


@pytest.mark.parametrize(
    ("wrapping", "ending"),
    [
        *((wrapping, ".pth") for wrapping in WRAPPINGS),
        *(("state_dict", ending) for ending in (".pt", ".bin", ".pth.tar")),
    ],
)
def test_a_checkpoint_is_read_as_training_scripts_wrap_it(
    wrapping: str, ending: str, tmp_path: Path
) -> None:
    model = trained("tf_mixnet_s", 64, num_classes=4)
    path = tmp_path / f"tf_mixnet_s{ending}"
    torch.save(WRAPPINGS[wrapping](model.state_dict()), path)
    imported = import_weights(path, "mixnet-s")
    plain = import_weights(saved(model, tmp_path / "tf_mixnet_s.safetensors"), "mixnet-s")

    assert imported.weights.keys() == plain.weights.keys()
    for name, array in plain.weights.items():
        np.testing.assert_array_equal(imported.weights[name], array)


def test_a_checkpoint_of_timms_own_training_script_is_read(tmp_path: Path) -> None:
    from argparse import Namespace

    model = trained("tf_mixnet_s", 64, num_classes=4)
    path = tmp_path / "model_best.pth.tar"
    torch.save(
        {"arch": "tf_mixnet_s", "args": Namespace(lr=1), "state_dict": model.state_dict()}, path
    )

    assert import_weights(path, "mixnet-s").classes == 4


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_read(kind: Any, tmp_path: Path) -> None:
    model = trained("tf_mixnet_s", 64, num_classes=4).to(kind)
    path = tmp_path / "tf_mixnet_s.pth"
    torch.save(model.state_dict(), path)
    expected = model.classifier.weight.detach().to(torch.float32).numpy().T

    found = import_weights(path, "mixnet-s").weights["head.classifier.kernel"]
    np.testing.assert_array_equal(found, expected)


class Executes:
    """What a hostile pickle looks like: opening it calls a function."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.target, "executed"))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_executes_code_is_refused_and_does_not(zipped: bool, tmp_path: Path) -> None:
    target, path = tmp_path / "executed", tmp_path / "tf_mixnet_s.pth"
    content = {"state_dict": {}, "extra": Executes(target)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(MixnetError, match="could execute code, so it was not opened") as caught:
        import_weights(path, "mixnet-s")
    assert caught.value.exit_status == 1
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists(), "it would have"


def test_a_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(timm.create_model("tf_mixnet_s"), path)

    with pytest.raises(MixnetError, match="contains more than weights"):
        import_weights(path, "mixnet-s")


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.99])
def test_a_truncated_checkpoint_is_no_whole_one(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "tf_mixnet_s.pth"
    torch.save(timm.create_model("tf_mixnet_s", num_classes=3).state_dict(), path)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])

    with pytest.raises(MixnetError, match="is not a complete PyTorch checkpoint"):
        import_weights(path, "mixnet-s")


@pytest.mark.parametrize(
    "content", [{}, [1, 2], {"state_dict": {"epoch": 3}}, torch.zeros(3)], ids=str
)
def test_a_checkpoint_without_a_model_is_named(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "nothing.pth"
    torch.save(content, path)

    with pytest.raises(MixnetError, match="holds no tensors of a model"):
        import_weights(path, "mixnet-s")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenetv3_small_050", "resnet18"])
def test_another_model_of_timms_is_refused(name: str, tmp_path: Path) -> None:
    path = saved(timm.create_model(name, num_classes=7), tmp_path / f"{name}.safetensors")

    with pytest.raises(
        MixnetError, match=r"does not fit mixnet-s|not of a known network"
    ) as caught:
        import_weights(path, "mixnet-s")
    assert caught.value.exit_status == 1


def test_a_model_without_a_classifier_is_refused(tmp_path: Path) -> None:
    path = saved(
        timm.create_model("tf_mixnet_s", num_classes=0), tmp_path / "tf_mixnet_s.safetensors"
    )

    with pytest.raises(MixnetError, match=r"2 missing \(classifier\.weight, classifier\.bias\)"):
        import_weights(path, "mixnet-s")
