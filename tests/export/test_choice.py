"""Plans as TOML: what is written is read back, and what is wrong is named with its file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_export.lowering import (
    DEFAULT,
    OPTIONS,
    PLANS,
    Choice,
    Model,
    Plan,
    find_plan,
    format_plan,
    load_plan,
    lower,
)
from mixnet_export.writers import FORMATS
from mixnet_networks import Node, load_network
from mixnet_networks.building.build import block_of

CHOICES = st.builds(Choice, **{key: st.sampled_from(words) for key, words in OPTIONS.items()})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def refused(path: Path, text: str) -> str:
    """What is said of a file with this text: message and hint."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_plan(path)
    return f"{caught.value.message} ({caught.value.hint})"


# Round trip


@given(general=CHOICES, blocks=st.dictionaries(TEXTS, CHOICES, max_size=4), measured=TEXTS)
def test_a_plan_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    general: Choice,
    blocks: dict[str, Choice],
    measured: str,
) -> None:
    path = tmp_path_factory.mktemp("plans") / "mine.toml"
    plan = Plan("mine.toml", general, blocks, measured)
    path.write_text(format_plan(plan, ["a comment", "and another"]), encoding="utf-8")

    assert load_plan(path) == plan


@pytest.mark.parametrize(
    ("side", "sizes"), [(7, (4,)), (14, (4,)), (20, (4,)), (21, (2, 2)), (56, (2, 2))]
)
def test_merging_that_suits_the_map_gives_small_maps_one_kernel(
    side: int, sizes: tuple[int, ...]
) -> None:
    node = Node("n", "mixed_depthwise_conv2d", (), (), {"kernels": ((3, 3),) * 4})
    assert Choice(merge="auto").merged(node, side * side) == sizes


@pytest.mark.parametrize("name", PLANS)
def test_every_shipped_plan_survives_being_a_file(name: str, plan_file: Path) -> None:
    plan_file.write_text(format_plan(PLANS[name]), encoding="utf-8")
    read = load_plan(plan_file)

    assert (read.general, read.measured) == (PLANS[name].general, PLANS[name].measured)


def test_an_empty_file_is_the_literal_form(plan_file: Path) -> None:
    plan_file.write_text("")

    assert load_plan(plan_file) == Plan("mine.toml", PLANS["reference"].general)


def test_what_a_file_leaves_out_is_as_in_the_literal_form(plan_file: Path) -> None:
    plan_file.write_text('general = { tiling = "rows" }\n[blocks]\n"head" = { merge = "all" }\n')
    plan = load_plan(plan_file)

    assert plan.general == Choice(tiling="rows")
    assert plan.blocks == {"head": Choice(merge="all")}


def test_the_options_are_those_of_a_choice_and_each_has_its_default() -> None:
    for key, words in OPTIONS.items():
        assert getattr(Choice(), key) in words


# Wrong files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("general = {", "{path} is not valid TOML: "),
        ("this is not TOML", "{path} is not valid TOML: "),
        ("general = 3", "{path}, general: must be a table of keys and values, not 3"),
        ("blocks = 3", "{path}: 'blocks' must be a table"),
        ("[blocks]\nhead = 3", "{path}, head: must be a table of keys and values, not 3"),
        ('[genral]\nmerge = "all"', "{path}: unknown key 'genral' (did you mean general?)"),
        (
            '[general]\ntilling = "rows"',
            "{path}, general: unknown key 'tilling' (did you mean tiling?)",
        ),
        (
            '[blocks."blocks.1.0"]\ntiling = "row"',
            "{path}, blocks.1.0: 'tiling' must be one of direct, rows, grid, polyphase, nested,"
            " not 'row' (did you mean rows?)",
        ),
        ("[general]\nmerge = 2", "{path}, general: 'merge' must be one of none, smallest, "),
        ("[general]\nmerge = ['all']", "{path}, general: 'merge' must be one of none, smallest, "),
    ],
)
def test_a_wrong_file_is_answered_with_what_and_where(
    text: str, said: str, plan_file: Path
) -> None:
    assert refused(plan_file, text).startswith(said.format(path=plan_file))


def test_a_file_that_is_no_text_is_refused(plan_file: Path) -> None:
    plan_file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UsageError, match=r"cannot read .*mine\.toml: it is not UTF-8"):
        load_plan(plan_file)


def test_a_missing_file_is_refused(plan_file: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml: No such file"):
        find_plan(str(plan_file), "tflite")


# Which choice for which block


def network_model() -> Model:
    """MixNet-S, its weights all ones."""
    graph = load_network("mixnet-s", resolution=32).graph
    weights = {name: np.ones(shape, np.float32) for name, _, _, shape in graph.parameters()}
    return Model(graph, weights)


def test_a_listed_block_is_lowered_as_listed_and_the_others_in_general() -> None:
    plan = Plan("mine", Choice(mixed="slices"), {"blocks.9.0": Choice(mixed="branches")})
    model = lower(network_model(), plan)
    mixed = [node for node in model.graph.nodes if ".depthwise" in node.name]
    sliced = {node.name.split(".depthwise")[0] for node in mixed if node.op == "slice"}

    assert "blocks.9.0" not in sliced
    assert "blocks.6.0" in sliced


@pytest.mark.parametrize("block", ["blocks.99.0", "blocks.9", "haed", "image"])
def test_a_plan_for_another_network_is_refused(block: str) -> None:
    plan = Plan("mine.toml", Choice(), {"blocks.9.0": Choice(), block: Choice()})

    with pytest.raises(UsageError, match=rf"mine\.toml: mixnet-s has no block '{block}'") as caught:
        lower(network_model(), plan)
    assert caught.value.hint


def test_every_block_of_a_network_may_be_listed() -> None:
    model = network_model()
    blocks = dict.fromkeys((block_of(node.name) for node in model.graph.nodes), Choice())

    listed = lower(model, Plan("mine", Choice(), blocks))
    assert len(blocks) > 10
    assert listed.graph == lower(model, Plan("mine", Choice())).graph


# Names


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_a_default_that_was_measured_somewhere(form: str) -> None:
    plan = find_plan(DEFAULT, form)

    assert plan.name in PLANS
    assert plan.name != "reference"
    assert plan.measured


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_found_by_name_for_either_format(name: str) -> None:
    assert [find_plan(name, form) for form in FORMATS] == [PLANS[name]] * len(FORMATS)


def test_a_misspelt_name_is_answered_with_the_nearest_of_all_names() -> None:
    with pytest.raises(UsageError) as caught:
        find_plan("defualt", "onnx")
    assert caught.value.hint == "did you mean default?"


def test_pieces_can_be_set_for_all_blocks_of_a_plan() -> None:
    plan = Plan("mine", Choice(tiling="nested"), {"blocks.9.0": Choice(mixed="slices")})
    changed = plan.with_pieces("float32")

    assert changed.general == Choice(tiling="nested", pieces="float32")
    assert changed.blocks == {"blocks.9.0": Choice(mixed="slices", pieces="float32")}
