"""``mixnet-bench paper``: our counts beside the paper's, as tables or as JSON."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from mixnet_bench.counting.conventions import CONVENTIONS, PLAIN
from mixnet_bench.paper.compared import compare_table
from mixnet_bench.paper.measured import UNTRAINED, read_measured
from mixnet_bench.results.paper import AccuracyResult, ClaimResult, FigureResult, PaperRowResult
from mixnet_common import UsageError
from mixnet_common.console import print_json, print_table
from mixnet_common.errors import nearest
from mixnet_networks.paper import (
    NOT_PRINTED,
    SKETCHED,
    PaperTable,
    load_table,
    spelling_notes,
    table_names,
)

ALL = "all"

PARAMETER_COLUMNS = ("parameters", "paper", "ours", "±%", "verdict")
ACCURACY_COLUMNS = {"top1": "top-1", "top5": "top-5", "map": "mAP"}
MAC_COLUMNS = (
    "multiply-adds",
    "paper",
    "ours",
    "±%",
    "verdict",
    *(f"{each.short} ±%" for each in CONVENTIONS[1:]),
)
SKETCHED_COLUMNS = ("drawn, not printed", "network", "parameters", "multiply-adds")
LAYER_COLUMNS = (*SKETCHED_COLUMNS, "stride", "layer's parameters", "layer's multiply-adds")
CLAIM_COLUMNS = ("claim", "section", "paper", "ours", "±%", "verdict")
ACCURACIES_ARE = "Accuracies are the paper's, not measured here."

Entry = TypeVar("Entry", PaperRowResult, ClaimResult)


def run_paper(name: str | None, as_json: bool, results: Path | None = None) -> None:
    """Compare one table, all that have printed figures, or all, and print.

    Raises UsageError for an unknown table and for a file that contains no results.
    """
    tables = [load_table(each) for each in _chosen(name)]
    measured = read_measured(results)
    compared = [(table, compare_table(table, measured)) for table in tables]
    if as_json:
        print_json([entry for _, entries in compared for entry in entries])
        return
    for table, entries in compared:
        _print(table, entries)


def _chosen(name: str | None) -> list[str]:
    if name is None:
        return [each for each in table_names() if each not in SKETCHED]
    if name != ALL and name not in table_names():
        hint = nearest(name, (ALL, *table_names()))
        raise UsageError(f"unknown table {name!r}", hint)
    return table_names() if name == ALL else [name]


def _print(table: PaperTable, entries: Sequence[PaperRowResult | ClaimResult]) -> None:
    title = f"{table.table}: {table.title}"
    rows = [entry for entry in entries if isinstance(entry, PaperRowResult)]
    claims = [entry for entry in entries if isinstance(entry, ClaimResult)]
    if rows and table.name in SKETCHED:
        _print_sketched(table, rows, title)
    elif rows:
        _print_rows(table, rows, title)
    if claims:
        print_table(
            CLAIM_COLUMNS,
            [claim_row(entry) for entry in claims],
            title=title,
            caption=[
                _source(table),
                *spelling_notes(each.name for each in claims),
                *_reasons(claims, _claim_reason),
            ],
        )


def _print_rows(table: PaperTable, rows: Sequence[PaperRowResult], title: str) -> None:
    kinds = printed_accuracies(rows)
    print_table(
        (*PARAMETER_COLUMNS, *(ACCURACY_COLUMNS[kind] for kind in kinds)),
        [parameter_row(row, kinds) for row in rows],
        title=title,
        caption=[
            f"Parameters: the trainable ones. {ACCURACIES_ARE}",
            *spelling_notes(row.model for row in rows),
            *_accuracy_lines(rows),
            *explain(rows, "params"),
        ],
    )
    print_table(
        MAC_COLUMNS,
        [mac_row(row) for row in rows],
        drop=MAC_COLUMNS[:4:-1],
        caption=[
            f"Multiply-adds: {PLAIN.name}; also with batch norm at 1 or 2 operations per element.",
            *explain(rows, "macs"),
            _source(table),
        ],
    )


def _print_sketched(table: PaperTable, rows: Sequence[PaperRowResult], title: str) -> None:
    layered = any(row.layer is not None for row in rows)
    print_table(
        LAYER_COLUMNS if layered else SKETCHED_COLUMNS,
        [sketched_row(row) for row in rows],
        title=title,
        caption=[
            f"Multiply-adds: {PLAIN.name}. The paper draws these points and prints no number"
            " of them, accuracies included.",
            _source(table),
        ],
    )


def printed_accuracies(rows: Sequence[PaperRowResult]) -> list[str]:
    """The kinds of accuracy that the paper prints for any of these rows."""
    return [
        kind
        for kind in ACCURACY_COLUMNS
        if any(getattr(row.accuracy, kind) != NOT_PRINTED for row in rows)
    ]


def parameter_row(row: PaperRowResult, kinds: Sequence[str]) -> tuple[str, ...]:
    """One row below ``PARAMETER_COLUMNS`` and the columns of these kinds of accuracy."""
    figure = row.params
    printed = (getattr(row.accuracy, kind) for kind in kinds)
    return (row.model, *_numbers(figure, 2), figure.verdict, *printed)


def mac_row(row: PaperRowResult) -> tuple[str, ...]:
    """One row below ``MAC_COLUMNS``; empty where we have no network."""
    figure = row.macs
    others = [figure.by_convention.get(each.key) for each in CONVENTIONS[1:]]
    return (
        row.model,
        *_numbers(figure, 1),
        figure.verdict,
        *(
            f"{_millions(each.ours, 1)} {_percent(each.deviation_percent)}" if each else ""
            for each in others
        ),
    )


def sketched_row(row: PaperRowResult) -> tuple[str, ...]:
    """One row below ``SKETCHED_COLUMNS`` or ``LAYER_COLUMNS``."""
    counts = (f"{row.params.ours:,}", _millions(row.macs.ours, 2))
    layer = row.layer
    own = (str(layer.stride), f"{layer.params:,}", _millions(layer.macs, 2)) if layer else ()
    return (row.model, row.network, *counts, *own)


def claim_row(entry: ClaimResult) -> tuple[str, ...]:
    """One row below ``CLAIM_COLUMNS``."""
    claim = entry.claim
    bound = "<" if claim.kind == "below" else ""
    return (
        entry.name,
        entry.section,
        f"{bound}{claim.paper}",
        "" if claim.ours is None else _like(claim.ours, claim.paper),
        "" if bound else _percent(claim.deviation_percent),
        claim.verdict,
    )


def _like(value: float, printed: str) -> str:
    """Ours in the unit of the printed figure, with a digit or two more of its decimals."""
    unit = printed[-1] if printed[-1] in "KMBx%" else ""
    scale = {"K": 1e3, "M": 1e6, "B": 1e9}.get(unit, 1)
    decimals = len(printed.rstrip("KMBx%").partition(".")[2]) + (1 if unit else 0)
    return f"{value / scale:,.{decimals}f}{unit}"


# Reasons


def explain(rows: Sequence[PaperRowResult], figure: str) -> list[str]:
    """A line for each reason why figures differ or have no counterpart, with their models."""
    return _reasons(rows, lambda row: _row_reason(row, figure))


def _row_reason(row: PaperRowResult, figure: str) -> str:
    shown = row.params if figure == "params" else row.macs
    printed = shown.paper != NOT_PRINTED
    told = shown.verdict == "differs" or (row.network is None and printed)
    return str(shown.reason) if told else ""


def _claim_reason(entry: ClaimResult) -> str:
    return str(entry.claim.reason)


def _reasons(entries: Iterable[Entry], reason_of: Callable[[Entry], str]) -> list[str]:
    named: dict[str, list[str]] = {}
    for entry in entries:
        if reason := reason_of(entry):
            name = entry.model if isinstance(entry, PaperRowResult) else entry.name
            named.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {reason}." for reason, names in named.items()]


def _accuracy_lines(rows: Sequence[PaperRowResult]) -> list[str]:
    """A line for each network whose accuracy was measured, be it one that cannot be compared."""
    return [line for row in rows if (line := _accuracy_line(row.model, row.accuracy))]


def _accuracy_line(model: str, accuracy: AccuracyResult) -> str:
    if accuracy.source == "results":
        return (
            f"{model}: measured top-1 {accuracy.ours_top1:.2f} % on"
            f" {accuracy.images:,} images, {accuracy.verdict}."
        )
    return "" if accuracy.reason == UNTRAINED else f"{model}: {accuracy.reason}."


# Numbers


def _numbers(figure: FigureResult, decimals: int) -> tuple[str, str, str]:
    return (
        figure.paper,
        _millions(figure.ours, decimals),
        _percent(figure.deviation_percent),
    )


def _millions(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value / 1e6:.{decimals}f}M"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _source(table: PaperTable) -> str:
    return f"The paper: {table.paper}, {table.section}."
