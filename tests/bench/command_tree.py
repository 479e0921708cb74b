"""Every command there is, found by walking the click trees and the programs of ``python -m``."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import click
from click.testing import CliRunner, Result

import mixnet_bench
from mixnet_bench.cli import main as bench
from mixnet_export.cli import main as export

PACKAGE = Path(mixnet_bench.__file__).parent


@cache
def commands() -> dict[str, click.Command]:
    """Commands by what is typed to call them, groups that do something themselves included."""
    found = dict(_within("mixnet-export", export)) | dict(_within("mixnet-bench", bench))
    return found | {f"python -m {name}": command for name, command in _programs()}


def call(name: str, arguments: Sequence[str]) -> Result:
    """What comes of a command, by what is typed to call it, with these arguments."""
    root = {"mixnet-export": export, "mixnet-bench": bench}
    words = name.split()
    if words[0] in root:
        return CliRunner().invoke(root[words[0]], [*words[1:], *arguments])
    return CliRunner().invoke(commands()[name], arguments)


def parameters(command: click.Command) -> Iterator[click.Parameter]:
    """A command's arguments and options, but for flags."""
    for each in command.params:
        if not (isinstance(each, click.Option) and each.is_flag):
            yield each


def name_of(parameter: click.Parameter) -> str:
    """As it is typed: the longest of an option's names, or an argument's metavar."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.human_readable_name


def _within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            yield from _within(f"{name} {inner}", each)


def _programs() -> Iterator[tuple[str, click.Command]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "@click.command" in text and '__name__ == "__main__"' in text:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            module = import_module(".".join(parts))
            (command,) = (each for each in vars(module).values() if isinstance(each, click.Command))
            yield module.__name__, command
