"""Writes docs/cli.md from the commands' own help: ``python docs/write_cli.py``.

It prints what ``--help`` prints, at a fixed width; a test fails when the page is stale.
"""

from pathlib import Path

import click

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 90

INTRODUCTION = """# The commands

Written from the commands' own `--help` by `python docs/write_cli.py`; do not edit it.
"""


def render() -> str:
    """The whole page."""
    from mixnet_bench.cli import main as bench
    from mixnet_export.cli import main as export

    parts = [INTRODUCTION]
    for name, group in (("mixnet-export", export), ("mixnet-bench", bench)):
        parts += _sections(name, group, None, 2)
    return "\n".join(parts)


def _sections(
    name: str, command: click.Command, parent: click.Context | None, level: int
) -> list[str]:
    """A command's section, and those of the commands within it."""
    parts = [_section(name, command, parent, level)]
    if isinstance(command, click.Group):
        context = _context(command, name.rpartition(" ")[2], parent)
        for each in command.list_commands(context):
            parts += _sections(f"{name} {each}", command.commands[each], context, level + 1)
    return parts


def _section(name: str, command: click.Command, parent: click.Context | None, level: int) -> str:
    text = command.get_help(_context(command, name.rpartition(" ")[2], parent))
    return f"{'#' * level} {name}\n\n```text\n{text.strip()}\n```\n"


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    context = command.make_context(name, ["--help"], parent, resilient_parsing=True)
    context.terminal_width = context.max_content_width = WIDTH
    return context


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
