"""A report as one HTML page that needs nothing else: no network, no file beside it, no library.

All text from results is escaped, what it holds of control characters and direction marks is shown,
and the page's own policy lets nothing run but its own script.
"""

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from mixnet_bench.report import comparisons, figures, tables
from mixnet_bench.report.cells import Cell, Table
from mixnet_bench.report.figures import Figure
from mixnet_bench.report.record import Results
from mixnet_common.hashing import sha256
from mixnet_common.printable import printable

LONG = 40
"""Characters from which a cell may break its line."""

EMULATED = (
    "Some of these results come from an emulator. Their times say nothing about any phone; they are"
    " marked EMULATED in every table and figure."
)


@dataclass(frozen=True)
class Section:
    """A part of the page, with an entry in its contents."""

    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    folded: str = ""
    """Words of the button behind which the figures are; empty to show them."""


def sections(results: Results) -> list[Section]:
    """The page's parts, without those that the results have nothing for."""
    devices = results.devices
    found = [
        Section(
            "Comparison with the paper",
            [*figures.figure7(results), *figures.measured_planes(results)],
            list(tables.paper_tables(results)),
        ),
        Section(
            "Latency",
            list(figures.distributions(results)),
            [tables.latency_table(results, device) for device in devices],
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
            "Precisions and lowerings",
            list(figures.ratios(results)),
            _known(iter([comparisons.int8_table(results), comparisons.lowering_table(results)])),
        ),
        Section(
            "Depthwise kernels",
            list(figures.kernel_costs(results)),
            _known(iter([tables.kernel_table(results)])),
        ),
        Section("Delegation", (), _known(iter([tables.delegation_table(results)]))),
        Section("Accuracy lost", (), _known(iter([tables.parity_table(results)]))),
        Section("Counts", (), _known(iter([tables.count_table(results)]))),
    ]
    return [each for each in found if each.figures or each.tables]


def _known(found: Iterator[Table | None]) -> list[Table]:
    return [each for each in found if each is not None]


def render_page(results: Results, title: str) -> str:
    """The whole page."""
    parts = sections(results)
    script = _asset("sort.js")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{_asset('style.css')}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(_summary(results))}</p>",
            *_warning(results),
            _contents(parts),
            *(_section(number, part) for number, part in enumerate(parts)),
            "</main>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _policy(script: str) -> str:
    """Nothing is fetched, and no script runs but this one."""
    digest = base64.b64encode(bytes.fromhex(sha256(script))).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return files("mixnet_bench.report").joinpath(name).read_text(encoding="utf-8")


def _summary(results: Results) -> str:
    counts = {
        ("timing", "timings"): len(results.latencies),
        ("device", "devices"): len(results.devices),
        ("latency by another runner", "latencies by another runner"): len(results.programs),
        ("count", "counts"): len(results.counts),
        ("row of the paper", "rows of the paper"): len(results.papers),
        ("parity check", "parity checks"): len(results.parities),
    }
    listed = ", ".join(
        f"{count} {one if count == 1 else many}" for (one, many), count in counts.items() if count
    )
    return f"Made from {listed}. Intervals are 95 % ones; only files of one run took turns."


def _warning(results: Results) -> list[str]:
    devices = [*results.devices, *(each.device for each in results.programs)]
    emulated = any(device.emulated for device in devices)
    return [f'<p class="warning">{escape(EMULATED)}</p>'] if emulated else []


def escape(text: str) -> str:
    r"""Text as HTML in which nothing is markup, and nothing turns the direction of what follows.

    >>> escape("<b>\u202e")
    '&lt;b&gt;\\u202e'
    """
    return html.escape(printable(text))


def _contents(parts: Sequence[Section]) -> str:
    links = "".join(
        f'<li><a href="#part{number}">{escape(part.title)}</a></li>'
        for number, part in enumerate(parts)
    )
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'


def _section(number: int, part: Section) -> str:
    drawn = "".join(map(_figure, part.figures))
    if drawn:
        drawn = f'<div class="figures">{drawn}</div>'
    if drawn and part.folded:
        drawn = f"<details><summary>{escape(part.folded)}</summary>{drawn}</details>"
    shown = "".join(map(_table, part.tables))
    heading = f'<h2 id="part{number}">{escape(part.title)}</h2>'
    return f'<section aria-labelledby="part{number}">{heading}{drawn}{shown}</section>'


def _figure(figure: Figure) -> str:
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in figure.notes)
    words = f"<details><summary>In words</summary>{escape(figure.description)}</details>"
    caption = f"<figcaption>{escape(figure.title)}</figcaption>"
    return f"<figure>{caption}{figure.svg}{notes}{words}</figure>"


def _table(table: Table) -> str:
    title = escape(table.title)
    numeric = [_is_numeric(table, column) for column in range(len(table.columns))]
    heads = "".join(
        f'<th scope="col"{_class("number" if right else "")}>'
        f'<button type="button">{escape(name)}</button></th>'
        for name, right in zip(table.columns, numeric, strict=True)
    )
    rows = "".join(f"<tr>{''.join(map(_cell, row, numeric))}</tr>" for row in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    notes += _doubts(table)
    return (
        f'<h3>{title}</h3><div class="scroll" role="region" tabindex="0" aria-label="{title}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{notes}"
    )


def _doubts(table: Table) -> str:
    if not table.doubts:
        return ""
    items = "".join(f"<li>{escape(doubt)}</li>" for doubt in table.doubts)
    summary = f"Doubts about these results: {len(table.doubts)}"
    return f'<details class="note"><summary>{summary}</summary><ul>{items}</ul></details>'


def _is_numeric(table: Table, column: int) -> bool:
    return any(row[column].number is not None for row in table.rows)


def _cell(cell: Cell, numeric: bool) -> str:
    classes = [cell.mark, "number" if numeric else "", "long" if len(cell.text) > LONG else ""]
    value = "" if cell.number is None else f' data-value="{cell.number!r}"'
    return f"<td{_class(' '.join(filter(None, classes)))}{value}>{escape(cell.text)}</td>"


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
