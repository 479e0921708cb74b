"""A report as one self-contained HTML page: no network access, no other files, no library.

All text from results is escaped, control characters and direction marks are made visible, and the
page's policy allows only its own script.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mixnet_bench.report import comparisons, figures, planes, predictions, searches, tables
from mixnet_bench.report.cells import Table
from mixnet_bench.report.conclusions import change_table, conclusions
from mixnet_bench.report.figures import Figure
from mixnet_bench.report.html import render
from mixnet_bench.report.record import Results

EMULATED = (
    "Some of these results come from an emulator. Their times are not valid for any phone; they are"
    " marked EMULATED in every table and figure."
)

CALIBRATED_ON_DATA = (
    "The accuracy of int8 files was measured on their calibration images. On other images they may"
    " lose more: calibrate on images that are not used for validation."
)


@dataclass(frozen=True)
class Section:
    """A part of the page, with an entry in its contents."""

    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    folded: str = ""
    """Words of the button behind which the figures are; empty to show them."""
    tables_first: bool = False
    """Whether the tables stand above the figures."""


def sections(results: Results) -> list[Section]:
    """The page's parts, without those that the results have nothing for."""
    devices = results.devices
    found = [
        Section("What changed between runs", (), _known(iter([change_table(results)]))),
        Section(
            "Precisions and lowerings",
            list(figures.ratios(results)),
            _known(iter([comparisons.int8_table(results), comparisons.lowering_table(results)])),
        ),
        Section("Accuracy lost", (), _known(iter([tables.parity_table(results)]))),
        Section(
            "Latency",
            list(figures.distributions(results)),
            [tables.latency_table(results, device) for device in devices],
            tables_first=True,
        ),
        Section("Predicted latency", (), _known(iter([predictions.predictions_table(results)]))),
        Section(
            "Architecture searches",
            list(searches.search_figures(results)),
            list(searches.search_tables(results)),
        ),
        Section(
            "Comparison with the paper",
            [*planes.figure7(results), *planes.measured_planes(results)],
            list(tables.paper_tables(results)),
        ),
        Section(
            "Time lines and conditions",
            list(figures.time_lines(results)),
            _known(tables.conditions_table(results, device) for device in devices),
            "Show every sample in its order",
        ),
        Section(
            "Sustained load",
            list(figures.courses(results)),
            _known(iter([comparisons.sustained_table(results)])),
        ),
        Section("Against baselines", (), _known(iter([comparisons.against_table(results)]))),
        Section(
            "Depthwise kernels",
            list(figures.kernel_costs(results)),
            _known(iter([tables.kernel_table(results)])),
        ),
        Section("Delegation", (), _known(iter([tables.delegation_table(results)]))),
        Section("Counts", (), _known(iter([tables.count_table(results)]))),
    ]
    return [each for each in found if each.figures or each.tables]


def _known(found: Iterator[Table | None]) -> list[Table]:
    return [each for each in found if each is not None]


def render_page(results: Results, title: str, made: Sequence[tuple[str, str]] = ()) -> str:
    """The whole page; ``made`` contains its date, versions and command, by name."""
    return render(
        title=title,
        made=[*made, *_circumstances(results)],
        conclusions=conclusions(results),
        summary=_summary(results),
        warnings=list(_warnings(results)),
        parts=sections(results),
    )


def _circumstances(results: Results) -> list[tuple[str, str]]:
    """The timed files and devices, as far as known."""
    runtimes = dict.fromkeys(each.runtime for each in results.latencies)
    devices = dict.fromkeys(each.device.label for each in results.latencies)
    found = {"runtimes": ", ".join(runtimes), "timed on": ", ".join(devices)}
    return [(name, value) for name, value in found.items() if value]


def _summary(results: Results) -> str:
    counts = {
        ("timing", "timings"): len(results.latencies),
        ("device", "devices"): len(results.devices),
        ("latency by another runner", "latencies by another runner"): len(results.programs),
        ("prediction", "predictions"): len(results.predictions),
        ("search", "searches"): len(results.searches),
        ("count", "counts"): len(results.counts),
        ("row of the paper", "rows of the paper"): len(results.papers),
        ("parity check", "parity checks"): len(results.parities),
    }
    listed = ", ".join(
        f"{count} {one if count == 1 else many}" for (one, many), count in counts.items() if count
    )
    return f"Made from {listed}. Intervals are 95 % ones; only files of one run took turns."


def _warnings(results: Results) -> Iterator[str]:
    devices = [*results.devices, *(each.device for each in results.programs)]
    emulated = [each.emulated for each in devices]
    if any([*emulated, *(each.emulated for each in results.searches)]):
        yield EMULATED
    if any(each.calibrated_on_data for each in results.parities):
        yield CALIBRATED_ON_DATA
    if results.skipped:
        yield f"Left out, since they are not results: {'; '.join(results.skipped)}."
