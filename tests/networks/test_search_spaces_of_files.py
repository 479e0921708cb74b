"""Search spaces as files: what they say, what is refused, and that every member is a network."""

from pathlib import Path

import numpy as np
import pytest

from mixnet_common import UsageError
from mixnet_networks import load_network
from mixnet_networks.searchspace import load_space

SMALL = """
backbone = "mobilenet-v2"
resolution = 32
classes = 10
[choices]
groups = [1, 3]
[[stages]]
stage = 2
groups = [2]
expand = [3, 6]
width = [0.5, 1]
se = [0, 0.25]
"""


def write(folder: Path, text: str, name: str = "small.toml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_built_in_space_is_that_of_section_4_1() -> None:
    space = load_space("mixnet")

    assert space.choices == (5,) * 17
    assert space.size == 5**17
    plain = load_network("mobilenet-v2")
    assert space.genotype_of(plain.architecture) == (0,) * 17
    assert space.network((0,) * 17).size == plain.size


def test_a_member_of_the_built_in_space_has_a_name_that_commands_take() -> None:
    space = load_space("mixnet")
    genotype = space.random(np.random.default_rng(3))
    name = space.network(genotype).name

    assert len(set(genotype)) > 1
    assert space.genotype_of(load_network(name).architecture) == genotype
    assert load_network(name).graph.nodes == space.network(genotype).graph.nodes


def test_positions_are_a_stages_width_and_then_its_layers_choices(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, SMALL))

    assert [each.label for each in space.positions[:6]] == [
        "layer 1 groups",
        "layer 2 groups",
        "layer 3 groups",
        "stage 2 width",
        "layer 4 expand",
        "layer 4 se",
    ]
    assert set(space.choices) == {2}


def test_what_is_chosen_is_what_the_member_has(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, SMALL))
    rows = space.rows((0, 1, 0, 0, 1, 1) + (0,) * (len(space.choices) - 6))

    assert [row.kernels for row in rows[:4]] == [(3,), (3, 5, 7), (3,), (3, 5)]
    assert (rows[3].out, rows[3].expand, rows[3].se) == (16, 6, 0.25)
    assert rows[4].kernels == (3, 5)  # an option alone is fixed


def test_a_member_is_read_back_from_its_file(tmp_path: Path) -> None:
    space, rng = load_space(write(tmp_path, SMALL)), np.random.default_rng(1)
    seen = set()
    for _ in range(5):
        genotype = space.random(rng)
        path = write(tmp_path, space.toml(genotype, "found"), "found.toml")
        network, own = load_network(path), space.network(genotype)

        assert space.genotype_of(network.architecture) == genotype
        assert network.graph.nodes == own.graph.nodes
        assert (network.resolution, network.classes) == (32, 10)
        seen.add(genotype)
    assert len(seen) == 5


def test_a_stage_without_expansion_keeps_none_unless_it_is_named(tmp_path: Path) -> None:
    choices = 'backbone = "mobilenet-v2"\n[choices]\nexpand = [3, 6]\n'
    common = load_space(write(tmp_path, choices))
    named = load_space(write(tmp_path, choices + "[[stages]]\nstage = 0\nexpand = [1, 2]\n"))

    assert (len(common.choices), len(named.choices)) == (16, 17)


def test_a_common_width_that_changes_no_channels_counts_once(tmp_path: Path) -> None:
    text = 'backbone = "mobilenet-v2"\n[choices]\nwidth = [1, 0.75]\n'
    space = load_space(write(tmp_path, text))

    assert [each.stage for each in space.positions] == [2, 3, 4, 5, 6]  # not of 16 and 24


def test_the_fingerprint_is_of_the_choices_and_not_of_the_name(tmp_path: Path) -> None:
    one = load_space(write(tmp_path, SMALL, "one.toml"))
    other = load_space(write(tmp_path, SMALL, "other.toml"))
    larger = load_space(write(tmp_path, SMALL.replace("[1, 3]", "[1, 2, 3]")))

    assert one.fingerprint == other.fingerprint != larger.fingerprint


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("mixnet-s", "its stem differs"),
        ("mobilenet-v2:groups=66666666666666666", "layer 1 groups is not one of the options"),
        ("mobilenet-v2:mdconv35+exp", "partition of block 1 differs"),
        ("mobilenet-v2-1.4", "its channel_multiplier differs"),
    ],
)
def test_a_network_outside_of_the_space_is_refused_with_what_differs(
    network: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load_space("mixnet").genotype_of(load_network(network).architecture)


@pytest.mark.parametrize(
    ("genotype", "words"),
    [((0,) * 16, "16 choices for the 17 positions"), ((5,) * 17, "layer 1 groups has no option 5")],
)
def test_indices_outside_of_the_space_are_refused(genotype: tuple[int, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_space("mixnet").network(genotype)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[choices]\ngroups = [1, 2]", "'backbone' is missing"),
        ('backbone = "mobilenet-v9"', "unknown network 'mobilenet-v9'"),
        ('backbone = "nasnet-a-mobile"\n[choices]\nwidth = [1, 2]', "read several maps"),
        ('backbone = "mobilenet-v2:ssdlite"\n[choices]\ngroups = [1, 2]', "cannot be a backbone"),
        ('backbone = "/etc/passwd.toml"', "must be a network's name"),
        ('backbone = "mobilenet-v2"', "nothing to choose"),
        ('backbone = "mobilenet-v2"\n[choices]\ngroups = []', "a list of 1 to 36 elements"),
        ('backbone = "mobilenet-v2"\n[choices]\ngroups = [7]', "from 1 to 6"),
        ('backbone = "mobilenet-v2"\n[choices]\ngroups = [1, 1]', "each element once"),
        ('backbone = "mobilenet-v2"\n[choices]\nkernel = [3]', "unknown key 'kernel'"),
        ('backbone = "mobilenet-v2"\n[[stages]]\nstage = 7\ngroups = [1]', "no stage 7"),
        ('backbone = "mobilenet-v2"\n[[stages]]\ngroups = [1]', "'stage' is missing"),
        ('backbone = "mobilenet-v2"\nstages = 3', "must be a list of tables"),
        (
            'backbone = "mobilenet-v1"\n[[stages]]\nstage = 0\nexpand = [1, 2]',
            "take no 'expand'",
        ),
        (
            'backbone = "mobilenet-v2"\n[[stages]]\nstage = 0\nwidth = [1, 1.01]',
            "both give 16 channels",
        ),
        (
            'backbone = "mobilenet-v2"\nname = "mixnet"\n[choices]\ngroups = [1, 2]',
            "the built-in space",
        ),
        (
            'backbone = "mobilenet-v2"\n[choices]\ngroups = [1,2,3,4,5,6]\n'
            f"expand = {list(range(1, 21))}\nse = {[each / 40 for each in range(36)]}",
            "20,000 are the most",
        ),
        (
            'backbone = "mobilenet-v2"\nresolution = 8192\n[choices]\nwidth = [1, 10]\n'
            "[[stages]]\nstage = 0\nexpand = [1, 20]",
            "bytes|GB|multiply-adds",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(
    text: str, words: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=words) as error:
        load_space(path)
    assert str(error.value.message).startswith(path)


def test_another_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="unknown search space 'mixnets'") as error:
        load_space("mixnets")
    assert "mixnet or the path of a .toml file" in error.value.hint
