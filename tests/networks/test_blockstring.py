import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_networks.architecture import Stage, load_architecture
from mixnet_networks.architecture.blockstring import decode_blocks, encode_blocks

# The rows that the authors published for their networks, in their own notation.
PUBLISHED = {
    "mixnet-s": [
        "r1_k3_a1_p1_s11_e1_i16_o16",
        "r1_k3_a1.1_p1.1_s22_e6_i16_o24",
        "r1_k3_a1.1_p1.1_s11_e3_i24_o24",
        "r1_k3.5.7_a1_p1_s22_e6_i24_o40_se0.5_sw",
        "r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw",
        "r1_k3.5.7_a1_p1.1_s22_e6_i40_o80_se0.25_sw",
        "r2_k3.5_a1_p1.1_s11_e6_i80_o80_se0.25_sw",
        "r1_k3.5.7_a1.1_p1.1_s11_e6_i80_o120_se0.5_sw",
        "r2_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw",
        "r1_k3.5.7.9.11_a1_p1_s22_e6_i120_o200_se0.5_sw",
        "r2_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw",
    ],
    "mixnet-m": [
        "r1_k3_a1_p1_s11_e1_i24_o24",
        "r1_k3.5.7_a1.1_p1.1_s22_e6_i24_o32",
        "r1_k3_a1.1_p1.1_s11_e3_i32_o32",
        "r1_k3.5.7.9_a1_p1_s22_e6_i32_o40_se0.5_sw",
        "r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw",
        "r1_k3.5.7_a1_p1_s22_e6_i40_o80_se0.25_sw",
        "r3_k3.5.7.9_a1.1_p1.1_s11_e6_i80_o80_se0.25_sw",
        "r1_k3_a1_p1_s11_e6_i80_o120_se0.5_sw",
        "r3_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw",
        "r1_k3.5.7.9_a1_p1_s22_e6_i120_o200_se0.5_sw",
        "r3_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw",
    ],
}

GOOD = "r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw"


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_strings_decode_to_the_shipped_rows(name: str) -> None:
    assert decode_blocks(PUBLISHED[name]) == load_architecture(name).stages


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_shipped_rows_encode_to_the_published_strings(name: str) -> None:
    architecture = load_architecture(name)

    assert encode_blocks(architecture.stages, architecture.stem.channels) == PUBLISHED[name]


def test_every_letter_is_read() -> None:
    (stage,) = decode_blocks(["r2_k3.7_a1_p1.1.1_s22_e1.5_i8_o24_se0.25_noskip_sw_dilated"])

    assert stage == Stage(
        blocks=2,
        kernels=(3, 7),
        expand_groups=1,
        project_groups=3,
        stride=2,
        expand=1.5,
        out=24,
        se=0.25,
        skip=False,
        activation="swish",
        dilated=True,
    )


def test_parts_may_stand_in_any_order() -> None:
    assert decode_blocks(["_".join(reversed(GOOD.split("_")))]) == decode_blocks([GOOD])


GROUPS = st.integers(1, 5)


@st.composite
def rows(draw: st.DrawFn) -> Stage:
    return Stage(
        out=draw(st.integers(1, 999)),
        kernels=tuple(draw(st.lists(st.sampled_from([3, 5, 7, 9, 11]), min_size=1, max_size=5))),
        blocks=draw(st.integers(1, 9)),
        stride=draw(st.integers(1, 4)),
        expand=draw(st.sampled_from([1.0, 1.5, 6.0]) | st.floats(0.01, 100)),
        expand_groups=draw(GROUPS),
        project_groups=draw(GROUPS),
        se=draw(st.sampled_from([0.0, 0.25, 1.0]) | st.floats(0, 1)),
        activation=draw(st.sampled_from(["relu", "swish"])),
        dilated=draw(st.booleans()),
        skip=draw(st.booleans()),
    )


@given(stages=st.lists(rows(), max_size=5), channels=st.integers(1, 999))
def test_what_is_encoded_decodes_to_the_same_rows(stages: list[Stage], channels: int) -> None:
    assert list(decode_blocks(encode_blocks(stages, channels))) == stages


@pytest.mark.parametrize(
    ("string", "message"),
    [
        ("", "cannot read the part ''"),
        ("nonsense", "cannot read the part 'nonsense'"),
        (GOOD + "_x3", "cannot read the part 'x3'"),
        (GOOD + "_r2", "cannot read the part 'r2'"),
        (GOOD + "_sw", "cannot read the part 'sw'"),
        (GOOD.replace("r3", "r"), "cannot read the part 'r'"),
        (GOOD.replace("sw", "sw1"), "cannot read the part 'sw1'"),
        (GOOD.replace("_e6", "_e6é"), "cannot read the part 'e6é'"),
        (GOOD.replace("_e6", ""), "the parts e are missing"),
        (GOOD.replace("r3_k3.5_", ""), "the parts k, r are missing"),
        (GOOD.replace("k3.5", "k3..5"), "invalid literal"),
        (GOOD.replace("e6", "e6.1.2"), "could not convert"),
        (GOOD.replace("s11", "s1"), "not enough values"),
        (GOOD.replace("s11", "s111"), "too many values"),
        (GOOD.replace("s11", "s12"), "only 1x1 expansions and equal strides"),
        (GOOD.replace("a1.1", "a3.5"), "only 1x1 expansions and equal strides"),
        (GOOD.replace("p1.1", "p1.3"), "only 1x1 expansions and equal strides"),
        (GOOD.replace("o40", "o0"), "'out' must be a whole number"),
        (GOOD.replace("se0.5", "se2"), "'se' must be a number from 0 to 1"),
        (GOOD.replace("k3.5", "k3.999"), "'kernels' must be"),
        (GOOD.replace("k3.5", "k4") + "_dilated", "'dilated' needs odd kernels"),
    ],
)
def test_a_malformed_string_is_named_with_what_is_wrong(string: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode_blocks([string])

    assert caught.value.message.startswith(f"{string}: ")
    assert message in caught.value.message


def test_rows_whose_channels_do_not_chain_are_refused() -> None:
    with pytest.raises(UsageError, match="takes 41 channels, but the block before has 40"):
        decode_blocks([GOOD, GOOD.replace("i40", "i41")])


@given(text=st.text(alphabet="rkapseio0123456789._wdl", max_size=40))
def test_any_text_is_read_or_refused_and_never_a_crash(text: str) -> None:
    with contextlib.suppress(UsageError):
        decode_blocks([text])


@pytest.mark.parametrize(
    ("stage", "what"),
    [
        (Stage(8, (3,), block="separable"), "block = 'separable'"),
        (Stage(8, (3, 5), partition="exponential"), "partition = 'exponential'"),
        (Stage(8, (3,), multiplier=2), "multiplier = 2"),
        (Stage(8, (3,), activation="relu6"), "activation = 'relu6'"),
    ],
)
def test_what_the_notation_has_no_letter_for_is_refused(stage: Stage, what: str) -> None:
    with pytest.raises(UsageError, match=f"block strings cannot express {what}"):
        encode_blocks([stage], 8)
