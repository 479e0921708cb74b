"""What lies beside and inside weights: network, padding, preprocessing, resolution and labels."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign import Arrays, timm_arrays

from mixnet_common import MixnetError, UsageError
from mixnet_networks import Network, load_network
from mixnet_networks.images.preprocessing import load_preprocessing
from mixnet_networks.importing import Imported, import_weights, option_warnings, weight_files
from mixnet_networks.importing.beside import describe_name
from mixnet_networks.importing.description import Stated
from mixnet_networks.importing.told import describe_checkpoint, describe_config
from mixnet_networks.weights import save_weights, seeded_weights

UNSURE = "nothing in the weights or beside them says whether they are"


def drawn(network: Network) -> Arrays:
    random = np.random.default_rng(0)
    return {
        name: random.uniform(0.5, 1.5, shape).astype(np.float32)
        for name, _, _, shape in network.graph.parameters()
    }


def saved(arrays: Arrays, path: Path) -> Path:
    from safetensors.numpy import save_file

    path.parent.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return path


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    """Of MixNet-S with seven classes, as timm names them."""
    network = load_network("mixnet-s", classes=7)
    return timm_arrays(network, drawn(network))


@pytest.fixture(scope="module")
def mobilenet() -> Arrays:
    network = load_network("mobilenet-v2", classes=7)
    return timm_arrays(network, drawn(network))


@pytest.fixture
def folder(arrays: Arrays, tmp_path: Path) -> Path:
    """As from the hub, without its config.json."""
    return saved(arrays, tmp_path / "model" / "model.safetensors").parent


def configured(folder: Path, **config: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def conventions(imported: Imported) -> tuple[str, str, float]:
    architecture = imported.network.architecture
    return architecture.name, architecture.padding, architecture.epsilon


# By the name of the file


@pytest.mark.parametrize(
    ("file", "network"),
    [
        ("tf_mixnet_s-89d3354b", "mixnet-s"),
        ("mixnet_s-a907afbc", "mixnet-s-symmetric"),
        ("birds_mixnet_s", "mixnet-s-symmetric"),
        ("mixnet_s.ft_in1k", "mixnet-s-symmetric"),
        ("TF_MixNet_S.best", "mixnet-s"),
    ],
)
def test_a_files_name_tells_the_network(
    file: str, network: str, arrays: Arrays, tmp_path: Path
) -> None:
    imported = import_weights(saved(arrays, tmp_path / f"{file}.safetensors"))

    assert imported.network.name == network
    assert imported.notes == (f"taken for {network}: the file's name says {file_name(file)}",)
    assert imported.warnings == ()


def file_name(file: str) -> str:
    return "tf_mixnet_s" if file.lower().startswith("tf_") else "mixnet_s"


@pytest.mark.parametrize(
    ("name", "text", "alias"),
    [
        ("mobilenetv2_100_ra-b33bc2c4.pth", "mobilenetv2_100", "mobilenet-v2-symmetric"),
        ("fbnetc_100-c345b898.pth", "fbnetc_100", "fbnet-c-timm-pretrained"),
        ("fbnetc_100.rmsp_in1k.safetensors", "fbnetc_100", "fbnet-c-timm-pretrained"),
        ("fbnetc_100.safetensors", "fbnetc_100", "fbnet-c-timm"),
        ("fbnetc_100.pth.tar", "fbnetc_100", "fbnet-c-timm"),
        ("mnasnet_a1-d9418771.pth", "mnasnet_a1", "mnasnet-a1-symmetric"),
        ("x-mixnet_xl_ra-aac3c00c.pth", "mixnet_xl", "mixnet-xl"),
    ],
)
def test_names_as_timm_publishes_weights_are_read(name: str, text: str, alias: str) -> None:
    found = describe_name(name, "here", timms=True)

    assert found.alias is not None
    assert found.network is not None
    assert (found.network.value.text, found.alias.network) == (text, alias)


@pytest.mark.parametrize(
    "name",
    ["mobilenetv1_100h.pth", "mixnet_s2.pth", "mixnet_xxl.pth", "remixnet_s.pth", "a.pth", "", "."],
)
def test_names_of_other_models_tell_nothing(name: str) -> None:
    assert describe_name(name, "here", timms=True).network is None


def test_our_names_tell_nothing_of_arrays_named_as_by_timm(arrays: Arrays, tmp_path: Path) -> None:
    """Somebody may call any of timm's files so."""
    path = saved(arrays, tmp_path / "mixnet-s.safetensors")

    assert UNSURE in import_weights(path, "mixnet-s").notes[0]
    with pytest.raises(UsageError, match=r"the weights fit mixnet-s .* and mixnet-s-symmetric"):
        import_weights(path)


