"""``latency``: times files here or on phones.

Options and help alone: what a command needs is imported when it is called.
"""

from pathlib import Path
from typing import Any

import click

from mixnet_bench.command_line.model_options import fp16_option, input_options, selection_options
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
def latency(**options: Any) -> None:
    """Time .tflite and .onnx files side by side.

    Each launch starts one fresh process per file and lets them run in short turns, A B A B ...;
    ratios are to the first file.
    """
    from mixnet_bench.commands.latency_request import LatencyRequest, run_request

    run_request(LatencyRequest(**options))
