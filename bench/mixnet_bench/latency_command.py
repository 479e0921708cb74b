"""``mixnet-bench latency``: checks the request, measures, then prints and saves the result.

Everything that can be refused is refused before the first inference.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixnet_bench.affinity import check_cpus
from mixnet_bench.latency import Plan, measure
from mixnet_bench.latency_report import COLUMNS, describe, identify, table_rows
from mixnet_bench.machine import describe_machine, load_average
from mixnet_bench.profile_command import print_profiles, take_profiles
from mixnet_bench.profile_report import describe_profile
from mixnet_common import UsageError, write_whole
from mixnet_common.console import json_text, print_json, print_table, progress, warn
from mixnet_common.files import check_writable

STEPS = 1000
"""Of the progress bar."""


def run(plan: Plan, as_json: bool, output: Path | None, with_profile: bool = False) -> None:
    """Time the plan's files and report. Raises MixnetError and UsageError."""
    if plan.cpus is not None:
        check_cpus(plan.cpus)
    if output is not None:
        check_output(output, plan.paths)
    profiles = take_profiles(plan) if with_profile else []
    targets = describe_run(plan)
    for target, profile in zip(targets, profiles, strict=False):
        target["profile"] = describe_profile(profile)
    if output is not None:
        write_whole(output, json_text(targets) + "\n")
    for target in targets:
        for reason in target["reasons"]:
            warn(f"{target['name']}: {reason}")
    if as_json:
        print_json(targets)
    else:
        print_table(COLUMNS, table_rows(targets), caption=_caption(plan, targets))
        if profiles:
            print_profiles([target["name"] for target in targets], profiles)


def describe_run(plan: Plan) -> list[dict[str, Any]]:
    """Measure under a progress bar; the JSON objects, with the machine before and after."""
    # Hashed before they are timed: a file that is replaced meanwhile is told by its hash.
    files = [identify(path) for path in plan.paths]
    before = load_average()
    with progress("timing", STEPS) as step:
        done = 0

        def report(share: float) -> None:
            nonlocal done
            # The work is known only by estimate, so the bar never goes back.
            advance = max(0, round(STEPS * share) - done)
            step(advance)
            done += advance

        timings = measure(plan, report=report)
    machine = {
        **describe_machine(),
        "load_average_before": before,
        "load_average_after": load_average(),
    }
    return describe(plan, files, timings, machine)


def check_output(path: Path, timed: Sequence[Path] = ()) -> None:
    """Raise unless a file can be written there, and is none of those that are timed.

    Leaves nothing behind and makes no directory.
    """
    if path.is_dir():
        raise UsageError(f"-o {path} is a directory", "name a file, like latency.json")
    if path.resolve() in [each.resolve() for each in timed]:
        raise UsageError(f"-o {path} is a file to be timed", "name another, like latency.json")
    check_writable(path)


def _caption(plan: Plan, targets: Sequence[dict[str, Any]]) -> str:
    runtimes = sorted({f"{each['runtime']} {each['runtime_version']}" for each in targets})
    where = targets[0]["machine"]["cpu"] or targets[0]["machine"]["architecture"]
    return (
        f"{', '.join(runtimes)} on {where}; threads: {plan.threads}, launches: {plan.launches}\n"
        "ratio: to the first file, measured side by side"
    )
