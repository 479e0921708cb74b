"""Holds counts of ours against a printed table: the deviation of each figure, and a verdict on it.

Pure: it is given the counts. It says ``reproduced``, ``differs`` or ``not comparable``, and never
stretches a convention to make a figure fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixnet_bench.conventions import PLAIN, macs_by_convention
from mixnet_networks.paper import PaperTable, Row, parse_printed, print_alike

TOLERANCE = 0.01
"""A figure within 1 % of the printed one is reproduced, as is one that prints the same."""

NO_NETWORK = "no network here yet"
NOT_PRINTED = "the paper prints no figure"


@dataclass(frozen=True)
class Ours:
    """What we count of a network."""

    params: int
    macs: int
    batch_norm_elements: int


CountNetwork = Callable[[str], Ours]


def compare_table(table: PaperTable, count: CountNetwork) -> list[dict[str, Any]]:
    """One JSON object a row, in the paper's order; docs/json.md explains every key."""
    return [
        compare_row(table, row, count(row.network) if row.network else None) for row in table.rows
    ]


def compare_row(table: PaperTable, row: Row, ours: Ours | None) -> dict[str, Any]:
    """A row beside our count of its network, where we have one."""
    params = compare_figure(row.params, ours.params if ours else None, row.reason_params)
    macs = compare_figure(row.flops, ours.macs if ours else None, row.reason_flops)
    conventions = macs_by_convention(ours.macs, ours.batch_norm_elements) if ours else {}
    return {
        "name": row.network or row.model,
        "model": row.model,
        "network": row.network or None,
        "type": row.type,
        "table": table.table,
        "section": table.section,
        "params": params,
        "macs": {
            **macs,
            "convention": PLAIN.name,
            "by_convention": _deviations(row.flops, conventions),
        },
        "accuracy": {"source": "paper", "top1": row.top1, "top5": row.top5},
        "verdict": _overall([params["verdict"], macs["verdict"]]),
    }


def compare_figure(printed: str, ours: int | None, reason: str) -> dict[str, Any]:
    """One figure: printed, ours, the deviation in percent, and the verdict with its reason."""
    paper = parse_printed(printed)
    figure: dict[str, Any] = {
        "paper": printed,
        "ours": ours,
        "deviation_percent": None,
        "verdict": "not comparable",
        "reason": NO_NETWORK if ours is None else NOT_PRINTED,
    }
    if ours is None or paper is None:
        return figure
    same = print_alike(ours, printed) == printed
    reproduced = same or abs(ours / float(paper) - 1) <= TOLERANCE
    return {
        **figure,
        "deviation_percent": deviation_percent(ours, float(paper)),
        "verdict": "reproduced" if reproduced else "differs",
        "reason": "" if reproduced else reason,
    }


def deviation_percent(ours: float, paper: float) -> float:
    """By how many percent ours is above the paper's figure.

    >>> deviation_percent(103, 100)
    3.0
    """
    return round(100 * (ours / paper - 1), 2)


def _deviations(printed: str, conventions: dict[str, int]) -> dict[str, dict[str, Any]]:
    paper = parse_printed(printed)
    return {
        key: {
            "ours": ours,
            "deviation_percent": None if paper is None else deviation_percent(ours, float(paper)),
        }
        for key, ours in conventions.items()
    }


def _overall(verdicts: list[str]) -> str:
    """``differs`` where one figure does, ``reproduced`` where one is and none differs."""
    order = ("differs", "reproduced", "not comparable")
    return next(verdict for verdict in order if verdict in verdicts)
