"""Holds counts of ours against the paper's rows: the deviation of each figure, and a verdict on it.

Pure: it is given the counts. It says ``reproduced``, ``differs`` or ``not comparable``, and never
stretches a convention to make a figure fit.
"""

from typing import Any

from mixnet_bench.conventions import PLAIN, macs_by_convention
from mixnet_bench.paper.measured import Accuracies, compare_accuracy
from mixnet_bench.paper.ours import CountNetwork, Ours
from mixnet_networks.paper import PaperTable, Row, Subject, parse_printed, print_alike

TOLERANCE = 0.01
"""A figure within 1 % of the printed one is reproduced, as is one that prints the same."""

NO_NETWORK = "this version has no network called {}"
NOT_PRINTED = "the paper prints no figure"

REPRODUCED, DIFFERS, NOT_COMPARABLE = "reproduced", "differs", "not comparable"


def compare_rows(
    table: PaperTable, count: CountNetwork, measured: Accuracies
) -> list[dict[str, Any]]:
    """One JSON object a row, in the paper's order; docs/json.md explains every key."""
    return [compare_row(table, row, _count(row, count), measured) for row in table.rows]


def _count(row: Row, count: CountNetwork) -> Ours | None:
    return count(Subject(network=row.network, classes=row.classes)) if row.network else None


def compare_row(
    table: PaperTable, row: Row, ours: Ours | None, measured: Accuracies
) -> dict[str, Any]:
    """A row beside our count of its network, where we have one."""
    missing = row.missing or NO_NETWORK.format(row.network)
    params = compare_figure(row.params, ours.params if ours else None, row.reason_params, missing)
    macs = compare_figure(row.flops, ours.macs if ours else None, row.reason_flops, missing)
    conventions = macs_by_convention(ours.macs, ours.batch_norm_elements) if ours else {}
    return {
        "name": row.network if ours else row.model,
        "model": row.model,
        "network": row.network if ours else None,
        "classes": ours.classes if ours else None,
        "type": row.type,
        "table": table.table,
        "section": table.section,
        "params": params,
        "macs": {
            **macs,
            "convention": PLAIN.name,
            "by_convention": _deviations(row.flops, conventions),
        },
        **_layer(row, ours),
        "accuracy": compare_accuracy(row, measured),
        "verdict": overall([params["verdict"], macs["verdict"]]),
    }


def _layer(row: Row, ours: Ours | None) -> dict[str, Any]:
    """The one layer that a row is about, where it is about one (Figure 5)."""
    if row.layer is None or ours is None:
        return {}
    layer = ours.layers[row.layer - 1]
    keys = ("number", "stride", "params", "macs")
    return {"layer": {key: getattr(layer, key) for key in keys}}


def compare_figure(
    printed: str, ours: float | None, reason: str, missing: str = ""
) -> dict[str, Any]:
    """One figure: printed, ours, the deviation in percent, and the verdict with its reason."""
    paper = parse_printed(printed)
    figure: dict[str, Any] = {
        "paper": printed,
        "ours": ours,
        "deviation_percent": None,
        "verdict": NOT_COMPARABLE,
        "reason": missing if ours is None else NOT_PRINTED,
    }
    if ours is None or paper is None:
        return figure
    same = print_alike(ours, printed) == printed
    reproduced = same or abs(ours / float(paper) - 1) <= TOLERANCE
    return {
        **figure,
        "deviation_percent": deviation_percent(ours, float(paper)),
        "verdict": REPRODUCED if reproduced else DIFFERS,
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


def overall(verdicts: list[str]) -> str:
    """``differs`` where one figure does, ``reproduced`` where one is and none differs."""
    order = (DIFFERS, REPRODUCED, NOT_COMPARABLE)
    return next(verdict for verdict in order if verdict in verdicts)
