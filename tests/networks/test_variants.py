import contextlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_networks import Graph, Node, load_network
from mixnet_networks.architecture import load_architecture
from mixnet_networks.architecture.blockstring import encode_blocks
from mixnet_networks.architecture.variants import (
    MDCONVS,
    depthwise_layers,
    load_variant,
    parse_change,
)
from mixnet_networks.graph.operators import macs, parameter_count

BASES = ("mobilenet-v1", "mobilenet-v2")
SIZES = (3, 5, 7, 9, 11, 13)
LAYERS = {"mobilenet-v1": 13, "mobilenet-v2": 17}


def total(name: str) -> tuple[int, int]:
    graph = load_network(name).graph
    return parameter_count(graph.nodes), sum(macs(node, graph) for node in graph.nodes)


def depthwise(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if "depthwise" in node.op]


def taps(channels: Iterable[int], kernels: Iterable[int]) -> int:
    return sum(share * kernel**2 for share, kernel in zip(channels, kernels, strict=True))


@pytest.mark.parametrize("base", BASES)
def test_the_plain_kernel_gives_the_network_itself(base: str) -> None:
    plain = load_network(base).graph

    assert load_network(f"{base}:dw3").graph.nodes == plain.nodes
    assert load_network(f"{base}:mdconv3").graph.nodes == plain.nodes


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("size", SIZES)
def test_a_larger_kernel_adds_its_taps_to_every_channel(base: str, size: int) -> None:
    channels = sum(node.parameters["kernel"][2] for node in depthwise(load_network(base).graph))

    assert total(f"{base}:dw{size}")[0] - total(base)[0] == channels * (size**2 - 9)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", MDCONVS)
def test_an_mdconv_has_each_of_its_kernels_on_a_share_of_the_channels(base: str, name: str) -> None:
    graph = load_network(f"{base}:{name}").graph
    for node in depthwise(graph):
        kernels = MDCONVS[name]
        shapes = list(node.parameters.values())
        assert [shape[0] for shape in shapes] == list(kernels)
        assert len({shape[2] for shape in shapes[1:]}) <= 1
        assert sum(shape[2] for shape in shapes) == graph.shape(node.inputs[0])[3]


def test_the_papers_spellings_are_one_to_six_groups() -> None:
    assert list(MDCONVS) == [
        "mdconv3",
        "mdconv35",
        "mdconv357",
        "mdconv3579",
        "mdconv357911",
        "mdconv35791113",
    ]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", [name for name in MDCONVS if name != "mdconv3"])
def test_exponential_division_costs_less_and_dilation_costs_like_3x3(base: str, name: str) -> None:
    equal, exponential, dilated = (
        total(f"{base}:{name}{flag}") for flag in ("", "+exp", "+dilated")
    )
    plain = total(base)

    assert plain < dilated < equal
    if name != "mdconv35":  # two groups are halves either way
        assert exponential < equal
    strided = [
        node
        for node in depthwise(load_network(f"{base}:{name}+dilated").graph)
        if node.attributes["strides"] == (2, 2)
    ]
    assert strided
    assert all(set(node.attributes["dilations"]) == {(1, 1)} for node in strided)


def test_both_flags_combine_in_either_order() -> None:
    one, other = "mobilenet-v2:mdconv357+exp+dilated", "mobilenet-v2:mdconv357+dilated+exp"
    graph = load_network(one).graph
    node = next(each for each in depthwise(graph) if each.attributes["strides"] == (1, 1))

    assert graph.nodes == load_network(other).graph.nodes
    assert node.attributes["channels"] == (16, 8, 8)
    assert node.attributes["dilations"] == ((1, 1), (2, 2), (3, 3))


@pytest.mark.parametrize("base", BASES)
def test_every_layer_can_be_replaced_alone(base: str) -> None:
    plain = depthwise(load_network(base).graph)
    assert len(plain) == LAYERS[base]
    for number in range(1, len(plain) + 1):
        changed = depthwise(load_network(f"{base}:layer{number}=dw9").graph)
        kernels = [node.attributes["kernel"] for node in changed]
        assert kernels == [(9, 9) if at == number else (3, 3) for at in range(1, len(plain) + 1)]
        assert [node.attributes["strides"] for node in changed] == [
            node.attributes["strides"] for node in plain
        ]