def test_our_names_tell_the_network_of_our_arrays(tmp_path: Path) -> None:
    weights = drawn(load_network("mixnet-s-symmetric", classes=7))
    path = saved(weights, tmp_path / "mixnet-s-symmetric-birds.safetensors")

    assert import_weights(path).network.name == "mixnet-s-symmetric"


def test_weights_that_ship_tell_their_network() -> None:
    imported = import_weights(Path("mixnet-s-glyphs"))

    assert (imported.network.name, imported.warnings) == ("mixnet-s", ())


# By config.json


def test_all_of_a_config_is_used(folder: Path) -> None:
    labels = [f"bird {index}" for index in range(7)]
    cfg = {
        "tag": "ft_in1k",
        "input_size": [3, 240, 240],
        "interpolation": "bilinear",
        "crop_pct": 0.95,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.5, 0.75],
        "num_classes": 1000,
        "pool_size": [7, 7],
        "first_conv": "conv_stem",
    }
    configured(
        folder, architecture="mixnet_s", num_classes=7, label_names=labels, pretrained_cfg=cfg
    )
    imported = import_weights(folder)
    preprocessing = imported.network.preprocessing

    assert conventions(imported) == ("mixnet-s-symmetric", "symmetric", 1e-5)
    assert (imported.classes, imported.network.resolution) == (7, 240)
    assert imported.labels == tuple(labels)
    assert (preprocessing.mean, preprocessing.std) == ((127.5,) * 3, (63.75, 127.5, 191.25))
    assert (preprocessing.crop, preprocessing.interpolation) == (0.95, "bilinear")
    assert (preprocessing.order, preprocessing.sampler) == ("resize-crop", "pillow")
    assert imported.warnings == ()
    assert imported.notes == (
        "taken for mixnet-s-symmetric: config.json says mixnet_s",
        "preprocessing from config.json",
        "240 pixels, as config.json says",
        "names of the 7 classes from config.json",
    )


def test_timms_own_configuration_of_a_mixnet_changes_nothing(folder: Path) -> None:
    cfg = {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "input_size": [3, 224, 224],
    }
    imported = import_weights(configured(folder, architecture="tf_mixnet_s", pretrained_cfg=cfg))

    assert imported.network.preprocessing == load_network("mixnet-s").preprocessing
    assert imported.notes == ("taken for mixnet-s: config.json says tf_mixnet_s",)


def test_a_config_of_the_old_form_is_read(folder: Path) -> None:
    labels = [str(index) for index in range(7)]
    configured(
        folder, architecture="tf_mixnet_s", num_classes=7, labels=labels, input_size=[3, 192, 192]
    )
    imported = import_weights(folder)

    assert (imported.network.name, imported.network.resolution) == ("mixnet-s", 192)
    assert imported.labels == tuple(labels)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"pad_type": "same", "bn_eps": 0.001}, ("mixnet-s", "same", 1e-3)),
        ({"pad_type": "same"}, ("mixnet-s-symmetric", "same", 1e-5)),
        ({"bn_eps": 0.01}, ("mixnet-s-symmetric", "symmetric", 1e-2)),
        ({"drop_rate": 0.2, "global_pool": "avg"}, ("mixnet-s-symmetric", "symmetric", 1e-5)),
    ],
    ids=str,
)
def test_what_a_model_was_made_with_is_used(
    arguments: dict[str, Any], expected: tuple[str, str, float], folder: Path
) -> None:
    configured(folder, architecture="mixnet_s", model_args=arguments)
    imported = import_weights(folder)

    assert conventions(imported) == expected
    assert imported.warnings == ()


def test_a_model_that_was_changed_in_an_unknown_way_is_warned_of(folder: Path) -> None:
    configured(folder, architecture="mixnet_s", model_args={"act_layer": "gelu"})

    (warning,) = import_weights(folder).warnings
    assert warning == (
        "model_args in config.json changes the model in a way not known here: act_layer"
    )


