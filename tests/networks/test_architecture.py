"""Networks of one's own: what a TOML file may say, and what is answered to a wrong one."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixnet_common import UsageError
from mixnet_networks import load_network, network_names
from mixnet_networks.architecture import (
    Architecture,
    Head,
    Preprocessing,
    Stage,
    Stem,
    _read_architecture,
    load_architecture,
)

WriteToml = Callable[..., str]

MINE = """
title = "Mine"
source = "a test"
resolution = 32
classes = 5
stem = { channels = 8 }
stages = [
  { out = 8, kernels = [3] },
  { out = 16, kernels = [3, 5], stride = 2, expand = 2, se = 0.5, activation = "swish" },
]
head = { channels = 24, activation = "relu6" }
"""


def test_a_file_of_ones_own_is_a_network_like_any_other(write_toml: WriteToml) -> None:
    network = load_network(write_toml(MINE, "my-net.toml"), classes=7)

    assert network.name == "my-net"
    assert network.architecture.title == "Mine"
    assert network.graph.shape("image") == (1, 32, 32, 3)
    assert network.graph.shape("blocks.1.0.depthwise") == (1, 8, 8, 16)
    assert network.graph.shape("logits") == (1, 7)


def test_what_a_file_leaves_out_has_a_default(write_toml: WriteToml) -> None:
    architecture = load_architecture(
        write_toml('source = "t"\nstem = { channels = 8 }\nstages = [{ out = 8, kernels = [3] }]')
    )

    assert architecture.title == "mine"
    assert (architecture.resolution, architecture.classes, architecture.epsilon) == (
        224,
        1000,
        1e-3,
    )
    assert architecture.head == Head()
    assert architecture.preprocessing == Preprocessing()
    assert architecture.stages == (Stage(8, (3,)),)


def test_a_file_may_start_from_a_shipped_network(write_toml: WriteToml) -> None:
    mine = load_architecture(
        write_toml('base = "mixnet-l"\nclasses = 10\nresolution = 96\nsource = "mine"')
    )
    large = load_architecture("mixnet-l")

    assert (mine.name, mine.classes, mine.resolution, mine.source) == ("mine", 10, 96, "mine")
    assert (mine.stages, mine.channel_multiplier) == (large.stages, large.channel_multiplier)


def test_a_base_keeps_its_aliases_for_itself(write_toml: WriteToml) -> None:
    mine = load_architecture(write_toml('base = "mixnet-l"\nsource = "mine"'))

    assert load_architecture("mixnet-l").aliases == (("tf_mixnet_l", 1.0),)
    assert (mine.base, mine.aliases) == ("mixnet-l", ())


@pytest.mark.parametrize("name", network_names())
def test_a_shipped_network_names_its_source(name: str) -> None:
    assert "20" in load_architecture(name).source


# Each wrong change to MINE, and what the message must say. "" stands for the file itself.
WRONG: dict[str, tuple[str, str, str]] = {
    "unknown key": ("classes = 5", "clases = 5", ": unknown key 'clases'"),
    "unknown key of a row": (
        "kernels = [3] }",
        "kernel = [3] }",
        ", stage 0: unknown key 'kernel'",
    ),
    "unknown key of the stem": ("channels = 8 }", "channel = 8 }", ", stem: unknown key 'channel'"),
    "missing source": ('source = "a test"', "", ": the key 'source' is missing"),
    "missing stem": ("stem = { channels = 8 }", "", ", stem: the key 'channels' is missing"),
    "missing key of a row": ("out = 16, ", "", ", stage 1: the key 'out' is missing"),
    "number as text": ("classes = 5", 'classes = "5"', ": 'classes' must be a whole number from 1"),
    "alias without a multiplier": (
        "classes = 5",
        'classes = 5\naliases = ["mine"]',
        ": 'aliases' must be a table of names",
    ),
    "alias with a space": (
        "classes = 5",
        'classes = 5\naliases = { "a b" = 1 }',
        ": 'aliases' must be a table of names",
    ),
    "float for integer": (
        "stride = 2",
        "stride = 2.0",
        ", stage 1: 'stride' must be a whole number",
    ),
    "true for integer": ("out = 16", "out = true", ", stage 1: 'out' must be a whole number"),
    "text as number": ('"Mine"', "7", ": 'title' must be a string"),
    "zero channels": ("out = 16", "out = 0", ", stage 1: 'out' must be a whole number from 1"),
    "absurd channels": ("out = 16", "out = 10000000000", ", stage 1: 'out' must be a whole number"),
    "absurd kernel": ("[3, 5]", "[3, 5000]", ", stage 1: 'kernels' must be"),
    "no kernels": ("[3, 5]", "[]", ", stage 1: 'kernels' must be a list of 1 to 16 elements"),
    "kernels as a number": ("[3, 5]", "3", ", stage 1: 'kernels' must be a list"),
    "absurd blocks": ("out = 16", "out = 16, blocks = 1001", ", stage 1: 'blocks' must be"),
    "not a number": ("expand = 2", "expand = nan", " is not valid TOML: nan is not a finite"),
    "infinite": ("expand = 2", "expand = inf", " is not valid TOML: inf is not a finite"),
    "ratio above one": ("se = 0.5", "se = 1.5", ", stage 1: 'se' must be a number from 0 to 1"),
    "unknown activation": ('"swish"', '"gelu"', ", stage 1: 'activation' must be one of relu,"),
    "list for a word": ('"swish"', '["swish"]', ", stage 1: 'activation' must be one of relu,"),
    "table for a word": ('"swish"', "{}", ", stage 1: 'activation' must be one of relu,"),
    "zero resolution": ("resolution = 32", "resolution = 0", ": 'resolution' must be"),
    "negative classes": ("classes = 5", "classes = -1", ": 'classes' must be"),
    "stem not a table": ("stem = { channels = 8 }", "stem = 8", ", stem: must be a table"),
    "row not a table": ("{ out = 8, kernels = [3] }", "8", ", stage 0: must be a table"),
    "unknown base": ("classes = 5", 'base = "mixnet-xxl"', ": unknown network 'mixnet-xxl'"),
    "base not a name": ("classes = 5", "base = [1]", ": unknown network [1]"),
    "base a path": ("classes = 5", 'base = "../x.toml"', ": unknown network '../x.toml'"),
    "broken TOML": ("classes = 5", "classes =", " is not valid TOML: "),
    "key given twice": ("classes = 5", "classes = 5\nclasses = 6", " is not valid TOML: "),
    "too many digits": ("classes = 5", "classes = " + "9" * 5000, " is not valid TOML: "),
    "absurd in hex": ("out = 16", "out = 0x" + "f" * 5000, " is not valid TOML: a whole number of"),
    "absurd base": (
        "classes = 5",
        "base = 0x" + "f" * 5000,
        " is not valid TOML: a whole number of",
    ),
    "name in the file": ("classes = 5", "name = 5", ": 'name' must be a string"),
}


@pytest.mark.parametrize(("before", "after", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_with_file_row_and_key(
    write_toml: WriteToml, before: str, after: str, message: str
) -> None:
    assert MINE.count(before) == 1
    path = write_toml(MINE.replace(before, after))

    with pytest.raises(UsageError) as caught:
        load_architecture(path)

    assert caught.value.message.startswith(path + message)


@pytest.mark.parametrize(
    "stages", ["", "stages = []", "stages = 3", "stages = {}", "stages = [" + "{}," * 101 + "]"]
)
def test_rows_must_be_a_list_of_a_sane_length(write_toml: WriteToml, stages: str) -> None:
    path = write_toml(f'source = "t"\nstem = {{ channels = 8 }}\n{stages}')

    with pytest.raises(UsageError, match="'stages' must be a list of 1 to 100 rows"):
        load_architecture(path)


def test_a_misspelt_key_is_answered_with_the_nearest(write_toml: WriteToml) -> None:
    with pytest.raises(UsageError) as caught:
        load_architecture(write_toml(MINE.replace("stride", "strid")))

    assert caught.value.hint == "did you mean stride?"


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown network 'mixnet-z'") as caught:
        load_architecture("mixnet-z")

    assert caught.value.hint == "did you mean mixnet-s?"
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", ["", "..", "../mixnet-s", "mixnet-s.tml", "/etc/passwd", "a\0b"])
def test_no_other_word_is_taken_for_a_network(name: str) -> None:
    with pytest.raises(UsageError, match="unknown network"):
        load_architecture(name)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.toml: No such file"):
        load_architecture(str(tmp_path / "nowhere.toml"))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    directory = tmp_path / "folder.toml"
    directory.mkdir()

    with pytest.raises(UsageError, match=r"cannot read .*folder\.toml"):
        load_architecture(str(directory))


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('title = "né"'.encode("latin-1"))

    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        load_architecture(str(path))


def test_a_long_value_is_cut_in_the_message(write_toml: WriteToml) -> None:
    with pytest.raises(UsageError) as caught:
        load_architecture(write_toml(MINE.replace('"swish"', '"' + "x" * 10_000 + '"')))

    assert len(caught.value.message) < 400


def test_a_file_nested_beyond_reason_is_not_valid_toml(write_toml: WriteToml) -> None:
    with pytest.raises(UsageError, match="is not valid TOML"):
        load_architecture(write_toml("x = " + "[" * 100_000))


def test_symmetric_padding_needs_odd_kernels(write_toml: WriteToml) -> None:
    rows = "stages = [{ out = 8, kernels = [3, 4] }]"
    path = write_toml(f'base = "mixnet-s"\nsource = "a test"\npadding = "symmetric"\n{rows}')

    with pytest.raises(UsageError, match=r"mine\.toml: symmetric padding needs odd kernels, not 4"):
        load_architecture(path)


def test_a_file_with_windows_line_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(MINE.replace("\n", "\r\n").encode())

    assert load_architecture(str(path)).classes == 5


# Whatever a file says, it is an architecture or a wrong request.

WORDS = [
    field.name
    for kind in (Architecture, Stem, Stage, Head, Preprocessing)
    for field in fields(kind)
]
KEYS = st.sampled_from([*WORDS, "base"]) | st.text(max_size=5)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 9)
    | st.floats()
    | st.sampled_from(["relu", "swish", "equal", "mixnet-s", "mixnet-l", "separable", "up"])
    | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=4),
    max_leaves=8,
)


@given(table=st.dictionaries(KEYS, VALUES, max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_table_is_an_architecture_or_a_usage_error(table: dict[str, Any]) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(_read_architecture("fuzz", table, "fuzz.toml"), Architecture)


@given(
    row=st.dictionaries(st.sampled_from([field.name for field in fields(Stage)]), VALUES),
    head=st.dictionaries(st.sampled_from([field.name for field in fields(Head)]), VALUES),
    mean=VALUES,
)
@settings(max_examples=100, deadline=None)
def test_any_row_over_a_sound_file_is_an_architecture_or_a_usage_error(
    row: dict[str, Any], head: dict[str, Any], mean: Any
) -> None:
    table = {
        "base": "mixnet-s",
        "stages": [{"out": 8, "kernels": [3], **row}],
        "head": head,
        "preprocessing": {"mean": mean},
    }
    with contextlib.suppress(UsageError):
        assert isinstance(_read_architecture("fuzz", table, "fuzz.toml"), Architecture)


@pytest.mark.parametrize("field", [each.name for each in fields(Stage)])
@given(value=VALUES)
@settings(max_examples=40, deadline=None)
def test_any_value_of_a_rows_key_is_taken_or_named(field: str, value: Any) -> None:
    row = {"out": 8, "kernels": [3], field: value}
    table = {"base": "mixnet-s", "stages": [row]}
    try:
        architecture = _read_architecture("fuzz", table, "fuzz.toml")
    except UsageError as error:
        refused = error
    else:
        taken = getattr(architecture.stages[0], field)
        assert taken == (tuple(value) if isinstance(value, list) else value)
        return
    assert f"fuzz.toml, stage 0: {field!r}" in refused.message


@given(text=st.text(max_size=60))
@settings(deadline=None)
def test_any_text_is_toml_or_a_usage_error(text: str, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(UsageError):
        load_architecture(str(path))


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/b", "a\\b", "", ".", ".hidden", "a\nb"]
)
def test_a_name_leads_to_no_other_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_text(f'base = "mixnet-s"\nname = {json.dumps(name)}\n', encoding="utf-8")

    with pytest.raises(UsageError, match=r"'name' must be a file's name"):
        load_architecture(str(path))


def test_a_name_may_be_in_any_script(tmp_path: Path) -> None:
    path = tmp_path / "我 net.toml"
    path.write_text('base = "mixnet-s"\n', encoding="utf-8")

    assert load_architecture(str(path)).name == "我 net"
