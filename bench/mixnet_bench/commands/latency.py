"""``mixnet-bench latency``: checks the request, measures, then prints and saves the result.

Everything that can be refused is refused before the first inference.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mixnet_bench.commands.latency_table import print_latencies, print_profiles
from mixnet_bench.machine.affinity import check_cpus
from mixnet_bench.machine.description import describe_machine
from mixnet_bench.results.latency import LatencyResult
from mixnet_bench.timing.host import (
    NO_COMPARISON,
    Comparer,
    conclude,
    describe_run,
    foresee,
    refuse_output,
    save_to,
    with_profiles,
)
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.profiles import take_profiles
from mixnet_bench.timing.report import names_apart
from mixnet_common.console import print_json, warn
from mixnet_runtimes import Profile


def run_latency(
    plan: Plan,
    as_json: bool,
    output: Path | None,
    with_profile: bool = False,
    comparer: Comparer = NO_COMPARISON,
) -> list[LatencyResult]:
    """Time the plan's files and report; the results. Raises MixnetError and UsageError.

    The results are saved before ``comparer`` adds to them, and printed even if that fails.
    """
    if plan.cpus is not None:
        check_cpus(plan.cpus)
    refuse_output(output, plan, comparer.reads)
    comparer.check(foresee(plan, target="host", machine=describe_machine()))
    profiles = take_profiles(plan) if with_profile else []
    targets = with_profiles(describe_run(plan), profiles)
    try:
        targets = conclude(targets, comparer, partial(save_to, output))
    finally:
        _show(plan, targets, profiles, as_json)
    return targets


def _show(
    plan: Plan, targets: Sequence[LatencyResult], profiles: Sequence[Profile], as_json: bool
) -> None:
    for name, target in zip(names_apart(targets), targets, strict=True):
        for reason in target.reasons:
            warn(f"{name}: {reason}")
    if as_json:
        print_json(targets)
    else:
        print_latencies(targets, caption=_caption(plan, targets))
        if profiles:
            print_profiles([target.name for target in targets], profiles)


def _caption(plan: Plan, targets: Sequence[LatencyResult]) -> tuple[str, ...]:
    runtimes = sorted({f"{each.runtime} {each.runtime_version}" for each in targets})
    where = targets[0].machine.cpu or targets[0].machine.architecture
    return (
        f"{', '.join(runtimes)} on {where}; threads: {plan.threads}, launches: {plan.launches}",
        "ratio: latency relative to the first file, measured side by side",
    )
