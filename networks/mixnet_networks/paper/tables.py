"""Reads the paper's tables, figures and claims from the TOML files beside this module.

Parses printed figures; compares nothing.
"""

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from mixnet_common import UsageError
from mixnet_common.errors import nearest

NOT_PRINTED = "-"
SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9, "x": 1, "%": 1}
SKETCHED = ("figure1", "figure4", "figure5", "figure6")
"""Figures of the paper of which no number is printed, only points are drawn."""


@dataclass(frozen=True)
class Row:
    """One network as printed; ``network`` is the name of ours, or empty.

    ``missing`` says why there can be none; ``layer`` is the number of the one layer that a row is
    about, from 1. Figures are in the paper's digits, ``-`` where it prints none.
    """

    model: str
    type: str = ""
    params: str = NOT_PRINTED
    flops: str = NOT_PRINTED
    top1: str = NOT_PRINTED
    top5: str = NOT_PRINTED
    map: str = NOT_PRINTED
    network: str = ""
    classes: int | None = None
    layer: int | None = None
    missing: str = ""
    reason_params: str = ""
    reason_flops: str = ""
    spelling: str = ""
    """A sentence with the model's usual name, if the paper uses another."""


@dataclass(frozen=True)
class Subject:
    """The subject of a claim: one of our networks, or a row of one of the paper's tables."""

    network: str = ""
    classes: int | None = None
    table: str = ""
    model: str = ""


@dataclass(frozen=True)
class Claim:
    """A figure that the paper states outside of a network's row.

    ``kind`` says how ours comes about: ``value`` (the quantity of ``of``), ``ratio`` (of ``of`` to
    ``to``), ``difference`` (``of`` less ``to``), ``below`` (whether ``of`` lies below the printed
    one) or ``known`` (``known`` itself, from ``source``, where it is not a property of a network).
    """

    claim: str
    section: str
    quantity: str
    kind: str
    printed: str
    of: Subject = field(default_factory=Subject)
    to: Subject = field(default_factory=Subject)
    known: str = ""
    source: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table, a figure or the text of the paper, with where it stands there."""

    name: str
    title: str
    paper: str
    table: str
    section: str
    rows: tuple[Row, ...] = ()
    claims: tuple[Claim, ...] = ()
    flops_are: str = "multiply-adds"


def table_names() -> list[str]:
    """The available names, such as ``table2`` and ``figure4``: tables, claims, figures."""
    folder = files("mixnet_networks.paper")
    names = (each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return sorted((name.removesuffix(".toml") for name in names), key=_order)


def _order(name: str) -> tuple[int, str]:
    return (("table", "text", "figure").index(name.rstrip("0123456789")), name)


def load_table(name: str) -> PaperTable:
    """A table by its name. Raises UsageError, with the nearest name, for an unknown one."""
    if name not in table_names():
        raise UsageError(f"unknown table {name!r}", nearest(name, table_names()))
    return _read_table(name)


@cache
def _read_table(name: str) -> PaperTable:
    text = files("mixnet_networks.paper").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    rows = tuple(Row(**row) for row in content.pop("rows", ()))
    claims = tuple(_claim(claim) for claim in content.pop("claims", ()))
    return PaperTable(name=name, rows=rows, claims=claims, **content)


@contextmanager
def passing_network(name: str) -> Iterator[str]:
    """The path of a network that the paper only mentions, and that we do not have; else empty."""
    file = files("mixnet_networks.paper").joinpath("passing", f"{name}.toml")
    if not name or not file.is_file():
        yield ""
        return
    with as_file(file) as path:
        yield str(path)


def find_row(subject: Subject) -> Row | None:
    """The row of the paper that a subject names; None if it names a network."""
    if not subject.table:
        return None
    return next(row for row in load_table(subject.table).rows if row.model == subject.model)


def _claim(values: dict[str, Any]) -> Claim:
    of, to = (Subject(**values.pop(key, {})) for key in ("of", "to"))
    return Claim(of=of, to=to, **values)


def parse_printed(text: str) -> Decimal | None:
    """The number of a printed figure; None for ``-``.

    >>> parse_printed("4.1M"), parse_printed("12x"), parse_printed("3,680")
    (Decimal('4100000.0'), Decimal('12'), Decimal('3680'))
    """
    if text == NOT_PRINTED:
        return None
    scale = SUFFIXES.get(text[-1], 1)
    return Decimal(text.rstrip("".join(SUFFIXES)).replace(",", "")) * scale


def print_alike(value: float, printed: str) -> str:
    """``value`` with the unit, decimals and commas of a printed figure, rounded half up.

    >>> print_alike(4_134_606, "4.1M"), print_alike(3669, "3,369")
    ('4.1M', '3,669')
    """
    unit = printed[-1] if printed[-1] in SUFFIXES else ""
    digits = printed.removesuffix(unit)
    decimals = len(digits.partition(".")[2])
    scaled = Decimal(str(value)) / SUFFIXES.get(unit, 1)
    rounded = scaled.quantize(Decimal(1).scaleb(-decimals), rounding="ROUND_HALF_UP")
    return f"{rounded:,}{unit}" if "," in printed else f"{rounded}{unit}"


def spelling_notes(texts: Iterable[str]) -> list[str]:
    """A sentence for each model in these texts whose name is the paper's own spelling.

    >>> spelling_notes(["MixNet-S"])
    []
    """
    shown = "\n".join(texts)
    rows = load_table("table2").rows
    return [f"{row.spelling}." for row in rows if row.spelling and row.model in shown]
