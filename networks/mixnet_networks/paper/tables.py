"""Reads the paper's tables from the TOML files beside this module; understands printed figures.

Compares nothing.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files

from mixnet_common import UsageError
from mixnet_common.errors import nearest

NOT_PRINTED = "-"
SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9}


@dataclass(frozen=True)
class Row:
    """One row as printed; ``network`` is the name of ours, or empty."""

    model: str
    type: str
    params: str
    flops: str
    top1: str
    top5: str
    network: str = ""
    reason_params: str = ""
    reason_flops: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper, with where it stands there."""

    title: str
    paper: str
    table: str
    section: str
    flops_are: str
    rows: tuple[Row, ...]


def table_names() -> list[str]:
    """The tables that are here, like ``table2``."""
    folder = files("mixnet_networks.paper")
    return sorted(
        each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")
    )


def load_table(name: str) -> PaperTable:
    """A table by its name. Raises UsageError, with the nearest name, for an unknown one."""
    if name not in table_names():
        raise UsageError(f"no table {name!r} of the paper here", nearest(name, table_names()))
    text = files("mixnet_networks.paper").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    rows = tuple(Row(**row) for row in content.pop("rows"))
    return PaperTable(rows=rows, **content)


def parse_printed(text: str) -> Decimal | None:
    """The number that a printed figure stands for; None for ``-``.

    >>> parse_printed("4.1M"), parse_printed("11B")
    (Decimal('4100000.0'), Decimal('11000000000'))
    """
    if text == NOT_PRINTED:
        return None
    scale = SUFFIXES.get(text[-1], 1)
    return Decimal(text.rstrip("KMB")) * scale


def print_alike(value: int, printed: str) -> str:
    """``value`` with the unit and the decimals of a printed figure, rounded half up.

    >>> print_alike(4_134_606, "4.1M")
    '4.1M'
    """
    unit = printed[-1] if printed[-1] in SUFFIXES else ""
    digits = printed.removesuffix(unit)
    decimals = len(digits.partition(".")[2])
    scaled = Decimal(value) / SUFFIXES.get(unit, 1)
    rounded = scaled.quantize(Decimal(1).scaleb(-decimals), rounding="ROUND_HALF_UP")
    return f"{rounded}{unit}"
