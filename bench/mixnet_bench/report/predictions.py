"""Predicted latencies in a report: labelled as such, with the measured ones beside them. Pure."""

from mixnet_bench.report.cells import Cell, Table, milliseconds, number, sum_up, text_cell
from mixnet_bench.report.record import Prediction, Results
from mixnet_common.numbers import three_digit_range

COLUMNS = (
    "network", "predicted, ms", "95 %, ms", "predicted / anchor", "95 %", "measured, ms", "anchor",
    "by a table of",
)  # fmt: skip

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
            _measured(each, results),
            text_cell(each.anchor),
            text_cell(each.measured),
        )
        for each in results.predictions
    )
    if not rows:
        return None
    doubts = sum_up((each.network, doubt) for each in results.predictions for doubt in each.doubts)
    return Table("Predicted latency", COLUMNS, rows, (ABOUT,), doubts)


def _measured(predicted: Prediction, results: Results) -> Cell:
    """The first timing of the same network as the same kind of file."""
    found = (
        each.median_ms
        for each in results.latencies
        if each.file.sized_network == predicted.network
        and (each.file.file_format, each.file.precision) == predicted.kind
        and each.device.threads == predicted.threads
    )
    value = next(found, None)
    return Cell("") if value is None else milliseconds(value)
