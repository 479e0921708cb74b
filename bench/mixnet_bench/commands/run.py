"""``mixnet-bench run``: runs a campaign's TOML, or lists its steps.

Calls and reports; the steps are done elsewhere.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from mixnet_bench.campaign.estimate import GUESS
from mixnet_bench.campaign.execute import DONE, FAILED, FOUND, NOT_TRIED, Outcome, execute, look
from mixnet_bench.campaign.from_options import Checkpoint, campaign_of
from mixnet_bench.campaign.inputs import files_read, uses_data_for_ranges
from mixnet_bench.campaign.on_cluster import execute_on, resources_of, warn_of_missing
from mixnet_bench.campaign.ready import find_campaign
from mixnet_bench.campaign.step import Step
from mixnet_bench.campaign.steps import make_steps
from mixnet_bench.campaign.store import Store
from mixnet_bench.campaign.work import WORK
from mixnet_bench.cluster.address import Address
from mixnet_bench.cluster.connection import connected
from mixnet_bench.commands.answer import print_answer, report_path, write_report
from mixnet_bench.results.small import StepResult
from mixnet_common import MixnetError
from mixnet_common.console import print_json, print_table, say, warn
from mixnet_common.locks import locked
from mixnet_common.numbers import seconds_in_words
from mixnet_common.outputs import check_folder, check_outputs, named_files

LIKE = "out/campaign"
SHOWN = ("latency", "count", "inspect", "parity", "paper")
"""Kinds of steps whose results a report shows."""

COLUMNS = ("step", "kind", "state", "time", "from")


def run_campaign(
    target: str | Checkpoint,
    folder: Path,
    dry_run: bool,
    as_json: bool,
    address: Address | None = None,
) -> None:
    """Do what a campaign asks for and is not done, here or on a cluster.

    Raises MixnetError if a step failed.
    """
    named = None if isinstance(target, Checkpoint) else target
    campaign = campaign_of(target) if isinstance(target, Checkpoint) else find_campaign(target)
    check_folder(folder, like=LIKE)
    steps = make_steps(campaign)
    if uses_data_for_ranges(campaign) and "int8" in campaign.precisions:
        warn("accuracy is measured on the calibration images of int8: it is too optimistic")
    store = Store(folder)
    if dry_run:
        outcomes = look(steps, store)
    else:
        inputs = [*named_files(named), *files_read(campaign)]
        check_outputs([*store.written_paths(steps), report_path(folder)], inputs, like=LIKE)
        with locked(folder, "wait until it ends, or use another folder with -o"):
            outcomes = _execute(steps, store, address)
    if as_json:
        print_json([describe_step(each, store) for each in outcomes])
    elif dry_run:
        rows = [_row(each) for each in outcomes]
        print_table(COLUMNS, rows, title=campaign.title, caption=_caption(outcomes))
    else:
        print_answer(campaign.title, outcomes, store)
    if not dry_run:
        command = _command(target, folder)
        say(
            f"{_caption(outcomes)}; results: {folder}",
            *_report(campaign.title, outcomes, folder, command),
        )
    _raise_failed(outcomes)


def _command(target: str | Checkpoint, folder: Path) -> str:
    """The command that does the same work again."""
    words = [target] if isinstance(target, str) else list(_options(target))
    return shlex.join(["mixnet-bench", "run", *words, "-o", str(folder)])


def _options(target: Checkpoint) -> Iterator[str]:
    for name, value in asdict(target).items():
        if value not in (None, False):
            yield f"--{name}"
            yield from [] if value is True else [str(value)]


def _report(title: str, outcomes: Sequence[Outcome], folder: Path, command: str) -> list[str]:
    """Write the report of what is done; nothing if nothing is that a report shows."""
    if not any(each.state in (DONE, FOUND) and each.step.kind in SHOWN for each in outcomes):
        return []
    return [write_report(title, folder, command)]


def _execute(steps: Sequence[Step], store: Store, address: Address | None) -> list[Outcome]:
    try:
        if address is None:
            return execute(steps, store, WORK)
        with connected(address, resources_of(steps)) as cluster:
            warn_of_missing(cluster, steps)
            return execute_on(cluster, steps, store)
    except KeyboardInterrupt:
        words = "finished steps are saved; the same command continues from there"
        raise KeyboardInterrupt(words) from None


def describe_step(outcome: Outcome, store: Store) -> StepResult:
    """The record of a step; docs/json.md explains every key."""
    step, expected = outcome.step, outcome.estimate
    whole = outcome.state in (DONE, FOUND)
    return StepResult(
        name=step.name,
        kind=step.kind,
        key=step.key,
        state=outcome.state,
        result=str(store.result_path(step)) if whole else None,
        seconds=outcome.seconds,
        estimate_s=None if expected is None else expected.seconds,
        estimate_from=None if expected is None else expected.source,
        error=outcome.error or None,
    )


def _row(outcome: Outcome) -> tuple[str, ...]:
    step, expected = outcome.step, outcome.estimate
    if expected is not None:
        time, source = f"about {seconds_in_words(expected.seconds)}", expected.source
    else:
        time, source = "" if outcome.seconds is None else seconds_in_words(outcome.seconds), ""
    return (step.name, step.kind, outcome.state, time, source)


def _caption(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(each.state for each in outcomes)
    parts = [f"{count} {state}" for state, count in counts.items()]
    expected = [each.estimate for each in outcomes if each.estimate is not None]
    if expected:
        guessed = sum(each.source == GUESS for each in expected)
        total = seconds_in_words(sum(each.seconds for each in expected))
        parts.append(f"about {total} in all ({guessed} of {len(expected)} times are estimates)")
    return "; ".join(parts)


def _raise_failed(outcomes: Sequence[Outcome]) -> None:
    failed = [each for each in outcomes if each.state == FAILED]
    if failed:
        left = sum(each.state == NOT_TRIED for each in outcomes)
        names = ", ".join(f"{each.step.kind} {each.step.name}" for each in failed)
        others = f", {left} that need them were not tried" if left else ""
        raise MixnetError(
            f"{len(failed)} of {len(outcomes)} steps failed: {names}{others}",
            "the other results are complete; run the same command again for the rest",
        )
