"""Templates of the page. Text is never markup, and cannot change the direction of following text.

Every value passes through ``printable`` and jinja2's autoescape; only drawings, styles and the
page's own script are markup.
"""

import base64
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mixnet_bench.report.cells import Cell, Table
from mixnet_common.hashing import sha256
from mixnet_common.printable import printable

LONG = 40
"""Characters from which a cell may break its line, between words."""


@dataclass(frozen=True)
class Column:
    """A column in which there is something to show."""

    index: int
    name: str
    is_number: bool

    @property
    def heading(self) -> str:
        """Its name, which browsers break between words and at no hyphen."""
        return self.name.replace("-", "\N{NON-BREAKING HYPHEN}")


def render(**values: Any) -> str:
    """The page from its template."""
    script = asset("sort.js")
    text: str = (
        _environment()
        .get_template("page.html.jinja")
        .render(policy=_policy(script), script=script, style=asset("style.css"), **values)
    )
    return text


def shown_columns(table: Table) -> list[Column]:
    """The table's columns, without those that are empty in every row."""
    return [
        Column(index, name, any(row[index].number is not None for row in table.rows))
        for index, name in enumerate(table.columns)
        if index == 0 or any(row[index].text for row in table.rows)
    ]


def cell_class(cell: Cell, column: Column) -> str:
    """How a cell looks."""
    names = (cell.mark, column.is_number and "number", len(cell.text) > LONG and "long")
    return " ".join(name for name in names if name)


def breaks(cell: Cell, column: Column) -> bool:
    """Whether a cell may take several lines, which break between words alone."""
    return column.index == 0 or len(cell.text) > LONG


@cache
def _environment() -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    def readable(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return printable(value) if plain else value

    names = ("page.html.jinja", "parts.html.jinja")
    environment = Environment(
        loader=DictLoader({name: asset(name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=readable,
    )
    environment.globals["cell_class"] = cell_class
    environment.globals["breaks"] = breaks
    parts = environment.get_template("parts.html.jinja").module
    environment.globals["show_figure"] = parts.figure  # type: ignore[attr-defined]
    environment.globals["show_words"] = parts.words  # type: ignore[attr-defined]
    environment.globals["show_table"] = lambda table, heading: parts.table(  # type: ignore[attr-defined]
        table, heading, shown_columns(table)
    )
    return environment


def _policy(script: str) -> str:
    """Nothing is fetched, and no script runs but this one."""
    digest = base64.b64encode(bytes.fromhex(sha256(script))).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def asset(name: str) -> str:
    """A file beside this module."""
    return files("mixnet_bench.report").joinpath(name).read_text(encoding="utf-8")