@pytest.mark.parametrize("base", BASES)
def test_replacing_a_layer_by_itself_changes_names_alone(base: str) -> None:
    for number in range(1, LAYERS[base] + 1):
        assert total(f"{base}:layer{number}=dw3") == total(base)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 17), min_size=1, max_size=4))
def test_layers_replaced_one_by_one_add_up(numbers: list[int]) -> None:
    changes = ",".join(f"layer{number}=dw5" for number in numbers)
    graph = load_network(f"mobilenet-v2:{changes}").graph
    large = [
        at for at, node in enumerate(depthwise(graph), 1) if node.attributes["kernel"] == (5, 5)
    ]

    assert large == sorted(set(numbers))


def test_mdconv3579_costs_half_of_a_9x9_kernel() -> None:
    """Section 3.4: "only half parameters and FLOPS than the vanilla DepthwiseConv9x9"."""
    assert taps([1] * 4, MDCONVS["mdconv3579"]) / (4 * 81) == pytest.approx(0.506, abs=1e-3)


def test_other_sizes_are_written_with_dots() -> None:
    assert parse_change("mdconv3.9").convolution.kernels == (3, 9)
    assert parse_change("mdconv3.5.7") == parse_change("mdconv357")


def test_a_variant_of_a_mixnet_or_of_a_wider_network_is_a_network_too() -> None:
    large = {5: 13.3e6, 7: 7.7e6, 9: 5.8e6, 11: 0.9e6}  # MixNet-S's multiply-adds by kernel size
    saved = sum(work * (1 - 9 / kernel**2) for kernel, work in large.items())

    assert total("mixnet-s")[1] - total("mixnet-s:dw3")[1] == pytest.approx(saved, abs=2e5)
    assert load_variant("mobilenet-v2-1.4:dw5").channel_multiplier == 1.4


def test_a_toml_file_of_ones_own_has_variants(tmp_path: object) -> None:
    path = f"{tmp_path}/mine.toml"
    with open(path, "w", encoding="utf-8") as file:
        file.write('source = "mine"\nstem = { channels = 8 }\n[[stages]]\nout = 8\nkernels = [3]\n')

    assert load_network(f"{path}:dw7").architecture.stages[0].kernels == (7,)
    assert load_network(f"{path}:dw7").name == "mine:dw7"


def test_a_variant_is_rows_that_the_block_strings_can_say() -> None:
    stages = load_variant("mixnet-m:layer5=dw7+dilated").stages

    assert any("k7" in text and "dilated" in text for text in encode_blocks(stages, 24))
    assert depthwise_layers(load_architecture("mixnet-m"))[4] == (4, 0)


def test_the_name_can_be_loaded_again_and_suits_a_file() -> None:
    network = load_network("mobilenet-v2:mdconv35+exp,layer7=dw9", multiplier=0.5)

    assert network.name == "mobilenet-v2:mdconv35+exp,layer7=dw9-x0.5"
    assert ":" not in network.file_stem
    assert load_network(network.architecture.name).architecture == network.architecture


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("mobilenet-v2:mdcnv357", "unknown variant 'mdcnv357'", "mdconv357"),
        ("mobilenet-v2:mdconv37", "unknown variant 'mdconv37'", "mdconv3"),
        ("mobilenet-v2:dw3+exp", "one group has no channels to divide", "mdconv35+exp"),
        ("mobilenet-v2:dw4", "kernel sizes are odd", ""),
        ("mobilenet-v2:dw1", "kernel sizes are odd", ""),
        ("mobilenet-v2:mdconv35+exp+exp", "unknown variant", ""),
        ("mobilenet-v2:layer0=dw5", "layers are numbered from 1 to 17", ""),
        ("mobilenet-v2:layer18=dw5", "layers are numbered from 1 to 17", ""),
        ("mobilenet-v2:layer7=", "unknown variant ''", ""),
        ("mobilenet-v2:", "unknown variant ''", ""),
        ("mobilenet-v2:dw5,", "unknown variant ''", ""),
        ("mobilnet-v2:dw5", "unknown network 'mobilnet-v2'", "mobilenet-v2"),
    ],
)
def test_a_wrong_variant_is_named_with_what_was_probably_meant(
    name: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_network(name)

    assert message in caught.value.message
    assert hint in caught.value.hint


@settings(deadline=None)
@given(st.text("mdconvwlayer=+,:.3579exp ", max_size=30))
def test_any_text_after_the_colon_is_a_variant_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert load_network(f"mobilenet-v2:{text}").name == f"mobilenet-v2:{text}"
