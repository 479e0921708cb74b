"""``mixnet-bench latency --on adb`` and ``--on all``: measures, then prints and saves.

Everything that can be refused is refused before a phone is used.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mixnet_android.adb import Adb
from mixnet_android.phone.device import choose_phone
from mixnet_android.runs.benchmark_model import NAME
from mixnet_bench.commands.latency_table import print_latencies, print_phone_profiles
from mixnet_bench.phones import benchmark_model
from mixnet_bench.phones.benchmark_model_report import (
    COLUMNS,
    describe_program_results,
    program_rows,
)
from mixnet_bench.phones.every_phone import measure_all, usable_phones
from mixnet_bench.phones.one_phone import measure_on
from mixnet_bench.phones.saved import SavedPhones
from mixnet_bench.phones.steps import PhoneOptions
from mixnet_bench.results.phones import PhoneLatencyResult
from mixnet_bench.results.program import ProgramResult
from mixnet_bench.timing.host import NO_COMPARISON, Comparer, conclude, refuse_output, save_to
from mixnet_bench.timing.latency import Plan
from mixnet_bench.timing.report import identify_all
from mixnet_common import MixnetError, write_whole
from mixnet_common.console import json_text, print_json, print_table, warn
from mixnet_common.progress import progress, progress_by_share


def run_on_phone(
    plan: Plan,
    serial: str | None,
    phone_options: PhoneOptions,
    as_json: bool,
    output: Path | None,
    comparer: Comparer = NO_COMPARISON,
) -> list[PhoneLatencyResult]:
    """Time the plan's files on a phone and report; the results.

    What was measured is saved before ``comparer`` adds to it; where either fails, the launches are
    kept and the same command measures none again. Raises MixnetError and UsageError.
    """
    refuse_output(output, plan, comparer.reads)
    phone = choose_phone(Adb.find(), serial)
    with progress_by_share(f"timing on {phone.serial}") as report:
        targets = measure_on(
            phone,
            plan,
            phone_options,
            report,
            comparer,
            lambda targets: conclude(targets, comparer, partial(save_to, output)),
        )
    show(targets, as_json)
    return targets


def show(targets: Sequence[PhoneLatencyResult], as_json: bool) -> None:
    """Print what was measured: a JSON document, or a table for each phone, and every caveat."""
    for target in targets:
        for reason in target.reasons:
            warn(f"{target.name} on {target.target}: {reason}")
    if as_json:
        print_json(targets)
        return
    for name in dict.fromkeys(target.target for target in targets):
        own = [target for target in targets if target.target == name]
        print_latencies(own, title=_title(own), caption=_caption(own))
        if own[0].profile is not None:
            print_phone_profiles(own, _title(own))


def _title(targets: Sequence[PhoneLatencyResult]) -> str:
    return "EMULATED: these are not latencies of a phone" if targets[0].emulated else ""


def _caption(targets: Sequence[PhoneLatencyResult]) -> tuple[str, ...]:
    runtimes = sorted({f"{each.runtime} {each.runtime_version}" for each in targets})
    first = targets[0]
    device, pin = first.device, first.settings.pin
    name = " ".join(each for each in (device.manufacturer, device.model) if each)
    pinned = "" if pin is None else f", CPUs {','.join(map(str, pin))}"
    fixed = "; fixed-performance mode: sustained clocks" if first.fixed_performance else ""
    return (
        f"{', '.join(runtimes)} on {name or first.target} ({device.soc or 'unknown SoC'}); "
        f"threads: {first.threads}{pinned}, launches: {first.settings.launches}{fixed}",
        f"{_parity_line(targets)}; measured in a {first.label}, an app may differ",
        "ratio: latency relative to the first file, measured side by side",
    )


def _parity_line(targets: Sequence[PhoneLatencyResult]) -> str:
    worst = [
        f"{target.name} {each.error:.2g} {each.unit}"
        for target in targets
        if target.parity is not None
        for each in target.parity.outputs
        if each.error is not None
    ]
    return "outputs compared with this machine's: " + (", ".join(worst) or "not compared")


def run_on_all(
    plan: Plan,
    phone_options: PhoneOptions,
    as_json: bool,
    output: Path | None,
    comparer: Comparer = NO_COMPARISON,
) -> list[PhoneLatencyResult]:
    """Time the plan's files on all phones and report; the results.

    ``output`` is read first: a phone with results in it is not measured again.
    Raises MixnetError if one failed.
    """
    refuse_output(output, plan, comparer.reads)
    phones = usable_phones(Adb.find())
    results = SavedPhones(output, plan, phone_options)
    if results.others:
        names = ", ".join(results.others)
        warn(
            f"{output} contains another measurement, of {names}: it is replaced when the new one"
            " is complete"
        )
    failed = measure_all(phones, plan, phone_options, results, comparer)
    targets = results.targets()
    if targets:
        show(targets, as_json)
    if failed:
        raise MixnetError(
            f"{len(failed)} of {len(phones)} phones failed: {', '.join(failed)}",
            f"the other results are in {output}: run the same command again for the rest"
            if output
            else "the other results are complete; with -o FILE a rerun measures only the rest",
        )
    return targets


def run_benchmark_model(
    plan: Plan,
    program: Path,
    serial: str | None,
    phone_options: PhoneOptions,
    as_json: bool,
    output: Path | None,
) -> list[ProgramResult]:
    """Time the plan's files with ``program`` and report; the results.

    Raises MixnetError and UsageError.
    """
    refuse_output(output, plan, [program])
    files = identify_all(plan)
    phone = choose_phone(Adb.find(), serial)
    with progress(f"timing on {phone.serial}", plan.launches * len(plan.paths)) as step:
        plan, measured = benchmark_model.measure_on(phone, plan, program, phone_options, step)
    targets = describe_program_results(plan, files, measured)
    if output is not None:
        write_whole(output, json_text(targets) + "\n")
    for target in targets:
        for reason in target.reasons:
            warn(f"{target.name} on {target.target}: {reason}")
    if as_json:
        print_json(targets)
    else:
        title = "EMULATED: these are not latencies of a phone" if targets[0].emulated else ""
        caption = (
            f"by {NAME}: means of means, without samples; measured in a shell process, an app may"
            " differ"
        )
        print_table(COLUMNS, program_rows(targets), title=title, caption=caption)
    return targets
