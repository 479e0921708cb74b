"""Options in the help of every command: in groups, with a text, under one meaning a name."""

import sys
from pathlib import Path
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from mixnet_common.console import CONTEXT
from mixnet_common.option_groups import GroupedCommand, RenamedOption

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from command_tree import call, commands

PROGRAMS = {name: each for name, each in commands().items() if name.startswith("mixnet-")}
OPTIONS = [
    (name, option)
    for name, command in PROGRAMS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


class Weighing(GroupedCommand):
    groups: ClassVar = {"Fruit": ("--pears", "--apples")}


@click.command(cls=Weighing)
@click.option("--apples", "--fruit", cls=RenamedOption, type=int, help="Apples to weigh.")
@click.option("--scale", help="Scale to use.")
@click.argument("place", required=False)
def weigh(apples: int | None, scale: str | None, place: str | None) -> None:
    click.echo(str(apples))


def test_help_lists_the_options_of_a_group_under_its_title_and_all_others_under_options() -> None:
    text = CliRunner().invoke(weigh, ["--help"]).output
    fruit, _, rest = text.partition("Fruit:")[2].partition("Options:")
    assert "--apples" in fruit
    assert "--scale" in rest
    assert "PLACE" not in rest


def test_a_renamed_option_answers_to_its_earlier_name_which_help_omits() -> None:
    assert CliRunner().invoke(weigh, ["--fruit", "3"]).output == "3\n"
    assert "--fruit" not in CliRunner().invoke(weigh, ["--help"]).output


def test_parity_takes_its_class_names_by_the_earlier_option_too() -> None:
    parity = PROGRAMS["mixnet-bench parity"]
    arguments = ["a.onnx", "b.onnx", "--data", ".", "--classes", "names.txt"]
    assert parity.make_context("parity", arguments, **CONTEXT).params["classes"] == "names.txt"


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=lambda each: getattr(each, "name", each))
def test_every_option_has_a_help_text_that_is_a_sentence(name: str, option: click.Option) -> None:
    text = option.help or ""
    assert text.endswith("."), f"{name} {option.opts}"
    assert text[0].isupper() or text.split(":")[0].split(",")[0].islower(), text


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_command_with_many_options_lists_them_in_groups(name: str) -> None:
    options = [each for each in PROGRAMS[name].params if isinstance(each, click.Option)]
    if len(options) > 6:
        text = call(name, ["--help"]).output
        ungrouped = text.partition("\nOptions:")[2].partition("\n\n")[0].count("\n  -")
        assert ungrouped <= 6, text


TWO_MEANINGS = {"--input", "--layers"}
"""Of earlier versions: what a file takes, and a file of values; to print layers, and how many."""


def test_a_name_of_an_option_has_one_kind_of_value_in_all_commands() -> None:
    kinds: dict[str, set[str]] = {}
    for _, option in OPTIONS:
        renamed = isinstance(option, RenamedOption)
        kind = "flag" if option.is_flag else option.type.name
        kind = "text" if kind in ("path", "directory", "file") else kind
        kinds.setdefault(option.opts[0] if renamed else option.opts[-1], set()).add(kind)
    assert {name for name, found in kinds.items() if len(found) > 1} == TWO_MEANINGS


@pytest.mark.parametrize("name", [name for name in PROGRAMS if " " in name])
def test_the_first_line_of_a_help_text_fits_the_list_of_commands(name: str) -> None:
    first = PROGRAMS[name].get_short_help_str(100)
    assert not first.endswith("...")
    assert len(first) <= 61, first
