"""Help that lists options in groups, and options with former names."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import ClassVar

import click

Groups = Mapping[str, Sequence[str]]
"""Titles, and the options under each by their long names, in the order in which help lists them."""


class GroupedCommand(click.Command):
    """A command whose help lists its options in ``groups``; all others stand under ``Options``."""

    groups: ClassVar[Groups] = {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        records = {
            option.opts[0] if isinstance(option, RenamedOption) else option.opts[-1]: found
            for option in self.get_params(ctx)
            if isinstance(option, click.Option) and (found := option.get_help_record(ctx))
        }
        for title, names in self.groups.items():
            _write(formatter, title, [records.pop(name) for name in names if name in records])
        _write(formatter, "Options", list(records.values()))


def _write(formatter: click.HelpFormatter, title: str, records: Sequence[tuple[str, str]]) -> None:
    if records:
        with formatter.section(title):
            formatter.write_dl(records)


class RenamedOption(click.Option):
    """An option whose first name is its name; the others work too, but help omits them."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The name and the help text of the option."""
        shown = copy(self)
        shown.opts = self.opts[:1]
        return click.Option.get_help_record(shown, ctx)
