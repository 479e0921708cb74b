"""timm's models, saved as timm's users save them, exported by our command: timm's own logits.

Which network it is, nobody says but the weights: by the name of the file alone, by the
``config.json`` of a folder as on Hugging Face's hub, or by what a checkpoint says of itself. The
arrays show neither padding nor epsilon; with the wrong ones logits are off by a fifth or more.
"""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from timm_weights import largest_difference, logits_of, trained

from mixnet_export.cli import main
from mixnet_networks.architecture import Preprocessing
from mixnet_networks.images.picture import picture_input
from mixnet_runtimes import open_session

BOUND = 1e-4
"""Of the largest logit."""

NAMES = [
    "mobilenetv1_100",
    "mobilenetv2_100",
    "mobilenetv2_140",
    "semnasnet_100",
    "fbnetc_100",
    "mixnet_s",
    "tf_mixnet_s",
    "mixnet_m",
    "mixnet_l",
    "mixnet_xl",
]
RESOLUTION = 160

Save = Callable[[Any, str, Path], Path]


def by_file_name(model: Any, name: str, folder: Path) -> Path:
    path = folder / f"{name}.safetensors"
    save_file(model.state_dict(), path)
    return path


def by_config(model: Any, name: str, folder: Path) -> Path:
    """As ``push_to_hf_hub`` writes it."""
    from timm.models import save_for_hf

    place = folder / "birds"
    labels = [f"bird {index}" for index in range(model.num_classes)]
    save_for_hf(model, place, model_config={"label_names": labels}, safe_serialization="both")
    config = json.loads((place / "config.json").read_text())
    assert config["architecture"] == name
    assert {"model.safetensors", "pytorch_model.bin"} <= {each.name for each in place.iterdir()}
    return place


def by_arch(model: Any, name: str, folder: Path) -> Path:
    """As timm's training script writes it, but for the optimizer's state."""
    path = folder / "model_best.pth.tar"
    arguments = Namespace(model=name, num_classes=model.num_classes, lr=0.1, mean=None)
    content = {"arch": name, "args": arguments, "state_dict": model.state_dict(), "epoch": 3}
    torch.save(content, path)
    return path


SAVES: dict[str, Save] = {"file name": by_file_name, "config.json": by_config, "arch": by_arch}


def exported(form: str, weights: Path, folder: Path, *more: str) -> tuple[Any, dict[str, Any], str]:
    """The runtime's answer to the picture, the provenance, and what was said."""
    out = folder / "out"
    options = [form, *more, "--weights", str(weights), "-o", str(out), "--json"]
    result = CliRunner().invoke(main, [*options, "--resolution", str(RESOLUTION)])
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    image = image_for(target["preprocessing"])
    given = image if form == "tflite" else np.ascontiguousarray(image.transpose(0, 3, 1, 2))
    (found,) = open_session(Path(target["path"])).run([given]).values()
    return found, target, result.stderr


def image_for(preprocessing: dict[str, Any]) -> Any:
    keys = {key: tuple(preprocessing[key]) for key in ("mean", "std")}
    return picture_input(RESOLUTION, Preprocessing(**keys))


@pytest.fixture(scope="module")
def models() -> Callable[[str], Any]:
    """Each model once, in ten classes."""
    made: dict[str, Any] = {}

    def model(name: str) -> Any:
        if name not in made:
            made[name] = trained(name, num_classes=10)
        return made[name]

    return model


@pytest.mark.parametrize("form", ["tflite", "onnx"])
@pytest.mark.parametrize("how", SAVES)
@pytest.mark.parametrize("name", NAMES)
def test_an_exported_file_has_timms_logits_by_what_the_weights_say_alone(
    name: str, how: str, form: str, models: Callable[[str], Any], tmp_path: Path
) -> None:
    model = models(name)
    weights = SAVES[how](model, name, tmp_path)
    found, target, said = exported(form, weights, tmp_path)
    expected = logits_of(model, image_for(target["preprocessing"]))

    difference = largest_difference(found, expected)
    assert difference < BOUND
    warnings = [line for line in said.splitlines() if line.startswith("warning:")]
    if how == "config.json":
        assert target["labels"] == [f"bird {index}" for index in range(10)]
        known = ("says 224 pixels", "says rmsp_in1k")  # the option's size, FBNet-C's epsilon
        warnings = [line for line in warnings if not any(words in line for words in known)]
    assert warnings == []


