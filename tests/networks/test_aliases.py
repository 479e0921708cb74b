"""timm's names are names of our networks: each stands for one of the same weights and padding."""

import pytest

from mixnet_common import UsageError
from mixnet_networks import load_network, network_names
from mixnet_networks.architecture.aliases import aliases, find_network, timm_names

NAMES = {
    "mixnet_s": ("mixnet-s-symmetric", 1.0),
    "mixnet_m": ("mixnet-m-symmetric", 1.0),
    "mixnet_l": ("mixnet-l-symmetric", 1.0),
    "mixnet_xl": ("mixnet-xl", 1.0),
    "tf_mixnet_s": ("mixnet-s", 1.0),
    "tf_mixnet_m": ("mixnet-m", 1.0),
    "tf_mixnet_l": ("mixnet-l", 1.0),
    "mobilenetv1_100": ("mobilenet-v1-symmetric", 1.0),
    "mobilenetv1_125": ("mobilenet-v1-symmetric", 1.25),
    "mobilenetv2_035": ("mobilenet-v2-symmetric", 0.35),
    "mobilenetv2_050": ("mobilenet-v2-symmetric", 0.5),
    "mobilenetv2_075": ("mobilenet-v2-symmetric", 0.75),
    "mobilenetv2_100": ("mobilenet-v2-symmetric", 1.0),
    "mobilenetv2_140": ("mobilenet-v2-1.4-symmetric", 1.0),
    "semnasnet_050": ("mnasnet-a1-symmetric", 0.5),
    "semnasnet_075": ("mnasnet-a1-symmetric", 0.75),
    "semnasnet_100": ("mnasnet-a1-symmetric", 1.0),
    "semnasnet_140": ("mnasnet-a1-symmetric", 1.4),
    "mnasnet_a1": ("mnasnet-a1-symmetric", 1.0),
    "fbnetc_100": ("fbnet-c-timm", 1.0),
    "fbnetc_100.pretrained": ("fbnet-c-timm-pretrained", 1.0),
}


def test_every_name_of_timms_is_listed_here() -> None:
    assert aliases().keys() == NAMES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_timms_is_a_network_of_ours(name: str) -> None:
    network = load_network(name)

    assert (network.architecture.name, network.multiplier) == NAMES[name]


@pytest.mark.parametrize("name", sorted(NAMES.keys() - {"fbnetc_100.pretrained"}))
def test_timms_networks_pad_as_pytorch_does_but_for_those_from_tensorflow(name: str) -> None:
    architecture = load_network(name).architecture
    expected = ("same", 1e-3) if name.startswith("tf_") else ("symmetric", 1e-5)

    assert (architecture.padding, architecture.epsilon) == expected


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("mixnet_s.ft_in1k", "mixnet-s-symmetric"),
        ("timm/tf_mixnet_s.in1k", "mixnet-s"),
        ("fbnetc_100.rmsp_in1k", "fbnet-c-timm-pretrained"),
        ("fbnetc_100.untrained", "fbnet-c-timm"),
        ("mobilenetv2_100:mdconv35", "mobilenet-v2-symmetric:mdconv35"),
        ("mobilenetv2_050", "mobilenet-v2-symmetric-x0.5"),
        ("mixnet-s", "mixnet-s"),
    ],
)
def test_tags_places_and_changes_may_stand_around_a_name(name: str, network: str) -> None:
    assert load_network(name).name == network


def test_a_multiplier_comes_on_top_of_the_names() -> None:
    assert load_network("mobilenetv2_050", multiplier=0.5).multiplier == 0.25


@pytest.mark.parametrize(
    "name",
    ["mobilenetv1_100h", "mixnet_xxl", "mixnet_s2", "MIXNET_S", "x" * 10_000, "", "mixnet_s.a.b"],
)
def test_other_names_are_known_to_nobody(name: str) -> None:
    assert find_network(name) is None
    with pytest.raises(UsageError, match="unknown network"):
        load_network(name)


def test_an_unknown_name_is_answered_with_the_nearest_of_both_kinds() -> None:
    with pytest.raises(UsageError) as caught:
        load_network("mixnet_ss")
    assert caught.value.hint == "did you mean mixnet_s?"

    with pytest.raises(UsageError) as caught:
        load_network("efficientnet")
    assert "mixnet-s-symmetric" in caught.value.hint
    assert "mixnet_s" not in caught.value.hint, "the list is long enough"


def test_a_network_knows_its_names_in_timm() -> None:
    assert timm_names("mnasnet-a1-symmetric") == ("semnasnet_100", "mnasnet_a1")
    assert timm_names("nowhere") == ()
    assert {name for each in network_names() for name in timm_names(each)} < aliases().keys()
