"""Searches in a report: the networks of each front, and the front as a figure. Pure."""

from collections import Counter
from collections.abc import Iterator

from mixnet_bench.report.cells import Cell, Table, between, milliseconds, number, sum_up, text_cell
from mixnet_bench.report.figures import Figure
from mixnet_bench.report.front import FrontFigure, draw_front
from mixnet_bench.report.predictions import FAR, measured_cell
from mixnet_bench.report.record import EMULATED, FrontNetwork, Results, Search
from mixnet_common.numbers import three_digits

COLUMNS = (
    "network", "score", "predicted, ms", "measured, ms", "predicted / anchor", "interval",
    "parameters", "MACs",
)  # fmt: skip

ABOUT = (
    "Latencies are predicted from a latency table. The measured time, where there is one, is of a"
    " network of the same name, format, precision and threads, and may be of another device."
)

SHARED = (
    "Several searches have networks of the same name, for which no measured time is shown: it may"
    " be of either. Make a report of each search."
)


def search_tables(results: Results) -> Iterator[Table]:
    """The front of each search, from the fastest network to the slowest."""
    names = Counter(each.network for search in results.searches for each in search.front)
    for search in results.searches:
        measured = [
            None
            if names[each.network] > 1
            else results.measured_ms(each.network, search.kind, search.threads)
            for each in search.front
        ]
        rows = tuple(map(_row, search.front, measured))
        is_shared = any(names[each.network] > 1 for each in search.front)
        notes = (_circumstances(search), ABOUT, *[SHARED] * is_shared)
        doubts = sum_up((each.network, FAR) for each in search.front if each.extrapolated)
        yield Table(_title(search), COLUMNS, rows, notes, doubts)


def search_figures(results: Results) -> Iterator[Figure]:
    """The front of each search as a line of scores over predicted latencies."""
    for index, search in enumerate(results.searches):
        drawn = FrontFigure(
            title=_title(search),
            across="predicted latency, milliseconds",
            up=search.score,
            candidates=(),
            front=[(each.latency_ms, each.score) for each in search.front],
            limit=search.limit_ms,
        )
        yield Figure(drawn.title, draw_front(drawn, f"search{index}"), f"{drawn.words}.")


def _title(search: Search) -> str:
    within = f" within {search.limit}" if search.limit else ""
    emulated = f"{EMULATED}: " * search.emulated
    return f"{emulated}Search of {search.space} by {search.score}{within}"


def _row(each: FrontNetwork, measured: float | None) -> tuple[Cell, ...]:
    return (
        text_cell(each.network),
        Cell(f"{each.score:.6g}", each.score),
        milliseconds(each.latency_ms),
        measured_cell(measured),
        number(each.ratio, "{:.3f}"),
        between(each.interval, "{:.3f}–{:.3f}"),
        number(each.params),
        number(each.macs / 1e6, "{:,.1f}M"),
    )


def _circumstances(search: Search) -> str:
    failed = f", {search.failed:,} of which could not be scored" if search.failed else ""
    limit = "" if search.limit_ms is None else f" The limit is {three_digits(search.limit_ms)} ms."
    about = f" {search.score}: {search.about}." if search.about else ""
    return (
        f"{search.evaluations:,} candidates{failed}. Table: {search.measured}; anchor:"
        f" {search.anchor}; intervals: {search.confidence:.0%}.{limit}{about}"
    )
