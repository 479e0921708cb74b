"""``mixnet-bench latency``: checks the request, measures, then prints and saves the result.

Everything that can be refused is refused before the first inference.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixnet_bench.affinity import check_cpus
from mixnet_bench.circumstances import HostConditions, doubts_of_host
from mixnet_bench.cores import limited_cores, throttle_count
from mixnet_bench.latency import Plan, measure
from mixnet_bench.latency_report import add_doubts, describe, identify_all
from mixnet_bench.latency_table import print_latencies
from mixnet_bench.machine import describe_machine, load_average
from mixnet_bench.made_for import warn_of_other_targets
from mixnet_bench.profile_command import print_profiles, take_profiles
from mixnet_bench.profile_report import describe_profile
from mixnet_common import write_whole
from mixnet_common.console import json_text, print_json, progress_by_share, warn
from mixnet_common.outputs import check_output
from mixnet_runtimes import Profile
from mixnet_runtimes.model_files import with_companions


@dataclass(frozen=True)
class Finish:
    """What comes of results beyond measuring them.

    ``check`` raises where what is known of them before does not allow it; ``add`` adds it;
    ``reads`` are the files that it is made from, beside those that are timed.
    """

    add: Callable[[list[dict[str, Any]]], None] = lambda targets: None
    check: Callable[[Sequence[Mapping[str, Any]]], None] = lambda foreseen: None
    reads: tuple[Path, ...] = ()


NO_MORE = Finish()


def run(
    plan: Plan,
    as_json: bool,
    output: Path | None,
    with_profile: bool = False,
    finish: Finish = NO_MORE,
) -> list[dict[str, Any]]:
    """Time the plan's files and report; the JSON objects. Raises MixnetError and UsageError.

    What was measured is saved before ``finish`` adds to it, and printed whatever becomes of that.
    """
    if plan.cpus is not None:
        check_cpus(plan.cpus)
    refuse_output(output, plan, finish.reads)
    finish.check(foresee(plan, target="host", machine=describe_machine()))
    profiles = take_profiles(plan) if with_profile else []
    targets = describe_run(plan)
    for target, profile in zip(targets, profiles, strict=False):
        target["profile"] = describe_profile(profile)
    try:
        conclude(targets, finish, partial(save_to, output))
    finally:
        _show(plan, targets, profiles, as_json)
    return targets


def conclude(
    targets: list[dict[str, Any]], finish: Finish, save: Callable[[list[dict[str, Any]]], object]
) -> None:
    """Save what was measured, then with what ``finish`` adds: where that fails, nothing is lost."""
    save(targets)
    finish.add(targets)
    save(targets)


def save_to(output: Path | None, targets: list[dict[str, Any]]) -> None:
    """Write the JSON document, where it is wanted in a file."""
    if output is not None:
        write_whole(output, json_text(targets) + "\n")


def foresee(plan: Plan, **known: Any) -> list[dict[str, Any]]:
    """What results will tell of their circumstances, as far as it is known before measuring."""
    settings = {
        "pin": None if plan.cpus is None else list(plan.cpus),
        "warmup": plan.warmup,
        "burst_ms": plan.burst_ms,
        "sustained": plan.sustained,
    }
    more = {"threads": plan.threads, "settings": settings, **known}
    given = [each.given for each in plan.models] or [{} for _ in plan.paths]
    return [
        {"name": path.name, "given": dict(each), **more}
        for path, each in zip(plan.paths, given, strict=True)
    ]


def _show(
    plan: Plan, targets: list[dict[str, Any]], profiles: Sequence[Profile], as_json: bool
) -> None:
    for target in targets:
        for reason in target["reasons"]:
            warn(f"{target['name']}: {reason}")
    if as_json:
        print_json(targets)
    else:
        print_latencies(targets, caption=_caption(plan, targets))
        if profiles:
            print_profiles([target["name"] for target in targets], profiles)


def describe_run(plan: Plan) -> list[dict[str, Any]]:
    """Measure under a progress bar; the JSON objects, with the machine before and after."""
    # Hashed before they are timed: a file that is replaced meanwhile is told by its hash.
    files = identify_all(plan)
    before, conditions = load_average(), read_host_conditions()
    with progress_by_share("timing") as report:
        timings = measure(plan, report=report)
    machine = {
        **describe_machine(),
        "load_average_before": before,
        "load_average_after": load_average(),
    }
    targets = describe(plan, files, timings, machine)
    found = list(doubts_of_host(conditions, read_host_conditions()))
    for target in targets:
        add_doubts(target, found)
    warn_of_other_targets(targets)
    return targets


def read_host_conditions() -> HostConditions:
    """What this machine tells of its heat and of limits to its clocks."""
    return HostConditions(throttle_count(), limited_cores())


def refuse_output(output: Path | None, plan: Plan, others: Iterable[Path] = ()) -> None:
    """Raise where the result cannot be saved, or would replace what is timed or else read."""
    if output is not None:
        inputs = [*with_companions(plan.paths), *plan.inputs.files.values(), *others]
        check_output(output, inputs, like="latency.json")


def _caption(plan: Plan, targets: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    runtimes = sorted({f"{each['runtime']} {each['runtime_version']}" for each in targets})
    where = targets[0]["machine"]["cpu"] or targets[0]["machine"]["architecture"]
    return (
        f"{', '.join(runtimes)} on {where}; threads: {plan.threads}, launches: {plan.launches}",
        "ratio: to the first file, measured side by side",
    )
