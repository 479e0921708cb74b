import math

import pytest

from mixnet_networks import Network, load_network, network_names
from mixnet_networks.graph.operators import is_trainable, macs

# The trainable parameters and the multiply-adds of convolutions and dense layers at 224 x 224.
COUNTED = {
    "mixnet-s": (4_134_606, 239_173_360),
    "mixnet-m": (5_014_382, 339_172_672),
    "mixnet-l": (7_329_252, 555_251_792),
    "mixnet-s-symmetric": (4_134_606, 239_173_360),
    "mixnet-m-symmetric": (5_014_382, 339_172_672),
    "mixnet-l-symmetric": (7_329_252, 555_251_792),
    "mixnet-xl": (11_896_768, 904_010_880),
    "mobilenet-v1": (4_231_976, 568_740_352),
    "mobilenet-v2": (3_504_872, 300_774_272),
    "mobilenet-v2-1.4": (6_108_776, 582_195_824),
    "mobilenet-v1-symmetric": (4_231_976, 568_740_352),
    "mobilenet-v2-symmetric": (3_504_872, 300_774_272),
    "mobilenet-v2-1.4-symmetric": (6_108_776, 582_195_824),
    "darts": (4_718_752, 529_911_552),
    "fbnet-a": (4_304_584, 244_452_664),
    "fbnet-c": (5_570_664, 378_136_224),
    "fbnet-c-timm": (5_572_200, 384_960_160),
    "fbnet-c-timm-pretrained": (5_572_200, 384_960_160),
    "mnasnet-a1": (3_887_038, 311_579_072),
    "mnasnet-a1-symmetric": (3_887_038, 311_579_072),
    "nasnet-a-mobile": (5_289_978, 563_638_816),
    "proxylessnas": (4_080_512, 320_427_584),
    "proxylessnas-1.4": (6_857_568, 580_883_408),
    "resnet-152": (60_192_808, 11_282_415_616),
    "shufflenet-v2-1.5": (3_503_624, 295_759_392),
    "shufflenet-v2-2.0": (7_393_996, 583_253_464),
}

# Trainable parameters of the same networks in other people's code. timm expands FBNet-C's blocks
# of ratio 1 as well, by a 1x1 convolution and a batch norm, which the authors' code leaves out.
ELSEWHERE = {
    "torchvision 0.28, resnet152": ("resnet-152", 60_192_808, 0),
    "torchvision 0.28, shufflenet_v2_x1_5": ("shufflenet-v2-1.5", 3_503_624, 0),
    "torchvision 0.28, shufflenet_v2_x2_0": ("shufflenet-v2-2.0", 7_393_996, 0),
    "timm 1.0.31, semnasnet_100": ("mnasnet-a1", 3_887_038, 0),
    "timm 1.0.31, fbnetc_100, by the authors": ("fbnet-c", 5_572_200, 16 * 18 + 2 * 24 * 26),
    "timm 1.0.31, fbnetc_100": ("fbnet-c-timm", 5_572_200, 0),
    "timm 1.0.31, mobilenetv1_100": ("mobilenet-v1-symmetric", 4_231_976, 0),
    "timm 1.0.31, mobilenetv2_100": ("mobilenet-v2-symmetric", 3_504_872, 0),
    "timm 1.0.31, mobilenetv2_140": ("mobilenet-v2-1.4-symmetric", 6_108_776, 0),
    "Keras 3, NASNetMobile": ("nasnet-a-mobile", 5_289_978, 0),
}

# Millions of multiply-adds in depthwise convolutions by kernel size, counted independently.
DEPTHWISE = {
    "mixnet-s": {3: 11.3, 5: 13.3, 7: 7.7, 9: 5.8, 11: 0.9},
    "mixnet-m": {3: 12.2, 5: 16.6, 7: 18.6, 9: 17.3},
    "mixnet-l": {3: 16.2, 5: 22.4, 7: 24.6, 9: 22.6},
}


def count_parameters(network: Network) -> int:
    return sum(
        math.prod(shape) for _, _, role, shape in network.graph.parameters() if is_trainable(role)
    )