@pytest.mark.parametrize(
    "name", ["mobilenetv1_100", "mobilenetv2_100", "semnasnet_100", "fbnetc_100"]
)
def test_a_network_that_timm_pads_in_one_way_alone_may_be_named_as_ours(
    name: str, models: Callable[[str], Any], tmp_path: Path
) -> None:
    ours = {
        "mobilenetv1_100": "mobilenet-v1",
        "mobilenetv2_100": "mobilenet-v2",
        "semnasnet_100": "mnasnet-a1",
        "fbnetc_100": "fbnet-c",
    }
    model = models(name)
    path = tmp_path / "birds.safetensors"
    save_file(model.state_dict(), path)
    found, target, said = exported("onnx", path, tmp_path, ours[name])

    assert largest_difference(found, logits_of(model, image_for(target["preprocessing"]))) < BOUND
    assert f"named as timm names its {name}" in said


@pytest.mark.parametrize("form", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("tf_mixnet_s", {"num_classes": 37}), ("mixnet_m", {"num_classes": 5, "in_chans": 1})],
    ids=str,
)
def test_the_size_of_the_model_is_the_files(
    name: str, options: dict[str, Any], form: str, tmp_path: Path
) -> None:
    model = trained(name, **options)
    found, target, _ = exported(form, by_file_name(model, name, tmp_path), tmp_path)
    image = image_for(target["preprocessing"])

    assert image.shape[3] == options.get("in_chans", 3)
    assert largest_difference(found, logits_of(model, image)) < BOUND


def test_the_published_fbnet_has_another_epsilon(tmp_path: Path) -> None:
    """timm sets it where it loads those weights, and a fine-tuned model keeps it."""
    model = trained("fbnetc_100", num_classes=5, bn_eps=1e-3)
    path = tmp_path / "checkpoint.pth"
    arguments = Namespace(model="fbnetc_100", pretrained=True, num_classes=5)
    torch.save({"arch": "fbnetc_100", "args": arguments, "state_dict": model.state_dict()}, path)
    found, target, _ = exported("onnx", path, tmp_path)

    assert target["network"] == "fbnet-c-timm-pretrained"
    assert largest_difference(found, logits_of(model, image_for(target["preprocessing"]))) < BOUND


def test_a_changed_padding_is_used(tmp_path: Path) -> None:
    arguments = {"pad_type": "same", "bn_eps": 1e-2}
    model = trained("mixnet_s", num_classes=5, **arguments)
    path = tmp_path / "checkpoint.pth"
    torch.save(
        {
            "arch": "mixnet_s",
            "args": Namespace(model="mixnet_s", model_kwargs=arguments),
            "state_dict": model.state_dict(),
        },
        path,
    )
    found, target, said = exported("onnx", path, tmp_path)

    assert largest_difference(found, logits_of(model, image_for(target["preprocessing"]))) < BOUND
    assert "same padding with an epsilon of 0.01, as model_kwargs of 'args'" in said


@pytest.mark.parametrize("ending", [".ckpt", ".pth"])
def test_a_checkpoint_of_lightnings_is_exported(
    ending: str, models: Callable[[str], Any], tmp_path: Path
) -> None:
    model = models("mixnet_s")
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.{key}": value for key, value in model.state_dict().items()},
        "optimizer_states": [{"state": {}, "param_groups": []}],
        "hyper_parameters": {"model_name": "mixnet_s", "lr": 0.1},
    }
    path = tmp_path / f"epoch=3-step=100{ending}"
    torch.save(content, path)
    found, target, _ = exported("onnx", path, tmp_path)

    assert target["network"] == "mixnet-s-symmetric"
    assert largest_difference(found, logits_of(model, image_for(target["preprocessing"]))) < BOUND


def test_bfloat16_is_exported(models: Callable[[str], Any], tmp_path: Path) -> None:
    """By a model whose weights are such numbers, so that nothing is lost."""
    import copy

    model = copy.deepcopy(models("mobilenetv2_100")).to(torch.bfloat16)
    path = tmp_path / "mobilenetv2_100.safetensors"
    save_file(model.state_dict(), path)
    found, target, _ = exported("tflite", path, tmp_path)

    expected = logits_of(model.to(torch.float32), image_for(target["preprocessing"]))
    assert largest_difference(found, expected) < BOUND


def test_a_negative_variance_is_blamed_on_its_array(tmp_path: Path) -> None:
    model = trained("mobilenetv2_035", num_classes=5)
    state = model.state_dict()
    state["bn1.running_var"][2] = -0.5
    path = tmp_path / "mobilenetv2_035.pth"
    torch.save(state, path)
    result = CliRunner().invoke(main, ["onnx", "--weights", str(path), "-o", str(tmp_path)])

    assert result.exit_code == 1
    assert "1 with a negative variance (bn1.running_var)" in result.stderr
