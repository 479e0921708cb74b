"""``latency``: times files here or on phones.

Options and help alone: what a command needs is imported when it is called.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixnet_bench.command_line.model_options import fp16_option, input_options, selection_options
from mixnet_common import UsageError
from mixnet_common.console import example, json_option
from mixnet_common.options import (
    INFERENCES,
    LAUNCHES,
    SECONDS,
    SEED,
    THREADS,
    TIMEOUT,
    WARMUP,
)

if TYPE_CHECKING:
    from mixnet_bench.results.latency import LatencyResult
    from mixnet_bench.results.program import ProgramResult


@click.command(
    epilog=example(
        "mixnet-export tflite mixnet-s -o out",
        "mixnet-bench latency out/mixnet-s.tflite --threads 1",
    )
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--on",
    is_eager=True,  # threads are bounded by where they run
    default="host",
    show_default=True,
    metavar="host|adb[:SERIAL]|all",
    help="Where to time: here, on a phone, or on all phones at once.",
)
@click.option(
    "--threads", type=THREADS, default=1, show_default=True, help="Threads of the runtime."
)
@click.option(
    "--launches",
    type=LAUNCHES,
    default=5,
    show_default=True,
    help="Process repetitions per file. Intervals are computed across them.",
)
@click.option(
    "--min-count",
    type=INFERENCES,
    default=100,
    show_default=True,
    help="Minimum number of timed inferences per file.",
)
@click.option(
    "--min-time",
    type=SECONDS,
    default=5.0,
    show_default=True,
    help="Minimum time of inference per file, in seconds.",
)
@click.option(
    "--warmup",
    type=WARMUP,
    default=10,
    show_default=True,
    help="Warm-up inferences per process, not counted.",
)
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Seed of inputs and run order."
)
@click.option(
    "--pin",
    metavar="CPUS",
    help="Run on these CPUs only, like 0,2-3 (Linux, phones); on phones big or little too.",
)
@click.option(
    "--timeout",
    type=TIMEOUT,
    default=60.0,
    show_default=True,
    help="Seconds without an answer after which a file is given up.",
)
@click.option(
    "--profile", is_flag=True, help="Show the time by kind of operator too: what is slow in it."
)
@click.option(
    "--fixed-performance",
    is_flag=True,
    help="On phones: clocks that can be sustained (Android 11), restored afterwards.",
)
@click.option(
    "--keep-settings", is_flag=True, help="On phones: change no setting, the screen may turn off."
)
@click.option("--take-over", is_flag=True, help="End what somebody else is measuring on the phone.")
@click.option(
    "--task-profile",
    metavar="NAME",
    help="On phones: run under this Android task profile, like MaxPerformance.",
)
@click.option(
    "--against",
    metavar="FILE|JSON",
    help="Compare with this file, side by side, or with a result saved under the same conditions.",
)
@click.option(
    "--sustained",
    metavar="TIME",
    help="Run one file for this long, such as 10m, and report when it becomes slower.",
)
@click.option("--strict", is_flag=True, help="Exit status 1 unless every verdict is valid.")
@click.option(
    "--runner",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Time with this benchmark_model of LiteRT's on the phone, instead of our own runner.",
)
@selection_options
@fp16_option
@input_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Save the JSON document here too."
)
def latency(
    targets: tuple[str, ...],
    on: str,
    threads: int,
    launches: int,
    min_count: int,
    min_time: float,
    warmup: int,
    seed: int,
    pin: str | None,
    timeout: float,
    profile: bool,
    fixed_performance: bool,
    keep_settings: bool,
    take_over: bool,
    task_profile: str | None,
    against: str | None,
    sustained: str | None,
    strict: bool,
    runner: Path | None,
    as_json: bool,
    output: Path | None,
    selection: Any,
    inputs: Any,
) -> None:
    """Time .tflite and .onnx files side by side.

    Each launch starts one fresh process per file and lets them run in short turns, A B A B ...;
    ratios are to the first file.
    """
    from mixnet_bench.commands.latency import run_latency
    from mixnet_bench.commands.latency_phones import run_benchmark_model, run_on_all, run_on_phone
    from mixnet_bench.phones import benchmark_model
    from mixnet_bench.phones.one_phone import serial_of
    from mixnet_bench.phones.steps import PhoneOptions, check_phone_options
    from mixnet_bench.targets import model_file
    from mixnet_bench.timing import trust
    from mixnet_bench.timing.latency import Plan
    from mixnet_bench.timing.preparing import prepared
    from mixnet_common.cpu_lists import parse_cpus

    if selection.fp16 and (profile or runner is not None):
        what = "--profile" if profile else "--runner"
        raise UsageError(f"{what} runs files as they are, not in float16", "drop it, or --fp16")
    phone_options = PhoneOptions(
        pin=pin,
        fixed_performance=fixed_performance,
        profile=profile,
        keep_settings=keep_settings,
        take_over=take_over,
        task_profile=task_profile,
    )
    check_phone_options(phone_options, on)
    plan = Plan(
        paths=tuple(model_file(target) for target in targets),
        threads=threads,
        launches=launches,
        min_count=min_count,
        min_time_s=min_time,
        warmup=warmup,
        seed=seed,
        cpus=None if pin is None or on != "host" else parse_cpus(pin),
        timeout_s=timeout,
        selection=selection,
        inputs=inputs,
    )
    if runner is not None:
        benchmark_model.refuse(on, against, sustained)
        benchmark_model.check_program_request(plan, runner, phone_options)
    plan, comparer = trust.extend(plan, against, sustained)
    with prepared(plan) as plan:
        measured: Sequence[LatencyResult] | Sequence[ProgramResult]
        if runner is not None:
            serial = serial_of(on)
            measured = run_benchmark_model(plan, runner, serial, phone_options, as_json, output)
        elif on == "host":
            measured = run_latency(plan, as_json, output, profile, comparer)
        elif on == "all":
            measured = run_on_all(plan, phone_options, as_json, output, comparer)
        else:
            serial = serial_of(on)
            measured = run_on_phone(plan, serial, phone_options, as_json, output, comparer)
    if strict:
        trust.demand_valid(measured)
