"""The command lines that pages and help texts show, and whether the commands take them."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mixnet_bench.cli import main as bench
from mixnet_common.console import CONTEXT
from mixnet_export.cli import main as export

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from command_tree import commands

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("networks/**/*.md"),
        *ROOT.glob("android_harness/**/*.md"),
    }
)
PROGRAMS = {"mixnet-export": export, "mixnet-bench": bench}
FOREIGN = {
    "pip", "make", "git", "cd", "mkdir", "tar", "export", "adb", "dask", "openssl", "curl",
    "mixnet-runner",
}  # fmt: skip
"""Other software on the pages, whose command lines are not checked."""


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language, indented ones too, without their indents."""
    found = re.findall(
        rf"^( *)```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S
    )
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


def typed(page: Path) -> list[str]:
    """What a reader types: lines with ``$`` in console blocks, continued lines as one."""
    text = re.sub(r"\\\n\s*", " ", "\n".join(blocks(page, "console")))
    return re.findall(r"^\S*\$ +(.*)$", text, re.M)


def simple(line: str) -> Iterator[list[str]]:
    """The words of each command of a line, without comments, redirections and shell loops."""
    line = re.sub(r"^for (\w+) in .*?; do (.*); done$", lambda m: _once(m[2], m[1]), line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;>|")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in ("&&", ";"):
            yield words[: words.index(">")] if ">" in words else words
            words = []
        else:
            words.append(word)


def _once(body: str, variable: str) -> str:
    return body.replace(f"${variable}", "1")


def parse(words: list[str]) -> None:
    """Have click read a command line, and run nothing. Raises what click or an option raises."""
    if words[:2] == ["python", "-m"]:
        command = commands()[" ".join(words[:3])]
        command.make_context(words[2], words[3:], **CONTEXT)
    elif words[0] in PROGRAMS:
        _parse(words[0], PROGRAMS[words[0]], words[1:], None)
    elif Path(words[0]).name not in FOREIGN and words[:1] != ["python"]:
        raise AssertionError(f"{words[0]} is not a program that pages may show")


def _parse(
    name: str, command: click.Command, arguments: list[str], parent: click.Context | None
) -> None:
    context = command.make_context(name, list(arguments), parent)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if rest or not command.invoke_without_command:
            inner, found, more = command.resolve_command(context, rest)
            assert inner is not None
            assert found is not None
            _parse(inner, found, more, context)
