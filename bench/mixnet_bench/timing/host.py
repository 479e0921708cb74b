"""A measurement on this machine, from its plan to its records and their comparison.

Prints nothing but progress and warnings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from mixnet_bench.machine.cores import limited_cores, throttle_count
from mixnet_bench.machine.description import describe_machine, load_average
from mixnet_bench.profiling.report import describe_profile
from mixnet_bench.results.file_run import Given
from mixnet_bench.results.latency import ComparisonResult, Foreseen, LatencyResult, Machine
from mixnet_bench.timing.circumstances import HostConditions, caveats_of_host
from mixnet_bench.timing.latency import Plan, measure
from mixnet_bench.timing.made_for import warn_of_other_targets
from mixnet_bench.timing.report import describe_plan, describe_timings, identify_all
from mixnet_common import write_whole
from mixnet_common.console import json_text
from mixnet_common.outputs import check_output
from mixnet_common.progress import progress_by_share
from mixnet_common.result import decode
from mixnet_runtimes import Profile
from mixnet_runtimes.model_files import with_companions

Timed = TypeVar("Timed", bound=LatencyResult)


@dataclass(frozen=True)
class Comparer:
    """The processing of results after measuring.

    ``check`` raises where what is known of them before does not allow it; ``compare`` gives each
    result's comparison, or None; ``reads`` are the files that it is made from, beside those that
    are timed.
    """

    compare: Callable[[Sequence[LatencyResult]], Sequence[ComparisonResult | None]] = (
        lambda targets: [None for _ in targets]
    )
    check: Callable[[Sequence[Foreseen]], None] = lambda foreseen: None
    reads: tuple[Path, ...] = ()


NO_COMPARISON = Comparer()


def with_profiles(targets: Sequence[Timed], profiles: Sequence[Profile]) -> list[Timed]:
    """Results with their files' profiles, where these were taken."""
    if not profiles:
        return list(targets)
    return [
        replace(target, profile=describe_profile(profile))
        for target, profile in zip(targets, profiles, strict=True)
    ]


def conclude(
    targets: Sequence[Timed], comparer: Comparer, save: Callable[[list[Timed]], object]
) -> list[Timed]:
    """Save what was measured, then what ``comparer`` adds: if that fails, nothing is lost."""
    save(list(targets))
    compared = [
        target if found is None else replace(target, against=found)
        for target, found in zip(targets, comparer.compare(targets), strict=True)
    ]
    save(compared)
    return compared


def save_to(output: Path | None, targets: Sequence[LatencyResult]) -> None:
    """Write the JSON document, where it is wanted in a file."""
    if output is not None:
        write_whole(output, json_text(targets) + "\n")


def foresee(
    plan: Plan,
    target: str,
    machine: Machine,
    features: Iterable[str] | None = None,
    **known: Any,
) -> list[Foreseen]:
    """The circumstances of results, as far as they are known before measuring.

    ``features`` are those of the processor that runs the files; None for this machine's.
    """
    files = identify_all(plan, features)
    given = [decode(Given, dict(each.given)) for each in plan.models] or [Given()] * len(plan.paths)
    return [
        Foreseen(
            name=path.name,
            given=each,
            half_precision=file.half_precision,
            target=target,
            threads=plan.threads,
            settings=describe_plan(plan),
            machine=machine,
            **known,
        )
        for path, each, file in zip(plan.paths, given, files, strict=True)
    ]


def describe_run(plan: Plan) -> list[LatencyResult]:
    """Measure under a progress bar; the results, with the machine before and after."""
    # Hashed before they are timed: a file that is replaced meanwhile is detected by its hash.
    files = identify_all(plan)
    before, conditions = load_average(), read_host_conditions()
    with progress_by_share("timing") as report:
        timings = measure(plan, report=report)
    machine = replace(
        describe_machine(), load_average_before=before, load_average_after=load_average()
    )
    found = list(caveats_of_host(conditions, read_host_conditions()))
    targets = describe_timings(plan, files, timings, machine, [found] * len(files))
    warn_of_other_targets(targets)
    return targets


def read_host_conditions() -> HostConditions:
    """Heat of this machine, and limits to its clocks, as reported."""
    return HostConditions(throttle_count(), limited_cores())


def refuse_output(output: Path | None, plan: Plan, others: Iterable[Path] = ()) -> None:
    """Raise where the result cannot be saved, or would replace what is timed or else read."""
    if output is not None:
        inputs = [*with_companions(plan.paths), *plan.inputs.files.values(), *others]
        check_output(output, inputs, like="latency.json")
