"""``mixnet-bench paper``: our counts beside the paper's, as tables or as JSON."""

from collections.abc import Sequence
from typing import Any

from mixnet_bench.conventions import CONVENTIONS, PLAIN
from mixnet_bench.paper.compare import Ours, compare_table
from mixnet_common.console import print_json, print_table
from mixnet_networks.paper import PaperTable, load_table, table_names

PARAMETER_COLUMNS = ("parameters", "paper", "ours", "±%", "verdict", "top-1", "top-5")
MAC_COLUMNS = (
    "multiply-adds",
    "paper",
    "ours",
    "±%",
    "verdict",
    *(f"{each.short} ±%" for each in CONVENTIONS[1:]),
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
            PARAMETER_COLUMNS,
            [parameter_row(row) for row in rows],
            title=f"{table.table}: {table.title}",
            caption="Parameters: the trainable ones. Accuracies are the paper's, not measured here."
            + explain(rows, "params"),
        )
        print_table(
            MAC_COLUMNS,
            [mac_row(row) for row in rows],
            caption=f"Multiply-adds: {PLAIN.name}; beside it, with batch norm at 1 or 2 operations"
            " per element." + explain(rows, "macs") + f"\n{_source(table)}",
        )


def count_ours(network: str) -> Ours:
    """Count a network of ours at its own size."""
    from mixnet_bench.count_command import Size, batch_norm_elements, count_network

    count = count_network(network, Size())
    return Ours(count.params, count.macs, batch_norm_elements(count))


def parameter_row(row: dict[str, Any]) -> tuple[str, ...]:
    """One row below ``PARAMETER_COLUMNS``; it also says where we have no network."""
    figure = row["params"]
    verdict = figure["verdict"] if row["network"] else figure["reason"]
    accuracy = row["accuracy"]
    return (row["model"], *_numbers(figure, 2), verdict, accuracy["top1"], accuracy["top5"])


def mac_row(row: dict[str, Any]) -> tuple[str, ...]:
    """One row below ``MAC_COLUMNS``; empty where we have no network."""
    figure = row["macs"]
    others = [figure["by_convention"].get(each.key) for each in CONVENTIONS[1:]]
    return (
        row["model"],
        *_numbers(figure, 1),
        figure["verdict"] if row["network"] else "",
        *(
            f"{_millions(each['ours'], 1)} {_percent(each['deviation_percent'])}" if each else ""
            for each in others
        ),
    )


def explain(rows: Sequence[dict[str, Any]], figure: str) -> str:
    """A line for each reason why figures differ, with the models that it is the reason for."""
    models: dict[str, list[str]] = {}
    for row in rows:
        if row[figure]["verdict"] == "differs" and row[figure]["reason"]:
            models.setdefault(row[figure]["reason"], []).append(row["model"])
    return "".join(f"\n{', '.join(names)}: {reason}." for reason, names in models.items())


def _numbers(figure: dict[str, Any], decimals: int) -> tuple[str, str, str]:
    return (
        figure["paper"],
        _millions(figure["ours"], decimals),
        _percent(figure["deviation_percent"]),
    )


def _millions(value: int | None, decimals: int) -> str:
    return "" if value is None else f"{value / 1e6:.{decimals}f}M"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _source(table: PaperTable) -> str:
    return f"The paper: {table.paper}, {table.section}."
