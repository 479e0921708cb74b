"""The end of a campaign: its results as a table and as sentences, and its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixnet_bench.campaign.answer import CAPTION, COLUMNS, UNKNOWN, Found, answer_of
from mixnet_bench.campaign.execute import DONE, FOUND, Outcome
from mixnet_bench.campaign.steps import origin
from mixnet_bench.campaign.store import Store
from mixnet_bench.commands.report import made_with
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.results.reading import decode_any
from mixnet_common import write_whole
from mixnet_common.console import print_sentences, print_table


def print_answer(title: str, outcomes: Sequence[Outcome], store: Store) -> None:
    """The campaign in one table, without columns in which nothing is known, and in sentences."""
    answer = answer_of(found_in(outcomes, store))
    if not answer.rows:
        return
    shown = [
        index for index in range(len(COLUMNS)) if any(row[index] != UNKNOWN for row in answer.rows)
    ]
    columns = [COLUMNS[index] for index in shown]
    print_table(
        columns,
        [[row[index] for index in shown] for row in answer.rows],
        title=title,
        caption=CAPTION if "loss, points" in columns else CAPTION[:1],
    )
    print_sentences(*answer.sentences)


def found_in(outcomes: Sequence[Outcome], store: Store) -> Found:
    """The times and comparisons of a campaign's steps, as far as these are done."""
    done = [each.step for each in outcomes if each.state in (DONE, FOUND)]

    def of_kind(kind: str) -> list[list[Any]]:
        recalled = [store.recall(step) or [] for step in done if step.kind == kind]
        return [[decode_any(target) for target in targets] for targets in recalled]

    exports = [each.step for each in outcomes if each.step.kind == "export"]
    runs = [[each for each in run if isinstance(each, LatencyResult)] for run in of_kind("latency")]
    parities = [found for (found,) in of_kind("parity")]
    return Found(runs, parities, [origin(each) for each in exports if "seed" in each.inputs])


def report_path(folder: Path) -> Path:
    """Path of a campaign's report."""
    return folder / "report.html"


def write_report(title: str, folder: Path, command: str) -> str:
    """Write a folder's report into it, made by a command; returns a line with its path."""
    path = report_path(folder)
    from mixnet_bench.report.load import load_results
    from mixnet_bench.report.page import render_page

    write_whole(path, render_page(load_results([folder]), title, made_with(command)))
    return f"report: {path}"
