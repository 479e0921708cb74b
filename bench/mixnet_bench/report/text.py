"""A report as Markdown, with the same tables as the page, or as CSV, one line for each timing."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mixnet_bench.report.cells import Table
from mixnet_bench.report.comparisons import (
    against_table,
    int8_table,
    lowering_table,
    sustained_table,
)
from mixnet_bench.report.planes import accuracy_by_model
from mixnet_bench.report.predictions import predictions_table
from mixnet_bench.report.record import Count, File, Latency, Results
from mixnet_bench.report.searches import search_tables
from mixnet_bench.report.tables import (
    conditions_table,
    count_table,
    delegation_table,
    kernel_table,
    latency_table,
    paper_tables,
    parity_table,
    program_table,
)
from mixnet_common.printable import printable

CSV_COLUMNS = (
    "network", "classes", "resolution", "file_format", "precision", "lowering", "file", "device",
    "emulated", "threads", "runtime", "params", "macs", "paper_top1_percent", "size_bytes",
    "partitions", "median_ms", "median_ms_low", "median_ms_high", "p90_ms", "first_ms", "samples",
    "verdict",
)  # fmt: skip

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters that begin a formula in a spreadsheet, including wide letters."""

NUMBER = re.compile(r"[+-][0-9]+(\.[0-9]+)?")


def all_tables(results: Results) -> list[Table]:
    """All tables with content, in the report's order."""
    sections: list[Callable[[], Iterator[Table | None]]] = [
        lambda: paper_tables(results),
        lambda: (latency_table(results, device) for device in results.devices),
        lambda: (conditions_table(results, device) for device in results.devices),
        lambda: iter([predictions_table(results), *search_tables(results)]),
        lambda: iter([sustained_table(results), against_table(results), program_table(results)]),
        lambda: iter([int8_table(results), lowering_table(results), kernel_table(results)]),
        lambda: iter([delegation_table(results), count_table(results), parity_table(results)]),
    ]
    return [table for section in sections for table in section() if table is not None]


def render_markdown(results: Results, title: str) -> str:
    """All tables."""
    parts = [f"# {_inert(title)}", *map(_markdown_table, all_tables(results))]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    numeric = [
        any(row[column].number is not None for row in table.rows)
        for column in range(len(table.columns))
    ]
    lines = [
        _line(table.columns),
        f"|{'|'.join('--:' if right else '--' for right in numeric)}|",
        *(_line([cell.text for cell in row]) for row in table.rows),
    ]
    notes = "".join(f"\n\n{_inert(note)}" for note in (*table.notes, *table.doubts))
    return f"## {_inert(table.title)}\n\n" + "\n".join(lines) + notes


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_inert, cells))} |"


def _inert(text: str) -> str:
    r"""Text in which Markdown sees nothing but text.

    >>> _inert("a|b <script> *c*")
    'a\\|b \\<script\\> \\*c\\*'
    """
    return re.sub(r"([\\`*_\[\]<>|#&~$])", r"\\\1", printable(text))


def render_csv(results: Results) -> str:
    """One line for each timing; for each count where nothing was timed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([[_harmless(cell) for cell in row] for row in _rows(results)])
    return buffer.getvalue()


def has_csv(results: Results) -> bool:
    """Whether the CSV of results has a line."""
    return bool(results.latencies or results.counts)


def _rows(results: Results) -> Iterator[tuple[object, ...]]:
    networks = {each.file.sized_network: each for each in results.counts if each.source == "graph"}
    files = {each.file: each for each in results.counts if each.source != "graph"}
    for each in results.latencies:
        own = files.get(replace(each.file, inputs=""))  # a count depends on no values
        network = networks.get(each.file.sized_network)
        yield _timed(each, network or own, own)
    if not results.latencies:
        yield from map(_counted, results.counts)


def _timed(latency: Latency, counted: Count | None, own: Count | None) -> tuple[object, ...]:
    file, device = latency.file, latency.device
    return (
        *_names(file), device.name, device.emulated, device.threads, latency.runtime,
        counted.params if counted else "", _known(counted.macs if counted else None), _top1(file),
        latency.size_bytes, _known(own.partitions if own else None), latency.median_ms,
        *latency.interval_ms, latency.p90_ms, latency.first_ms, len(latency.samples_ms),
        latency.verdict,
    )  # fmt: skip


def _counted(count: Count) -> tuple[object, ...]:
    counts = (count.params, _known(count.macs), _top1(count.file), "", _known(count.partitions))
    return (*_names(count.file), "", "", "", "", *counts, *[""] * 7)


def _names(file: File) -> tuple[object, ...]:
    sizes = (file.classes or "", file.resolution or "")
    return (file.network, *sizes, file.file_format, file.precision, file.lowering, file.name)


def _top1(file: File) -> float | str:
    """The paper's; not valid for a network in another size."""
    return accuracy_by_model().get(file.network, ("", ""))[1] if file.has_own_sizes else ""


def _known(value: int | None) -> int | str:
    return "" if value is None else value


def _harmless(cell: object) -> object:
    r"""No text begins like a formula: a spreadsheet would compute it. Numbers stay numbers.

    >>> [_harmless(each) for each in ("=1+1", "-1.5", -1.5, "a\x1b")]
    ["'=1+1", '-1.5', -1.5, 'a\\x1b']
    """
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if cell.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
