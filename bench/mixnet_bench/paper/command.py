"""``mixnet-bench paper``: our counts beside the paper's, as a table or as JSON."""

from collections.abc import Sequence
from typing import Any

from mixnet_bench.conventions import CONVENTIONS, PLAIN
from mixnet_bench.paper.compare import Ours, compare_table
from mixnet_bench.paper.tables import PaperTable, load_table, table_names
from mixnet_common.console import print_json, print_table

COLUMNS = (
    "model",
    "params: paper",
    "ours",
    "±%",
    "verdict",
    "multiply-adds: paper",
    "ours",
    "±%",
    "verdict",
    *(f"{each.short} (±%)" for each in CONVENTIONS[1:]),
    "top-1 (paper)",
    "top-5 (paper)",
)


def run(name: str | None, as_json: bool) -> None:
    """Compare one table, or all of them, and print. Raises UsageError for an unknown table."""
    tables = [load_table(each) for each in ([name] if name else table_names())]
    compared = [(table, compare_table(table, count_ours)) for table in tables]
    if as_json:
        print_json([row for _, rows in compared for row in rows])
        return
    for table, rows in compared:
        print_table(
            COLUMNS,
            [table_row(row) for row in rows],
            title=f"{table.table}: {table.title}",
            caption=_caption(table, rows),
        )


def count_ours(network: str) -> Ours:
    """Count a network of ours at its own size."""
    from mixnet_bench.count_command import Size, batch_norm_elements, count_network

    count = count_network(network, Size())
    return Ours(count.params, count.macs, batch_norm_elements(count))


def table_row(row: dict[str, Any]) -> tuple[str, ...]:
    """One row below ``COLUMNS``."""
    others = [row["macs"]["by_convention"].get(each.key) for each in CONVENTIONS[1:]]
    return (
        row["model"],
        row["params"]["paper"],
        *_figure(row["params"], 2),
        row["macs"]["paper"],
        *_figure(row["macs"], 1),
        *(_other(other) if other else "" for other in others),
        row["accuracy"]["top1"],
        row["accuracy"]["top5"],
    )


def _figure(figure: dict[str, Any], decimals: int) -> tuple[str, str, str]:
    if figure["ours"] is None:
        return ("", "", figure["reason"])
    deviation = figure["deviation_percent"]
    return (
        f"{figure['ours'] / 1e6:.{decimals}f}M",
        "" if deviation is None else f"{deviation:+.1f}",
        figure["verdict"],
    )


def _other(other: dict[str, Any]) -> str:
    deviation = other["deviation_percent"]
    text = f"{other['ours'] / 1e6:.1f}M"
    return text if deviation is None else f"{text} ({deviation:+.1f})"


def _caption(table: PaperTable, rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{table.paper}, {table.section}. Accuracies are the paper's, not measured here.",
        f"Multiply-adds: {PLAIN.name}. Parameters: the trainable ones.",
    ]
    for row in rows:
        for figure, what in ((row["params"], "params"), (row["macs"], "multiply-adds")):
            if figure["verdict"] == "differs" and figure["reason"]:
                lines.append(f"{row['model']}, {what}: {figure['reason']}.")
    return "\n".join(lines)
