"""Predicted latencies in a report: labelled as such, with the measured ones beside them. Pure."""

from mixnet_bench.report.cells import Cell, Table, milliseconds, number, sum_up, text_cell
from mixnet_bench.report.record import Results
from mixnet_common.numbers import three_digit_range

COLUMNS = (
    "network", "predicted, ms", "95 %, ms", "predicted / anchor", "95 %", "measured, ms", "anchor",
    "by a table of",
)  # fmt: skip

FAR = "it is far from the networks that the table was checked with"

ABOUT = (
    "Predicted from a latency table, not measured. The measured time, if there is one,"
    " has the same network, format, precision and threads, but perhaps another day or device."
)


def predictions_table(results: Results) -> Table | None:
    """One row per predicted network; None if there is none."""
    rows = tuple(
        (
            text_cell(each.network),
            milliseconds(each.latency_ms),
            Cell(three_digit_range(each.latency_interval_ms), each.latency_interval_ms[0]),
            number(each.ratio, "{:.3f}"),
            text_cell("{:.3f}–{:.3f}".format(*each.interval)),
            measured_cell(results.measured_ms(each.network, each.kind, each.threads)),
            text_cell(each.anchor),
            text_cell(each.measured),
        )
        for each in results.predictions
    )
    if not rows:
        return None
    doubts = sum_up((each.network, doubt) for each in results.predictions for doubt in each.doubts)
    return Table("Predicted latency", COLUMNS, rows, (ABOUT,), doubts)


def measured_cell(value: float | None) -> Cell:
    """A measured time beside a predicted one; empty if there is none."""
    return Cell("") if value is None else milliseconds(value)