def count_macs(network: Network) -> int:
    return sum(macs(node, network.graph) for node in network.graph.nodes)


def test_every_shipped_network_has_a_count_to_be_held_against() -> None:
    assert set(network_names()) == set(COUNTED)


@pytest.mark.parametrize("name", COUNTED)
def test_a_shipped_network_has_the_published_parameters_and_macs(name: str) -> None:
    network = load_network(name)

    assert (count_parameters(network), count_macs(network)) == COUNTED[name]


@pytest.mark.parametrize(("name", "params", "more"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_others_count_the_same_parameters(name: str, params: int, more: int) -> None:
    assert COUNTED[name][0] == params - more


@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise_work_is_spread_over_the_kernel_sizes_as_the_authors_have_it(name: str) -> None:
    graph = load_network(name).graph
    work: dict[int, int] = {}
    for node in graph.nodes:
        if "depthwise" not in node.op:
            continue
        batch, height, width, _ = graph.shape(node.outputs[0])
        for shape in node.parameters.values():
            work[shape[0]] = work.get(shape[0], 0) + batch * height * width * math.prod(shape)

    assert {kernel: round(macs / 1e6, 1) for kernel, macs in work.items()} == DEPTHWISE[name]


def test_mixnet_m_with_ten_classes_has_the_papers_transfer_parameters() -> None:
    network = load_network("mixnet-m", classes=10)

    assert round(count_parameters(network) / 1e6, 2) == 3.49
    assert round(count_macs(network) / 1e6, 1) == 337.7


@pytest.mark.parametrize("name", COUNTED)
def test_a_class_more_costs_one_column_of_the_classifier(name: str) -> None:
    few, more = load_network(name, classes=10), load_network(name, classes=11)
    features = few.graph.shape("head.pool")[-1]

    assert count_parameters(more) - count_parameters(few) == features + 1
    assert count_macs(more) - count_macs(few) == features


@pytest.mark.parametrize("name", COUNTED)
def test_the_resolution_changes_macs_and_no_parameter(name: str) -> None:
    small, large = load_network(name, resolution=112), load_network(name)

    assert count_parameters(small) == count_parameters(large)
    assert 0.2 < count_macs(small) / count_macs(large) < 0.3


@pytest.mark.parametrize("name", COUNTED)
def test_the_multiplier_widens_every_network(name: str) -> None:
    assert count_macs(load_network(name, multiplier=0.5)) < 0.5 * COUNTED[name][1]
    assert count_macs(load_network(name, multiplier=2)) > 2.5 * COUNTED[name][1]


def test_mixnet_l_is_mixnet_m_times_1_3() -> None:
    large, widened = load_network("mixnet-l"), load_network("mixnet-m", multiplier=1.3)

    assert large.graph.nodes == widened.graph.nodes
    assert (large.name, widened.name) == ("mixnet-l", "mixnet-m-x1.3")


def test_mobilenet_v2_1_4_is_mobilenet_v2_times_1_4() -> None:
    large, widened = load_network("mobilenet-v2-1.4"), load_network("mobilenet-v2", multiplier=1.4)

    assert large.graph.nodes == widened.graph.nodes


@pytest.mark.parametrize(
    ("name", "multiplier", "channels"),
    [
        ("mixnet-s", 1.3, 1536),
        ("mixnet-s", 0.5, 1536),
        ("mobilenet-v2", 1.3, 1664),
        ("mobilenet-v2", 0.5, 1280),
    ],
)
def test_the_head_follows_the_multiplier_as_its_family_says(
    name: str, multiplier: float, channels: int
) -> None:
    graph = load_network(name, multiplier=multiplier).graph

    assert graph.shape("head.conv")[-1] == channels


def test_a_batch_of_images_costs_as_many_macs_times_the_batch() -> None:
    batch = load_network("mixnet-s", batch=3)

    assert count_macs(batch) == 3 * COUNTED["mixnet-s"][1]
    assert count_parameters(batch) == COUNTED["mixnet-s"][0]
