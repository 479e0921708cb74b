"""``mixnet-bench report``: turns results into a page, Markdown or CSV.

Reads results and writes whole files; nothing is measured here.
"""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mixnet_bench.report.documents import result_files
from mixnet_bench.report.load import load_results
from mixnet_bench.report.text import has_csv, render_csv, render_markdown
from mixnet_common import UsageError, write_whole
from mixnet_common.console import print_lines, warn
from mixnet_common.outputs import check_output
from mixnet_common.versions import commit_of, package_version


def run_report(
    paths: Sequence[Path], output: Path | None, title: str, markdown: bool, as_csv: bool
) -> None:
    """Make a report. Raises UsageError."""
    if markdown and as_csv:
        raise UsageError("--markdown and --csv exclude each other", "run the command once for each")
    if output is None and not (markdown or as_csv):
        raise UsageError("an HTML page needs an output file", "add -o report.html")
    if output is not None:
        check_output(output, result_files(paths), like=_like(markdown, as_csv))
    results = load_results(paths)
    if markdown:
        content = render_markdown(results, title)
    elif as_csv:
        if not has_csv(results):
            warn("the CSV is empty: it lists timed files and counts, and these results have none")
        content = render_csv(results)
    else:
        from mixnet_bench.report.page import render_page

        command = shlex.join(["mixnet-bench", "report", *map(str, paths)])
        content = render_page(results, title, made_with(command))
    if output is None:
        print_lines(*content.rstrip("\n").split("\n"))
        return
    write_whole(output, content)
    print_lines(f"wrote {output} ({len(content.encode()) / 1e6:.1f} MB)")


def made_with(command: str) -> list[tuple[str, str]]:
    """When, with what and by which command a report is made."""
    made = [
        ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("mixnet-mobile", package_version("mixnet-mobile") or "unknown"),
        ("commit", commit_of(Path(__file__).parent) or ""),
        ("command", command),
    ]
    return [(name, value) for name, value in made if value]


def _like(markdown: bool, as_csv: bool) -> str:
    return "report.md" if markdown else "report.csv" if as_csv else "report.html"
