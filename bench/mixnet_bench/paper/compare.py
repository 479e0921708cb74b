"""Compares our counts with the paper's rows: the deviation of each figure, and its verdict.

Pure: counts are arguments. The verdict is ``reproduced``, ``differs`` or ``not comparable``; no
convention is adjusted to make a figure fit.
"""

from mixnet_bench.counting.conventions import PLAIN, macs_by_convention
from mixnet_bench.paper.measured import Accuracies, compare_accuracy
from mixnet_bench.paper.ours import CountNetwork, Ours
from mixnet_bench.results.paper import (
    ConventionResult,
    FigureResult,
    MacsResult,
    PaperRowResult,
    ReplacedLayer,
)
from mixnet_common.result import values_of
from mixnet_networks.paper import PaperTable, Row, Subject, parse_printed, print_alike

TOLERANCE = 0.01
"""A figure within 1 % of the printed one is reproduced, as is one that prints the same."""

NO_NETWORK = "this version does not have the network {}"
NOT_PRINTED = "the paper prints no figure"

REPRODUCED, DIFFERS, NOT_COMPARABLE = "reproduced", "differs", "not comparable"


def compare_rows(
    table: PaperTable, count: CountNetwork, measured: Accuracies
) -> list[PaperRowResult]:
    """One record a row, in the paper's order; docs/json.md explains every key."""
    return [compare_row(table, row, _count(row, count), measured) for row in table.rows]


def _count(row: Row, count: CountNetwork) -> Ours | None:
    return count(Subject(network=row.network, classes=row.classes)) if row.network else None


def compare_row(
    table: PaperTable, row: Row, ours: Ours | None, measured: Accuracies
) -> PaperRowResult:
    """A row beside our count of its network, where we have one."""
    missing = row.missing or NO_NETWORK.format(row.network)
    params = compare_figure(row.params, ours.params if ours else None, row.reason_params, missing)
    macs = compare_figure(row.flops, ours.macs if ours else None, row.reason_flops, missing)
    conventions = macs_by_convention(ours.macs, ours.batch_norm_elements) if ours else {}
    return PaperRowResult(
        name=row.network if ours else row.model,
        model=row.model,
        network=row.network if ours else None,
        classes=ours.classes if ours else None,
        type=row.type,
        table=table.table,
        section=table.section,
        params=params,
        macs=MacsResult(
            **values_of(macs),
            convention=PLAIN.name,
            by_convention=_deviations(row.flops, conventions),
        ),
        layer=_layer(row, ours),
        accuracy=compare_accuracy(row, measured),
        verdict=overall([params.verdict, macs.verdict]),
    )


def _layer(row: Row, ours: Ours | None) -> ReplacedLayer | None:
    """The one layer that a row is about, where it is about one (Figure 5)."""
    if row.layer is None or ours is None:
        return None
    layer = ours.layers[row.layer - 1]
    return ReplacedLayer(
        number=layer.number, stride=layer.stride, params=layer.params, macs=layer.macs
    )


def compare_figure(
    printed: str, ours: float | None, reason: str, missing: str = ""
) -> FigureResult:
    """One figure: printed, ours, the deviation in percent, and the verdict with its reason."""
    paper = parse_printed(printed)
    if ours is None or paper is None:
        why = missing if ours is None else NOT_PRINTED
        return FigureResult(paper=printed, ours=ours, verdict=NOT_COMPARABLE, reason=why)
    same = print_alike(ours, printed) == printed
    reproduced = same or abs(ours / float(paper) - 1) <= TOLERANCE
    return FigureResult(
        paper=printed,
        ours=ours,
        deviation_percent=deviation_percent(ours, float(paper)),
        verdict=REPRODUCED if reproduced else DIFFERS,
        reason="" if reproduced else reason,
    )


def deviation_percent(ours: float, paper: float) -> float:
    """Deviation of ours from the paper's figure in percent.

    >>> deviation_percent(103, 100)
    3.0
    """
    return round(100 * (ours / paper - 1), 2)


def _deviations(printed: str, conventions: dict[str, int]) -> dict[str, ConventionResult]:
    paper = parse_printed(printed)
    return {
        key: ConventionResult(
            ours=ours,
            deviation_percent=None if paper is None else deviation_percent(ours, float(paper)),
        )
        for key, ours in conventions.items()
    }


def overall(verdicts: list[str]) -> str:
    """``differs`` where one figure does, ``reproduced`` where one is and none differs."""
    order = (DIFFERS, REPRODUCED, NOT_COMPARABLE)
    return next(verdict for verdict in order if verdict in verdicts)