@pytest.mark.parametrize(
    "name", ["model.safetensors", "pytorch_model.bin", "birds.safetensors", "x.keras"]
)
def test_the_weights_in_a_folder_are_found(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("")

    assert {each.name for each in weight_files(tmp_path)} == {name, "config.json"}
    with pytest.raises(MixnetError, match=name):
        import_weights(tmp_path)


def test_the_safe_file_of_a_folder_is_taken(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"could be anything")
    configured(folder, architecture="mixnet_s")

    assert import_weights(folder).network.name == "mixnet-s-symmetric"


def test_a_folder_of_several_weights_names_them(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).write_bytes(b"")

    with pytest.raises(UsageError, match=r"several weight files: a\.safetensors, b\.safe"):
        import_weights(tmp_path, "mixnet-s")


def test_a_folders_name_tells_the_network(arrays: Arrays, tmp_path: Path) -> None:
    path = saved(arrays, tmp_path / "tf_mixnet_s.in1k" / "model.safetensors")

    assert import_weights(path.parent).network.name == "mixnet-s"


# By what is in a checkpoint


@pytest.mark.parametrize(
    ("content", "network"),
    [
        ({"arch": "mixnet_s"}, "mixnet-s-symmetric"),
        ({"arch": "efficientnet", "args": Namespace(model="tf_mixnet_s")}, "mixnet-s"),
        ({"args": {"model": "timm/mixnet_m.ft_in1k"}}, "mixnet-m-symmetric"),
        ({"hyper_parameters": {"backbone": "mobilenetv2_100"}}, "mobilenet-v2-symmetric"),
        ({"pretrained_cfg": {"architecture": "mixnet_l"}}, "mixnet-l-symmetric"),
        ({"arch": "fbnetc_100"}, "fbnet-c-timm"),
        (
            {"arch": "fbnetc_100", "args": Namespace(model="fbnetc_100", pretrained=True)},
            "fbnet-c-timm-pretrained",
        ),
    ],
    ids=str,
)
def test_a_checkpoint_tells_its_network(content: dict[str, Any], network: str) -> None:
    found = describe_checkpoint({"state_dict": {}, "epoch": 3, **content})

    assert found.alias is not None
    assert found.alias.network == network
    assert found.warnings == ()


def test_the_arguments_of_training_go_before_the_pretrained_models() -> None:
    arguments = Namespace(
        model="mixnet_s",
        num_classes=37,
        img_size=None,
        input_size=[3, 192, 192],
        mean=None,
        std=[0.5],
        crop_pct=0.9,
        interpolation="",
        bn_eps=None,
        model_kwargs={"pad_type": "same"},
        lr=0.1,
    )
    config = {"num_classes": 1000, "input_size": [3, 224, 224], "mean": [0.4], "std": [0.2]}
    found = describe_checkpoint({"args": arguments, "pretrained_cfg": config})

    where = "'args' in the file"
    assert (found.classes, found.resolution) == (Stated(37, where), Stated(192, where))
    assert (found.std, found.crop) == (Stated((127.5,), where), Stated(0.9, where))
    assert found.mean == Stated((102.0,), "'pretrained_cfg' in the file")
    assert found.padding == Stated("same", f"model_kwargs of {where}")
    assert (found.interpolation, found.epsilon, found.warnings) == (None, None, ())
    assert found.preprocessing(load_network("mixnet-s").preprocessing).std == (127.5,) * 3


STRANGE: list[tuple[dict[str, Any], str]] = [
    ({"mean": [1, 2]}, "mean must be 3 numbers from 0 to 1"),
    ({"mean": "x"}, "mean must be 3 numbers"),
    ({"std": [0, 0, 0]}, "std must be 3 numbers from 0.001 to 1"),
    ({"mean": [True, True, True]}, "mean must be 3 numbers"),
    ({"mean": [10**5000] * 3}, "not a very large number"),
    ({"crop_pct": 5}, "crop_pct must be a number from 0.1 to 1"),
    ({"crop_mode": "squash"}, "crop_mode must be center"),
    ({"interpolation": "lanczos"}, "interpolation must be one of bicubic, bilinear, nearest"),
    ({"input_size": [3, 224, 192]}, "input_size must be the size of a square image"),
    ({"input_size": [3, 10**9, 10**9]}, "input_size must be the size"),
    ({"input_size": []}, "input_size must be the size"),
    ({"num_classes": -3}, "num_classes must be a number of classes"),
    ({"num_classes": 1e400}, "num_classes must be a number of classes"),
    ({"label_names": ["a", 3]}, "label_names must be a list of class names"),
    ({"label_names": ["a\x1b[31m"]}, "without line breaks or control characters"),
    ({"label_names": ["a\nb"]}, "without line breaks"),
    ({"label_names": {"0": "a"}}, "label_names must be a list"),
    ({"model_args": {"bn_eps": "tiny"}}, "bn_eps must be a number"),
    ({"model_args": {"pad_type": "valid"}}, "pad_type must be 'same' or nothing"),
]


@pytest.mark.parametrize(("config", "words"), STRANGE, ids=[words for _, words in STRANGE])
def test_a_value_that_is_none_is_named_and_not_used(config: dict[str, Any], words: str) -> None:
    found = describe_config({"architecture": "mixnet_s", **config}, "config.json")

    assert any(words in text for text in found.warnings), found.warnings
    assert all(text.isprintable() for text in found.warnings)
    assert found.alias is not None
    assert (found.mean, found.std, found.crop, found.labels) == (None,) * 4
    assert (found.resolution, found.classes, found.interpolation) == (None,) * 3


@pytest.mark.parametrize(
    "config", [None, 3, [1], "x", {}, {"architecture": 3}, {"architecture": "x" * 10_000}], ids=str
)
def test_what_is_no_config_says_nothing(config: Any) -> None:
    for found in (describe_config(config, "here"), describe_checkpoint(config)):
        assert found.alias is None
        assert found.warnings == ()


@pytest.mark.parametrize("text", ["", "{", '{"crop_pct": 1e999}', "[" * 100_000, '{"a": NaN}'])
def test_a_damaged_config_is_named_and_does_no_harm(text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    imported = import_weights(folder, "mixnet-s")

    (warning,) = imported.warnings
    assert warning.startswith("config.json beside the weights is not used: ")
    assert UNSURE in imported.notes[0]


@pytest.mark.parametrize("text", ["[1]", "{}", '{"architecture": 3}', '{"model_type": "bert"}'])
def test_a_config_of_something_else_is_left_alone(text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)

    assert import_weights(folder, "mixnet-s").warnings == ()


def test_a_config_that_is_no_file_is_not_waited_for(folder: Path) -> None:
    import os

    os.mkfifo(folder / "config.json")

    (warning,) = import_weights(folder, "mixnet-s").warnings
    assert "not a regular file" in warning


@pytest.mark.parametrize(
    ("folder", "network", "warned"),
    [
        ("birds", "fbnet-c-timm", True),
        ("fbnetc_100.rmsp_in1k", "fbnet-c-timm-pretrained", False),
        ("models--timm--fbnetc_100.rmsp_in1k", "fbnet-c-timm-pretrained", False),
    ],
)
def test_a_tag_of_published_weights_is_doubted_and_one_in_a_name_believed(
    folder: str, network: str, warned: bool, tmp_path: Path
) -> None:
    """timm writes its tag beside weights that never saw the published ones, too."""
    place = tmp_path / folder
    place.mkdir()
    meant = load_network(network, classes=3)
    save_weights(place / "model.safetensors", seeded_weights(meant))
    configured(place, architecture="fbnetc_100", pretrained_cfg={"tag": "rmsp_in1k", "mean": [0.5]})
    imported = import_weights(place)

    assert imported.network.name == network
    assert len(imported.warnings) == warned
    if warned:
        assert "says rmsp_in1k: where the weights began as these" in imported.warnings[0]
        assert imported.warnings[0].endswith("% of the largest logit on the sample image")


# What contradicts


@pytest.mark.parametrize(
    ("config", "network"), [("tf_mixnet_s", "mixnet-s-symmetric"), ("mixnet_s", "mixnet-s")]
)
def test_a_contradicted_network_is_warned_of_with_the_cost_that_was_measured(
    config: str, network: str, tmp_path: Path
) -> None:
    meant = load_network(config, classes=7)
    arrays = timm_arrays(meant, seeded_weights(meant))
    folder = saved(arrays, tmp_path / "m" / "model.safetensors").parent
    imported = import_weights(configured(folder, architecture=config), network)

    assert imported.network.name == network, "an option holds"
    (warning,) = imported.warnings
    assert warning.startswith(f"config.json ({config}) says")
    assert f"and {network} has" in warning
    assert warning.endswith(f"on the sample image; export {meant.name} instead")
    percent = float(warning.split("off by ")[1].split(" %")[0])
    assert 5 < percent < 100


@pytest.mark.parametrize(
    "given", ["mobilenet-v2", "mobilenet-v2-symmetric", "mobilenetv2_100", None]
)
@pytest.mark.parametrize("file", ["mobilenetv2_100", "birds"])
def test_timms_names_of_arrays_call_for_timms_padding_where_timm_has_one_alone(
    file: str, given: str | None, mobilenet: Arrays, tmp_path: Path
) -> None:
    path = saved(mobilenet, tmp_path / f"{file}.safetensors")
    imported = import_weights(path, given)

    assert conventions(imported) == ("mobilenet-v2-symmetric", "symmetric", 1e-5)
    assert imported.warnings == ()
    if given == "mobilenet-v2":
        (note,) = imported.notes
        assert note == (
            "named as timm names its mobilenetv2_100, so taken for mobilenet-v2-symmetric"
            " (symmetric padding, epsilon 1e-05), not for mobilenet-v2"
        )


def test_a_width_is_told_by_the_arrays_alone(tmp_path: Path) -> None:
    network = load_network("mobilenetv2_050", classes=7)
    path = saved(timm_arrays(network, drawn(network)), tmp_path / "birds.safetensors")

    assert import_weights(path).network.name == "mobilenet-v2-symmetric-x0.5"
    assert import_weights(path, "mobilenetv2_050").network.multiplier == 0.5


def test_a_network_that_does_not_fit_is_answered_with_the_one_that_is_told(
    mobilenet: Arrays, tmp_path: Path
) -> None:
    path = saved(mobilenet, tmp_path / "mobilenetv2_100.safetensors")

    with pytest.raises(MixnetError) as caught:
        import_weights(path, "mixnet-s")
    assert caught.value.hint == (
        "the file's name says mobilenetv2_100: export mobilenet-v2-symmetric"
    )


def test_what_no_name_tells_is_said(arrays: Arrays, tmp_path: Path) -> None:
    imported = import_weights(saved(arrays, tmp_path / "birds.safetensors"), "mixnet-s")

    (note,) = imported.notes
    assert note.startswith(f"{UNSURE} timm's tf_mixnet_s or timm's mixnet_s: taken for mixnet-s")


def test_timms_name_of_the_network_leaves_nothing_open(arrays: Arrays, tmp_path: Path) -> None:
    imported = import_weights(saved(arrays, tmp_path / "birds.safetensors"), "mixnet_s")

    assert conventions(imported) == ("mixnet-s-symmetric", "symmetric", 1e-5)
    assert imported.notes == ()


def test_arrays_of_several_networks_and_no_name_ask_for_one(arrays: Arrays, folder: Path) -> None:
    configured(folder, architecture="resnet18")

    with pytest.raises(UsageError) as caught:
        import_weights(folder)
    assert caught.value.message == (
        "no NETWORK was given, and the weights fit mixnet-s (timm's tf_mixnet_s) and"
        " mixnet-s-symmetric (timm's mixnet_s); config.json says resnet18, which is not a known"
        " network"
    )
    assert caught.value.hint == "give one of them, like mixnet-s"


def test_the_file_goes_before_its_name(arrays: Arrays, tmp_path: Path) -> None:
    path = saved(arrays, tmp_path / "m" / "tf_mixnet_s.safetensors")
    imported = import_weights(configured(path.parent, architecture="mixnet_s") / path.name)

    assert imported.network.name == "mixnet-s-symmetric"
    assert imported.warnings == (
        "config.json says mixnet_s and the file's name tf_mixnet_s: mixnet_s is taken",
    )


def test_classes_and_labels_that_the_arrays_contradict_are_not_used(folder: Path) -> None:
    configured(folder, architecture="mixnet_s", num_classes=9, label_names=list("abcdefghi"))
    imported = import_weights(folder)

    assert (imported.classes, imported.labels) == (7, ())
    assert imported.warnings == (
        "config.json says 9 classes, and the arrays have 7: the file has 7",
        "config.json names 9 classes, and the arrays have 7: the names are not used",
    )


def test_options_that_contradict_the_weights_are_warned_of(folder: Path) -> None:
    configured(
        folder,
        architecture="mixnet_s",
        label_names=list("abcdefg"),
        pretrained_cfg={"input_size": [3, 224, 224], "crop_pct": 0.95},
    )
    imported = import_weights(folder)
    chosen = imported.network.at(resolution=160).shown(load_preprocessing("timm"))
    resolution, preprocessing, labels = option_warnings(imported, chosen, tuple("abcdegf"))

    assert resolution.startswith("config.json says 224 pixels, and the file takes 160: ")
    assert "says another preprocessing than --preprocessing (crop)" in preprocessing
    assert labels.startswith("config.json names 2 of the 7 classes otherwise than --labels")
    assert option_warnings(imported, imported.network, imported.labels) == ()


def test_another_mean_is_warned_of_with_the_cost_that_was_measured(tmp_path: Path) -> None:
    network = load_network("mixnet-s", classes=7)
    folder = tmp_path / "m"
    folder.mkdir()
    save_weights(folder / "model.safetensors", seeded_weights(network))
    cfg = {"mean": [0.5] * 3, "std": [0.5] * 3}
    imported = import_weights(configured(folder, pretrained_cfg=cfg), "mixnet-s")
    chosen = imported.network.shown(load_preprocessing("timm"))

    (warning,) = option_warnings(imported, chosen, ())
    assert "(mean, std): its logits are wrong by" in warning
    assert warning.endswith("% of the largest logit on the sample image")
